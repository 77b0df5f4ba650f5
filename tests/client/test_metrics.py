"""What a program serves for Prometheus, read over HTTP by the official parser; the city is in memory."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

import pytest

import hutong
from docs.observing import MARK, PAGE, table
from hutong import complaint, disposition
from hutong.observing.metrics import METRICS, PARKED_OLDEST
from hutong.observing.prometheus import PrometheusMeter
from tests.cities import CITY, TwinCity
from tests.client.cli import Command
from tests.client.scraping import Scrape, scrape

WATER = "110000.water"
FIELDS = {"kind": "complaint", "channel": "phone", "category": "public_service/water", "area": "110105026"}
FILED = complaint.Filed(
    kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
)


def served(bus: hutong.Bus) -> Scrape:
    meter = bus._observing.meter
    assert isinstance(meter, PrometheusMeter)
    return scrape(f"http://127.0.0.1:{meter.port}/metrics")


def test_what_a_system_handles_retries_and_parks_is_what_it_serves(city: TwinCity) -> None:
    """A ticket of two events whose first fails twice and is parked, the second waits behind it; another is handled."""
    hotline = city.connect(CITY)
    bad, good = (hotline.submit(FILED).ticket for _ in range(2))
    for ticket in (bad, good):
        hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
    water = city.connect(WATER, metrics="127.0.0.1:0", retries=1, deadletter_share=1.0)
    before = time.time()
    for event in water.subscribe(idle=0.0):
        if event is None:
            break
        with event:
            if event.ticket == bad:
                raise ValueError("cannot read this")
    told = served(water)
    handled = "hutong_handle_events_total"
    assert {outcome: told.value(handled, outcome=outcome) for outcome in ("handled", "parked", "behind")} == {
        "handled": 2,
        "parked": 1,
        "behind": 1,
    }
    assert told.value("hutong_handle_retries_total", why="failed") == 1
    assert told.value("hutong_handle_seconds_count", outcome="failed") == 2
    assert told.value("hutong_handle_seconds_count", outcome="handled") == 2
    assert told.value("hutong_parked_tickets") == 1
    assert before - 1 < told.value(PARKED_OLDEST.name) <= time.time()
    assert told.value("hutong_info", organisation=WATER, system="test") == 1
    assert told.value("process_cpu_seconds_total") > 0


def test_a_program_that_hangs_shows_its_lag(city: TwinCity) -> None:
    """The position is where the program stood before its last poll; the end is asked of the broker at the scrape."""
    hotline = city.connect(CITY)
    ticket = hotline.submit(FILED).ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
    water = city.connect(WATER, metrics="127.0.0.1:0")
    place = {"topic": f"deliveries.{WATER}", "partition": "0"}
    for event in water.subscribe():
        with event:
            first = served(water)
            hotline.submit(complaint.Amended(), ticket=ticket)
            second = served(water)
        break
    assert [told.value("hutong_consume_position_offset", **place) for told in (first, second)] == [0, 0]
    ends = [told.value("hutong_consume_end_offset", **place) for told in (first, second)]
    assert ends[1] > ends[0]
    assert [told.value("hutong_consume_lag_records", **place) for told in (first, second)] == ends


def test_what_was_submitted_is_counted_when_it_is_acknowledged_and_the_outbox_by_what_waits(
    city: TwinCity, tmp_path: Path
) -> None:
    city.lively = False  # the outbox sends from a thread of its own
    hotline = city.connect(CITY, metrics="127.0.0.1:0", outbox=tmp_path / "outbox")
    hotline.submit(FILED)
    told = served(hotline)
    assert (told.value("hutong_submit_events_total"), told.value("hutong_outbox_events")) == (1, 0)


def test_an_address_in_use_is_a_wrong_setting_and_the_door_is_not_opened(city: TwinCity) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(hutong.SettingsError, match=f"HUTONG_METRICS={address}"):
            city.connect(WATER, metrics=address)
    city.connect(WATER, metrics=address).close()
    city.connect(WATER, metrics=address)  # a closed program serves no more


def test_a_command_serves_nothing_whatever_its_settings_say(command: Command) -> None:
    """It shares them with the program that serves there already."""
    words = [word for name, value in FIELDS.items() for word in ("--set", f"{name}={value}")]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command.run(CITY, "submit", "filed", *words, variables={"HUTONG_METRICS": address})


@pytest.mark.parametrize("address", ["9100", "localhost", "localhost:", ":9100", "localhost:99999"])
def test_what_is_no_address_is_named(city: TwinCity, address: str) -> None:
    with pytest.raises(hutong.SettingsError, match="HUTONG_METRICS is wrong"):
        city.settings(WATER, metrics=address)


def test_names_units_and_labels_follow_the_conventions() -> None:
    """Counters end in total, everything else in its unit or what it counts; no label grows with the city's events."""
    units = ("_seconds", "_records", "_events", "_tickets", "_offset", "_info")
    labels = {label for metric in METRICS for label in metric.labels}
    assert labels == {"organisation", "system", "outcome", "code", "stream", "why", "topic", "partition"}
    for metric in METRICS:
        assert metric.name.startswith("hutong_")
        assert metric.name.endswith("_total" if metric.kind == "counter" else units), metric.name


def test_the_page_has_the_table_that_the_programs_serve() -> None:
    """``python -m docs.observing`` would change nothing."""
    assert PAGE.read_text(encoding="utf-8").split(MARK)[1].strip() == table(METRICS)


def test_the_alerts_and_queries_of_the_page_name_metrics_that_there_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    served = {metric.name for metric in METRICS}
    served |= {f"{m.name}{end}" for m in METRICS if m.kind == "histogram" for end in ("_bucket", "_count", "_sum")}
    assert set(re.findall(r"\bhutong_[a-z_]+", page)) <= served
