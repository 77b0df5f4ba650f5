"""派单: what becomes of a filed ticket, and of a unit's wish to be relieved of one (退单)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import hutong
from hutong import complaint, disposition
from hutong.events.disposition import Urgency
from services.dispatch.repeats import Filing, Filings, older_of
from services.dispatch.routing import Candidate, Routing

ENDINGS = (complaint.Answered, complaint.Merged, complaint.Withdrawn, disposition.Closed)
WANTED = (complaint.Filed, complaint.Amended, disposition.Declined, *ENDINGS)
"""What dispatch must hear of, its own events too; and of its refusals."""


@dataclass(frozen=True, slots=True)
class Step:
    """An event to submit, and the ticket it belongs to."""

    data: hutong.EventData
    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What the hotline reads in its own sealed fields: keyed hashes of caller and place, the citizen's words."""

    caller: bytes | None = None
    place: bytes | None = None
    narrative: str = ""


class Dispatcher:
    """Decides as the hotline ``organisation``, by ``routing``; ``filings`` are its open tickets."""

    def __init__(self, organisation: str, routing: Routing, filings: Filings, *, seed: int = 0) -> None:
        self._organisation = organisation
        self._routing = routing
        self._filings = filings
        self._seed = seed

    def learn(self, event: hutong.Event, opened: Opened) -> None:
        """Remember what an admitted event says of the open tickets; told again, it knows the same."""
        match event.data:
            case complaint.Filed(kind=kind) if kind in self._routing.answer_at_once:
                pass  # it is over at once
            case complaint.Filed() if event.source == self._organisation:
                known = self._filings.get(event.ticket)
                self._filings.put(self._filing(event, event.data, opened, into=known.into if known else ""))
            case complaint.Amended(repeat=repeat) if repeat is not None and event.source == self._organisation:
                if (younger := self._filings.get(repeat.ticket)) is not None:
                    self._filings.put(replace(younger, into=event.ticket))
            case data if isinstance(data, ENDINGS):
                self._filings.end(event.ticket)

    def answers(self, event: hutong.Event, opened: Opened, directory: hutong.Directory) -> list[Step]:
        """The hotline's answers to ``event``, in order; none where it is not its business.

        Raises:
            SettingsError: nobody in the directory can be given the ticket, not even the fallback.
        """
        if event.refusal is not None:
            return self._told_in_vain(event, directory)
        self.learn(event, opened)
        match event.data:
            case complaint.Filed(kind=kind) if (
                kind in self._routing.answer_at_once and event.source == self._organisation
            ):
                return [Step(complaint.Answered(basis="knowledge_base"), event.ticket)]
            case complaint.Filed():
                return self._filed(event, self._filing(event, event.data, opened), directory)
            case complaint.Amended(repeat=repeat) if repeat is not None and event.source == self._organisation:
                return [Step(complaint.Merged(into=event.ticket, rule=self._rule(repeat, event.ticket)), repeat.ticket)]
            case disposition.Declined():
                return self._contested(event, directory)
        return []

    # -- repeats ----------------------------------------------------------------------------------------------------

    def _filed(self, event: hutong.Event, filing: Filing, directory: hutong.Directory) -> list[Step]:
        """Withdrawn, or the older ticket is told of it (it is merged once admit has found that one open), or
        dispatched. What was decided is remembered before it is said, so a retry decides the same."""
        ours = event.source == self._organisation
        if ours and self._routing.withdrawn.hits(event, "withdrawn", self._seed):
            return [Step(complaint.Withdrawn(reason="citizen_request"), event.ticket)]
        known = self._filings.get(event.ticket)
        into = known.into if known is not None else ""
        if known is not None and not into and self._routing.repeats is not None:
            older = older_of(known, self._filings, self._routing.repeats)
            if older is not None:
                into = older.ticket
                self._filings.put(replace(known, into=into))
        if into and event.ledger is not None:
            repeat = complaint.Repeat(ticket=event.ticket, filed=event.ledger.admitted)
            return [Step(complaint.Amended(repeat=repeat), into)]
        return [self._dispatch(event, filing, directory)]

    def _told_in_vain(self, event: hutong.Event, directory: hutong.Directory) -> list[Step]:
        """The older ticket was closed meanwhile: the younger is dispatched like any other. So is one whose unit was
        struck off the directory meanwhile. Other refusals are not our business, nor is an older ticket that was told
        already, with other bytes: its receipt comes."""
        if isinstance(event.data, disposition.Dispatched):
            known = self._filings.get(event.ticket)
            gone = event.refusal is not None and event.refusal.code == "unknown_unit"
            return [self._dispatch(event, known, directory)] if gone and known is not None else []
        repeat = event.data.repeat if isinstance(event.data, complaint.Amended) else None
        if repeat is None or event.refusal is None or event.refusal.code == "already_admitted":
            return []
        younger = self._filings.get(repeat.ticket)
        if younger is None:
            return []  # it has ended, withdrawn by its citizen
        self._filings.put(replace(younger, into=""))
        return [self._dispatch(event, younger, directory)]

    def _rule(self, repeat: complaint.Repeat, older: str) -> str:
        """By which rule the two are the same; ``repeat`` where one has ended since."""
        both = self._filings.get(repeat.ticket), self._filings.get(older)
        if self._routing.repeats is None or both[0] is None or both[1] is None:
            return "repeat"
        return self._routing.repeats.same(both[0], both[1]) or "repeat"

    def _filing(self, event: hutong.Event, data: complaint.Filed, opened: Opened, into: str = "") -> Filing:
        return Filing(
            ticket=event.ticket,
            category=data.category,
            area=data.area,
            urgency=self._routing.urgency_of(data.category, opened.narrative),
            time_ms=round(event.time.timestamp() * 1000) if event.time else 0,
            admitted_ms=event.ledger.admitted_ms if event.ledger else 0,
            caller=opened.caller,
            place=opened.place,
            into=into,
        )

    # -- whose it is ------------------------------------------------------------------------------------------------

    def _dispatch(self, event: hutong.Event, filing: Filing, directory: hutong.Directory) -> Step:
        candidates = self._routing.candidates(filing.category, filing.area)
        if (chosen := _standing(candidates, directory)) is None:
            names = ", ".join(candidate.lead for candidate in candidates)
            raise hutong.SettingsError(
                f"{event}: none of {names} is in the directory; register the fallback of the routing"
            )
        return _dispatched(chosen, filing.urgency, filing.ticket)

    def _contested(self, event: hutong.Event, directory: hutong.Directory) -> list[Step]:
        """Granted by the stated rule, where another unit is left to ask after the one that declines, so that each is
        asked once. The city makes of the fourth dispatch that it cannot be declined (指定承办)."""
        known = self._filings.get(event.ticket)
        candidates = self._routing.candidates(event.category, event.area)
        leads = [candidate.lead for candidate in candidates]
        asked = leads.index(event.source) + 1 if event.source in leads else 0
        chosen = _standing(candidates[asked:], directory)
        if chosen is None or not self._routing.contests.grants(event, self._seed):
            return [Step(disposition.DeclineDecided(decision=disposition.Decision.REJECTED), event.ticket)]
        urgency = known.urgency if known else self._routing.urgency_of(event.category, "")
        granted = disposition.DeclineDecided(decision=disposition.Decision.GRANTED)
        return [Step(granted, event.ticket), _dispatched(chosen, urgency, event.ticket)]


def _dispatched(chosen: Candidate, urgency: Urgency, ticket: str) -> Step:
    return Step(disposition.Dispatched(lead=chosen.lead, assistants=chosen.assistants, urgency=urgency), ticket)


def _standing(candidates: Sequence[Candidate], directory: hutong.Directory) -> Candidate | None:
    """The first whose lead is in the directory and not revoked, with those of its assistants that are."""
    for candidate in candidates:
        if directory.stands(candidate.lead):
            return replace(candidate, assistants=tuple(u for u in candidate.assistants if directory.stands(u)))
    return None
