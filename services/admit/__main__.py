"""``python -m services.admit``: admits submissions to the ledger of one city."""

from __future__ import annotations

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.logs import configure
from hutong.observing import observing
from hutong.registry import DirectoryReader
from hutong.rules.audience import Audience
from hutong.rules.lifecycle import Lifecycle
from hutong.rules.territory import Territory
from hutong.settings import Settings
from hutong.transport import Consumer, TransactionalProducer
from hutong.transport.choice import transport_of
from hutong.wire.signing import Verifier
from services.admit.handler import Admission
from services.admit.outcomes import outcome_of
from services.admit.owner import AdmitOwner, ends
from services.admit.past import Past
from services.owning.command import commands, partitions_of, rebuild_all
from services.owning.observed import Watch
from services.owning.running import run

NAME = "admit"


class Parts:
    """Everything that admit is put together from."""

    def __init__(self) -> None:
        self.settings = Settings.load()
        configure(NAME)
        self.transport = transport_of(self.settings)
        self.codec, self.lifecycle = Codec(Catalogue.load()), Lifecycle.load()
        self.partitions = partitions_of(self.transport, "submissions")

    def past(self, number: int, instance: str) -> Past:
        """The state of a partition, in a file of this instance."""
        return Past.of(self.settings, number, instance, codec=self.codec, lifecycle=self.lifecycle)


def main() -> None:
    """Wire and run until told to stop."""
    parts = Parts()
    settings, transport, codec = parts.settings, parts.transport, parts.codec
    reader = DirectoryReader(transport, codec, bytes.fromhex(settings.registrar_key), settings.environment)
    audience, territory, verifier = Audience.load(), Territory.load(settings.city), Verifier(settings.environment)
    instance = settings.instance or NAME

    def take(number: int, producer: TransactionalProducer, consumer: Consumer) -> AdmitOwner:
        admission = Admission(
            city=settings.city,
            partition=number,
            partitions=parts.partitions,
            codec=codec,
            environment=settings.environment,
            lifecycle=parts.lifecycle,
            audience=audience,
            territory=territory,
            verifier=verifier,
        )
        return AdmitOwner(
            admission=admission,
            past=parts.past(number, instance),
            generation=settings.generation,
            transport=transport,
            reader=reader,
            producer=producer,
            consumer=consumer,
        )

    run(
        NAME,
        transport,
        take,
        city=settings.city,
        topics=["submissions"],
        committed=False,
        instance=instance,
        watch=Watch(NAME, observing(settings, NAME), outcome_of),
        strangers=True,
        heartbeat=settings.heartbeat,
    )


def rebuild() -> None:
    """Make all snapshots anew."""
    parts = Parts()
    rebuild_all(
        NAME, parts.transport, city=parts.settings.city, partitions=parts.partitions, derive=parts.past, ends=ends
    )


if __name__ == "__main__":
    commands(main, rebuild, help="Admit submissions to the city's ledger. 收录")()
