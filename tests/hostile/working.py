"""What the city does with one hostile input: decode, judge, deliver, show."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

from kafka.errors import CorruptRecordError  # type: ignore[import-untyped]

from hutong.cli.render import event_json, line
from hutong.cli.subscribe import event_line
from hutong.event import Event
from hutong.rules.lifecycle import Lifecycle
from hutong.shown import clean
from tests.hostile.mutating import Input
from tests.hostile.town import Outcome, Town

_ZONE = ZoneInfo("Asia/Shanghai")
_lifecycle = cache(Lifecycle.load)


def work(town: Town, made: Input) -> list[Outcome] | None:
    """The outcomes; None where the sum or frame of a batch is wrong, which is the disk's fault: no broker takes such a
    batch from anybody. It ends the reader by rule (the transport's fate for what it does not know)."""
    try:
        outcomes = town.throw_bytes(made.batches, made.partition)
    except CorruptRecordError as error:
        if not any(fault in str(error) for fault in ("crc", "minimum record overhead")):
            raise
        return None
    for outcome in outcomes:
        event = outcome.refusal or outcome.entry
        if event is not None:
            show(event)
    return outcomes


def show(event: Event) -> None:
    """Whatever the CLI prints of it has nothing in it that acts on a terminal."""
    shown = event_line(event, _lifecycle(), _ZONE).replace("\x1b[31m", "").replace("\x1b[0m", "").split("\n")
    for text in (line(event_json(event)), *shown):
        assert text == clean(text), text
