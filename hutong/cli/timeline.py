"""A ticket's history for a terminal of 80 columns or more; the times are the city's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hutong.cli import deadlines
from hutong.cli.history import History, Step
from hutong.cli.render import clean, refused_as, span
from hutong.cli.said import Sayer, label, word
from hutong.cli.texts import event_word, known, language, say
from hutong.events.notice import AccessReleased, Erased
from hutong.rules.lifecycle import Lifecycle

_MARGIN = 30
"""Columns before a step's text: its time, the time since the one before, its mark."""

_STATE_STYLES = {
    "resolved": "green", "called_back": "green", "closed": "green", "answered": "green", "merged": "blue",
    "contested": "yellow", "extending": "yellow", "suspending": "yellow", "suspended": "blue", "reopened": "yellow",
}  # fmt: skip
_MARKS = {
    "disposition.reminded": ("▲", "yellow"),
    "disposition.overdue": ("✗", "bold red"),
    "disposition.escalated": ("▲", "bold red"),
    "notice.access_released": ("○", "dim"),
    "notice.erased": ("○", "magenta"),
}


class Timeline:
    """Draws one history. ``every``: key notices are not folded into one line."""

    def __init__(self, history: History, lifecycle: Lifecycle, sayer: Sayer, *, every: bool = False) -> None:
        self._history = history
        self._lifecycle = lifecycle
        self._sayer = sayer
        self._every = every

    def parts(self, console: Console) -> Iterator[RenderableType]:
        """Header, deadlines, steps, holders."""
        yield self._header()
        if self._history.deadlines:
            yield Group(deadlines.table(self._history.deadlines, self._sayer, self._history.now), Text())
        yield self._steps(console)
        if self._history.holders:
            yield self._holders(console)

    def _header(self) -> RenderableType:
        history, ticket, filed, sayer = self._history, self._history.ticket, self._history.filed, self._sayer
        title = Text(f"{say('ticket')} {clean(history.id)}", "bold")
        if ticket is None or filed is None:
            return Panel(Text(say("never_admitted"), "red"), title=title, title_align="left")
        state = self._lifecycle.table.states[ticket.state]
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="dim", no_wrap=True)
        rows.add_column(overflow="fold")
        age = say("took" if history.ended else "age", span=span(history.age))
        named = state.zh if language() == "zh" else f"{state.zh} {state.en}"
        rows.add_row(say("state"), Text(named, _state_style(ticket.state)).append(f"   {age}", "not bold dim"))
        kind = word(filed.kind)
        rows.add_row(say("about"), f"{kind} · {sayer.category(ticket.category)} · {sayer.area(ticket.area)}")
        when = sayer.moment(history.filed_at, "%Y-%m-%d %H:%M %Z") if history.filed_at else ""
        rows.add_row(say("filed"), Text.assemble(when, " · ", sayer.who(ticket.filer), f" · {word(filed.channel)}"))
        if ticket.lead:
            rows.add_row(say("lead"), sayer.who(ticket.lead))
        if ticket.assistants:
            rows.add_row(say("assistants"), Text(", ").join(map(sayer.who, ticket.assistants)))
        if ticket.into:
            rows.add_row(label("into"), clean(ticket.into))
        if history.repeats:
            rows.add_row(say("repeats", count=len(history.repeats)), clean(", ".join(history.repeats)))
        return Panel(rows, title=title, title_align="left", border_style="dim", padding=(0, 1))

    # -- steps ------------------------------------------------------------------------------------------------------

    def _steps(self, console: Console) -> RenderableType:
        room = max(console.width - _MARGIN, 20)
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True, width=14)
        table.add_column(style="dim", no_wrap=True, width=12, justify="right")
        table.add_column(no_wrap=True, width=1)
        table.add_column(overflow="fold")
        groups = self._groups()
        before: datetime | None = None
        for place, steps in enumerate(groups):
            told = self._told(steps, room)
            rows = sum(len(text.wrap(console, room)) for text in told)
            mark = Text(*_mark(steps[0]))
            mark.append("" if place + 1 == len(groups) else "\n│" * (rows - 1), "dim")
            at = steps[0].at
            since = None if at is None or before is None else at - before
            table.add_row(self._sayer.moment(at, "%m-%d %H:%M:%S") if at else "", _since(since), mark, Group(*told))
            before = steps[-1].at or before
        return table

    def _groups(self) -> list[list[Step]]:
        """Steps in their order; what was released one after the other, and what was erased, together."""
        groups: list[list[Step]] = []
        for step in self._history.steps:
            folds = isinstance(step.event.data, AccessReleased | Erased) and step.after is not None and not self._every
            if folds and groups and groups[-1][0].event.type == step.event.type and groups[-1][0].after is not None:
                groups[-1].append(step)
            else:
                groups.append([step])
        return groups

    def _told(self, steps: Sequence[Step], room: int) -> list[Text]:
        """What happened, and what it said, line by line; on one where that has room."""
        event, sayer = steps[0].event, self._sayer
        notice = isinstance(event.data, AccessReleased | Erased) and not self._every
        happened = (clean(self._happened(event.type)), "dim" if notice else "bold")
        head = Text.assemble(happened, (f"  {sayer.name(event.source)}", "dim" if notice else ""))
        said = self._folded(steps) if notice else sayer.fields(event)
        told = [head]
        if event.refusal is not None:
            how = refused_as(event.refusal)
            style = "red" if how == "refused" else "dim"
            reason = f"{say(f'outcome.{how}')} {clean(event.refusal.code)}: {clean(event.refusal.text)}"
            told.append(Text(reason, style))
        return _joined([*told, *([said] if said else []), *sayer.seals(event, self._history.erased)], room)

    def _happened(self, type_: str) -> str:
        rule, named = self._lifecycle.table.events.get(type_), event_word(type_)
        return f"{rule.zh} {named}" if rule and language() != "zh" else named

    def _folded(self, steps: Sequence[Step]) -> Text:
        """Keys that were given out: to whom, of which classes; or destroyed: of which classes, why."""
        recipients: dict[str, dict[str, None]] = {}
        for step in steps:
            match step.event.data:
                case AccessReleased(recipient=recipient, key_class=key_class):
                    recipients.setdefault(recipient, {})[word(key_class)] = None
                case Erased(key_class=key_class, reason=reason):
                    recipients.setdefault(word(reason), {})[word(key_class)] = None
        parts = [f"{self._sayer.name(to)} ({', '.join(classes)})" for to, classes in recipients.items()]
        return Text(", ".join(parts), "dim")

    # -- holders ----------------------------------------------------------------------------------------------------

    def _holders(self, console: Console) -> RenderableType:
        room = min(max(console.width - 74, 6), 30)
        longest = max((holder.total for holder in self._history.holders), default=timedelta())
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column(say("held_by"), overflow="fold")
        table.add_column(say("as"), no_wrap=True)
        table.add_column(say("held"), justify="right", no_wrap=True)
        table.add_column("", no_wrap=True, width=room)
        table.add_column(say("times"), justify="right")
        table.add_column("", no_wrap=True)
        for holder in self._history.holders:
            now = Text(say("holding"), "yellow") if holder.holding else Text("")
            task = say(f"task.{holder.task}") if known(f"task.{holder.task}") else holder.task
            done = round(room * (holder.total / longest)) if longest else 0
            bar = Text("━" * done, "yellow" if holder.holding else "cyan")
            table.add_row(self._sayer.who(holder.organisation), task, span(holder.total), bar, str(holder.times), now)
        return Group(Text(""), table)


def _joined(told: Sequence[Text], room: int) -> list[Text]:
    """Each text behind the one before where the line has room for it, else on a line of its own."""
    lines: list[Text] = []
    for text in told:
        if lines and lines[-1].cell_len + 3 + text.cell_len <= room:
            lines[-1].append("   ").append(text)
        else:
            lines.append(text)
    return lines


def _since(since: timedelta | None) -> str:
    return "" if since is None else f"+{span(since)}".replace("+-", "-")


def _state_style(state: str) -> str:
    return f"bold {_STATE_STYLES.get(state, 'cyan')}"


def _mark(step: Step) -> tuple[str, str]:
    """A step's mark and its style. ``already_admitted`` is a success: no cross for that."""
    refusal = step.event.refusal
    if refusal is not None:
        return ("✗", "red") if refused_as(refusal) == "refused" else ("●", "dim")
    plain = ("●", _STATE_STYLES.get(step.after.state, "cyan") if step.after else "dim")
    return _MARKS.get(step.event.type.rpartition(".v")[0], plain)
