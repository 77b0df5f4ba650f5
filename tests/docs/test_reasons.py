"""The table of refusal reasons in ``docs/wire.md``, held against admit itself, reason by reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hutong.event import read_event
from hutong.rules.reasons import Reasons
from hutong.settings import read_private_key
from hutong.transport import Partition
from hutong.wire.signing import Signer
from hutong.wire.stamps import RefusalStamp
from services.admit.owner import UNREADABLE
from tests.cities import TwinCity
from tests.docs.recompute import ROOT
from tests.integration.test_refusals import CITY, HEAT, KEPT, RETURNED, WATER, Scene, Sender, Sent, led_twice

GONE = "110000.gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the page says of a reason."""

    happened: str
    todo: str
    binds: bool
    returned: bool


def rows() -> Mapping[str, Row]:
    table = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8").split("<!-- reasons -->")[1]
    said = {"yes": True, "no": False}
    found = {}
    for line in table.splitlines():
        if line.startswith("| `"):
            code, happened, todo, binds, returned = (cell.strip() for cell in line.strip("|").split("|"))
            found[code.strip("`")] = Row(happened=happened, todo=todo, binds=said[binds], returned=said[returned])
    return found


ROWS = rows()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The scene of the integration test, on a city in memory that holds no right to backfill."""
    rights = ("register", "file", "dispatch", "call_back", "replay")
    with TwinCity(tmp_path_factory.mktemp("reasons"), rights=rights) as city:
        for organisation in (WATER, HEAT, GONE):
            city.register(organisation)
        city.revoke(GONE)
        city.register("110000.custodian", rights=("custody",))  # where there is none, no key can be stale
        hotline = city.connect(CITY)
        ticket, former_seal = led_twice(hotline, city.connect(HEAT), city.connect(WATER))
        signers = {
            name: Signer(read_private_key(city.keys / f"{name}.pem"), "test") for name in (CITY, WATER, HEAT, GONE)
        }
        signers["stranger"] = Signer(Ed25519PrivateKey.generate(), "test")
        running: Any = SimpleNamespace(
            transport=city.transport, founded=SimpleNamespace(city=SimpleNamespace(partitions=2))
        )
        yield Scene(
            city=running, hotline=hotline, sender=Sender(running, signers), ticket=ticket, signers=signers,
            former_seal=former_seal,
        )  # fmt: skip


def refusal_of(scene: Scene, sent: Sent) -> RefusalStamp | None:
    reader = scene.city.transport.consumer(client_id="reasons")
    place = Partition("refusals", sent.partition)
    reader.assign([place])
    reader.seek(place, 0)
    for record in reader.poll(0.5, 10_000).get(place, []):
        event = read_event(record, scene.hotline.codec, "test")
        if event.submitted is not None and event.submitted.offset == sent.offset:
            return event.refusal
    return None


def test_the_page_has_every_reason_that_is_tested_on_the_real_broker() -> None:
    assert ROWS.keys() == {*RETURNED, *KEPT, UNREADABLE}


def test_the_page_is_the_table_that_the_command_tells() -> None:
    """One truth: ``schemas/refusals.yaml``, row by row and in its order."""
    told = {
        code: Row(happened=reason.what.en, todo=reason.next.en, binds=reason.binds, returned=reason.returned)
        for code, reason in Reasons.load().reasons.items()
    }
    assert list(ROWS.items()) == list(told.items())


@pytest.mark.parametrize("code", [code for code in ROWS if code != UNREADABLE])
def test_a_reason_binds_and_is_returned_as_the_page_says(scene: Scene, code: str) -> None:
    bad = {**RETURNED, **KEPT}[code](scene)
    refusal = refusal_of(scene, scene.sender.send(bad))
    assert refusal is not None
    assert refusal.code == code
    assert (refusal.binding, refusal.returned_to) == (ROWS[code].binds, bad.source if ROWS[code].returned else "")
