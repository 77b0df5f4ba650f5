"""Refusals as JSON, and on a terminal: safe there, whatever a stranger wrote into his record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import typer

from hutong.cli.render import clean, event_json, line, utc
from hutong.cli.texts import language, say

if TYPE_CHECKING:
    from hutong.refusals import Outcome, Refused
    from hutong.rules.reasons import Reasons

_TEXT_HEADERS, _TEXT_DATA = 200, 2000  # characters that are shown of a header, of the data


def refused_json(refused: Refused) -> dict[str, Any]:
    """A refusal as JSON values: its event as everywhere, when it was refused, and whether it binds."""
    stamp = refused.stamp
    return {
        "at": utc(refused.at),
        **event_json(refused.event),
        "refusal": {
            "code": stamp.code,
            "text": stamp.text,
            "binding": stamp.binding,
            "cut": stamp.cut,
            "returned_to": stamp.returned_to or None,
        },
    }


def whole_json(refused: Refused, reasons: Reasons) -> dict[str, Any]:
    """The same with the record itself (hex where it is no text) and what the reason means."""
    reason, sent, at = reasons.get(refused.stamp.code), refused.event.submission, refused.event.submitted
    return refused_json(refused) | {
        "meaning": reason and reason.what.plain(language()),
        "next": reason and reason.next.plain(language()),
        "again": refused.hindrance is None,
        "submission": at and {"generation": at.generation, "partition": at.partition, "offset": at.offset},
        "record": {
            "key": None if sent.key is None else sent.key.decode("utf-8", "backslashreplace"),
            "headers": [{"name": name, **_content_json(value)} for name, value in sent.headers],
            "value": None if sent.value is None else sent.value.hex(),
        },
    }


def _content_json(value: bytes) -> dict[str, str]:
    text = _text(value)
    return {"hex": value.hex()} if text is None else {"text": text}


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def print_list(shown: Sequence[Refused], counts: Counter[str], zone: tzinfo) -> None:
    """Print each refusal on two lines that fit the terminal, whole on one line in a pipe; then how many by reason."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for each in shown:
        event = each.event
        head = [
            (f"{each.at.astimezone(zone):%m-%d %H:%M:%S}", "dim"),
            (each.stamp.code, "red"),
            (str(each.position), ""),
        ]
        tail = [(event.ticket, "cyan"), (event.type.rpartition(".v")[0] or event.type, ""), (event.source, "")]
        tail.append((each.stamp.text, "dim"))
        if not console.is_terminal:
            typer.echo("  ".join(clean(cell) for cell, _ in (*head, *tail)))
            continue
        for cells, margin in ((head, ""), (tail, "    ")):
            row = Text(margin, no_wrap=True, overflow="ellipsis")
            row.append(Text("  ").join(Text(clean(cell), style) for cell, style in cells))
            row.truncate(console.width, overflow="ellipsis")
            console.print(row)
    told = "  ".join(f"{clean(code)} {count}" for code, count in counts.most_common())
    total = say("refusals.total", shown=len(shown), count=sum(counts.values()))
    console.print(Text(total, "bold").append(f"  {told}", "not bold"), soft_wrap=True)


def print_whole(refused: Refused, reasons: Reasons, zone: tzinfo) -> None:
    """Print one refusal: why, what it means, what next; then the record, as far as it is text."""
    event, stamp = refused.event, refused.stamp
    reason = reasons.get(stamp.code)
    typer.echo(f"{typer.style(stamp.code, fg='red', bold=True)}  {clean(stamp.text)}")
    rows = [] if reason is None else [("refusals.meaning", reason.what.plain(language()))]
    rows += [] if reason is None else [("refusals.next", reason.next.plain(language()))]
    again = f"refusals.again.{refused.hindrance or 'yes'}"
    rows.append(("refusals.again", say(again, position=refused.position)))
    at = event.submitted
    place = "" if at is None else f"submissions/{at.partition}@{at.offset}"
    rows += [
        ("refusals.at", f"{refused.at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}  {refused.position}  {place}"),
        ("ticket", event.ticket),
        ("fingerprint", event.fingerprint.hex()),
        ("refusals.returned", stamp.returned_to or say("refusals.nobody")),
    ]
    for label, value in rows:
        typer.echo(f"  {say(label)}: {clean(value)}")
    typer.echo(typer.style(say("refusals.record"), bold=True))
    for name, content in event.submission.headers:
        text = _text(content)
        told = f"0x{content.hex()}" if text is None else clean(text)
        more = "…" if len(told) > _TEXT_HEADERS else ""
        typer.echo(f"  {clean(name)}: {told[:_TEXT_HEADERS]}{more}")
    data = clean(line(event_json(event)["data"]))[:_TEXT_DATA]
    typer.echo(f"  {say('refusals.value', count=len(event.submission.value or b''))}: {data}")


def tell_hindered(refused: Refused, reasons: Reasons, json_: bool) -> None:
    """Print why this one is not sent again."""
    if json_:
        typer.echo(line(_sent_json(refused) | {"outcome": refused.hindrance, "reason": _reason_json(refused.stamp)}))
        return
    reason = reasons.get(refused.stamp.code)
    told = say(f"refusals.again.{refused.hindrance}", position=refused.position)
    todo = "" if reason is None else reason.next.plain(language())
    head = typer.style(say("refusals.not_sent"), fg="red", bold=True)
    typer.echo(f"{head}  {_name(refused)}  {refused.stamp.code}: {told} ({todo})")


def tell_again(refused: Refused, outcome: Outcome, json_: bool, seconds: float, *, own: bool) -> None:
    """Print what became of one that was sent again; ``own``: seen by an author behind his own door."""
    ledger, refusal = outcome.ledger, outcome.refusal
    if json_:
        place = ledger and {"partition": ledger.partition, "sequence": ledger.sequence}
        told = {"outcome": outcome.what, "ledger": place, "reason": refusal and _reason_json(refusal)}
        typer.echo(line(_sent_json(refused) | told))
        return
    if outcome.what == "unconfirmed":
        word, more = say("refusals.unconfirmed"), say("refusals.silent", seconds=f"{seconds:g}")
        more += f" {say('refusals.told_once')}" if own else ""
    else:
        word = say(f"outcome.{outcome.what}")
        more = say("place", partition=ledger.partition, sequence=ledger.sequence) if ledger else ""
        more = f"{refusal.code}: {clean(refusal.text)}" if refusal and not more else more
    colour = {"refused": "red", "unconfirmed": "yellow"}.get(outcome.what, "green")
    typer.echo(f"{typer.style(word, fg=colour, bold=True)}  {_name(refused)}  {more}")


def _name(refused: Refused) -> str:
    return f"{clean(refused.event.ticket)}  {clean(refused.event.type)}  {refused.position}"


def _sent_json(refused: Refused) -> dict[str, Any]:
    event = refused.event
    return {
        "position": str(refused.position),
        "ticket": event.ticket,
        "type": event.type,
        "source": event.source,
        "fingerprint": event.fingerprint.hex(),
    }


def _reason_json(refusal: Any) -> dict[str, Any]:
    return {"code": refusal.code, "text": refusal.text}
