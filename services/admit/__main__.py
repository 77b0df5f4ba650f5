"""``python -m services.admit``: admits submissions to the ledger of one city."""

from __future__ import annotations

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.logs import configure
from hutong.registry import DirectoryReader
from hutong.rules.audience import Audience
from hutong.rules.lifecycle import Lifecycle
from hutong.settings import Settings
from hutong.transport import Consumer, TransactionalProducer
from hutong.transport.kafka import KafkaTransport
from hutong.wire.signing import Verifier
from services.admit.handler import Admission
from services.admit.owner import AdmitOwner
from services.ownership import crash_only, run

NAME = "admit"


def main() -> None:
    """Wire and run until told to stop."""
    settings = Settings.load()
    configure(NAME)
    transport = KafkaTransport(settings.bootstrap)
    codec = Codec(Catalogue.load())
    reader = DirectoryReader(transport, codec, bytes.fromhex(settings.registrar_key), settings.environment)
    partitions = transport.topics()["submissions"]
    lifecycle, audience, verifier = Lifecycle.load(), Audience.load(), Verifier(settings.environment)

    def take(number: int, producer: TransactionalProducer, consumer: Consumer) -> AdmitOwner:
        admission = Admission(
            city=settings.city,
            partition=number,
            partitions=partitions,
            codec=codec,
            environment=settings.environment,
            lifecycle=lifecycle,
            audience=audience,
            verifier=verifier,
        )
        return AdmitOwner(
            admission=admission,
            generation=settings.generation,
            transport=transport,
            reader=reader,
            producer=producer,
            consumer=consumer,
            state=settings.home / "state" / NAME,
        )

    run(
        NAME,
        transport,
        take,
        city=settings.city,
        topics=["submissions"],
        committed=False,
        instance=settings.instance or NAME,
    )


if __name__ == "__main__":
    crash_only(main)
