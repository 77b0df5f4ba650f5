"""``python -m services.deliver``: delivers the ledger of one city to its organisations."""

from __future__ import annotations

from hutong.logs import configure
from hutong.settings import Settings
from hutong.transport import Consumer, TransactionalProducer
from hutong.transport.kafka import KafkaTransport
from services.deliver.owner import DeliverOwner, DoorPlan
from services.ownership import crash_only, run

NAME = "deliver"


def main() -> None:
    """Wire and run until told to stop."""
    settings = Settings.load()
    configure(NAME)
    transport = KafkaTransport(settings.bootstrap)
    doors = DoorPlan(transport)

    def take(number: int, producer: TransactionalProducer, consumer: Consumer) -> DeliverOwner:
        return DeliverOwner(
            number=number,
            transport=transport,
            doors=doors,
            producer=producer,
            consumer=consumer,
            state=settings.home / "state" / NAME,
        )

    run(
        NAME,
        transport,
        take,
        city=settings.city,
        topics=["ledger", "refusals"],
        committed=True,
        instance=settings.instance or NAME,
    )


if __name__ == "__main__":
    crash_only(main)
