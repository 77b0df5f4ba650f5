"""The client in Go, written from docs/wire.md: its event is admitted, and it believes no delivery that was altered."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

import hutong
from hutong import disposition
from hutong.loop import read_all
from hutong.transport import Header, Outgoing, Partition
from local.supervisor import ROOT
from tests.integration.running import RunningCity, running_city
from tests.integration.test_refusals import CITY, FILED, HEAT, WATER

EXAMPLE = ROOT / "examples" / "go"
ACCEPTED = "4"
"""The id of disposition.accepted.v1 in schemas/ids.json."""
SECONDS = 180.0
LINE = re.compile(r"n=(\d+) ([0-9a-f]{64}) (.*)")

pytestmark = pytest.mark.timeout(600)  # Go compiles its library the first time


def go(*words: str) -> str:
    """Run a command of Go's in the example; what it prints."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed (1.26 or newer)")
    env = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(words, cwd=EXAMPLE, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A city, the built client, and a ticket filed second of a batch of three, which is water's with heat's help."""

    city: RunningCity
    program: Path
    ticket: str
    hotline: hutong.Bus

    def run(self, organisation: str, *words: str) -> subprocess.CompletedProcess[str]:
        """The client, as this organisation, until it ends by itself."""
        env = {**os.environ, **self.city.founded.variables(organisation), "HUTONG_SCHEMAS": str(ROOT / "schemas")}
        return subprocess.run(
            [self.program, *words], env=env, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    def fingerprints(self) -> list[str]:
        """Those of the ticket's entries, as the ledger has them."""
        return [event.fingerprint.hex() for event in self.hotline.replay(ticket=self.ticket)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("go")
    program = home / "client"
    go("go", "build", "-o", str(program), ".")
    with running_city(home, custody=False) as city, city.connect(CITY) as hotline:
        ticket = hotline.submit_batch([hotline.draft(FILED) for _ in range(3)])[1].ticket
        dispatched = disposition.Dispatched(lead=WATER, assistants=(HEAT,))
        hotline.submit(dispatched, ticket=ticket, wait="admitted", timeout=SECONDS)
        yield Scene(city=city, program=program, ticket=ticket, hotline=hotline)


def test_the_example_is_short_formatted_vetted_and_comes_to_the_test_vectors() -> None:
    """Its own tests recompute docs/vectors.json; without imports, comments and blank lines it has under 150 lines."""
    assert go("gofmt", "-l", ".") == ""
    go("go", "vet", ".")
    go("go", "test", ".")
    text = re.sub(r"import \(.*?\n\)", "", (EXAMPLE / "main.go").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("//")) < 150


def test_it_accepts_a_ticket_and_verifies_what_was_signed_alone_and_in_a_batch(scene: Scene) -> None:
    """Its own event is admitted and comes back as the receipt; the same again has lost, and is refused."""
    done = scene.run(WATER, scene.ticket, ACCEPTED, "{}")
    assert done.returncode == 0, done.stderr
    told = [found.groups() for found in map(LINE.match, done.stdout.splitlines()) if found]
    assert [fingerprint for _, fingerprint, _ in told] == scene.fingerprints()
    assert [re.sub(r" \{.*", "", text) for _, _, text in told] == [
        f"is signed by {CITY}, 2 of 3: complaint.filed.v1 of {scene.ticket}",
        f"is signed by {CITY}, 1 of 1: disposition.dispatched.v1 of {scene.ticket}",
        f"is signed by {WATER}, 1 of 1: disposition.accepted.v1 of {scene.ticket}",
    ]
    assert '"lead":"110000.water"' in told[1][2]
    again = scene.run(WATER, scene.ticket, ACCEPTED, "{}")
    assert again.returncode == 1, again.stderr
    assert again.stdout.splitlines()[-1].endswith(" was refused as superseded")


def flipped(data: bytes) -> bytes:
    """With another last bit."""
    return data[:-1] + bytes([data[-1] ^ 1])


def with_flipped(headers: tuple[Header, ...], name: str) -> tuple[Header, ...]:
    """With another last bit in the header of that name."""
    return tuple((each, flipped(data or b"") if each == name else data) for each, data in headers)


Alter = Callable[[bytes, tuple[Header, ...]], tuple[bytes, tuple[Header, ...]]]


@pytest.mark.parametrize(
    ("organisation", "alter"),
    [
        (WATER, lambda value, headers: (flipped(value), headers)),
        (HEAT, lambda value, headers: (value, with_flipped(headers, "signature"))),
    ],
    ids=["value", "signature"],
)
def test_it_stops_at_a_delivery_that_was_altered(scene: Scene, organisation: str, alter: Alter) -> None:
    """Somebody who can write to the door puts a delivery there once more, with another bit, under the next number."""
    door = Partition(f"deliveries.{organisation}", 0)
    with closing(scene.city.transport.consumer(client_id="forger")) as reader:
        last = [record for record in read_all(reader, [door]) if dict(record.headers)["delivery"][0] == 0][-1]
    assert last.value is not None
    *headers, (_, delivery) = last.headers
    n = int.from_bytes(delivery[5:], "big") + 1
    value, forged = alter(last.value, (*headers, ("delivery", delivery[:5] + n.to_bytes(8, "big"))))
    record = Outgoing(topic=door.topic, key=last.key, value=value, headers=forged, partition=0)
    with closing(scene.city.transport.producer(client_id="forger")) as producer:
        producer.send([record], timeout=30)
    done = scene.run(organisation)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines() if "is signed by" in line][-1] == f"n={n - 1}"
    assert re.search(rf" n={n} [0-9a-f]{{64}} is not signed by \S+\n$", done.stderr)
