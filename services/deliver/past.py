"""What deliver derives from the ledger and the refusals: counters and histories; and what is to be delivered by it."""

from __future__ import annotations

from collections.abc import Iterator

from hutong.settings import Settings
from hutong.transport import Record
from services.deliver.handler import Delivery, deliver_entry, deliver_refusal
from services.deliver.store import TABLES, Store
from services.owning.state import Belongs, StateFile

TOPICS = ("ledger", "refusals")
"""Everything that the state follows from."""

RULES = "1"
"""Counts up when the same records lead to another state than before."""


class Past:
    """Learns record by record; ``store`` holds it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def of(cls, settings: Settings, partition: int, instance: str) -> Past:
        """The past of a partition, still empty, in a file of ``instance``. Raises SettingsError where it cannot be."""
        belongs = Belongs(
            service="deliver",
            city=settings.city,
            environment=settings.environment,
            partition=partition,
            rules=RULES,
        )
        return cls(Store(StateFile(settings.home / "state" / "deliver", belongs, TABLES, instance=instance)))

    @property
    def file(self) -> StateFile:
        """Where it is kept."""
        return self.store.file

    def route(self, record: Record) -> Iterator[Delivery]:
        """The deliveries that come of the record, and behind them its trace in the state."""
        return (deliver_refusal if record.topic == "refusals" else deliver_entry)(record, self.store)

    def take(self, record: Record) -> None:
        """Learn a record whose deliveries were written before."""
        for _ in self.route(record):
            pass

    def keep(self) -> None:
        """What was learned so far is committed on Kafka: keep it."""
        self.store.file.keep()
