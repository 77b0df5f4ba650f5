"""Filing the entries of a file: batch by batch, each row once, every outcome accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import hutong
from hutong import complaint
from hutong.rules.territory import Territory
from services.exports import BadRow
from services.intake.handler import Account, Entry, filed
from services.intake.report import Report
from services.intake.store import FiledRow, FiledStore

TAKES_ALL = Territory()
ATTEMPTS = 3
"""How often a batch without a known outcome is sent again before the program ends."""
BACK_OFF_SECONDS = 0.5


class Times(StrEnum):
    """When intake says that a ticket was filed."""

    ROW = "row"
    """When the row was created. More than 7 days back, that needs the right ``backfill``."""
    NOW = "now"


@dataclass(frozen=True, slots=True)
class _Wish:
    """An entry, the event it becomes, and the digest that remembers what it says."""

    entry: Entry
    draft: hutong.Draft
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Outcome:
    """``code`` is empty for what is on the ledger now, ``already_admitted`` for what was before, else the refusal."""

    fingerprint: bytes
    code: str = ""
    text: str = ""


class Filing:
    """Files entries through ``bus``. ``patience`` is how many seconds a batch may take to be admitted; ``territory``
    has the city's categories and divisions, so that what admit would refuse is rejected here, with its line."""

    def __init__(
        self,
        bus: hutong.Bus,
        store: FiledStore,
        report: Report,
        *,
        times: Times,
        batch: int,
        patience: float = 30.0,
        territory: Territory = TAKES_ALL,
    ) -> None:
        self._bus = bus
        self._store = store
        self._report = report
        self._times = times
        self._batch = batch
        self._patience = patience
        self._territory = territory
        self.account = Account()
        if store.empty():
            store.put(self._filed_before())

    def file(
        self, entries: Iterable[Entry | BadRow], *, told: Callable[[Account], None] = lambda account: None
    ) -> None:
        """File all of them; ``told`` hears of the account after each batch.

        Raises:
            Unconfirmed: the city does not admit; running again goes on where it stood. Unavailable: nor is it there.
            SettingsError: the file cannot be read on; what was read of it is settled.
        """
        lines: dict[str, int] = {}
        waiting: list[_Wish] = []
        try:
            for entry in entries:
                if wish := self._taken(entry, lines):
                    waiting.append(wish)
                if len(waiting) == self._batch:
                    self._settle(waiting)
                    waiting = []
                    told(self.account)
        except hutong.SettingsError:
            self._settle(waiting)
            told(self.account)
            raise
        self._settle(waiting)
        told(self.account)
        assert self.account.settled(), f"a row came to no end, or to two: {dict(self.account.counts())}"

    def _taken(self, entry: Entry | BadRow, lines: dict[str, int]) -> _Wish | None:
        """What to submit for one more row; None where it has come to its end."""
        self.account.rows += 1
        try:
            wish = self._wish(entry, lines)
        except BadRow as bad:
            self._reject(bad)
            return None
        self.account.known += wish is None
        return wish

    def _wish(self, entry: Entry | BadRow, lines: dict[str, int]) -> _Wish | None:
        """What to submit for an entry, None for one that is on the ledger already. Raises BadRow."""
        if isinstance(entry, BadRow):
            raise entry
        if entry.once in lines:
            reason = f"the same row stands in line {lines[entry.once]} already"
            raise BadRow(entry.line, "row", entry.row, reason, entry.row)
        data = filed(entry, self._territory)
        lines[entry.once] = entry.line
        known, digest = self._store.get(entry.system, entry.row), entry.digest(self._store.key)
        if known is not None:
            if known.digest not in (None, digest):
                raise BadRow(entry.line, "row", entry.row, _other_content(known), entry.row)
            return None
        # The ticket's date is the row's, whatever the event's time: so the same row is always the same ticket.
        draft = self._bus.draft(data, once=entry.once, time=entry.created)
        return _Wish(entry, draft if self._times is Times.ROW else replace(draft, time=datetime.now(UTC)), digest)

    def _reject(self, bad: BadRow) -> None:
        self.account.rejected += 1
        self._report.rejected(bad)

    def _settle(self, wishes: Sequence[_Wish]) -> None:
        """Submit, and account for every outcome."""
        if not wishes:
            return
        try:
            outcomes = self._submit([wish.draft for wish in wishes])
        except hutong.InvalidEvent as error:  # one is too large, and nothing was sent
            if len(wishes) == 1:
                self._reject(BadRow(wishes[0].entry.line, "", "", error.text, wishes[0].entry.row))
            else:
                self._settle(wishes[: len(wishes) // 2])
                self._settle(wishes[len(wishes) // 2 :])
            return
        rows = []
        for wish in wishes:
            entry, ticket, outcome = wish.entry, wish.draft.ticket, outcomes[wish.draft.id]
            if outcome.code in ("", "already_admitted"):
                digest = None if outcome.code else wish.digest  # of what is there already: sealed, so nobody can tell
                rows.append(FiledRow(entry.system, entry.row, ticket, outcome.fingerprint, digest))
                self.account.filed += not outcome.code
                self.account.known += bool(outcome.code)
            else:
                self.account.refused += 1
                self._report.refused(entry, ticket, outcome.code, outcome.text)
        self._store.put(rows)

    def _submit(self, drafts: Sequence[hutong.Draft]) -> Mapping[str, _Outcome]:
        """The outcome of every draft, by event id."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return _outcomes(self._bus.submit_batch(drafts, wait="admitted", timeout=self._patience))
            except hutong.Unconfirmed as error:
                return self._insist(drafts, error)
            except hutong.Unavailable:  # nothing was sent
                if time.monotonic() > deadline:
                    raise
                time.sleep(BACK_OFF_SECONDS)

    def _insist(self, drafts: Sequence[hutong.Draft], error: hutong.Unconfirmed) -> Mapping[str, _Outcome]:
        """Look at the door for what became of them; send again, byte for byte, what is not there."""
        outcomes: dict[str, _Outcome] = {}
        for _ in range(ATTEMPTS):
            pending = [event for event in error.events if isinstance(event, hutong.Signed)]
            outcomes = {**self._looked_up(drafts, pending), **outcomes}
            pending = [event for event in pending if event.id not in outcomes]
            try:
                if pending:
                    outcomes.update(_outcomes(self._bus.resend(pending, wait="admitted", timeout=self._patience)))
            except hutong.Unconfirmed as again:
                error = again
            if all(draft.id in outcomes for draft in drafts):
                return outcomes
        raise error

    def _looked_up(self, drafts: Sequence[hutong.Draft], pending: Sequence[hutong.Signed]) -> dict[str, _Outcome]:
        """What this organisation's deliveries say of the drafts. A refusal of other bytes than those still ``pending``
        says nothing about these."""
        wanted = {draft.id for draft in drafts}
        bytes_pending = {event.id: event.fingerprint for event in pending}
        found: dict[str, _Outcome] = {}
        for event in self._bus.replay(source="deliveries"):
            if event.source != self._bus.organisation or event.id not in wanted:
                continue
            if event.refusal is None:
                found[event.id] = _Outcome(event.fingerprint)
            elif event.refusal.code == "already_admitted":
                continue  # the entry it names is found as well
            elif bytes_pending.get(event.id, event.fingerprint) == event.fingerprint:
                found.setdefault(event.id, _Outcome(event.fingerprint, event.refusal.code, event.refusal.text))
        return found

    def _filed_before(self) -> Iterable[FiledRow]:
        """What the deliveries say was filed from another system, should the store be lost."""
        for event in self._bus.replay(source="deliveries"):
            match event.data:
                case complaint.Filed(source=source) if (
                    source and event.source == self._bus.organisation and event.ledger
                ):
                    yield FiledRow(source.system, source.row, event.ticket, event.fingerprint)


def _other_content(known: FiledRow) -> str:
    return (
        f"row {known.row} of source system {known.system} was filed before with other content, as {known.ticket}: "
        "another source? Give it a name of its own (--system; `system` of a mapping). The same source? It has changed "
        "the row, or the mapping was changed: amend the ticket if it matters"
    )


def _outcomes(results: Iterable[hutong.Submitted]) -> dict[str, _Outcome]:
    return {
        result.id: _Outcome(result.fingerprint, result.refusal.code, result.refusal.text)
        if result.refusal
        else _Outcome(result.fingerprint)
        for result in results
    }
