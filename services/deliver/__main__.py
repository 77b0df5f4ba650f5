"""``python -m services.deliver``: delivers what the ledger and the refusals say to the organisations concerned."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Annotated

import typer

from hutong.logs import configure
from hutong.observing import observing
from hutong.settings import Settings
from hutong.transport import Consumer, TransactionalProducer
from hutong.transport.choice import transport_of
from services.deliver.again import Wish, deliver_again
from services.deliver.outcomes import outcome_of
from services.deliver.owner import DeliverOwner, DoorPlan, ends
from services.deliver.past import Past
from services.owning.command import commands, partitions_of, rebuild_all
from services.owning.observed import Watch
from services.owning.running import crash_only, run

NAME = "deliver"


class Parts:
    """Everything that deliver is put together from."""

    def __init__(self) -> None:
        self.settings = Settings.load()
        configure(NAME)
        self.transport = transport_of(self.settings)

    def past(self, number: int, instance: str) -> Past:
        """The state of a partition, in a file of this instance."""
        return Past.of(self.settings, number, instance)


def main() -> None:
    """Wire and run until told to stop."""
    parts = Parts()
    settings, transport = parts.settings, parts.transport
    doors, instance = DoorPlan(transport), settings.instance or NAME

    def take(number: int, producer: TransactionalProducer, consumer: Consumer) -> DeliverOwner:
        return DeliverOwner(
            number=number,
            past=parts.past(number, instance),
            transport=transport,
            doors=doors,
            producer=producer,
            consumer=consumer,
        )

    run(
        NAME,
        transport,
        take,
        city=settings.city,
        topics=["ledger", "refusals"],
        committed=True,
        instance=instance,
        watch=Watch(NAME, observing(settings, NAME), outcome_of),
        heartbeat=settings.heartbeat,
    )


def rebuild() -> None:
    """Make all snapshots anew."""
    parts = Parts()
    partitions = partitions_of(parts.transport, "ledger")
    rebuild_all(NAME, parts.transport, city=parts.settings.city, partitions=partitions, derive=parts.past, ends=ends)


app = commands(main, rebuild, help="Deliver ledger entries and refusals to the organisations concerned. 送达")


@app.command()
def again(
    organisation: Annotated[str, typer.Argument(metavar="ORG", help="Whose door. 单位")],
    start: Annotated[int, typer.Option("--from", min=1, metavar="N", help="The first number missing. 起始编号")],
    of: Annotated[
        str | None, typer.Option("--of", metavar="STREAM/P", help="Only these numbers, like ledger/2. 数据流/分区")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object. 输出 JSON")] = False,
) -> None:
    """Deliver again what an organisation missed, under the same numbers, also while the service runs. 补送"""

    def work() -> None:
        parts, wish = Parts(), Wish.of(organisation, start, of)
        with closing(
            parts.transport.consumer(client_id=f"{NAME}.again", group=f"{parts.settings.city}.{NAME}")
        ) as consumer:
            count = deliver_again(
                wish,
                parts.transport,
                consumer,
                past=lambda number: parts.past(number, "again"),
                ends=ends,
                partitions=partitions_of(parts.transport, "ledger"),
            )
        told = {"organisation": organisation, "from": start, "of": of, "deliveries": count}
        typer.echo(
            json.dumps(told) if json_ else f"{count} deliveries written again to the end of {organisation}'s door"
        )

    crash_only(work)


if __name__ == "__main__":
    app()
