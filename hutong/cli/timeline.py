"""A ticket's history for a terminal of 80 columns or more; the times are the city's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hutong.cli.entries import name_of
from hutong.cli.history import History, Step
from hutong.cli.render import clean, local, refused_as, seal_json, span
from hutong.cli.texts import known, say
from hutong.client import Bus
from hutong.events.complaint import Filed
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Lifecycle

_IN_THE_HEADER = frozenset({"kind", "category", "area"})
_MARGIN = 31
"""Columns before a step's text: its time, the time since the one before, its dot."""

_STYLE = {"resolved": "green", "closed": "green", "answered": "green", "contested": "yellow", "reopened": "yellow"}


class Timeline:
    """Draws one history. With ``keys`` sealed fields are opened where the organisation holds their key."""

    def __init__(
        self, history: History, lifecycle: Lifecycle, directory: Directory, zone: ZoneInfo, keys: Bus | None
    ) -> None:
        self._history = history
        self._lifecycle = lifecycle
        self._directory = directory
        self._zone = zone
        self._keys = keys

    def parts(self, console: Console) -> Iterator[RenderableType]:
        """Header, steps, holders."""
        yield self._header()
        yield self._steps(console)
        if self._history.holders:
            yield self._holders()

    def _header(self) -> RenderableType:
        history, ticket, filed = self._history, self._history.ticket, self._history.filed
        title = Text(f"{say('ticket')} {clean(history.id)}", "bold")
        if ticket is None or filed is None:
            return Panel(Text(say("never_admitted"), "red"), title=title, title_align="left")
        state = self._lifecycle.table.states[ticket.state]
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="dim", no_wrap=True)
        rows.add_column(overflow="fold")
        age = say("took" if history.ended else "age", span=span(history.age))
        rows.add_row(say("state"), Text(f"{state.zh} {state.en}", _state_style(ticket.state)).append(f"  {age}", "dim"))
        rows.add_row(say("about"), f"{self._word(filed.kind)} · {ticket.category} · {self._area(ticket.area)}")
        when = local(history.filed_at, self._zone, "%Y-%m-%d %H:%M %Z") if history.filed_at else ""
        rows.add_row(say("filed"), Text(when).append(f" · {self._who(ticket.filer)}"))
        if ticket.lead:
            rows.add_row(say("lead"), self._who(ticket.lead))
        if ticket.assistants:
            rows.add_row(say("assistants"), ", ".join(map(self._who, ticket.assistants)))
        return Panel(rows, title=title, title_align="left", border_style="dim", padding=(0, 1))

    def _steps(self, console: Console) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True, width=14)
        table.add_column(style="dim", no_wrap=True, width=13, justify="right")
        table.add_column(no_wrap=True, width=1)
        table.add_column(overflow="fold")
        for place, step in enumerate(self._history.steps):
            last = place + 1 == len(self._history.steps)
            told = self._told(step)
            rows = sum(len(text.wrap(console, max(console.width - _MARGIN, 20))) for text in told)
            dot = Text("✗" if _turned_away(step) else "●", _dot_style(step))
            dot.append("" if last else "\n│" * (rows - 1), "dim")
            when = local(step.at, self._zone, "%m-%d %H:%M:%S") if step.at else ""
            since = "" if step.since is None else f"+{span(step.since)}".replace("+-", "-")
            table.add_row(when, since, dot, Group(*told))
        return table

    def _told(self, step: Step) -> list[Text]:
        """What happened, and what it said, line by line."""
        event = step.event
        rule = self._lifecycle.table.events.get(event.type)
        short = clean(event.type.rpartition(".v")[0].rpartition(".")[2] or event.type)
        head = Text(f"{rule.zh} {short}" if rule else short, "bold")
        head.append(f"  {self._who(event.source)}", "not bold")
        told = [head]
        if event.refusal is not None:
            how = refused_as(event.refusal)
            style = "red" if how == "refused" else "dim"
            told.append(
                Text(f"{say(f'outcome.{how}')} {clean(event.refusal.code)}: {clean(event.refusal.text)}", style)
            )
        if said := "; ".join(self._said(step)):
            told.append(Text(said))
        sealed = [field for field in event.data.sealed_fields() if getattr(event.data, field) is not None]
        return [*told, *self._seals(step, sealed)]

    def _said(self, step: Step) -> Iterator[str]:
        """The event's plain fields, in words; what it left at its default says nothing."""
        data = step.event.data
        for name, field in type(data).model_fields.items():
            value = getattr(data, name)
            if name in data.sealed_fields() or (value == field.default and value is not None and name != "outcome"):
                continue
            if value is None or value == () or (isinstance(data, Filed) and name in _IN_THE_HEADER):
                continue
            yield f"{say(f'field.{name}') if known(f'field.{name}') else name} {self._value(value)}"

    def _value(self, value: Any) -> str:
        if isinstance(value, bool):
            return say("yes" if value else "no")
        if isinstance(value, StrEnum):
            return self._word(value)
        if isinstance(value, tuple):
            return ", ".join(map(self._value, value))
        if hasattr(value, "model_dump"):
            return " ".join(map(str, value.model_dump().values()))
        return self._who(str(value)) if self._directory.get(str(value)) else clean(str(value))

    def _seals(self, step: Step, fields: Iterable[str]) -> Iterator[Text]:
        shut: list[str] = []
        for field in fields:
            opened = seal_json(step.event, field, self._keys)
            label = say(f"field.{field}") if known(f"field.{field}") else field
            if isinstance(opened, dict) and opened.get("sealed") == getattr(step.event.data, field).key_id.hex():
                shut.append(label + (f" ({say('bad_seal')})" if "error" in opened else ""))
            else:
                yield Text(f"{label} ", "dim").append(clean(_flat(opened)), "not dim italic")
        if shut:
            yield Text(f"{say('sealed')} ", "magenta").append(", ".join(shut))

    def _holders(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column(say("held_by"), overflow="fold")
        table.add_column(say("as"))
        table.add_column(say("held"), justify="right", no_wrap=True)
        table.add_column(say("times"), justify="right")
        table.add_column("")
        for holder in self._history.holders:
            now = Text(say("holding"), "yellow") if holder.holding else Text("")
            task = say(f"task.{holder.task}") if known(f"task.{holder.task}") else holder.task
            table.add_row(self._who(holder.organisation), task, span(holder.total), str(holder.times), now)
        return Group(Text(""), table)

    def _who(self, organisation: str) -> str:
        """The organisation's name and id."""
        standing = self._directory.get(organisation)
        name = name_of(standing.entry) if standing else ""
        return f"{name} {organisation}" if name and name != organisation else clean(organisation)

    def _area(self, area: str) -> str:
        standing = self._directory.get(area)
        return f"{area} {name_of(standing.entry)}" if standing else area

    @staticmethod
    def _word(value: StrEnum) -> str:
        return say(f"value.{value}") if known(f"value.{value}") else str(value)


def _state_style(state: str) -> str:
    return f"bold {_STYLE.get(state, 'cyan')}"


def _dot_style(step: Step) -> str:
    if step.after is not None:
        return _STYLE.get(step.after.state, "cyan")
    return "red" if _turned_away(step) else "dim"


def _turned_away(step: Step) -> bool:
    """``already_admitted`` is a success: no cross for that."""
    return step.event.refusal is not None and refused_as(step.event.refusal) == "refused"


def _flat(value: Any) -> str:
    """A JSON value on one line, without JSON's marks where they say nothing."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_flat, value))
    return str(value)
