"""A standing agreement on a real broker, opened, used, seen and closed by commands alone."""

from __future__ import annotations

from pathlib import Path

import hutong
from tests.checker import check, read_history
from tests.client.test_cli_real import objects, run
from tests.contract.bench import until
from tests.integration.running import running_city
from tests.integration.test_refusals import CITY, FILED, HEAT, WATER

OPEN = (
    "agreements", "open", "leaks", "--recipient", HEAT, "--purpose", "joint_works", "--until", "2099-01-01",
    "--type", "dispatched", "--category", "public_service/water", "--area", "110105", "--json",
)  # fmt: skip
LIST = ("agreements", "list", "--json")


def test_an_agreement_shows_what_comes_while_it_stands_and_nothing_else(tmp_path: Path) -> None:
    """Heating sees the dispatch between opening and closing, once; both sides count it; the checker finds it right."""
    with running_city(tmp_path) as city, city.connect(CITY) as hotline:
        dispatched = hutong.disposition.Dispatched(lead=WATER)

        def judged_by(number: int) -> None:
            """Until admit knows the directory event."""

            def known() -> bool:
                ticket = hotline.submit(FILED, wait="admitted").ticket
                return any(e.ledger and e.ledger.directory >= number for e in hotline.replay(ticket=ticket))

            until(known, f"directory event {number}")

        tickets = [hotline.submit(FILED, wait="admitted").ticket for _ in range(2)]
        judged_by(objects(run(city, CITY, *OPEN))[0]["number"])
        hotline.submit(dispatched, ticket=tickets[0], wait="admitted")
        closing = run(city, CITY, "agreements", "close", "leaks", "--reason", "works_done", "--json")
        judged_by(objects(closing)[0]["number"])
        hotline.submit(dispatched, ticket=tickets[1], wait="admitted")
        with city.connect(WATER) as water:  # the last dispatch is delivered, so all before it is
            until(lambda: len({e.ticket for e in water.replay(source="deliveries")}) == 2, "both dispatches")
        with city.connect(HEAT) as heat:
            came = [(event.type, event.ticket) for event in heat.replay(source="deliveries")]
        assert came == [("disposition.dispatched.v1", tickets[0])]
        rows = [objects(run(city, organisation, *LIST))[0] for organisation in (CITY, HEAT)]
        assert rows[0] == rows[1]
        assert (rows[0]["state"], rows[0]["events"], rows[0]["reason"]) == ("closed", 1, "works_done")
        history = read_history(city.transport, city.founded.settings(CITY), journals=city.founded.journals)
        verdict = check(history)
        assert verdict.ok, verdict.summary()
