"""Dead letters as JSON, and on a terminal: safe there, whatever an event or an error says."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import typer

from hutong.cli.render import clean, line, utc
from hutong.cli.texts import say

if TYPE_CHECKING:
    from rich.text import Text

    from hutong.subscribing.deadletters import Done, Fold, ParkedTicket, TicketPlace
    from hutong.subscribing.letters import Letter


def state_of(ticket: ParkedTicket) -> str:
    """What a parked ticket waits for: a person, or (``released``) its system."""
    return "released" if ticket.released else "parked"


def ticket_json(place: TicketPlace, ticket: ParkedTicket) -> dict[str, Any]:
    """A parked ticket as JSON values: its first open letter, and how many there are."""
    return letter_json(ticket.letters[0], state_of(ticket), stack=False) | {"waiting": len(ticket.letters)}


def letter_json(letter: Letter, state: str, *, stack: bool = True) -> dict[str, Any]:
    """A letter as JSON values; times RFC 3339 in UTC. ``failure`` is null where it waits behind another."""
    failure = letter.failure
    return {
        "system": letter.system,
        "ticket": letter.ticket,
        "state": state,
        "type": letter.type,
        "delivery": {"stream": letter.stamp.stream, "partition": letter.stamp.partition, "n": letter.stamp.n},
        "partition": letter.partition,
        "offset": letter.offset,
        "parked": _utc(letter.at_ms),
        "failure": failure
        and {
            "reason": failure.reason,
            "first": _utc(failure.first_ms),
            "last": _utc(failure.last_ms),
            "tries": failure.tries,
            **({"stack": failure.stack} if stack else {}),
        },
    }


def done_json(done: Done) -> dict[str, Any]:
    """A letter that is over, as JSON values."""
    return letter_json(done.letter, done.how, stack=False) | {
        "over": {"how": done.how, "reason": done.reason, "by": done.by, "at": _utc(done.at_ms)}
    }


def _utc(ms: int) -> str | None:
    return utc(datetime.fromtimestamp(ms / 1000, UTC))


def _local(ms: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, zone):%Y-%m-%d %H:%M:%S}"


def print_list(parked: Iterable[TicketPlace], done: Iterable[Done], fold: Fold, zone: tzinfo) -> None:
    """Print parked tickets and what is over, two lines each: which and how it stands; since when and why."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    for place in parked:
        ticket = fold.tickets[place]
        letter, state, failure = ticket.letters[0], state_of(ticket), ticket.letters[0].failure
        told = [say("deadletters.count", count=len(ticket.letters))]
        if failure is not None:
            told += [say("deadletters.failed_at", tries=failure.tries, last=_local(failure.last_ms, zone))]
        why = failure.reason if failure else say("deadletters.behind")
        console.print(_head(letter, state, "yellow" if state == "released" else "red"))
        console.print(Padding(Text(clean(" · ".join([*told, why]))), (0, 0, 0, 2)))
    for each in done:
        why = f"{each.reason} ({each.by})" if each.reason else ""
        console.print(_head(each.letter, each.how, "dim"))
        told = [_local(each.at_ms, zone), *([why] if why else [])]
        console.print(Padding(Text(clean(" · ".join(told)), "dim"), (0, 0, 0, 2)))


def _head(letter: Letter, state: str, style: str) -> Text:
    from rich.text import Text

    type_ = letter.type.rpartition(".v")[0] or letter.type
    head = Text.assemble((clean(letter.ticket), "bold"), f"  {clean(type_)}  {clean(letter.system)}  ")
    return head.append(say(f"letters.{state}"), style)


def done_line(done: Done, zone: tzinfo) -> str:
    """A letter that is over on one line."""
    why = f": {clean(done.reason)} ({clean(done.by)})" if done.reason else ""
    state = say(f"letters.{done.how}")
    return f"{done.letter.system}  {clean(done.letter.type)}  {state} {_local(done.at_ms, zone)}{why}"


def letter_lines(letter: Letter, state: str, zone: tzinfo) -> str:
    """An open letter with all that is known of its failure."""
    stamp, failure = letter.stamp, letter.failure
    head = (
        f"{letter.system}  {typer.style(clean(letter.type), bold=True)}  {say(f'letters.{state}')}  "
        f"({stamp.stream}/{stamp.partition} n={stamp.n})"
    )
    if failure is None:
        return f"{head}\n  {say('deadletters.behind')}"
    first, last = _local(failure.first_ms, zone), _local(failure.last_ms, zone)
    tries = say("deadletters.tries", tries=failure.tries, first=first, last=last)
    stack = "\n".join(f"    {clean(row)}" for row in failure.stack.splitlines())
    return f"{head}\n  {typer.style(clean(failure.reason), fg='red')}\n  {tries}\n{stack}"


def tell_replayed(
    place: TicketPlace,
    letters: Collection[Letter],
    outcome: str,
    fold: Fold,
    seconds: float | None,
    json_: bool,
) -> None:
    """Print what became of a ticket that was released; ``outcome``: released, handled, failed or waiting."""
    ticket, parked = next(iter(letters)).ticket, fold.tickets.get(place)
    failure = parked.letters[0].failure if parked and outcome == "failed" else None
    count = len(parked.letters) if parked and outcome in ("failed", "waiting") else len(letters)
    reason = failure.reason if failure else ""
    if json_:
        told = {"system": place.system, "ticket": ticket, "outcome": outcome, "events": count, "reason": reason or None}
        typer.echo(line(told))
        return
    told_reason = clean(reason)
    typer.echo(
        say(
            f"deadletters.{outcome}",
            ticket=clean(ticket),
            system=clean(place.system),
            count=count,
            reason=told_reason,
            seconds=seconds,
        )
    )
