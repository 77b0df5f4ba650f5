"""The hotline's systems and the desks together: a ticket goes from hand to hand, and every one comes to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong.events.disposition import CalledBack, Closed, Dispatched, Resolved
from hutong.rules.lifecycle import Lifecycle, Ticket
from services.callback.__main__ import call_back
from services.callback.handler import Shares
from services.desk.answering import answer
from services.desk.habits import Habits
from services.desk.handler import Desk
from services.desk.history import HistoricDesk, play
from services.dispatch.__main__ import dispatch
from services.dispatch.contests import Contests
from services.dispatch.routing import Routing
from services.dispatch.store import FilingStore
from services.drawing import NEVER, Chance
from services.exports import Export, Row, read_rows
from services.intake.filing import Filing, Times
from services.intake.report import Report
from services.intake.sources import entries
from services.intake.store import FiledStore
from services.serving import EventTimes
from services.tables import read_table
from tests.cities import TwinCity
from tests.services.handling import run, until_quiet
from tests.services.test_intake import lines
from tests.shared_data import shared_file

CITIES = Path(__file__).resolve().parents[2] / "local" / "cities"


def file_all(city: TwinCity, file: Path, mapping: str | None = None, limit: int | None = None) -> None:
    with closing(FiledStore(city.home, city.id, {})) as store, closing(Report(city.home / "report.jsonl")) as report:
        filing = Filing(city.connect(city.id, "intake"), store, report, times=Times.ROW, batch=50)
        filing.file(islice(entries(file, mapping, "old"), limit))


def histories(city: TwinCity) -> dict[str, list[hutong.Event]]:
    found: dict[str, list[hutong.Event]] = {}
    for event in city.connect(city.id).replay():
        found.setdefault(event.ticket, []).append(event)
    return found


def states(city: TwinCity) -> Counter[str]:
    """How many tickets are in each state, by the lifecycle table."""
    lifecycle, ended = Lifecycle.load(), Counter[str]()
    for events in histories(city).values():
        ticket: Ticket | None = None
        for event in events:
            ticket = lifecycle.follow(ticket, event.data, subject=event.ticket, author=event.source, at_ms=0)
        ended[ticket.state if ticket else ""] += 1
    return ended


def refusals(city: TwinCity) -> list[str]:
    return [e.refusal.code for e in city.connect(city.id).replay(source="deliveries") if e.refusal]


@pytest.fixture
def beijing(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city") as city:
        city.register("110000.water")
        city.register("110105", level="district")
        city.register("110105026", level="street", parent="110105")
        yield city


def beijings(**change: Any) -> Routing:
    """The routing of the demo city, with something changed."""
    routing = read_table(CITIES / "beijing" / "routing.yaml", Routing)
    return routing.model_copy(update={"withdrawn": NEVER, "contests": Contests(), **change})


SIMPLE = beijings(repeats=None)
"""Every wish to be relieved is granted where somebody is left to ask; nobody withdraws; nothing is merged."""


def dispatching(city: TwinCity, routing: Routing, times: EventTimes = EventTimes.NOW) -> Callable[[hutong.Bus], None]:
    """Dispatch as a process does: its store is opened, and closed when it stops."""

    def work(bus: hutong.Bus) -> None:
        with closing(FilingStore(city.home, city.id, {})) as filings:
            dispatch(bus, routing, times, filings)

    return work


def rounds(city: TwinCity, desks: list[str], *, decline_share: float, shares: Shares) -> None:
    """Let every service do what is there, again and again, each time started anew."""
    habits = Habits(decline=Chance(share=decline_share))

    def one() -> None:
        run(city, city.id, "dispatch", dispatching(city, SIMPLE))
        for unit in desks:
            run(city, unit, "desk", partial(answer, desk=Desk(unit, habits)))
        run(city, city.id, "callback", partial(call_back, shares=shares, seed=1, times=EventTimes.NOW))

    until_quiet(city, one)


def test_every_complaint_comes_to_its_closed_file(beijing: TwinCity, tmp_path: Path) -> None:
    """Declined, redispatched, resolved, reopened, resolved again, closed; nothing they send is refused."""
    file_all(beijing, lines(tmp_path / "a.jsonl", 25))
    shares = Shares(contacted=0.9, satisfied=0.6)
    rounds(beijing, ["110000.water", "110105", "110105026"], decline_share=0.4, shares=shares)
    assert states(beijing) == {"closed": 25}
    assert refusals(beijing) == []
    seen = Counter(event.type for events in histories(beijing).values() for event in events)
    assert seen["disposition.declined.v1"] == seen["disposition.decline_decided.v1"] > 0
    assert seen["disposition.reopened.v1"] > 0


def test_consultations_end_answered(beijing: TwinCity, tmp_path: Path) -> None:
    """No unit ever hears of them."""
    file_all(beijing, lines(tmp_path / "a.jsonl", 5, kind="consultation"))
    rounds(beijing, ["110000.water"], decline_share=0, shares=Shares())
    assert states(beijing) == {"answered": 5}
    assert list(beijing.connect("110000.water").replay(source="deliveries")) == []


def test_answers_name_what_they_answer(beijing: TwinCity, tmp_path: Path) -> None:
    """Each step's causation is the event it was decided on."""
    file_all(beijing, lines(tmp_path / "a.jsonl", 1))
    rounds(beijing, ["110000.water"], decline_share=0, shares=Shares(contacted=1, satisfied=1))
    [events] = histories(beijing).values()
    filed, dispatched, accepted, resolved, called_back, closed = events
    causes = {event.fingerprint.hex(): event.type for event in events}
    assert [causes.get(event.causation or "") for event in (dispatched, accepted, resolved, called_back, closed)] == [
        filed.type, dispatched.type, dispatched.type, resolved.type, resolved.type,
    ]  # fmt: skip


