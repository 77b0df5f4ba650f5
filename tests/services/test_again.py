"""Delivering again, and rebuilding beside the work: the same bytes, the same state, whatever interrupts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import hutong
from hutong import complaint, disposition
from hutong.errors import SettingsError
from hutong.rules.lifecycle import Lifecycle
from hutong.transport import Record
from services.admit.owner import ends as admit_ends
from services.admit.past import Past as AdmitPast
from services.deliver.again import Wish, deliver_again
from services.deliver.owner import ends
from services.deliver.past import Past
from services.owning.command import REBUILD, rebuild_all
from services.owning.recall import Derived
from tests.cities import CITY, TwinCity
from tests.services.test_deliver import door, stamp

WATER = "110000.water"
FILED = complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category="public_service/water", area="110105026")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path, partitions=2) as made:
        made.register(WATER, partitions=2)
        yield made


def play(city: TwinCity, tickets: int = 8) -> None:
    """Tickets that water leads, and refusals to it."""
    centre, water = city.connect(CITY), city.connect(WATER)
    for _ in range(tickets):
        ticket = centre.submit(FILED).ticket
        centre.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
        water.submit(disposition.Closed(reason="done"), ticket=ticket)  # not entitled


def again(city: TwinCity, wish: Wish) -> int:
    consumer = city.transport.consumer(client_id="again", group=f"{CITY}.deliver")
    home = city.settings(CITY, home=city.home)
    return deliver_again(
        wish, city.transport, consumer, past=lambda n: Past.of(home, n, "again"), ends=ends, partitions=2
    )


def raw(records: list[Record]) -> list[object]:
    return [(record.partition, record.key, record.value, record.headers) for record in records]


def test_what_is_delivered_again_is_what_was_delivered(city: TwinCity) -> None:
    """From a number on: the same bytes under the same numbers in the same order, behind what the door holds."""
    play(city)
    before = door(city, WATER, 2)
    wanted = [r for r in before if stamp(r).n >= 3]
    assert again(city, Wish(organisation=WATER, start=3)) == len(wanted) > 0
    after = door(city, WATER, 2)
    for number in range(2):
        mine = [r for r in after if r.partition == number]
        first = [r for r in before if r.partition == number]
        assert raw(mine[: len(first)]) == raw(first)
        by_stream = [
            [r for r in log if stamp(r).stream == stream]
            for log in (mine[len(first) :], [r for r in wanted if r.partition == number])
            for stream in ("ledger", "refusals")
        ]
        assert [raw(log) for log in by_stream[:2]] == [raw(log) for log in by_stream[2:]]


def test_only_the_stream_and_partition_asked_for(city: TwinCity) -> None:
    """Nothing of another stream or partition comes again."""
    play(city)
    count = len(door(city, WATER, 2))
    written = again(city, Wish.of(WATER, 1, "refusals/1"))
    added = door(city, WATER, 2)
    news = [r for r in added if r.partition == 1][-written:]
    assert len(added) == count + written
    assert {(stamp(r).stream, stamp(r).partition) for r in news} == {("refusals", 1)}


def test_a_reader_whose_door_was_emptied_goes_on(city: TwinCity) -> None:
    """Retention took what it had not read: Gap, which says the command; after it nothing is missing or twice."""
    seen: list[tuple[str, int, int]] = []

    def read(count: int) -> None:
        bus = city.connect(WATER, "reader")
        for event in bus.subscribe(refusals=True, receipts=True):
            with event:
                assert event.delivery is not None
                seen.append((event.delivery.stream, event.delivery.partition, event.delivery.n))
            if len(seen) >= count:
                bus.stop()
        bus.close()

    def play_in_both() -> list[Record]:
        """Tickets' partitions come from their random ids: play until each partition has got some."""
        before = Counter(record.partition for record in door(city, WATER, 2))
        while not all(Counter(r.partition for r in door(city, WATER, 2))[n] > before[n] for n in range(2)):
            play(city, 1)
        return door(city, WATER, 2)

    ends = {record.partition: record.offset + 1 for record in play_in_both()}
    delivered = {(s.stream, s.partition, s.n) for s in map(stamp, play_in_both())}
    for number, end in ends.items():
        city.transport.truncate(f"deliveries.{WATER}", number, end)
    with pytest.raises(hutong.Gap, match=f"services.deliver again {WATER} --of") as gap:
        read(10**6)
    assert "--from 1`" in str(gap.value)
    again(city, Wish(organisation=WATER, start=1))
    read(len(delivered))
    assert sorted(seen) == sorted(delivered)


def test_wrong_wishes_are_said(city: TwinCity) -> None:
    """A number nobody has, an organisation without a door, a partition that is not there, a place that is none."""
    play(city, 1)
    for wish, text in [
        (Wish(organisation=WATER, start=10**6), "nothing was delivered"),
        (Wish(organisation="110000.nobody", start=1), "is missing"),
        (Wish(organisation=WATER, start=1, stream="ledger", partition=7), "no partition 7"),
    ]:
        with pytest.raises(SettingsError, match=text):
            again(city, wish)
    for place in ("ledger", "ledger/x", "other/1", ""):
        with pytest.raises(SettingsError, match="write it like ledger/2"):
            Wish.of(WATER, 1, place)


def rebuild(city: TwinCity) -> None:
    home = city.settings(CITY, home=city.home)
    bus = city.connect(CITY)

    def past(number: int, instance: str) -> Derived:
        return AdmitPast.of(home, number, instance, codec=bus.codec, lifecycle=Lifecycle.load())

    rebuild_all("admit", city.transport, city=CITY, partitions=2, derive=past, ends=admit_ends)


def test_a_rebuild_beside_the_work_gives_the_same_state(city: TwinCity) -> None:
    """Its snapshots are what a takeover then starts from, with nothing more to read; its own files are gone."""
    play(city)
    owners = [shift.owner for shift in city._shifts[::2]]
    lived = [list(owner._past.file.db.iterdump()) for owner in owners]  # type: ignore[attr-defined]
    rebuild(city)
    play(city, 0)
    city.take_over()
    owners = [shift.owner for shift in city._shifts[::2]]
    assert [list(owner._past.file.db.iterdump()) for owner in owners] == lived  # type: ignore[attr-defined]
    assert not (city.home / "state" / "admit" / REBUILD).exists()


def test_a_rebuild_cut_short_is_simply_run_again(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves the former snapshots whole; the next one does all of it, also where the killed one left its file."""
    play(city)
    rebuild(city)
    (city.home / "state" / "admit" / REBUILD).mkdir()
    left = city.home / "state" / "admit" / REBUILD / "1.sqlite"
    left.write_bytes(b"half of it")
    before = [path.read_bytes() for path in sorted((city.home / "state" / "admit").glob("*.snapshot"))]
    play(city)
    taken: list[object] = []

    def dies(self: AdmitPast, record: Record) -> None:
        taken.append(record)
        if len(taken) > 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(AdmitPast, "take", dies)
        with pytest.raises(KeyboardInterrupt):
            rebuild(city)
    assert [path.read_bytes() for path in sorted((city.home / "state" / "admit").glob("*.snapshot"))] == before
    test_a_rebuild_beside_the_work_gives_the_same_state(city)
