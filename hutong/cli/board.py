"""A :class:`~hutong.board.Board` on a terminal of 80 × 24 or more: ``hutong city`` and the demo draw it by this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from types import TracebackType
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from hutong.board import Board, Counts, Happening, Overview
from hutong.cli.entries import name_of
from hutong.cli.render import clean, local
from hutong.cli.texts import event_word, language, say
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Lifecycle
from hutong.rules.regions import Regions

MIN_WIDTH, MIN_HEIGHT = 80, 24
COLUMNS = ("received", "in_hand", "overdue", "ended")
_COLUMN_CELLS = 36
"""A column of places is at least so wide."""
_LAST_LINES = 4
"""Lines that the last events always get."""
_STYLES = {"received": "", "in_hand": "yellow", "overdue": "bold red", "ended": "green"}


@dataclass(frozen=True, slots=True)
class Names:
    """What organisations and places are called, by the directory as it is now and the city's divisions."""

    directory: Callable[[], Directory]
    regions: Regions

    def organisation(self, id: str) -> str:
        """An organisation's name in the reader's language, else its id."""
        standing = self.directory().get(id)
        return name_of(standing.entry) if standing else clean(id)

    def place(self, code: str) -> str:
        """A division's name; in English its organisation's, where that has an English one."""
        division = self.regions.divisions.get(code)
        if division is None or (language() != "zh" and self.directory().get(code)):
            return self.organisation(code)
        return division.name

    def level(self, organisation: str) -> str:
        """The level of an organisation, ``none`` for "", ``unknown`` for a stranger."""
        standing = self.directory().get(organisation) if organisation else None
        return str(standing.entry.level) if standing else "unknown" if organisation else "none"

    def levels(self, overview: Overview) -> Mapping[str, int]:
        """Tickets in hand by the level of who has them."""
        found: Counter[str] = Counter()
        for lead, count in overview.leads.items():
            found[self.level(lead)] += count
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Draws a board. ``source`` is ``ledger`` or ``deliveries``; ``expected``: how many tickets are to come."""

    lifecycle: Lifecycle
    names: Names
    zone: ZoneInfo
    source: str
    expected: int | None = None

    def draw(self, board: Board, now: datetime, width: int, height: int) -> RenderableType:
        """The picture, ``height`` lines of ``width`` columns; smaller consoles get the smallest size there is."""
        width, height = max(width, MIN_WIDTH), max(height, MIN_HEIGHT)
        inner, overview = width - 4, board.overview()
        lines = [
            self._totals(board, overview, now, inner),
            self._bar(overview, inner),
            *self._states(overview, inner),
            self._levels(overview, inner),
            _line(inner, say("board.shares"), *_shares(overview)),
        ]
        room = height - 2 - len(lines) - 3  # border; two rules, the table's header
        table = self._table(board, overview, inner, room - _LAST_LINES)
        kind = "lead" if overview.by == "lead" else "street" if board.root != board.regions.city else "district"
        lines += [_rule(say(f"board.by.{kind}"), inner), *table]
        lines.append(_rule(say("board.last"), inner))
        lines += self._last(board, now, inner, height - 2 - len(lines))
        place = clean(self.names.place(board.root))
        return Panel(
            Group(*lines),
            title=Text.assemble(("互通 Hutong", "bold"), f" · {place} {clean(board.root)} · {say(self._said())}"),
            subtitle=Text(local(now, self.zone, "%Y-%m-%d %H:%M:%S %Z"), "dim"),
            border_style="blue", padding=(0, 1), width=width, height=height,
        )  # fmt: skip

    def _said(self) -> str:
        return "board.source.ledger" if self.source == "ledger" else "board.source.deliveries"

    def _totals(self, board: Board, overview: Overview, now: datetime, width: int) -> Text:
        parts: list[tuple[str, str, str]] = []
        for column in COLUMNS:
            count = getattr(overview.counts, column)
            of = f"/{self.expected:,}" if column == "received" and self.expected else ""
            parts.append((say(f"board.{column}"), f"{count:,}{of}", f"bold {_STYLES[column]}" if count else "dim"))
        for what, count in (("refused", board.refused), ("unreadable", board.unreadable)):
            if count:
                parts.append((say(f"board.{what}"), f"{count:,}", "bold red"))
        told = Text("   ").join(Text.assemble((f"{label} ", "dim"), (count, style)) for label, count, style in parts)
        rate = Text(say("board.rate", rate=f"{board.rate(now):,.1f}"), "cyan")
        told.truncate(width - rate.cell_len - 1, overflow="ellipsis", pad=True)
        return told.append(" ").append(rate)

    def _bar(self, overview: Overview, width: int) -> Text:
        counts = overview.counts
        whole = max(self.expected or 0, counts.received)
        label = say("board.share_ended", share=_percent(counts.ended / whole if whole else None))
        room = width - cell_len(label) - 1
        ended, overdue = (round(room * part / whole) if whole else 0 for part in (counts.ended, counts.overdue))
        begun = round(room * counts.received / whole) if whole else 0
        bar = Text("━" * ended, "green").append("━" * max(begun - ended - overdue, 0), "yellow")
        bar.append("━" * min(overdue, room - bar.cell_len), "red").append("━" * (room - bar.cell_len), "bright_black")
        return bar.append(f" {label}", "dim")

    def _states(self, overview: Overview, width: int) -> list[Text]:
        """The states that have tickets, on one line or two."""
        lines, begun = [Text()], False
        for state, described in self.lifecycle.table.states.items():
            count = overview.states.get(state, 0)
            if not count:
                continue
            word = described.zh if language() == "zh" else state.replace("_", " ")
            told = Text.assemble((f"{word} ", ""), (f"{count:,}", "green" if described.ended else "yellow"))
            if begun and lines[-1].cell_len + 3 + told.cell_len > width:
                lines.append(Text())
                begun = False
            lines[-1].append("   " if begun else "").append(told)
            begun = True
        if not overview.states:
            lines = [Text(say("board.nothing"), "dim")]
        for line in lines[:2]:
            line.truncate(width, overflow="ellipsis")
        return lines[:2]

    def _levels(self, overview: Overview, width: int) -> Text:
        levels = self.names.levels(overview)
        order = ("none", "city", "district", "street", "community", "department", "utility", "partner")
        known = [(say(f"level.{level}"), f"{levels[level]:,}") for level in order if levels.get(level)]
        if other := sum(count for level, count in levels.items() if level not in order):
            known.append((say("level.other"), f"{other:,}"))
        return _line(width, say("board.in_hand_at"), *(known or [(say("board.nobody"), "")]))

    def _table(self, board: Board, overview: Overview, width: int, most: int) -> list[Text]:
        """Header and at most ``most`` lines, in as many columns as there is room for; what finds none is summed up."""
        columns = max(1, (width + 3) // (_COLUMN_CELLS + 3))
        rows = list(overview.rows.items())
        named = self._named(board, overview, rows)
        if len(rows) > most * columns:
            kept, rest = _largest(rows, most * columns - 1)
            named = self._named(board, overview, kept)
            named.append((say("board.others", count=len(rest)), _added(counts for _, counts in rest)))
        lines = max(1, min(most, ceil(len(named) / columns)))
        columns = max(1, ceil(len(named) / lines))
        cells = (width - 3 * (columns - 1)) // columns
        if columns == 1:
            cells = min(cells, 2 * _COLUMN_CELLS)
        heads = [say(f"board.head.{column}") for column in COLUMNS]
        widths = [
            max(cell_len(head), *(len(f"{getattr(counts, column):,}") for _, counts in named), 4) if named else 6
            for head, column in zip(heads, COLUMNS, strict=True)
        ]
        first = say("board.head.unit" if overview.by == "lead" else "board.head.place")
        head = _cells(Text(first, "dim"), [Text(each, "dim") for each in heads], widths, cells)
        drawn = [_cells(Text(name), _numbers(counts), widths, cells) for name, counts in named]
        table = [Text("   ").join([head] * columns)]
        for line in range(lines if named else 0):
            table.append(Text(" │ ", "bright_black").join(drawn[line::lines]))
        return table

    def _named(self, board: Board, overview: Overview, rows: Iterable[tuple[str, Counts]]) -> list[tuple[str, Counts]]:
        def name(row: str) -> str:
            if overview.by == "lead":
                return self.names.organisation(row) if row else say("level.none")
            return say("board.itself") if row == board.root else self.names.place(row)

        return [(clean(name(row)), counts) for row, counts in rows]

    def _last(self, board: Board, now: datetime, width: int, lines: int) -> list[Text]:
        shown = list(board.last)[-lines:] if lines > 0 else []
        if not shown:
            return [Text(say("board.waiting"), "dim")]
        today = local(now, self.zone, "%m-%d")
        dated = any(local(each.time, self.zone, "%m-%d") != today for each in shown)
        return [self._happening(each, "%m-%d %H:%M:%S" if dated else "%H:%M:%S", width) for each in shown]

    def _happening(self, each: Happening, form: str, width: int) -> Text:
        step = Text(event_word(each.type), "cyan")
        step.truncate(10 if language() == "zh" else 20, overflow="ellipsis", pad=True)
        told = (
            Text(local(each.time, self.zone, form), "dim").append(" ").append(step).append(f" {clean(each.ticket)}  ")
        )
        where = Text(clean(self.names.place(each.area)))
        if width >= 100:
            where.truncate(16, overflow="ellipsis", pad=True)
            told.append(where).append("  ")
        told.append(self.names.organisation(each.source), "dim")
        told.truncate(width, overflow="ellipsis")
        return told


@dataclass(slots=True)
class Screen:
    """The picture of a board while it lives; without a terminal it stays silent. What it showed last stays behind."""

    console: Console
    picture: Picture
    _live: Live = field(init=False)
    _last: tuple[Board, datetime] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._live = Live(console=self.console, screen=True, auto_refresh=False)

    def update(self, board: Board, now: datetime) -> None:
        """Draw what the board knows."""
        self._last = board, now
        if self.console.is_terminal:
            self._live.update(self._draw(board, now), refresh=True)

    def _draw(self, board: Board, now: datetime) -> RenderableType:
        return self.picture.draw(board, now, self.console.width, self.console.height)

    def __enter__(self) -> Screen:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.console.is_terminal:
            self._live.stop()
            if self._last is not None:
                self.console.print(self._draw(*self._last))


def _line(width: int, label: str, *parts: tuple[str, str]) -> Text:
    told = Text(f"{label}  ", "dim")
    told.append(
        Text("   ").join(Text.assemble((word, "not dim"), (f" {count}", "bold not dim")) for word, count in parts)
    )
    told.truncate(width, overflow="ellipsis")
    return told


def _rule(title: str, width: int) -> Text:
    return Text(f"── {title} ", "bright_black").append("─" * max(width - cell_len(title) - 4, 0))


def _cells(name: Text, numbers: Sequence[Text], widths: Sequence[int], cells: int) -> Text:
    """One row: the name takes what the numbers leave."""
    row = name.copy()
    row.truncate(max(cells - sum(widths) - len(widths), 4), overflow="ellipsis", pad=True)
    for number, width in zip(numbers, widths, strict=True):
        row.append(" " * (1 + max(width - number.cell_len, 0))).append(number)
    return row


def _numbers(counts: Counts) -> list[Text]:
    return [
        Text(f"{count:,}", _STYLES[name] if count else "dim") for name in COLUMNS for count in [getattr(counts, name)]
    ]


def _largest(
    rows: Sequence[tuple[str, Counts]], count: int
) -> tuple[list[tuple[str, Counts]], list[tuple[str, Counts]]]:
    """The ``count`` rows with most in hand, in their order; and the others."""
    ranked = sorted(rows, key=lambda row: (-row[1].in_hand, -row[1].received))
    kept = {row for row, _ in ranked[:count]}
    return [row for row in rows if row[0] in kept], [row for row in rows if row[0] not in kept]


def _added(counts: Iterable[Counts]) -> Counts:
    every = list(counts)
    return Counts(**{name: sum(getattr(each, name) for each in every) for name in COLUMNS})


def _shares(overview: Overview) -> list[tuple[str, str]]:
    return [
        (say(f"board.{name}"), _percent(getattr(overview.shares, name)))
        for name in ("merged", "contested", "dissatisfied")
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
