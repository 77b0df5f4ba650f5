"""A desk that plays its own past again: an export says what became of each row, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import hutong
from hutong import complaint, disposition
from services.exports import BadRow, Export, Row

WANTED = (complaint.Filed, disposition.Dispatched, disposition.Reopened)


@dataclass(frozen=True, slots=True)
class Answer:
    """An event, and when it happened."""

    data: hutong.EventData
    time: datetime | None


class HistoricDesk:
    """Accepts what it is asked to lead when it was dispatched, and resolves it when its records say so.

    Whatever they leave open stays open; nothing is declined. A reopened ticket is resolved at once.
    """

    def __init__(self, organisation: str, export: Export, rows: Iterable[Row | BadRow]) -> None:
        self._organisation = organisation
        self._export = export
        self._records: dict[str, Row] = {}
        for row in rows:
            if isinstance(row, Row):  # what cannot be read was never filed either
                self._records.setdefault(export.key(row), export.kept(row))
        self._leads: dict[str, str] = {}
        self._rows: dict[str, str] = {}

    def learn(self, event: hutong.Event) -> None:
        """Remember who leads the ticket and which row it came from (an organisation that joins is told of both)."""
        match event.data:
            case complaint.Filed(source=source) if source is not None and source.system == self._export.system:
                self._rows[event.ticket] = source.row
            case disposition.Dispatched(lead=lead):
                self._leads[event.ticket] = lead

    def answers(self, event: hutong.Event) -> list[Answer]:
        """The desk's answers to ``event``, in order."""
        self.learn(event)
        if self._leads.get(event.ticket) != self._organisation:
            return []
        record = self._records.get(self._rows.get(event.ticket, ""))
        ending = self._export.ending(record) if record else None
        report = hutong.Clear(ending.report) if ending and ending.report else None
        match event.data:
            case disposition.Dispatched():
                resolved = [Answer(disposition.Resolved(report=report), ending.at)] if ending else []
                return [Answer(disposition.Accepted(), event.time), *resolved]
            case disposition.Reopened():
                return [Answer(disposition.Resolved(report=report), event.time)]
        return []


def play(bus: hutong.Bus, desk: HistoricDesk) -> None:
    """Answer as the records decide, with the times of the past."""
    for event in bus.replay(source="deliveries"):
        desk.learn(event)
    for event in bus.subscribe(types=WANTED):
        with event:
            bus.submit_batch([bus.draft(step.data, answers=event, time=step.time) for step in desk.answers(event)])
