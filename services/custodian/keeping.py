"""The custodian at work: learn what events mean, then settle what is to be done for their tickets, many together.

Each step is durable before the next begins, and can be done again: what was learned and that its ticket is due, keys on
the readers' topics, then the notices, then the store's own note. Whoever is killed in between does the rest at the next
start, and nothing twice: the notices have derived ids, and the records their key.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import structlog

import hutong
from hutong import complaint, disposition, notice
from hutong.errors import BusError, SettingsError
from hutong.event import INVALID
from hutong.events.notice import KeyClass as NoticeClass
from hutong.rules.access import Access
from hutong.rules.audience import Audience
from hutong.rules.lifecycle import Lifecycle
from hutong.sealing import DataKey
from hutong.wire.wrapping import KeyName, Letter, is_sealing_key
from services.custodian import handler
from services.custodian.handler import Case, Kept, Release
from services.custodian.mailbox import Mailbox
from services.custodian.post import Post
from services.custodian.store import Store

_log = structlog.get_logger()

WANTED = tuple(
    model
    for family in (complaint, disposition, notice)
    for model in vars(family).values()
    if isinstance(model, type)
    and issubclass(model, hutong.EventData)
    and model not in (hutong.EventData, notice.AccessReleased)
)
"""Everything of a ticket's life, but its own word of what it released."""

TOGETHER = 100
"""So many tickets are settled together, at most."""

AGAIN_SECONDS = 60.0
"""After so long it is tried again where it failed."""

ROLL_SECONDS = 7 * 3600.0
"""So long after a record the next one closes its segment: more than ``segment.ms`` of the topics of keys."""


