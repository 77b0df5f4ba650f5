"""Metrics of admit, deliver and a desk as processes on a real broker: they say what the topics say."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

import hutong
from hutong import disposition
from hutong.loop import read_all
from hutong.transport import Partition, Record
from hutong.wire.stamps import RefusalStamp
from local.supervisor import Child
from tests.client.scraping import Scrape, scrape
from tests.contract.bench import until
from tests.integration.running import RunningCity, running_city
from tests.integration.test_refusals import CITY, FILED, WATER

ANYWHERE = {"HUTONG_METRICS": "127.0.0.1:0"}


def served(city: RunningCity, service: str) -> Scrape:
    """What the service serves at the address that its log tells."""
    log = (city.founded.home / "logs" / f"{service}.log").read_text(encoding="utf-8")
    return scrape(re.findall(r"metrics served\s+at=(\S+)", log)[-1])


def records(city: RunningCity, prefix: str) -> list[Record]:
    """Everything on the topics of this name, or beginning with it."""
    places = [
        Partition(topic, number)
        for topic, count in city.transport.topics().items()
        if topic.startswith(prefix)
        for number in range(count)
    ]
    reader = city.transport.consumer(client_id="truth")
    try:
        return list(read_all(reader, places))
    finally:
        reader.close()


def handled(city: RunningCity) -> int:
    """What the desk's journal says it handled."""
    lines = (city.founded.journals / f"{WATER}.desk.jsonl").read_text(encoding="utf-8").splitlines()
    return sum(line["what"] == "handled" and line["given"] for line in map(json.loads, lines))


@pytest.mark.timeout(300)
def test_the_counters_of_a_running_city_are_what_its_topics_hold(tmp_path: Path) -> None:
    with running_city(tmp_path, custody=False, env=ANYWHERE) as city, city.connect(CITY) as hotline:
        desk = {**city.founded.variables(WATER), **ANYWHERE}
        city.services.add(Child.service("desk", "--decline-share", "0", "--hour", "0.01", env=desk))
        for _ in range(3):
            ticket = hotline.submit(FILED, wait="admitted", timeout=90).ticket
            hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
        with pytest.raises(hutong.Refused) as refused:
            hotline.submit(disposition.Accepted(), ticket=ticket, wait="admitted", timeout=90)

        def resolved() -> int:
            return sum(
                dict(record.headers)["ce_type"] == b"disposition.resolved.v1" for record in records(city, "ledger")
            )

        until(lambda: resolved() == 3, "three answers", seconds=60)
        until(
            lambda: served(city, "desk").by("hutong_consume_lag_records", "topic") == {f"deliveries.{WATER}": 0}, "read"
        )

        admit = served(city, "admit")
        refusals = [RefusalStamp.from_bytes(dict(one.headers)["refusal"]).code for one in records(city, "refusals")]
        assert refused.value.code in refusals
        assert admit.value("hutong_admit_events_total", outcome="admitted") == len(records(city, "ledger"))
        told = {code: admit.value("hutong_admit_events_total", outcome="refused", code=code) for code in refusals}
        assert told == Counter(refusals)
        assert admit.value("hutong_consume_batch_records_sum") == len(records(city, "submissions"))
        assert admit.by("hutong_info", "system") == {"admit": 1}

        deliver, doors = served(city, "deliver"), records(city, "deliveries.")
        streams = Counter("refusals" if "refusal" in dict(one.headers) else "ledger" for one in doors)
        assert deliver.by("hutong_deliver_deliveries_total", "stream") == streams
        assert deliver.value("hutong_consume_lag_records") == 0

        told_by_desk = served(city, "desk")
        assert told_by_desk.value("hutong_handle_events_total", outcome="handled") == handled(city) > 0
        assert told_by_desk.value("hutong_handle_seconds_count", outcome="handled") == handled(city)
        assert told_by_desk.value("hutong_submit_events_total") == sum(
            dict(one.headers)["ce_source"] == WATER.encode() for one in records(city, "submissions")
        )
