"""办理: a department's desk. Whatever it is asked to lead it accepts and resolves, and where it is called to help it
helps. What it does otherwise, and how often, are its habits.

A real desk asks its people here; this one answers at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import hutong
from hutong import complaint, disposition
from hutong.events.disposition import Decision, Measure
from hutong.wire.stamps import RefusalStamp
from services.desk.cases import Case, Cases, CasesInMemory, Due, learned
from services.desk.habits import Asking, Habits
from services.desk.supervisor import supervise
from services.drawing import drawn

WANTED = (
    disposition.Dispatched, disposition.Accepted, disposition.Declined, disposition.DeclineDecided,
    disposition.Reopened, disposition.AssistRequested, disposition.AssistReported,
    disposition.ExtensionRequested, disposition.ExtensionDecided, disposition.Suspended, disposition.Resumed,
    disposition.Overdue, disposition.Resolved, complaint.Withdrawn,
)  # fmt: skip
"""What a desk must hear of, its own events too; everything else on its tickets is for information."""

SAYS = (
    disposition.Accepted, disposition.Declined, disposition.AssistRequested, disposition.AssistReported,
    disposition.ExtensionRequested, disposition.ExtensionDecided, disposition.Suspended, disposition.Resumed,
    disposition.Resolved, disposition.Escalated,
)  # fmt: skip
"""What it says itself; an organisation's other programs say other things."""

DESIGNATED_AFTER = 3
"""So many dispatches, and the next one cannot be declined (schemas/lifecycle.yaml, 指定承办)."""

NOT_OURS = hutong.Clear("经核实，不属于本单位职责范围。")
COME = hutong.Clear("请派人到现场，一同处理。")
CAME = hutong.Clear("已派人到现场配合。")
MORE_TIME = hutong.Clear("需要更多时间，已告知诉求人。")
DONE = hutong.Clear("已到现场处理，并告知诉求人。")
DONE_AGAIN = hutong.Clear("已再次处理，并当面听取诉求人意见。")


