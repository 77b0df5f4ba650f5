"""``hutong topics``: the city's topics as the broker has them, and where they are not as agreed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer

from hutong.cli import connection
from hutong.cli.endings import Ending
from hutong.cli.options import Json
from hutong.cli.render import clean, line, span
from hutong.cli.tables import show
from hutong.cli.texts import say

if TYPE_CHECKING:
    from rich.text import Text

    from hutong.topics import Drift, Standing

_COLUMNS = ("topic", "partitions", "floor", "kept", "largest", "state")
_NUMBERS = frozenset({"partitions", "largest"})


def topics(ctx: typer.Context, json_: Json = False) -> None:
    """Show the city's topics."""
    found = _look(ctx)
    amiss = [each for each in found if each.missing or each.drift]
    if json_:
        for each in found:
            typer.echo(line(topic_json(each)))
    else:
        show(_COLUMNS, [list(_cells(each)) for each in found], numbers=_NUMBERS)
        typer.echo(say("topics.amiss", count=len(amiss)) if amiss else say("topics.well"))
    if amiss:
        raise typer.Exit(Ending.SAID_NO)


def _look(ctx: typer.Context) -> Sequence[Standing]:
    from hutong.catalogue import Catalogue
    from hutong.topics import topics_of

    with connection.directory(ctx) as (settings, transport, directory):
        return topics_of(transport, Catalogue.load(), directory, organisation=settings.organisation, city=settings.city)


def topic_json(standing: Standing) -> dict[str, Any]:
    """A topic as JSON values; ``settings`` has what was agreed on, as it was found. Times are in milliseconds."""
    agreed = standing.described.kafka_config()
    return {
        "topic": standing.name,
        "title": standing.described.title,
        "organisation": standing.organisation,
        "partitions": standing.partitions,
        "agreed": {"partitions": standing.agreed_partitions, **agreed},
        "settings": {name: standing.settings.get(name) for name in agreed},
        "missing": standing.missing,
        "closed": standing.closed or None,
        "drift": [{"setting": each.setting, "agreed": each.agreed, "found": each.found} for each in standing.drift],
    }


def _cells(standing: Standing) -> Iterator[Text]:
    from rich.text import Text

    agreed = standing.described.kafka_config()
    yield Text(clean(standing.name), "bold")
    yield Text("-" if standing.partitions is None else str(standing.partitions))
    yield Text(_kept(agreed), "dim")
    yield Text(_kept(standing.settings) if standing.settings else "-")
    yield Text(_size(standing.settings["max.message.bytes"]) if standing.settings else "-")
    if standing.missing:
        yield Text(say("topics.missing"), "bold red")
    elif standing.drift:
        yield Text("; ".join(_told(each) for each in standing.drift), "bold red")
    else:
        yield Text(say("topics.closed"), "dim") if standing.closed else Text("✓", "green")


def _told(drift: Drift) -> str:
    return clean(say("topics.drift", setting=drift.setting, found=drift.found or "-", agreed=drift.agreed))


def _kept(settings: Any) -> str:
    """How long a topic keeps a record."""
    if settings.get("cleanup.policy") == "compact":
        return say("topics.newest")
    milliseconds = int(settings.get("retention.ms", -1))
    return say("topics.ever") if milliseconds < 0 else span(timedelta(milliseconds=milliseconds))


def _size(octets: str) -> str:
    return f"{int(octets) / 1024:,.0f} KiB"
