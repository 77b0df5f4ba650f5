"""A ticket's deadlines 期限 for a terminal: kept, missed, running, standing still."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hutong.cli.render import span
from hutong.cli.said import Sayer, word
from hutong.cli.texts import say
from hutong.rules.deadlines import Deadline

_BAR = 12


def table(deadlines: Iterable[Deadline], sayer: Sayer, now: datetime) -> RenderableType:
    """One line each: the limit, from when to when, how much of it went by, and what came of it."""
    drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    drawn.add_column(say("deadlines"), no_wrap=True)
    drawn.add_column(say("deadlines.due"), no_wrap=True)
    drawn.add_column("", no_wrap=True, width=_BAR)
    drawn.add_column("", overflow="fold")
    for each in deadlines:
        began, due = (sayer.moment(moment, "%m-%d %H:%M") for moment in (each.began, each.due))
        drawn.add_row(
            word(each.limit), Text(f"{began} → ", "dim").append(due, "not dim"), _bar(each, now), outcome(each, now)
        )
    return drawn


def outcome(deadline: Deadline, now: datetime) -> Text:
    """What came of it until ``now``."""
    at = deadline.met_at or now
    late, took = span(at - deadline.due), span(at - deadline.began)
    if deadline.kept is not None:
        kept = deadline.kept
        return Text(
            say("deadlines.kept", span=took) if kept else say("deadlines.missed", span=late), _style(deadline, now)
        )
    if deadline.suspended:
        return Text(say("deadlines.suspended"), _style(deadline, now))
    key = "deadlines.over" if now > deadline.due else "deadlines.left"
    return Text(say(key, span=span(abs(deadline.due - now))), _style(deadline, now))


def _style(deadline: Deadline, now: datetime) -> str:
    if deadline.suspended:
        return "blue"
    if (deadline.met_at or now) > deadline.due:
        return "bold red"
    return "green" if deadline.kept else "yellow"


def _bar(deadline: Deadline, now: datetime) -> Text:
    """The time that went by, as a part of what was given; full where it was more."""
    given, gone = deadline.due - deadline.began, (deadline.met_at or now) - deadline.began
    share = 1.0 if gone >= given else max(gone / given, 0.0)
    done = round(share * _BAR)
    return Text("━" * done, _style(deadline, now)).append("━" * (_BAR - done), "bright_black")
