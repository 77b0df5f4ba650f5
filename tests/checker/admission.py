"""The walk along one partition of ledger and refusals, in the order of the submissions: was each outcome right?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hutong.wire.stamps import RefusalStamp
from tests.checker.agreed import matches
from tests.checker.faults import BEFORE_ITS_PLACE, BY_CODE, Place, World, faults, passing, proven
from tests.checker.outcomes import Outcome, order
from tests.checker.records import Entry, Reading, Refusal
from tests.checker.tickets import Ticket, audience, walk
from tests.checker.verdict import Findings

Identity = tuple[str, str, str]


def identity(reading: Reading) -> Identity | None:
    """Source, subject and id, where they can be read."""
    found = reading.attributes
    return None if found is None else (found.source, found.subject, found.id)


class Walk:
    """One partition. After :meth:`run`, ``tickets`` are as their entries left them."""

    def __init__(
        self, world: World, generation: int, partition: int, entries: Sequence[Entry], refusals: Sequence[Refusal]
    ) -> None:
        self.partition = partition
        self.entries = entries
        self.refusals = refusals
        self.tickets: dict[str, Ticket] = {}
        self.generation = generation
        self._world = world
        self._admitted: set[bytes] = set()
        self._identities: set[Identity] = set()
        self._bound: dict[bytes, RefusalStamp] = {}
        self._told: set[tuple[bytes, str]] = set()

    def run(self, findings: Findings) -> None:
        """Judge every entry and every refusal where it stands."""
        before: Entry | None = None
        upcoming = list(self.entries)
        at = 0
        for outcome in self._merged():
            if isinstance(outcome, Entry):
                self._number(outcome, before, findings)
                self._entry(outcome, findings)
                before, at = outcome, at + 1
            else:
                self._refusal(outcome, before, upcoming[at] if at < len(upcoming) else None, findings)

    def _merged(self) -> Iterator[Outcome]:
        refusals = iter(self.refusals)
        waiting = next(refusals, None)
        for entry in self.entries:
            while waiting is not None and order(waiting.submitted) < order(entry.submitted):
                yield waiting
                waiting = next(refusals, None)
            yield entry
        if waiting is not None:
            yield waiting
            yield from refusals

    def _number(self, entry: Entry, before: Entry | None, findings: Findings) -> None:
        stamp, last = entry.ledger, before.ledger if before else None
        wanted = last.sequence + 1 if last else 1
        findings.expect(
            stamp.sequence == wanted, "sequence", f"{entry} has sequence {stamp.sequence}, {wanted} comes next"
        )
        if stamp.partition != self.partition or stamp.generation != entry.submitted.generation:
            findings.violated("stamp", f"{entry} says generation {stamp.generation}, partition {stamp.partition}")
        if stamp.generation > self.generation:
            findings.violated("stamp", f"{entry} is of generation {stamp.generation}, the city of {self.generation}")
        if not 0 < stamp.directory <= self._world.register.number:
            findings.violated("stamp", f"{entry} was judged by directory {stamp.directory}, which is not there")
        if last and stamp.directory < last.directory:
            findings.violated("stamp", f"{entry} goes back from directory {last.directory} to {stamp.directory}")
        if last and stamp.admitted_ms < last.admitted_ms:
            findings.violated("stamp", f"{entry} was admitted at {stamp.admitted_ms}, before {last.admitted_ms}")

    def _entry(self, entry: Entry, findings: Findings) -> None:
        reading, stamp, world = entry.reading, entry.ledger, self._world
        key = identity(reading)
        subject = key[1] if key else (entry.record.key or b"").decode("utf-8", "replace")
        ticket = self.tickets.get(subject)
        place = Place(
            partition=self.partition,
            number=stamp.directory,
            early_ms=stamp.admitted_ms,
            late_ms=stamp.admitted_ms,
            ticket=ticket,
            used=key in self._identities,
        )
        findings.look("author", "well_formed", "lifecycle", "sealing", "audience", "headers")
        for rule, code in faults(reading, place, world):
            if rule != "duplicate":  # named once, over all partitions
                state = ticket.state if ticket else "no ticket"
                findings.violated(rule, f"{entry} by {reading.source} should be refused: {code} ({state})")
        bound = self._bound.get(reading.fingerprint)
        if bound is not None:
            findings.violated("binding", f"{entry} is admitted, though these bytes stay refused as {bound.code}")
        self._admitted.add(reading.fingerprint)
        if key is not None:
            self._identities.add(key)
        if ticket is None:
            ticket = self.tickets[subject] = Ticket(id=subject)
        if reading.data is not None:
            walk(world.tables, ticket, reading.data, reading.source, stamp.admitted_ms)
        self._audience(entry, ticket, findings)
        self._headers(entry, ticket, findings)

    def _audience(self, entry: Entry, ticket: Ticket, findings: Findings) -> None:
        stamp, author = entry.audience, entry.reading.source
        wanted = audience(self._world.tables, self._world.register, ticket, author, entry.ledger.directory)
        if stamp.hash() != entry.ledger.audience_hash:
            findings.violated("audience", f"{entry}: the hash in `ledger` is not that of `audience`")
        agreed = matches(self._world.register, ticket, entry) - wanted
        if (stamp.participants, stamp.matches) != (tuple(sorted(wanted)), tuple(sorted(agreed))):
            what = f"{list(stamp.participants)} and matches {list(stamp.matches)}"
            findings.violated("audience", f"{entry} is for {what}, not for {sorted(wanted)} and {sorted(agreed)}")
        ticket.participants = frozenset(stamp.participants) | wanted

    def _headers(self, entry: Entry, ticket: Ticket, findings: Findings) -> None:
        category, area = ticket.one("category"), ticket.one("area")
        levels = "/".join(category.split("/", 2)[:2])
        street = area[:9] if area.isdecimal() else area
        if (entry.category, entry.area) != (levels.encode(), street.encode()):
            shown = f"category {entry.category!r} and area {entry.area!r}"
            findings.violated("headers", f"{entry} shows {shown}, not {levels!r} and {street!r}")

    def _refusal(self, refusal: Refusal, before: Entry | None, after: Entry | None, findings: Findings) -> None:
        reading, stamp = refusal.reading, refusal.stamp
        numbers = range(
            before.ledger.directory if before else 0,
            (after.ledger.directory if after else self._world.register.number) + 1,
        )
        key = identity(reading)
        findings.look("refusal", "binding", "returned")
        if stamp.cut:  # what is kept of it is no record that could be judged: it binds nobody and goes to nobody
            if stamp.binding or stamp.returned_to:
                findings.violated("binding", f"{refusal} is kept in part, but binds or goes back to its author")
            return
        bound = self._bound.get(reading.fingerprint)
        if bound is not None:
            again = (stamp.code, stamp.text, stamp.binding, stamp.returned_to)
            if again != (bound.code, bound.text, True, ""):
                findings.violated("binding", f"{refusal}, though these bytes were refused as {bound.code} for good")
            return
        place = Place(
            partition=self.partition,
            number=0,
            early_ms=before.ledger.admitted_ms if before else 0,
            late_ms=after.ledger.admitted_ms if after else float("inf"),
            ticket=self.tickets.get(key[1]) if key else None,
            used=key in self._identities,
        )
        if not self._holds(reading, stamp.code, place, numbers):
            findings.violated("refusal", f"{refusal}: that did not hold ({stamp.text[:120]})")
        if reading.fingerprint in self._admitted:
            findings.violated("refusal", f"{refusal}, though the same bytes are on the ledger already")
        if stamp.binding == (stamp.code in BEFORE_ITS_PLACE or passing(stamp.code)):
            findings.violated("binding", f"{refusal} {'binds' if stamp.binding else 'does not bind'}")
        if stamp.binding:
            if not self._in_its_place(reading, place, numbers):
                findings.violated("binding", f"{refusal} binds, though it is not proven to be its author's")
            self._bound[reading.fingerprint] = stamp
        self._returned(refusal, numbers, findings)

    def _holds(self, reading: Reading, code: str, place: Place, numbers: range) -> bool:
        fault = BY_CODE.get(code)
        if fault is None:
            return False
        return any(fault(reading, replace(place, number=number), self._world) for number in numbers)

    def _in_its_place(self, reading: Reading, place: Place, numbers: range) -> bool:
        """Whether signature, source, headers and partition can have held."""
        return any(
            not any(BY_CODE[code](reading, replace(place, number=number), self._world) for code in BEFORE_ITS_PLACE)
            for number in numbers
        )

    def _returned(self, refusal: Refusal, numbers: range, findings: Findings) -> None:
        reading, stamp = refusal.reading, refusal.stamp
        told = (reading.fingerprint, stamp.code)
        could = {proven(reading, number, self._world) for number in numbers}
        allowed = {""} if told in self._told else {reading.source if holds else "" for holds in could}
        if stamp.returned_to not in allowed:
            findings.violated("returned", f"{refusal} goes back to {stamp.returned_to!r}, not to {sorted(allowed)}")
        if stamp.returned_to:
            self._told.add(told)