class Custodian:
    """Keeps keys for one city."""

    def __init__(
        self,
        bus: hutong.Bus,
        store: Store,
        mailbox: Mailbox,
        post: Post,
        *,
        lifecycle: Lifecycle,
        access: Access,
        audience: Audience,
    ) -> None:
        self._bus = bus
        self._name = bus.organisation
        self._store = store
        self._mailbox = mailbox
        self._post = post
        self._lifecycle = lifecycle
        self._access = access
        self._audience = audience
        self._failed: dict[str, float] = {}

    def handle(self, event: hutong.Event) -> None:
        """Learn what an admitted event says. What it asks for is done by :meth:`settle`.

        Raises:
            Unavailable: the broker or the database is away (retriable).
        """
        if event.refusal is None:
            if handler.awaits(self._store.keys(event.ticket), event):
                self._mailbox.read()
            self.learn(event)

    def catch_up(self) -> None:
        """Learn everything that was ever delivered, where the store is new or was restored, and settle it then: what
        was released since is not released again, and what was erased since is destroyed.

        Raises:
            SettingsError: the door does not reach back to what the store knows; nothing was released or destroyed.
        """
        if not self._store.behind:
            return
        self._mailbox.again()
        self._mailbox.read()
        self._learn_all()
        with self._store.transaction():
            for ticket in self._store.tickets():
                self._store.make_due(ticket)
        self.settle()
        with self._store.transaction():
            self._store.caught_up()

    def _learn_all(self) -> None:
        """Learn the whole door, each partition of the ledger in the order of its numbers: what was delivered again lies
        behind what came later."""
        while True:
            early: dict[int, int] = {}
            moved = False
            for event in self._bus.replay(source="deliveries"):
                if event.refusal is not None or event.delivery is None:
                    continue
                partition, number = event.delivery.partition, event.delivery.n
                known = self._store.heard(partition)
                if number > known + 1:
                    early.setdefault(partition, number)
                else:
                    self.learn(event)
                    moved = moved or number > known
            if not early:
                return
            if not moved:
                raise self._missed(*min(early.items()))

    def _missed(self, partition: int, number: int) -> SettingsError:
        known, place = self._store.heard(partition), f"ledger/{partition}"
        return SettingsError(
            f"the store knows the deliveries of {place} up to {known}, and the door deliveries.{self._name} goes on at "
            f"{number}: what was erased between would be missed. Have the city's operator run `python -m "
            f"services.deliver again {self._name} --of {place} --from {known + 1}` (without --of where the door lost "
            "more), then start this service again; or restore a later backup"
        )

    def learn(self, event: hutong.Event) -> None:
        """Remember what an event says, keys that come in force with it included."""
        store, before = self._store, self._store.case(event.ticket)
        case = handler.learn(before, event, self._lifecycle, self._audience, self._bus.directory)
        given = handler.released(event, self._name)
        with store.transaction():
            store.enforce(handler.in_force(store.keys(event.ticket), event, self._name))
            if given is not None:
                store.give(event.ticket, [given])
            if case is not before:
                store.put(case)
                store.make_due(event.ticket)
            if event.delivery is not None:
                store.hear(event.delivery.partition, event.delivery.n)

    def settle(self) -> None:
        """Mint, release and destroy what is due. A ticket for which that fails holds up no other: the log names it, and
        it is tried again after :data:`AGAIN_SECONDS`.

        Raises:
            Unavailable, Unconfirmed: the broker or the database is away (retriable).
        """
        now = time.monotonic()
        due = [ticket for ticket in self._store.due() if self._failed.get(ticket, now) <= now]
        for at in range(0, len(due), TOGETHER):
            some = due[at : at + TOGETHER]
            try:
                self._settle(some)
            except Exception as error:
                if not _of_a_ticket(error):
                    raise
                self._one_by_one(some)

    def _one_by_one(self, tickets: Sequence[str]) -> None:
        for ticket in tickets:
            try:
                self._settle([ticket])
            except Exception as error:
                if not _of_a_ticket(error):
                    raise
                _log.error("keys cannot be settled, tried again later", ticket=ticket, exc_info=error)
                self._failed[ticket] = time.monotonic() + AGAIN_SECONDS

    def _settle(self, tickets: Sequence[str]) -> None:
        """All of it, but for what a damaged key keeps from being done: those tickets stay due."""
        cases = [case for ticket in tickets if (case := self._store.case(ticket)) is not None]
        self._mint(cases)
        left = self._release(cases)
        for case in cases:
            self._destroy(case)
        with self._store.transaction():
            for ticket in tickets:
                if ticket in left:
                    self._failed[ticket] = time.monotonic() + AGAIN_SECONDS
                else:
                    self._store.settled(ticket)
                    self._failed.pop(ticket, None)

    # -- minting ----------------------------------------------------------------------------------------------------

    def _mint(self, cases: Sequence[Case]) -> None:
        """Keys for leads whose tickets were handed to them without one: they come in force with that event."""
        lacking = [(case, handler.lacking(case, self._store.keys(case.ticket.id))) for case in cases]
        if not any(classes for _, classes in lacking):
            return
        with self._store.transaction():
            for case, classes in lacking:
                for key_class in classes:
                    key = DataKey.mint()
                    name = KeyName(ticket=case.ticket.id, key_class=key_class, key_id=key.id)
                    self._store.hold(
                        Letter(
                            name=name, sender=self._name, reader=self._name, key=key, event=case.event,
                            number=case.since,
                        )
                    )  # fmt: skip

    # -- releasing --------------------------------------------------------------------------------------------------

    def _release(self, cases: Sequence[Case]) -> set[str]:
        """The tickets that have a key which is wanted and cannot be read."""
        letters: list[Letter] = []
        notices: list[tuple[Case, Release]] = []
        left: set[str] = set()
        for case in cases:
            releases, own, damaged = self._wanted(case)
            letters += own
            letters += [letter for letter, _ in releases]
            notices += [(case, release) for _, release in releases]
            left |= {case.ticket.id} if damaged else set()
        if not letters:
            return left
        sent = self._post.send(letters, self._bus.directory)
        reached = {letter.reader for letter in sent}
        told = [self._notice(case, each) for case, each in notices if each.to.organisation in reached]
        self._bus.submit_batch(told)
        with self._store.transaction():
            for letter in sent:
                self._store.give(letter.name.ticket, [(letter.name.key_id, letter.reader)])
        return left

    def _wanted(self, case: Case) -> tuple[list[tuple[Letter, Release]], list[Letter], bool]:
        """What must still be released, each with its letter; letters to itself, of keys that it minted; and whether a
        key for them is damaged."""
        keys, given = self._store.keys(case.ticket.id), self._store.given(case.ticket.id)
        releases = handler.releases(case, keys, given, access=self._access, directory=self._bus.directory)
        releases = [each for each in releases if self._reachable(each.to.organisation, case.ticket.id)]
        own = [key for key in keys if self._its_own(key) and (key.key_id, self._name) not in given]
        wanted = {key.key_id: key for key in (*own, *(each.key for each in releases))}
        opened = {id: key for id, kept in wanted.items() if (key := self._store.open(case.ticket.id, kept)) is not None}
        return (
            [
                (self._letter(case, each.key, each.to.organisation, opened[each.key.key_id]), each)
                for each in releases
                if each.key.key_id in opened
            ],
            [self._letter(case, key, self._name, opened[key.key_id]) for key in own if key.key_id in opened],
            len(opened) < len(wanted),
        )

    def _its_own(self, key: Kept) -> bool:
        """Whether it minted the key: then its own topic must carry it, too, should the store be lost."""
        return key.sender == self._name and key.number is not None and not key.destroyed

    def _reachable(self, organisation: str, ticket: str) -> bool:
        standing = self._bus.directory.get(organisation)
        key = None if standing is None else standing.entry.sealing_key
        if key is not None and is_sealing_key(key):
            return True
        _log.warning("no good sealing key in the directory: nothing can be released", to=organisation, ticket=ticket)
        return False

    def _letter(self, case: Case, key: Kept, reader: str, opened: DataKey | None) -> Letter:
        name = KeyName(ticket=case.ticket.id, key_class=key.key_class, key_id=key.key_id)
        event = key.event if reader == self._name else ""
        return Letter(name=name, sender=self._name, reader=reader, key=opened, event=event, number=key.number or 0)

    def _notice(self, case: Case, release: Release) -> hutong.Draft:
        to = release.to
        data = notice.AccessReleased(
            key_id=release.key.key_id,
            key_class=NoticeClass(to.key_class),
            recipient=to.organisation,
            purpose=to.purpose,
        )
        return self._bus.draft(data, ticket=case.ticket.id, once=f"{release.key.key_id.hex()}/{to.organisation}")

    # -- destroying -------------------------------------------------------------------------------------------------

    def _destroy(self, case: Case) -> None:
        """Tombstones for everybody who was given a key; the custodian's copy is the last to go."""
        doomed = handler.doomed(case, self._store.keys(case.ticket.id)) if case.erased else []
        if not doomed:
            return
        self._bury(case, doomed, self._store.given(case.ticket.id))
        with self._store.transaction():
            self._store.destroy(doomed)
            self._store.bury(case.ticket.id, time.time())
        self._store.database.wipe()
        _log.info("keys destroyed", ticket=case.ticket.id, keys=[key.key_id.hex() for key in doomed])

    def _bury(self, case: Case, keys: Sequence[Kept], given: frozenset[tuple[bytes, str]]) -> None:
        known = self._bus.directory.organisations
        letters = [
            replace(self._letter(case, key, holder, None), event="")
            for key in keys
            for holder in handler.holders(key, given, self._name)
            if holder in known
        ]
        self._post.send(letters, self._bus.directory)

    def bury_again(self, now: float) -> None:
        """Write tombstones once more that are older than :data:`ROLL_SECONDS`; ``now`` is Unix time in seconds.

        Kafka closes a segment only when something is appended to the topic, and compacts none that is open: where an
        organisation is given no other key, its tombstone alone would leave the erased key on the broker for ever.

        Raises:
            Unavailable, Unconfirmed: the broker or the database is away (retriable).
        """
        for ticket, at in self._store.buried():
            case = self._store.case(ticket)
            if case is None or now - at < ROLL_SECONDS:
                continue
            keys = [key for key in self._store.keys(ticket) if key.destroyed]
            self._bury(case, keys, self._store.given(ticket))
            with self._store.transaction():
                self._store.at_rest(ticket)


def _of_a_ticket(error: Exception) -> bool:
    """Whether other tickets may be settled although this one failed: it is no word of the broker or the database."""
    return not isinstance(error, BusError) or isinstance(error, INVALID)
