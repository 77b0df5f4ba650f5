"""What comes back to an author who sent hostile things: read by the client through his door, each once, and shown."""

from __future__ import annotations

from typing import Any

from hutong.event import Event
from hutong.wire.envelope import RESERVED
from tests.hostile.forging import WATER, add, put
from tests.hostile.test_values import ARRAYS, HEAD, STRANGE, TAIL
from tests.hostile.town import FILED, Town
from tests.hostile.working import show


def test_a_department_reads_its_hostile_refusals(town: Town) -> None:
    """With stamps of the city on them, bytes that are no Avro, acting characters, neither key nor value."""

    mine: dict[str, Any] = {"source": WATER, "signer": WATER}
    wishes = [
        *(town.wish(FILED, edit=add((name, bytes(13)), (name, b"\xff")), **mine) for name in sorted(RESERVED)),
        *(town.wish(value=HEAD + lie + TAIL, type="disposition.dispatched.v1", **mine) for lie in ARRAYS.values()),
        *(town.wish(FILED, edit=put("ce_id", strange.encode()), **mine) for strange in STRANGE),
        *(town.wish(FILED, edit=add((strange, b"")), **mine) for strange in STRANGE if strange != "\0"),
        town.wish(FILED, edit=add(("submission", b""), ("refusal", b"\x00" * 9), ("delivery", b"")), **mine),
        town.wish(key=None, value=None, **mine),
        town.wish(key=b"\xff", value=b"", **mine),
    ]
    for wish in wishes:
        [outcome] = town.throw(wish)
        assert outcome.returned_to == WATER, outcome.code
    town.deliver()
    read: list[Event] = []
    with town.city.connect(WATER, "reader") as bus:
        for event in bus.subscribe(refusals=True, receipts=True):
            with event:
                show(event)
                read.append(event)
            if len(read) == len(wishes):
                bus.stop()
    assert all(event.refusal is not None for event in read)
    assert len({(event.position.partition, event.position.offset) for event in read}) == len(wishes)
