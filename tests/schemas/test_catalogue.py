"""The catalogue is read strictly: what is unknown, missing, repeated or edited is an error that names it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hutong.catalogue import LOCAL_IDS, SCHEMAS, Catalogue
from hutong.codec import Codec
from hutong.errors import SettingsError
from hutong.events import MODELS
from tests.schemas.making import event, make_catalogue


def refused(root: Path, *names: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Catalogue.load(root)
    for name in names:
        assert name in str(raised.value)


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_it_loads_and_finds(catalogue: Catalogue) -> None:
    """A schema is found by its id and by its type."""
    number = catalogue.id_of("complaint.filed.v1")
    assert catalogue.schema(number).type == "complaint.filed.v1"
    assert catalogue.schema(number).file == "complaint/filed.v1/2.avsc"
    assert json.loads(catalogue.schema(number).text) == catalogue.schema(number).definition
    for unknown in (lambda: catalogue.id_of("complaint.lost.v1"), lambda: catalogue.schema(999)):
        with pytest.raises(KeyError):
            unknown()


def test_shipped_ids_leave_the_local_block_free(catalogue: Catalogue) -> None:
    """The project's ids count from 1 and stay below a city's own."""
    assert list(catalogue.schemas) == list(range(1, len(catalogue.schemas) + 1))
    assert max(catalogue.schemas) < LOCAL_IDS


@pytest.mark.parametrize(
    ("file", "before", "after", "key"),
    [
        ("topics/ledger.yaml", "description:", "descripton:", "descripton"),
        ("topics/ledger.yaml", "retention.ms", "retention.msec", "retention.msec"),
        ("topics/ledger.yaml", "partitions: city", "partitions: many", "partitions"),
        ("topics/ledger.yaml", "partitions: city", "partitions: true", "partitions"),
        ("topics/ledger.yaml", "title:", "name: x\ntitle:", "name"),
        ("topics/ledger.yaml", "name: ledger", "name: journal", "name"),
        ("kinds.yaml", "min_length:", "min_lenght:", "min_lenght"),
        ("kinds.yaml", "ticket:", "organisation:", "organisation"),
        ("kinds.yaml", "examples: [housing,", "examples: [Housing,", "category"),
        ("ids.json", '"sha256"', '"sha265"', "sha265"),
        ("ids.json", '"2":', '"1":', "'1'"),
        ("ids.json", '"2":', '"14":', "'14'"),
        ("ids.json", '"2":', '"02":', "'02'"),
        ("ids.json", "complaint/answered.v1/1.avsc", "../answered.v1/1.avsc", "'../answered.v1/1.avsc'"),
        ("ids.json", "complaint/answered.v1/1.avsc", "complaint/answered.v1/2.avsc", "2.avsc"),
        ("complaint/filed.v1/1.avsc", '"fields"', '"fileds"', "ids.json"),
        ("complaint/filed.v1/1.avsc", "受理", "受 理", "ids.json"),
    ],
)
def test_a_wrong_key_is_named(copied: Path, file: str, before: str, after: str, key: str) -> None:
    """A misspelt, repeated or impossible entry names its file and its key."""
    edit(copied / file, before, after)
    refused(copied, file, key)


def test_a_file_without_id_is_an_orphan(copied: Path) -> None:
    """Every schema file has an id."""
    shutil.copy(copied / "complaint/filed.v1/1.avsc", copied / "complaint/filed.v1/9.avsc")
    refused(copied, "complaint/filed.v1/9.avsc", "no id")


def test_an_id_without_file_is_an_orphan(copied: Path) -> None:
    """Every id has its file."""
    (copied / "complaint/filed.v1/1.avsc").unlink()
    refused(copied, "ids.json: 1:", "complaint/filed.v1/1.avsc")


def test_a_file_has_one_id(copied: Path) -> None:
    """Two ids for one file are one too many."""
    ids = json.loads((copied / "ids.json").read_text())
    ids[str(len(ids) + 1)] = ids["1"]
    (copied / "ids.json").write_text(json.dumps(ids))
    refused(copied, "ids.json", "complaint/filed.v1/1.avsc", "two ids")


def test_a_stray_file_is_an_orphan(copied: Path) -> None:
    """Nothing lies beside the schemas but their example."""
    (copied / "complaint/filed.v1/exmaple.json").write_text("{}")
    refused(copied, "exmaple.json", "no id")


def test_every_event_has_an_example(copied: Path) -> None:
    """An event without example is an error."""
    (copied / "disposition/closed.v1/example.json").unlink()
    refused(copied, "disposition/closed.v1", "no example.json")


def test_every_event_folder_has_a_schema(copied: Path) -> None:
    """A folder of an event without schema is an error."""
    (copied / "disposition/lost.v1").mkdir()
    refused(copied, "disposition/lost.v1", "no schema")


def test_a_stray_topic_file_is_refused(copied: Path) -> None:
    """What lies in ``topics/`` is a topic."""
    (copied / "topics/notes.txt").write_text("hello")
    refused(copied, "notes.txt")


@pytest.mark.parametrize("missing", ["kinds.yaml", "ids.json"])
def test_a_missing_file_is_named(copied: Path, missing: str) -> None:
    """A catalogue lacks none of its files."""
    (copied / missing).unlink()
    refused(copied, missing)


def test_a_schema_without_model_is_an_orphan(tmp_path: Path) -> None:
    """The codec takes no catalogue with a type nobody modelled, nor models without their schema."""
    made = make_catalogue(tmp_path, event({"name": "reason", "type": {"type": "string", "kind": "code"}}))
    with pytest.raises(SettingsError, match=re.escape("complaint.tried.v1")):
        Codec(made)
    with pytest.raises(SettingsError, match=re.escape("disposition.closed.v1")):
        Codec(made, {"disposition.closed.v1": MODELS["disposition.closed.v1"]})


CODE = {"type": "string", "kind": "code"}
UNKNOWN = {"type": "enum", "name": "E", "symbols": ["unknown", "a"], "default": "unknown"}


def _sealed_record() -> Any:
    filed = json.loads((SCHEMAS / "complaint/filed.v1/1.avsc").read_text(encoding="utf-8"))
    return next(field["type"][1] for field in filed["fields"] if field["name"] == "identity")


SEALED = _sealed_record()


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"name": "f", "type": "string"}, "needs a kind"),
        ({"name": "f", "type": {"type": "string"}}, "missing key 'kind'"),
        ({"name": "f", "type": {"type": "string", "knid": "code"}}, "unknown key 'knid'"),
        ({"name": "f", "type": {"type": "string", "kind": "free_text"}}, "free_text"),
        ({"name": "f", "type": {"type": "string", "kind": "name"}}, "name"),
        ({"name": "f", "type": "bytes"}, "bytes"),
        ({"name": "f", "type": "double"}, "double"),
        ({"name": "f", "type": {"type": "map", "values": "int"}}, "no type"),
        ({"name": "f", "type": {"type": "bytes"}}, "no type"),
        ({"name": "f", "type": ["null", "string"], "default": None}, "needs a kind"),
        ({"name": "f", "type": {"type": "array", "items": "string"}}, "needs a kind"),
        ({"name": "f", "type": {"type": "array", "items": "null"}}, "null"),
        ({"name": "f", "type": {"type": "record", "name": "R", "fields": []}}, "takes no bytes"),
        ({"name": "f", "type": {"type": "record", "name": "R", "fields": ["x"]}}, "no field"),
        (
            {"name": "f", "type": {"type": "record", "name": "R", "fields": [{"name": "g", "type": "string"}]}},
            "f.g",
        ),
        ({"name": "f", "type": ["null", CODE]}, "default null"),
        ({"name": "f", "type": [CODE, "null"], "default": "a"}, "union"),
        ({"name": "f", "type": ["null", CODE, "int"], "default": None}, "union"),
        ({"name": "f", "type": [], "default": None}, "union"),
        ({"name": "f", "type": {**UNKNOWN, "default": "a"}}, "default 'unknown'"),
        ({"name": "f", "type": {**UNKNOWN, "symbols": ["a"]}}, "default 'unknown'"),
        ({"name": "f", "type": {"type": "enum", "name": "E", "symbols": ["unknown"]}}, "missing key 'default'"),
        ({"name": "f", "type": {"type": "long", "logicalType": "timestamp-micros"}}, "timestamp-millis"),
        ({"name": "f", "type": {"type": "fixed", "name": "F", "size": 0}}, "size"),
        ({"name": "f", "type": "int", "aliases": ["g"]}, "aliases"),
        ({"name": "f", "type": CODE, "seal": "content"}, "sealed fields only"),
        ({"name": "f", "type": ["null", SEALED], "default": None}, "'seal'"),
        ({"name": "f", "type": ["null", SEALED], "default": None, "seal": "secret"}, "'seal'"),
        ({"name": "f", "type": SEALED, "seal": "content"}, "'seal'"),
        ({"name": "f", "type": {"type": "array", "items": SEALED}}, "'seal'"),
        (
            {
                "name": "f",
                "type": {
                    "type": "record",
                    "name": "R",
                    "fields": [{"name": "g", "type": ["null", SEALED], "default": None, "seal": "content"}],
                },
            },
            "of the event",
        ),
        (
            {
                "name": "f",
                "type": ["null", {**SEALED, "fields": [*SEALED["fields"], {"name": "hint", "type": "string"}]}],
                "default": None,
                "seal": "content",
            },
            "fixed fields",
        ),
    ],
)
def test_no_text_escapes_sealing(tmp_path: Path, field: dict[str, Any], says: str) -> None:
    """A schema in which text could stand unsealed, or that is not of the bus's part of Avro, does not load."""
    with pytest.raises(SettingsError, match=r"/1\.avsc") as raised:
        make_catalogue(tmp_path, event(field))
    assert says in str(raised.value)


