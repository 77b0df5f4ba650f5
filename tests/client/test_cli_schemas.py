"""``hutong schemas``: the catalogue by commands, published and described."""

from __future__ import annotations

import json
import re

import pytest

from hutong.catalogue import Catalogue
from hutong.schemalog import SCHEMA_LOG, read
from hutong.transport import Outgoing
from tests.cities import CITY, TwinCity
from tests.client.cli import Command


def test_every_schema_is_listed(command: Command) -> None:
    """One row an id, with the name it has in a registry; the same as JSON."""
    rows = command.run(CITY, "schemas", "list").stdout.splitlines()
    assert rows[0].split("\t")[:4] == ["id", "type", "revision", "subject"]
    assert rows[30].split("\t")[:4] == ["30", "complaint.filed.v1", "2", "hutong.complaint.v1.Filed"]
    listed = command.json(CITY, "schemas", "list")
    assert [each["id"] for each in listed] == list(Catalogue.load().schemas)
    assert listed[29]["file"] == "complaint/filed.v1/2.avsc"


@pytest.mark.parametrize("which", ["30", "complaint.filed", "complaint.filed.v1"])
def test_a_schema_is_shown_as_its_file_has_it(command: Command, which: str) -> None:
    """By its id, or a type's newest."""
    schema = Catalogue.load().schema(30)
    assert command.run(CITY, "schemas", "show", which).stdout == schema.text.rstrip("\n") + "\n"
    [shown] = command.json(CITY, "schemas", "show", which)
    assert (shown["id"], shown["schema"]) == (30, schema.definition)


@pytest.mark.parametrize("which", ["31", "0", "filed", "complaint.filed.v2"])
def test_a_schema_that_is_not_there_is_a_mistake(command: Command, which: str) -> None:
    told = command.run(CITY, "schemas", "show", which, code=2).stderr
    assert "hutong schemas list" in " ".join(told.replace("│", "").split())


def test_founding_published_all_and_a_later_publish_writes_what_is_absent(command: Command, cli_city: TwinCity) -> None:
    assert {each.id for each in read(cli_city.transport)} == set(Catalogue.load().schemas)
    assert "nothing was written" in command.run(CITY, "schemas", "publish").stdout
    key = b'{"keytype":"SCHEMA","subject":"hutong.complaint.v1.Filed","version":2,"magic":1}'
    gone = Outgoing(topic=SCHEMA_LOG.topic, partition=0, key=key, value=None)
    cli_city.transport.producer(client_id="test").send([gone], timeout=1)
    assert command.json(CITY, "schemas", "publish") == [{"published": [30], "schemas": len(Catalogue.load().schemas)}]
    assert "已发布" in command.run(CITY, "schemas", "publish", variables={"HUTONG_LANG": "zh"}).stdout


def test_what_is_published_otherwise_needs_a_person(command: Command, cli_city: TwinCity) -> None:
    """Exit code 2, and the sentence names both."""
    key = b'{"keytype":"SCHEMA","subject":"hutong.disposition.v1.Closed","version":1,"magic":1}'
    schema = json.dumps({**Catalogue.load().schema(10).definition, "doc": "another"})
    value = json.dumps({"subject": "hutong.disposition.v1.Closed", "version": 1, "id": 10, "schema": schema}).encode()
    other = Outgoing(topic=SCHEMA_LOG.topic, partition=0, key=key, value=value)
    cli_city.transport.producer(client_id="test").send([other], timeout=1)
    told = " ".join(command.run(CITY, "schemas", "publish", code=2).stderr.split())
    assert re.search(r"hutong\.disposition\.v1\.Closed 1 under id 10.*disposition/closed\.v1/1\.avsc", told)
