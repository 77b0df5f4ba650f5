"""``hutong trace``: where one event is, from its author to whoever handled it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hutong.cli import connection
from hutong.cli.endings import Ending, fail
from hutong.cli.options import Json, Origin
from hutong.cli.progress import progress
from hutong.cli.texts import event_word, say

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.text import Text
    from rich.tree import Tree

    from hutong.client import Bus
    from hutong.tracing import Found, Trace

_STYLES = {"handled": "green", "waiting": "yellow", "parked": "red", "released": "yellow", "skipped": "dim"}
_MARKS = {"handled": "●", "waiting": "○", "parked": "✗", "released": "○", "skipped": "●"}


def trace(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(metavar="ID|FINGERPRINT|POSITION", show_default=False)],
    source: Annotated[Origin | None, typer.Option("--source", show_default=False)] = None,
    json_: Json = False,
) -> None:
    """Show where an event is."""
    import hutong
    from hutong.cli.render import line
    from hutong.tracing import Several, Tracer
    from hutong.wire.identity import ticket_city

    if ticket_city(which) is not None:
        raise typer.BadParameter(say("trace.ticket", which=which), param_hint="EVENT")
    settings = connection.settings(ctx)
    whole = settings.organisation == settings.city if source is None else source is Origin.LEDGER
    transport = connection.transport(settings)
    with hutong.connect("trace", settings, transport=transport) as bus:
        if whole and transport.closed(["ledger"]):
            fail(say("trace.closed", organisation=bus.organisation), Ending.MEND_FIRST, kind="SettingsError")
        tracer = Tracer(transport, bus, city=settings.city, environment=settings.environment, whole=whole)
        try:
            with progress(tracer.topic) as step:
                found = tracer.trace(which, step)
        except Several as several:
            told = say("trace.several", which=which, places=", ".join(several.places[:5]))
            raise typer.BadParameter(told, param_hint="EVENT") from None
        if found is None:
            told = say("trace.unknown", which=which, topic=tracer.topic)
            told += "" if whole else say("trace.own_side")
            fail(told, Ending.SAID_NO, kind="UnknownEvent")
        if json_:
            typer.echo(line(trace_json(found, bus.organisation)))
            return
        from rich.console import Console

        Console(highlight=False).print(_Drawing(found, bus, settings.zone).tree())


def trace_json(trace: Trace, organisation: str) -> dict[str, Any]:
    """The same as one JSON object. ``event`` is what its author signed, as far as it can be read."""
    from hutong.cli.render import event_json, utc

    known = trace.entry or (trace.refusals[0] if trace.refusals else None)
    at = known.event.submitted if known else None
    place = (at.partition, at.offset) if at else trace.waiting and (trace.waiting[0].number, trace.waiting[1])
    entry, own = trace.entry, trace.delivery
    return {
        "outcome": _outcome(trace),
        "fingerprint": trace.fingerprint.hex(),
        "id": _header(trace, "ce_id"),
        "ticket": _header(trace, "ce_subject"),
        "type": _header(trace, "ce_type"),
        "source": _header(trace, "ce_source"),
        "event": known and event_json(known.event),
        "submission": place and {"partition": place[0], "offset": place[1]},
        "admitted": entry and entry.event.ledger and utc(entry.event.ledger.admitted),
        "refusals": [
            {
                "at": utc(each.at),
                "position": str(each.event.position),
                "fingerprint": each.event.fingerprint.hex(),
                "code": each.event.refusal and each.event.refusal.code,
                "text": each.event.refusal and each.event.refusal.text,
            }
            for each in trace.refusals
        ],
        "receivers": [{"organisation": each.organisation, "delivered": each.delivered} for each in trace.receivers],
        "delivery": own and {"at": utc(own.at), "position": str(own.event.position), "organisation": organisation},
        "systems": [
            {"system": each.system, "state": each.state, "reason": each.reason or None} for each in trace.handlers
        ],
    }


def _outcome(trace: Trace) -> str:
    return "admitted" if trace.entry else "refused" if trace.refusals else "submitted"


def _header(trace: Trace, name: str) -> str | None:
    value = trace.sent.header(name)
    return None if value is None else value.decode("utf-8", "replace")


class _Drawing:
    """A trace as a tree: each step with what is known of it."""

    def __init__(self, trace: Trace, bus: Bus, zone: ZoneInfo) -> None:
        self._trace = trace
        self._bus = bus
        self._zone = zone

    def tree(self) -> Tree:
        """Author, submission, outcome, receivers, systems."""
        from rich.text import Text
        from rich.tree import Tree

        from hutong.cli.render import clean

        trace, type_ = self._trace, _header(self._trace, "ce_type") or ""
        head = Text.assemble((clean(event_word(type_)), "bold"), f"  {clean(_header(trace, 'ce_subject') or '')}")
        head.append(f"\n{say('id')} {clean(_header(trace, 'ce_id') or '')}\n", "dim")
        head.append(f"{say('fingerprint')} {trace.fingerprint.hex()}", "dim")
        tree = Tree(head, guide_style="dim")
        tree.add(self._submitted())
        for refused in trace.refusals:
            tree.add(self._refused(refused))
        if trace.entry is not None:
            self._admitted(tree, trace.entry)
        elif not trace.refusals:
            tree.add(Text(f"○ {say('trace.not_judged')}", "yellow"))
        if trace.receivers:
            doors = tree.add(Text(say("trace.receivers"), "bold"))
            for each in trace.receivers:
                doors.add(self._receiver(each.organisation, each.delivered))
        if trace.delivery is not None:
            self._own(tree, trace.delivery)
        return tree

    def _submitted(self) -> Text:
        from rich.text import Text

        from hutong.cli.entries import named
        from hutong.cli.render import clean

        trace = self._trace
        known = trace.entry or (trace.refusals[0] if trace.refusals else None)
        at = known.event.submitted if known else None
        place = f"submissions/{at.partition}@{at.offset}" if at else ""
        if trace.waiting is not None:
            place = f"{trace.waiting[0].topic}/{trace.waiting[0].number}@{trace.waiting[1]}"
        told = Text.assemble(
            ("●", "green"),
            f" {say('trace.submitted')}  ",
            named(_header(trace, "ce_source") or "", self._bus.directory),
        )
        return told.append(f"  {clean(place)}", "dim")

    def _refused(self, found: Found) -> Text:
        from rich.text import Text

        from hutong.cli.render import clean, local, refused_as

        refusal = found.event.refusal
        assert refusal is not None
        how = refused_as(refusal)
        when = local(found.at, self._zone, "%m-%d %H:%M:%S")
        mark, style = ("✗", "red") if how == "refused" else ("●", "dim")
        told = Text.assemble((f"{mark} {say(f'outcome.{how}')}", style), f"  {when}  ")
        return told.append(f"{clean(refusal.code)}: {clean(refusal.text)}").append(f"  {found.event.position}", "dim")

    def _admitted(self, tree: Tree, found: Found) -> None:
        from rich.text import Text

        from hutong.cli.render import local

        ledger = found.event.ledger
        assert ledger is not None
        when = local(ledger.admitted, self._zone, "%m-%d %H:%M:%S")
        place = say("place", partition=ledger.partition, sequence=ledger.sequence)
        told = Text.assemble(("●", "green"), f" {say('outcome.admitted')}  {when}  {place}")
        on = f"  {found.event.position}" if found.event.position.topic == "ledger" else ""
        tree.add(told.append(on, "dim"))

    def _receiver(self, organisation: str, delivered: bool | None) -> Text:
        from rich.text import Text

        from hutong.cli.entries import named

        mark, style = {True: ("●", "green"), False: ("○", "yellow"), None: ("·", "dim")}[delivered]
        word = {True: "trace.delivered", False: "trace.underway", None: "trace.unseen"}[delivered]
        return Text.assemble((mark, style), " ", named(organisation, self._bus.directory), (f"  {say(word)}", "dim"))

    def _own(self, tree: Tree, found: Found) -> None:
        from rich.text import Text

        from hutong.cli.render import clean, local

        stamp, when = found.event.delivery, local(found.at, self._zone, "%m-%d %H:%M:%S")
        assert stamp is not None
        told = Text.assemble(("●", "green"), f" {say('trace.came')}  {when}  n={stamp.n}")
        door = tree.add(told.append(f"  {found.event.position}", "dim"))
        for each in self._trace.handlers:
            line = Text.assemble((_MARKS[each.state], _STYLES[each.state]), f" {clean(each.system)}  ")
            line.append(say(f"trace.{each.state}"), _STYLES[each.state])
            door.add(line.append(f"  {clean(each.reason)}") if each.reason else line)
        if not self._trace.handlers:
            door.add(Text(say("trace.nobody"), "dim"))
