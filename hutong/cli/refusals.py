"""``hutong refusals``: what was not admitted and why, and sending it again once its cause is gone."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hutong.cli import connection
from hutong.cli.endings import Ending, fail
from hutong.cli.options import Json, moment
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.refusals import Outcome, Refusals, Refused
    from hutong.rules.reasons import Reasons
    from hutong.settings import Settings

_AT_ONCE = 200  # sent and waited for together
_SHORTEST_PREFIX = 6

app = typer.Typer(no_args_is_help=True)

Code = Annotated[str | None, typer.Option("--code", metavar="CODE")]
Author = Annotated[str | None, typer.Option("--source", metavar="ORG")]
Ticket = Annotated[str | None, typer.Option("--ticket", metavar="TICKET")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME")]

Wanted = Callable[["Refused"], bool]


@app.command("list")
def list_(
    ctx: typer.Context,
    code: Code = None,
    source: Author = None,
    ticket: Ticket = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0)] = 50,
    json_: Json = False,
) -> None:
    """Show refusals, the newest last."""
    from hutong.cli.refused import print_list, refused_json
    from hutong.cli.render import line

    settings, refusals, reasons = _open(ctx)
    wanted = _wanted(settings, reasons, code, source, ticket, since, until)
    counts: Counter[str] = Counter()
    newest: deque[Refused] = deque(maxlen=limit)
    for each in _sorted(refusals, wanted, limit):
        counts[each.stamp.code] += 1
        newest.append(each)
    shown = sorted(newest, key=lambda each: each.at)
    if json_:
        for each in shown:
            typer.echo(line(refused_json(each)))
    elif counts:
        print_list(shown, counts, settings.zone)
    else:
        typer.echo(say("refusals.none"))


@app.command()
def show(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(metavar="POSITION|FINGERPRINT", show_default=False)],
    json_: Json = False,
) -> None:
    """Show everything about one refusal."""
    from hutong.cli.refused import print_whole, whole_json
    from hutong.cli.render import line

    settings, refusals, reasons = _open(ctx)
    found = _one(refusals, which)
    if json_:
        typer.echo(line(whole_json(found, reasons)))
    else:
        print_whole(found, reasons, settings.zone)


@app.command()
def resubmit(
    ctx: typer.Context,
    which: Annotated[str | None, typer.Argument(metavar="[POSITION|FINGERPRINT]")] = None,
    every: Annotated[bool, typer.Option("--all")] = False,
    code: Code = None,
    source: Author = None,
    ticket: Ticket = None,
    since: Since = None,
    until: Until = None,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0.1)] = 30.0,
    json_: Json = False,
) -> None:
    """Send refused events again, byte for byte."""
    from hutong.cli.refused import tell_again, tell_hindered

    if (which is None) is not every:
        raise typer.BadParameter(say("refusals.not_both" if every else "refusals.which"), param_hint="POSITION")
    settings, refusals, reasons = _open(ctx)
    wanted = _wanted(settings, reasons, code, source, ticket, since, until)
    chosen = [_one(refusals, which)] if which is not None else _each_once(filter(wanted, refusals.read()))
    if not chosen and not json_:
        typer.echo(say("refusals.none"))
    hindered = [each for each in chosen if each.hindrance]
    for each in hindered:
        tell_hindered(each, reasons, json_)
    ready, outcomes = [each for each in chosen if not each.hindrance], []
    for at in range(0, len(ready), _AT_ONCE):
        some = ready[at : at + _AT_ONCE]
        for each, outcome in zip(some, refusals.send_again(some, timeout=timeout), strict=True):
            tell_again(each, outcome, json_, timeout, own=settings.organisation != settings.city)
            outcomes.append(outcome)
    _end(hindered, outcomes)


def _end(hindered: Sequence[Refused], outcomes: Sequence[Outcome]) -> None:
    """The exit code: unconfirmed before refused, for that may be run again."""
    if any(outcome.what == "unconfirmed" for outcome in outcomes):
        raise typer.Exit(Ending.UNCONFIRMED)
    if hindered or any(outcome.what == "refused" for outcome in outcomes):
        raise typer.Exit(Ending.SAID_NO)


def _open(ctx: typer.Context) -> tuple[Settings, Refusals, Reasons]:
    from hutong.catalogue import Catalogue
    from hutong.codec import Codec
    from hutong.refusals import Refusals
    from hutong.rules.reasons import Reasons

    settings = connection.settings(ctx)
    refusals = Refusals(
        connection.transport(settings),
        Codec(Catalogue.load()),
        organisation=settings.organisation,
        city=settings.city,
        environment=settings.environment,
    )
    return settings, refusals, Reasons.load()


def _wanted(
    settings: Settings,
    reasons: Reasons,
    code: str | None,
    source: str | None,
    ticket: str | None,
    since: str | None,
    until: str | None,
) -> Wanted:
    if code is not None and reasons.get(code) is None:
        raise typer.BadParameter(
            say("refusals.no_code", code=code, codes=", ".join(reasons.reasons)), param_hint="--code"
        )
    begin, end = moment(since, settings.zone, "--since"), moment(until, settings.zone, "--until")
    return lambda each: (
        code in (None, each.stamp.code)
        and source in (None, each.event.source)
        and ticket in (None, each.event.ticket)
        and (begin is None or each.at >= begin)
        and (end is None or each.at < end)
    )


def _sorted(refusals: Refusals, wanted: Wanted, limit: int) -> Iterator[Refused]:
    """All that are wanted; the newest ``limit`` of all partitions come last."""
    newest: dict[int, deque[Refused]] = {}
    for each in filter(wanted, refusals.read()):
        kept = newest.setdefault(each.position.partition, deque())
        kept.append(each)
        if len(kept) > limit:
            yield kept.popleft()
    yield from sorted((each for kept in newest.values() for each in kept), key=lambda each: each.at)


def _each_once(refused: Iterator[Refused]) -> list[Refused]:
    """The same bytes once, however often they were refused."""
    return list({each.event.submission: each for each in refused}.values())


def _one(refusals: Refusals, which: str) -> Refused:
    """The refusal that is meant; of the same event refused several times the newest.

    Raises:
        typer.BadParameter: the text names neither a place nor a fingerprint, or several events.
    """
    place = re.fullmatch(r"(.+)/(\d{1,9})@(\d{1,18})", which)
    if place is not None:
        if place[1] != refusals.topic:
            raise typer.BadParameter(
                say("refusals.other_topic", topic=place[1], mine=refusals.topic), param_hint="POSITION"
            )
        found = refusals.at(int(place[2]), int(place[3]))
        return found if found is not None else _unknown(which)
    if not re.fullmatch(rf"[0-9a-f]{{{_SHORTEST_PREFIX},64}}", which):
        raise typer.BadParameter(say("refusals.no_place", topic=refusals.topic), param_hint="POSITION|FINGERPRINT")
    hits = [each for each in refusals.read() if each.event.fingerprint.hex().startswith(which)]
    if len({each.event.fingerprint for each in hits}) > 1:
        places = ", ".join(str(each.position) for each in hits[:5])
        raise typer.BadParameter(say("refusals.several", which=which, places=places), param_hint="FINGERPRINT")
    return max(hits, key=lambda each: each.at) if hits else _unknown(which)


def _unknown(which: str) -> Refused:
    fail(say("refusals.unknown", which=which), Ending.SAID_NO, kind="UnknownRefusal")
