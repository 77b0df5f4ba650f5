"""上级: what a district decides for its streets, and the city for its departments: the nearest one above the lead."""

from __future__ import annotations

import hutong
from hutong import disposition
from hutong.events.disposition import Decision, Measure
from services.desk.habits import Habits

REFUSED = hutong.Clear("经审核，应按原时限办理。")
PRESSED = hutong.Clear("请抓紧办理，并向诉求人反馈。")


def supervise(
    event: hutong.Event, lead: str, *, organisation: str, habits: Habits, directory: hutong.Directory, seed: int = 0
) -> list[hutong.EventData]:
    """What ``organisation`` says as the one above ``lead``; nothing where another is nearer to it."""
    if organisation not in directory.ancestors(lead)[:1]:
        return []
    match event.data:
        case disposition.ExtensionRequested(measure=Measure.SUSPENSION, until=until, reason=reason):
            if habits.grants_suspension.hits(event, "grant", seed):
                return [disposition.Suspended(until=until, reason=reason)]
            return [disposition.ExtensionDecided(decision=Decision.REJECTED, explanation=REFUSED)]
        case disposition.ExtensionRequested(until=until):
            if habits.grants_extension.hits(event, "grant", seed):
                return [disposition.ExtensionDecided(decision=Decision.GRANTED, until=until)]
            return [disposition.ExtensionDecided(decision=Decision.REJECTED, explanation=REFUSED)]
        case disposition.Reopened() if habits.presses_dissatisfied.hits(event, "press", seed):
            return [disposition.Escalated(reason="dissatisfied", instruction=PRESSED)]
        case disposition.Overdue() if habits.presses_overdue.hits(event, "press", seed):
            return [disposition.Escalated(reason="overdue", instruction=PRESSED)]
    return []