class Desk:
    """What this desk knows of its tickets, and what it answers. ``hour`` is how long one takes here."""

    def __init__(
        self,
        organisation: str,
        habits: Habits | None = None,
        *,
        cases: Cases | None = None,
        seed: int = 0,
        hour: timedelta = timedelta(hours=1),
    ) -> None:
        self._organisation = organisation
        self._habits = habits or Habits()
        self._cases: Cases = CasesInMemory() if cases is None else cases
        self._seed = seed
        self._hour = hour

    def knows(self, event: hutong.Event) -> bool:
        """Whether it can tell who leads the event's ticket, or need not."""
        free = isinstance(event.data, disposition.Dispatched | complaint.Withdrawn)  # may come before any dispatch
        return free or self._cases.get(event.ticket) is not None

    def learn(self, event: hutong.Event) -> Case | None:
        """Remember what the event says of its ticket. Told again what it was told before, a desk that starts anew knows
        the same."""
        before = self._cases.get(event.ticket)
        case = learned(before, event)
        if case is not None and case is not before:
            self._cases[event.ticket] = case
        return case

    def answers(self, event: hutong.Event, directory: hutong.Directory) -> list[hutong.EventData]:
        """The desk's answers to ``event``, in order; none where the ticket is another's business."""
        case = self.learn(event)
        if case is None:
            return []
        if case.lead == self._organisation:
            return self._leads(event, case, directory)
        if self._called(event):
            return [disposition.AssistReported(report=CAME)]
        return supervise(
            event, case.lead, organisation=self._organisation, habits=self._habits, directory=directory, seed=self._seed
        )

    def asked(self, ticket: str) -> None:
        """All that was ever delivered of the ticket was gone through: where nothing says who leads it, nobody does."""
        if self._cases.get(ticket) is None:
            self._cases[ticket] = Case(lead="")

    def says(self, data: hutong.EventData) -> bool:
        """Whether that is something a desk says, and not another program of its organisation."""
        return isinstance(data, SAYS)

    def refused(
        self, event: hutong.Event, refusal: RefusalStamp, directory: hutong.Directory
    ) -> list[hutong.EventData]:
        """What it says instead of what the city refused: a unit that was called and is no more cannot come."""
        if refusal.code == "unknown_unit" and isinstance(event.data, disposition.AssistRequested):
            return self._works(event, directory)
        return []

    def due(self, now_ms: int) -> list[tuple[Due, hutong.EventData]]:
        """What it is to answer by now, late; each until :meth:`said`. What it has not been heard to accept waits."""
        dues = [due for due in self._cases.due(now_ms) if (case := self._cases.get(due.ticket)) and case.accepted]
        return [(due, disposition.Resolved(report=DONE)) for due in dues]

    def said(self, due: Due) -> None:
        """It was submitted."""
        self._cases.drop(due.ticket)

    def _called(self, event: hutong.Event) -> bool:
        """Whether it is called to help 协办 by this event."""
        match event.data:
            case disposition.Dispatched(assistants=units) | disposition.AssistRequested(units=units):
                return self._organisation in units
        return False

    # -- as the lead unit 主办 --------------------------------------------------------------------------------------

    def _leads(self, event: hutong.Event, case: Case, directory: hutong.Directory) -> list[hutong.EventData]:
        match event.data:
            case disposition.Dispatched() if self._declines(event, case):
                self._cases[event.ticket] = replace(case, contested=True)  # who helps may report before our receipt
                reasons = self._habits.reasons
                reason = reasons[int(drawn(event, "reason", self._seed) * len(reasons))]
                return [disposition.Declined(reason=reason, explanation=NOT_OURS)]
            case disposition.Dispatched() | disposition.DeclineDecided(decision=Decision.REJECTED):
                return [disposition.Accepted(), *self._begins(event, case, directory)]
            case disposition.AssistReported() if case.helped_by(event) and not case.contested:
                return self._works(event, directory)
            case disposition.ExtensionDecided():
                return [disposition.Resolved(report=DONE)]
            case disposition.Suspended() if self._habits.resumes:
                return [disposition.Resumed(reason="conditions_met"), disposition.Resolved(report=DONE)]
            case disposition.Resumed() if event.source != self._organisation:
                return [disposition.Resolved(report=DONE)]
            case disposition.Resolved() | complaint.Withdrawn():
                self._cases.drop(event.ticket)
            case disposition.Reopened():
                return [disposition.Resolved(report=DONE_AGAIN)]
        return []

    def _begins(self, event: hutong.Event, case: Case, directory: hutong.Directory) -> list[hutong.EventData]:
        """Waits for those who must help, or calls for help, or works on it alone."""
        if case.waits:
            return []
        if not case.help and self._habits.whistle.hits(event, "whistle", self._seed):
            units = self._habits.helpers(event.category, self._organisation, directory)
            if units:
                return [disposition.AssistRequested(units=units, request=COME)]
        return self._works(event, directory)

    def _works(self, event: hutong.Event, directory: hutong.Directory) -> list[hutong.EventData]:
        """Asks for time (where there is one above it to decide), or does it at once, or is late."""
        draw, extension, suspension = drawn(event, "time", self._seed), self._habits.extension, self._habits.suspension
        above = bool(directory.ancestors(self._organisation))
        if above and draw < extension.share:
            return [self._asks(event, Measure.EXTENSION, extension)]
        if above and draw < extension.share + suspension.share:
            return [self._asks(event, Measure.SUSPENSION, suspension)]
        if self._habits.late.hits(event, "late", self._seed):
            at = _admitted(event) + self._habits.late.hours * self._hour
            once = f"late/{event.ticket}/{event.fingerprint.hex()}"
            self._cases.delay(Due(ticket=event.ticket, at_ms=round(at.timestamp() * 1000), once=once))
            return []
        return [disposition.Resolved(report=DONE)]

    def _asks(self, event: hutong.Event, measure: Measure, asking: Asking) -> hutong.EventData:
        """The time that is asked for is counted from the admission of what is answered."""
        until = _admitted(event) + asking.hours * self._hour
        return disposition.ExtensionRequested(measure=measure, until=until, reason=asking.reason, explanation=MORE_TIME)

    def _declines(self, event: hutong.Event, case: Case) -> bool:
        return len(case.dispatches) <= DESIGNATED_AFTER and self._habits.decline.hits(event, "decline", self._seed)


def _admitted(event: hutong.Event) -> datetime:
    since = event.ledger.admitted if event.ledger else event.time
    assert since is not None  # what was admitted has a time
    return since
