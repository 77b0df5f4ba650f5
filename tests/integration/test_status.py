"""``hutong status`` on a real broker: markers are no lag, and what hangs is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hutong import looking
from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.refusals import Refusals
from hutong.registry import DirectoryReader
from hutong.status import Status, gather
from hutong.transport import Outgoing
from tests.contract.bench import Real, until
from tests.integration.running import RunningCity, running_city
from tests.integration.test_refusals import CITY, FILED


def look(city: RunningCity) -> Status:
    settings = city.founded.settings(CITY)
    codec, environment = Codec(Catalogue.load()), settings.environment
    reader = DirectoryReader(city.transport, codec, bytes.fromhex(settings.registrar_key), environment)
    try:
        refusals = Refusals(city.transport, codec, organisation=CITY, city=CITY, environment=environment)
        return gather(
            city.transport,
            Catalogue.load(),
            reader.refresh(),
            refusals,
            organisation=CITY,
            city=CITY,
            now=datetime.now(UTC),
        )
    finally:
        reader.close()


def test_a_city_is_well_until_a_transaction_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caught up after many transactions, nothing is lag; an open transaction is seen, and seen to be ended."""
    with running_city(tmp_path, custody=False) as city, city.connect(CITY) as hotline:
        for _ in range(3):
            hotline.submit(FILED, wait="admitted")
        until(lambda: all(row.lag is not None and row.lag.records == 0 for row in look(city).rows), "caught up")
        found = look(city)
        assert {(row.system, row.members) for row in found.rows if row.service} == {("admit", 1), ("deliver", 1)}
        assert not found.alarms
        assert found.refusals == {}
        real = Real(city.kafka.bootstrap, "kafka-python")
        try:
            real.hang("stranger", [Outgoing(topic="refusals", key=b"k", value=b"v", partition=0)])
            monkeypatch.setattr(looking, "HANGING", timedelta(seconds=0.5))
            until(lambda: bool(look(city).hanging), "the hanging transaction")
            [hanging] = look(city).hanging
            assert (hanging.partition.topic, hanging.partition.number, hanging.owner) == ("refusals", 0, "admit")
            city.transport.transactional(client_id="heir", transactional_id="stranger").close()
            until(lambda: not look(city).hanging, "its end")
        finally:
            real.close()
