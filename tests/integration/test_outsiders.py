"""Tools that know nothing of Hutong, on a real delivery, by the commands of docs/outsiders.md."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hutong
from local.supervisor import ROOT
from tests.docs.outsiders import KAFKA, REGISTRY, block
from tests.integration.running import RunningCity, running_city
from tests.services.registries import registry

CITY, WATER = "110000", "110000.water"
FILED = hutong.complaint.Filed(
    kind=hutong.complaint.Kind.COMPLAINT,
    channel="phone",
    category="public_service/water",
    area="110105026",
    narrative=hutong.Clear("小区停水三天了"),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with registry() as running:
        yield running


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    with running_city(tmp_path_factory.mktemp("outsiders"), custody=False) as running:
        yield running


@pytest.fixture(scope="module")
def events(city: RunningCity) -> list[hutong.Event]:
    """What water was delivered: a complaint, which it missed, and its dispatch."""
    with city.connect(CITY) as hotline, city.connect(WATER) as water:
        ticket = hotline.submit(FILED, wait="admitted").ticket
        hotline.submit(hutong.disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
        found = []
        for event in water.subscribe(idle=0.5):
            if event is None:
                continue
            with event:
                found.append(event)
            if len(found) == 2:
                break
        return found


def run(program: str, city: RunningCity, url: str = REGISTRY) -> str:
    """What a program of the page prints, as a stranger's process."""
    own = program.replace(KAFKA, city.kafka.bootstrap).replace(REGISTRY, url)
    done = subprocess.run([sys.executable, "-c", own], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_confluents_deserializer_decodes_a_delivery(city: RunningCity, events: list[hutong.Event], url: str) -> None:
    """By the schema id in the value alone; plain fields as they are, what is sealed as ciphertext."""
    first, second = run(block("python", "AvroDeserializer"), city, url).splitlines()
    filed, dispatched = events
    assert first.startswith(f"complaint.filed.v1 {filed.ticket} {{'kind': 'complaint', 'channel': 'phone'")
    assert repr(filed.data.narrative.ciphertext) in first  # type: ignore[attr-defined]
    assert second.startswith(f"disposition.dispatched.v1 {dispatched.ticket} {{'lead': '{WATER}'")


def test_the_cloudevents_sdk_parses_a_delivery(city: RunningCity, events: list[hutong.Event]) -> None:
    """Every attribute is the author's."""
    printed = [line.split(" ") for line in run(block("python", "from_binary_event"), city).splitlines()]
    assert printed == [
        [event.type, event.source, event.ticket, event.time and event.time.isoformat(), event.id] for event in events
    ]


def test_kcat_prints_key_headers_and_value(city: RunningCity, events: list[hutong.Event]) -> None:
    """As Debian ships it; the value's bytes are those that were signed."""
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed")
    command = shlex.split(block("sh", "kcat").replace(KAFKA, city.kafka.bootstrap))
    printed = subprocess.run(command, capture_output=True, timeout=100, check=True).stdout
    for event in events:
        value = event.submission.value or b""
        assert b"key " + event.ticket.encode() + b"\nheaders " in printed
        assert f"ce_id={event.id},".encode() in printed
        assert f"ce_type={event.type},".encode() in printed
        assert b"value of %d bytes: " % len(value) + value + b"\n" in printed


def test_the_registry_answers_as_the_page_says(url: str) -> None:
    """By curl, or whatever reads HTTP."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = shlex.split(block("sh", "curl").replace(REGISTRY, url))
    printed = subprocess.run([*command, "--silent"], capture_output=True, timeout=60, check=True).stdout
    found = json.loads(printed)
    assert (found["subject"], found["version"], found["id"]) == ("hutong.complaint.v1.Filed", 2, 30)


def test_the_asyncapi_document_is_valid(tmp_path: Path) -> None:
    """By the specification's own schema; that it can say no is seen on a document with a misspelt key."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    write, fetch = block("sh", "npm install").splitlines()
    command = [sys.executable, "-m", *shlex.split(write)[:-2]]
    document = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True).stdout
    file = tmp_path / shlex.split(write)[-1]
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    subprocess.run([*shlex.split(fetch), *quiet], cwd=tmp_path, timeout=100, check=True)
    verdicts = []
    for written in (document, document.replace(b'"bindingVersion"', b'"bindingVerzion"')):
        file.write_bytes(written)
        program = [sys.executable, "-c", block("python", "Draft7Validator")]
        verdicts.append(subprocess.run(program, cwd=tmp_path, capture_output=True, timeout=100, check=False))
    assert (verdicts[0].returncode, verdicts[0].stdout) == (0, b"valid\n"), verdicts[0].stderr.decode()
    assert b"bindingVerzion" in verdicts[1].stderr
