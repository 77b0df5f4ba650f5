"""The gate: released schemas stay, and all revisions of a version read each other."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hutong.catalogue import SCHEMAS, Catalogue
from tests.schemas.gate import NoBaseError, Released, breaches, incompatibilities, released
from tests.schemas.making import event, make_catalogue

REPOSITORY = Path(__file__).parents[2]
CODE = {"type": "string", "kind": "code"}
REASON = {"name": "reason", "type": CODE}


def mood(*symbols: str) -> dict[str, Any]:
    return {
        "name": "mood",
        "type": {"type": "enum", "name": "Mood", "symbols": ["unknown", *symbols], "default": "unknown"},
    }


def everything(root: Path) -> Released:
    files = [*root.glob("*/*/*.avsc"), root / "ids.json"]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_released_schemas_stay() -> None:
    """Nothing that main has released is edited, removed or renumbered here."""
    try:
        before = released(REPOSITORY)
    except NoBaseError as error:
        pytest.skip(str(error))
    assert list(breaches(before, SCHEMAS)) == []


def test_revisions_read_each_other(catalogue: Catalogue) -> None:
    """All revisions of each version are compatible both ways (FULL_TRANSITIVE)."""
    assert list(incompatibilities(catalogue)) == []


def test_the_official_library_reads_every_schema(catalogue: Catalogue, tmp_path: Path) -> None:
    """The gate's library understands every shipped schema: a second revision equal to the first passes."""
    for schema in catalogue.schemas.values():
        made = Catalogue(
            schemas={1: schema, 2: type(schema)(**{f: getattr(schema, f) for f in schema.__slots__} | {"id": 2})},
            topics={},
            kinds={},
        )
        assert len(made.revisions(schema.type)) == 2
        assert list(incompatibilities(made)) == []


@pytest.mark.parametrize(
    "second",
    [
        event({"name": "reason", "type": ["null", CODE], "default": None}),
        event(REASON, {"name": "note", "type": CODE}),
        event({"name": "reason", "type": "long"}),
        event({"name": "grounds", "type": CODE}),
        event(),
    ],
)
def test_the_gate_catches_a_break(tmp_path: Path, second: dict[str, Any]) -> None:
    """A field that is new without default, removed, renamed or of another type is caught."""
    first = event(REASON)
    assert any("cannot read" in line for line in incompatibilities(make_catalogue(tmp_path, first, second)))


def test_the_gate_looks_at_every_pair(tmp_path: Path) -> None:
    """The third revision is held against the first, not only against the second."""
    note = {"name": "note", "type": CODE, "default": "none"}
    other = {"name": "note", "type": "long", "default": 1}
    made = make_catalogue(tmp_path, event(REASON, note), event(REASON), event(REASON, other))
    found = list(incompatibilities(made))
    assert len(found) == 2
    assert all("/1.avsc" in line and "/3.avsc" in line for line in found)


def test_the_gate_lets_growth_pass(tmp_path: Path) -> None:
    """A new field with a default and a new symbol are no break."""
    note = {"name": "note", "type": ["null", CODE], "default": None}
    made = make_catalogue(tmp_path, event(REASON, mood("good")), event(REASON, mood("good", "bad"), note))
    assert list(incompatibilities(made)) == []


def test_the_gate_catches_edits_and_losses(copied: Path) -> None:
    """An edited file, a removed file, and an id that changed or went are each named."""
    before = everything(copied)
    assert list(breaches(before, copied)) == []
    path = copied / "complaint/filed.v1/1.avsc"
    path.write_bytes(path.read_bytes() + b"\n")
    (copied / "disposition/closed.v1/1.avsc").unlink()
    ids = json.loads((copied / "ids.json").read_text())
    ids["3"]["sha256"] = "0" * 64
    ids["99"] = ids.pop("13")
    (copied / "ids.json").write_text(json.dumps(ids))
    found = sorted(breaches(before, copied))
    assert [line.split(":")[0] for line in found] == [
        "complaint/filed.v1/1.avsc",
        "disposition/closed.v1/1.avsc",
        "ids.json",
        "ids.json",
    ]


def git(repository: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(repository), *who, *arguments], check=True, capture_output=True)


def test_what_counts_as_released(tmp_path: Path) -> None:
    """On a branch: main where it left it. On main: the commit before, if any. No repository: no base."""
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    with pytest.raises(NoBaseError, match="no main branch"):
        released(tmp_path)
    git(tmp_path, "init", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    assert released(tmp_path) == {}
    first = everything(tmp_path / "schemas")
    (tmp_path / "schemas/complaint/filed.v1/1.avsc").unlink()
    git(tmp_path, "commit", "-a", "-m", "second")
    assert released(tmp_path) == first
    git(tmp_path, "switch", "-c", "work")
    (tmp_path / "schemas/disposition/closed.v1/1.avsc").unlink()
    for message in ("third", "fourth"):
        git(tmp_path, "commit", "-a", "--allow-empty", "-m", message)
    second = {name: raw for name, raw in first.items() if name != "complaint/filed.v1/1.avsc"}
    assert released(tmp_path) == second
    assert [line.split(":")[0] for line in breaches(released(tmp_path), tmp_path / "schemas")] == [
        "disposition/closed.v1/1.avsc"
    ]


def test_a_shallow_clone_has_no_base(tmp_path: Path) -> None:
    """A clone without history is no reason to call everything new."""
    shutil.copytree(SCHEMAS, tmp_path / "whole/schemas")
    git(tmp_path / "whole", "init", "--initial-branch=main")
    git(tmp_path / "whole", "add", ".")
    for message in ("first", "second"):
        git(tmp_path / "whole", "commit", "--allow-empty", "-m", message)
    git(tmp_path, "clone", "--depth=1", (tmp_path / "whole").as_uri(), "shallow")
    with pytest.raises(NoBaseError, match="shallow"):
        released(tmp_path / "shallow")
