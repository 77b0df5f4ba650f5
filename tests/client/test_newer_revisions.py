"""A program that is older than the city: it finds newer revisions on the topic ``_schemas``."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

import hutong
from hutong.catalogue import SCHEMAS, Catalogue
from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.schemalog import publish
from tests.cities import CITY, TwinCity
from tests.client.test_cli_refusals import FILED, WATER


def newer_catalogue(root: Path) -> Catalogue:
    """The catalogue of a later day: ``disposition.dispatched`` has a second revision, with one more urgency."""
    shutil.copytree(SCHEMAS, root)
    file = root / "disposition" / "dispatched.v1" / "2.avsc"
    text = (root / "disposition" / "dispatched.v1" / "1.avsc").read_text(encoding="utf-8")
    file.write_text(text.replace('"ordinary",', '"ordinary", "calm",'), encoding="utf-8")
    ids = json.loads((root / "ids.json").read_text(encoding="utf-8"))
    ids[str(len(ids) + 1)] = {
        "file": "disposition/dispatched.v1/2.avsc",
        "sha256": sha256(file.read_bytes()).hexdigest(),
    }
    (root / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    return Catalogue.load(root)


def test_an_older_program_reads_what_a_newer_one_submitted(cli_city: TwinCity, tmp_path: Path) -> None:
    """From its door, once the schema is published; before that, the event is of an unknown schema."""
    newer = newer_catalogue(tmp_path / "later")
    cli_city.catalogue = newer  # admit is upgraded, and one program of the hotline
    cli_city.take_over()
    hotline, water = cli_city.connect(CITY), cli_city.connect(WATER)
    hotline.codec = Codec(newer)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(hutong.disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    with pytest.raises(InvalidEvent, match="unknown_schema"):
        list(water.replay(source="deliveries"))
    publish(newer, cli_city.transport, cli_city.transport.producer(client_id="operator"))
    read = [event.data for event in water.replay(source="deliveries")]
    assert read[-1] == hutong.disposition.Dispatched(lead=WATER)