def test_names_stand_in_the_directory_only(tmp_path: Path) -> None:
    """The kind ``name`` is public text of organisations: the directory may use it, a complaint may not."""
    field = {"name": "f", "type": {"type": "string", "kind": "name"}}
    assert make_catalogue(tmp_path, event(field, family="directory"), family="directory").types


@pytest.mark.parametrize("change", [{"name": "Tired"}, {"namespace": "hutong.disposition.v1"}])
def test_a_record_is_named_as_its_file(tmp_path: Path, change: dict[str, Any]) -> None:
    """The record's full name follows from the file's place."""
    with pytest.raises(SettingsError, match=re.escape("hutong.complaint.v1.Tried")):
        make_catalogue(tmp_path, event() | change)


def test_every_string_has_a_kind_and_every_text_a_seal(catalogue: Catalogue) -> None:
    """In the shipped schemas, walked here without the checker: strings have kinds, enums know ``unknown``."""
    seen: list[str] = []

    def walk(node: Any, family: str, visit: Callable[[Any, str], None]) -> None:
        visit(node, family)
        for part in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
            walk(part, family, visit)

    def visit(node: Any, family: str) -> None:
        if isinstance(node, dict) and node.get("type") == "string":
            assert node["kind"] in catalogue.kinds
            assert node["kind"] != "name" or family == "directory"
            seen.append(node["kind"])
        if isinstance(node, dict) and isinstance(node.get("name"), str) and "fields" not in node:
            assert node["type"] != "string"
            assert node["type"] != "bytes" or node["name"] == "ciphertext"
        if isinstance(node, dict) and node.get("type") == "enum":
            assert node["default"] == "unknown"
            assert node["symbols"][0] == "unknown"

    for schema in catalogue.schemas.values():
        walk(schema.definition, schema.type.partition(".")[0], visit)
    assert len(seen) > 10
