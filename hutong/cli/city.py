"""``hutong city``: the live board of a running city."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hutong.cli import connection
from hutong.cli.options import Json, Svg
from hutong.cli.render import line, utc
from hutong.cli.texts import event_word, say

if TYPE_CHECKING:
    from rich.console import Console

    from hutong.board import Board, Counts
    from hutong.cli.board import Names, Picture
    from hutong.registry import DirectoryReader
    from hutong.settings import Settings
    from hutong.transport import Transport
    from hutong.watching import Watch

FRAME_SECONDS = 0.25
NAMES_SECONDS = 30.0
"""So often a running board looks for new organisations."""
_STUCK_SECONDS = 30.0
_JSON_EVENTS = 20


def city(
    ctx: typer.Context,
    area: Annotated[str | None, typer.Option("--area", metavar="CODE")] = None,
    once: Annotated[bool, typer.Option("--once")] = False,
    svg: Svg = None,
    json_: Json = False,
) -> None:
    """Show the live board."""
    from hutong.cli.svg import painted

    settings = connection.settings(ctx)
    transport = connection.transport(settings)
    with _opened(settings, transport, area) as (reader, watch, picture):
        _catch_up(watch)
        if json_:
            typer.echo(line(board_json(watch.board, datetime.now(UTC), picture, settings)))
            return
        with painted(svg, "hutong city") as console:
            if once or svg or not console.is_terminal:
                console.print(picture.draw(watch.board, datetime.now(UTC), console.width, 0))
                return
            with contextlib.suppress(KeyboardInterrupt):
                follow(console, watch, picture, reader)


@contextlib.contextmanager
def _opened(
    settings: Settings, transport: Transport, area: str | None
) -> Iterator[tuple[DirectoryReader, Watch, Picture]]:
    """Everything a board needs: the ledger's for who may replay it, else the organisation's own deliveries'."""
    from hutong.board import Board, states_of
    from hutong.catalogue import Catalogue
    from hutong.cli.board import Names, Picture
    from hutong.codec import Codec
    from hutong.errors import SettingsError
    from hutong.registry import DirectoryReader
    from hutong.rules.lifecycle import Lifecycle
    from hutong.rules.limits import Limits
    from hutong.rules.regions import Regions
    from hutong.rules.territory import Territory
    from hutong.watching import Watch

    codec, lifecycle, organisation = Codec(Catalogue.load()), Lifecycle.load(), settings.organisation
    regions = Regions(settings.city, Territory.load(settings.city).divisions)
    root = _root(regions, organisation, area)
    key = bytes.fromhex(settings.registrar_key)
    with contextlib.closing(DirectoryReader(transport, codec, key, settings.environment)) as reader:
        standing = reader.refresh().get(organisation)
        if standing is None:
            raise SettingsError(f"{organisation} is not in the directory: have it registered (`hutong org register`)")
        whole = "replay" in standing.rights
        topics = ["ledger"] if whole else [f"deliveries.{organisation}"]
        if organisation == settings.city and root == settings.city and whole:
            topics.append("refusals")
        board = Board(lifecycle, regions, root, runs=states_of(Limits.load(settings.city)))
        watch = Watch(transport, board, codec, topics=topics, client_id=f"{organisation}.city")
        names = Names(lambda: reader.directory, regions)
        source = "ledger" if whole else "deliveries"
        picture = Picture(lifecycle=lifecycle, names=names, zone=settings.zone, source=source)
        with contextlib.closing(watch):
            yield reader, watch, picture


def _root(regions: Any, organisation: str, area: str | None) -> str:
    """The place to show: what was asked for, else a district's or street's own, else the whole city."""
    if area is None:
        return organisation if organisation in regions.divisions else str(regions.city)
    if regions.divisions and area not in regions.divisions:
        raise typer.BadParameter(say("board.no_area", area=repr(area)), param_hint="--area")
    return area


def _catch_up(watch: Watch) -> None:
    """Read what is there; with a bar on standard error where that is a terminal. Raises Unavailable."""
    from hutong.errors import Unavailable

    with _progress(watch) as show:
        moved = time.monotonic()
        at = watch.progress()
        while at.done < at.total:
            watch.read(0.05)
            now = watch.progress()
            if now != at:
                at, moved = now, time.monotonic()
                show()
            elif time.monotonic() - moved > _STUCK_SECONDS:
                raise Unavailable(f"nothing came for {_STUCK_SECONDS:.0f} s while reading what is there")


@contextlib.contextmanager
def _progress(watch: Watch) -> Iterator[Any]:
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(say("board.catching_up"), total=watch.progress().total)
        yield lambda: progress.update(task, completed=watch.progress().done)


def follow(console: Console, watch: Watch, picture: Picture, reader: DirectoryReader) -> None:
    """Draw the board again and again, until Ctrl-C."""
    from hutong.cli.board import Screen
    from hutong.errors import BusError

    drawn = named = time.monotonic()
    with Screen(console, picture) as screen:
        screen.update(watch.board, datetime.now(UTC))
        while True:
            watch.read(FRAME_SECONDS)
            now = time.monotonic()
            if now - named > NAMES_SECONDS:
                named = now
                with contextlib.suppress(BusError):  # names alone; the board goes on with those it knows
                    reader.refresh()
            if now - drawn >= FRAME_SECONDS:
                drawn = now
                screen.update(watch.board, datetime.now(UTC))


def board_json(board: Board, now: datetime, picture: Picture, settings: Settings) -> dict[str, Any]:
    """The board as JSON values. ``rows`` are places, or units (``by``); shares are null while there is nothing yet."""
    overview, names = board.overview(), picture.names
    return {
        "at": utc(now),
        "organisation": settings.organisation,
        "source": picture.source,
        "area": {"code": board.root, "name": names.place(board.root)},
        "verified": False,
        "events": board.events,
        "events_per_second": board.rate(now),
        "refused": board.refused,
        "unreadable": board.unreadable,
        "tickets": _counts(overview.counts),
        "states": dict(overview.states),
        "levels": dict(names.levels(overview)),
        "shares": {name: getattr(overview.shares, name) for name in ("merged", "contested", "dissatisfied")},
        "by": overview.by,
        "rows": [
            {"code": row, "name": _row_name(names, overview.by, row), **_counts(counts)}
            for row, counts in overview.rows.items()
        ],
        "last": [
            {
                "time": utc(each.time),
                "type": each.type,
                "name": event_word(each.type),
                "ticket": each.ticket,
                "source": each.source,
                "by": names.organisation(each.source),
                "area": each.area,
                "place": names.place(each.area),
            }
            for each in list(board.last)[-_JSON_EVENTS:]
        ],
    }


def _row_name(names: Names, by: str, row: str) -> str | None:
    if not row:
        return None
    return names.place(row) if by == "area" else names.organisation(row)


def _counts(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in ("received", "in_hand", "overdue", "ended")}