def test_a_service_that_did_not_mark_what_it_did_does_it_once(beijing: TwinCity, tmp_path: Path) -> None:
    """Killed between its answer and its mark, it answers again; the city keeps the first."""
    file_all(beijing, lines(tmp_path / "a.jsonl", 3))

    def killed(bus: hutong.Bus) -> None:
        submit = bus.submit_batch

        def then_die(drafts: list[hutong.Draft]) -> None:
            submit(drafts)
            raise ZeroDivisionError

        bus.submit_batch = then_die  # type: ignore[method-assign, assignment]
        dispatching(beijing, SIMPLE)(bus)

    with pytest.raises(ZeroDivisionError):
        run(beijing, beijing.id, "dispatch", killed)
    run(beijing, beijing.id, "dispatch", dispatching(beijing, SIMPLE))
    assert refusals(beijing) == ["already_admitted"]
    assert [len(events) for events in histories(beijing).values()] == [2, 2, 2]


def test_real_rows_are_played_again_with_their_own_times(tmp_path: Path) -> None:
    """New York's first 40 rows: as many closed as the export says, each at its own closing time."""
    path, count = shared_file("nyc311_queens_2020_2023.csv.gz"), 40
    export = Export.load("nyc311")
    rows = [row for row in islice(read_rows(path, export), count) if isinstance(row, Row)]
    endings = {export.key(row): ending.at for row in rows if (ending := export.ending(row))}
    with TwinCity(tmp_path / "city", id="nyc") as city:
        agencies = ["nyc.dep", "nyc.dot", "nyc.hpd", "nyc.dob", "nyc.nyc311-prd"]
        for agency in agencies:
            city.register(agency, parent="nyc", rights=("backfill",))
        file_all(city, path, "nyc311", count)
        routing = read_table(CITIES / "nyc" / "routing.yaml", Routing)
        shares = Shares(contacted=1.0, satisfied=0.8)

        def one() -> None:
            run(city, "nyc", "dispatch", dispatching(city, routing, EventTimes.EVENT))
            for agency in agencies:
                run(city, agency, "desk", partial(play, desk=HistoricDesk(agency, export, rows)))
            run(city, "nyc", "callback", partial(call_back, shares=shares, seed=1, times=EventTimes.EVENT))

        until_quiet(city, one)
        assert states(city)["closed"] == len(endings)
        assert refusals(city) == []
        for events in histories(city).values():
            filed, dispatched = events[0], events[1]
            assert isinstance(filed.data, hutong.complaint.Filed) and isinstance(dispatched.data, Dispatched)
            assert dispatched.data.lead == f"nyc.{filed.data.category.partition('/')[0]}"
            assert dispatched.time == filed.time
            row = filed.data.source.row if filed.data.source else ""
            late = [event for event in events if isinstance(event.data, Resolved | CalledBack | Closed)]
            assert all(event.time == endings[row] for event in late)


@pytest.mark.parametrize("service", ["intake", "dispatch", "desk", "callback"])
def test_a_service_without_settings_says_so_and_exits_with_2(service: str, tmp_path: Path) -> None:
    """One clear sentence, for a human to act on."""
    given = {"intake": ["-"], "dispatch": ["--routing", str(CITIES / "nyc" / "routing.yaml")]}.get(service, [])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUTONG_")}
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}", *given],
        env=environment, capture_output=True, text=True, timeout=60, cwd=CITIES.parent.parent,
    )  # fmt: skip
    assert done.returncode == 2
    assert "HUTONG_BOOTSTRAP is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_intake_without_a_broker_says_so_and_exits_with_2(beijing: TwinCity, tmp_path: Path) -> None:
    """Nothing listens on port 1."""
    environment = {**os.environ, **beijing.environment(beijing.id, bootstrap="127.0.0.1:1")}
    file = lines(tmp_path / "a.jsonl", 1, age=timedelta())
    done = subprocess.run(
        [sys.executable, "-m", "services.intake", str(file)],
        env=environment, capture_output=True, text=True, timeout=60, cwd=CITIES.parent.parent,
    )  # fmt: skip
    assert done.returncode == 2
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
