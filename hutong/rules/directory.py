"""The directory 单位目录: organisations, their keys and rights, agreements, as the registrar's signed events built it.

Every state it ever had can be asked for by number, because an entry of the ledger is judged for ever by the
directory of its own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from hutong.errors import Gap, InvalidEvent
from hutong.events import EventData
from hutong.events.directory import (
    Agreement,
    AgreementClosed,
    AgreementOpened,
    Changed,
    OrganisationEntry,
    Registered,
    Revoked,
)
from hutong.wire.signing import key_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the directory says of one organisation from ``since`` on. ``revoked`` means: its entry no longer holds."""

    since: int
    entry: OrganisationEntry
    revoked: bool = False
    keys: Mapping[bytes, bytes] = field(default_factory=dict)
    """Key id → raw public key."""

    @property
    def rights(self) -> frozenset[str]:
        """The rights it holds now: none once revoked."""
        return frozenset() if self.revoked else frozenset(self.entry.rights)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

BY_REVOCATION = "recipient_revoked"
"""Why an agreement is closed whose recipient was revoked: a new entry of it brings nothing back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An agreement 共享协议, the number of the event that opened it, and of the one that ended it before its time."""

    agreement: Agreement
    opened: int
    closed: int | None = None
    reason: str = ""

    until_ms: int = field(init=False)
    """When it ends by itself (Unix, milliseconds)."""

    def __post_init__(self) -> None:
        # Admit asks for every event: counted once.
        object.__setattr__(self, "until_ms", (self.agreement.until - _EPOCH) // timedelta(milliseconds=1))

    def stands(self, number: int) -> bool:
        """Whether it was opened, and not yet closed, when the directory had ``number`` events."""
        return self.opened <= number and (self.closed is None or number < self.closed)

    def holds(self, number: int, at_ms: int) -> bool:
        """Whether it reaches what was admitted at ``at_ms`` and judged by directory ``number``."""
        return self.stands(number) and at_ms < self.until_ms


class Directory:
    """The directory up to :attr:`number`. Grows by :meth:`apply` alone."""

    def __init__(self) -> None:
        self.number = 0
        self._standings: dict[str, list[Standing]] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self._agreements: dict[str, Opened] = {}
        self._open: tuple[Opened, ...] | None = None

    def apply(self, data: EventData) -> bool:
        """Take the next directory event. False: its number is already taken, so it changes nothing.

        Raises:
            Gap: an event between the last one and this one is missing.
            InvalidEvent: ``invalid_data``: no directory event, or about an organisation or agreement that is not there,
                or an agreement whose id was used before.
        """
        if not isinstance(data, Registered | Changed | Revoked | AgreementOpened | AgreementClosed):
            raise InvalidEvent("invalid_data", f"{data.TYPE} is no directory event")
        number = data.number
        if number <= self.number:
            return False
        if number != self.number + 1:
            raise Gap(
                f"directory event {self.number + 1} is missing: the next one has number {number}; "
                "read the directory again from its beginning"
            )
        match data:
            case Registered() | Changed():
                keys = {key_id(key): key for key in data.entry.signing_keys}
                self._stand(data.entry.id, Standing(since=number, entry=data.entry, keys=keys))
            case Revoked():
                self._revoke(data)
            case AgreementOpened():
                self._agree(data)
            case AgreementClosed():
                self._end(data)
        self._holders.clear()
        self._open = None
        self.number = number
        return True

    def _stand(self, name: str, standing: Standing) -> None:
        self._standings[name] = [*self._standings.get(name, []), standing]

    def _revoke(self, data: Revoked) -> None:
        former = self.get(data.organisation)
        if former is None:
            raise InvalidEvent("invalid_data", f"{data.organisation} was never registered")
        self._stand(data.organisation, Standing(since=data.number, entry=former.entry, revoked=True))
        for opened in self.agreements():
            if opened.agreement.recipient == data.organisation:
                ended = replace(opened, closed=data.number, reason=BY_REVOCATION)
                self._agreements[opened.agreement.id] = ended

    def _agree(self, data: AgreementOpened) -> None:
        agreement = data.agreement
        recipient = self.get(agreement.recipient)
        if recipient is None or recipient.revoked:
            raise InvalidEvent("invalid_data", f"{agreement.recipient} of agreement {agreement.id} is not registered")
        if agreement.id in self._agreements:
            used = self._agreements[agreement.id].opened
            raise InvalidEvent("invalid_data", f"agreement {agreement.id} was opened by directory event {used} already")
        self._agreements[agreement.id] = Opened(agreement=agreement, opened=data.number)

    def _end(self, data: AgreementClosed) -> None:
        opened = self._agreements.get(data.id)
        if opened is None or opened.closed is not None:
            raise InvalidEvent(
                "invalid_data", f"agreement {data.id} was {'closed before' if opened else 'never opened'}"
            )
        self._agreements[data.id] = replace(opened, closed=data.number, reason=data.reason)

    def get(self, organisation: str, number: int | None = None) -> Standing | None:
        """The organisation's standing now, or when the directory had ``number`` events; None: not registered."""
        history = self._standings.get(organisation)
        if not history:
            return None
        if number is None:
            return history[-1]
        return next((standing for standing in reversed(history) if standing.since <= number), None)

    def stands(self, organisation: str) -> bool:
        """Whether the organisation has an entry now that was not revoked."""
        standing = self.get(organisation)
        return standing is not None and not standing.revoked

    def ancestors(self, organisation: str) -> tuple[str, ...]:
        """Every organisation above this one, nearest first; one that was revoked is passed over."""
        above: dict[str, Standing] = {}
        standing = self.get(organisation)
        while standing and standing.entry.parent and standing.entry.parent not in above:
            parent, standing = standing.entry.parent, self.get(standing.entry.parent)
            if standing is not None:
                above[parent] = standing
        return tuple(name for name, standing in above.items() if not standing.revoked)

    def holders(self, right: str) -> frozenset[str]:
        """The organisations that hold ``right`` now."""
        if right not in self._holders:
            names = (name for name, history in self._standings.items() if right in history[-1].rights)
            self._holders[right] = frozenset(names)
        return self._holders[right]

    def custodian(self) -> str | None:
        """The city's custodian 密钥保管: it holds the right ``custody``; the first by id, were there several."""
        return min(self.holders("custody"), default=None)

    def __iter__(self) -> Iterator[Standing]:
        """All organisations, revoked ones too, in the order of their ids."""
        return (self._standings[name][-1] for name in sorted(self._standings))

    @property
    def organisations(self) -> Mapping[str, Standing]:
        """Id → standing now."""
        return MappingProxyType({name: history[-1] for name, history in self._standings.items()})

    def agreement(self, id: str) -> Opened | None:
        """The agreement that was opened under this id, open or not; None: the id is free."""
        return self._agreements.get(id)

    def agreements(self, number: int | None = None) -> tuple[Opened, ...]:
        """The agreements that stand now, or stood when the directory had ``number`` events, in the order of opening.

        One that only its time has ended is among them: that is for :meth:`Opened.holds` to say.
        """
        if number is not None:
            return tuple(opened for opened in self._agreements.values() if opened.stands(number))
        if self._open is None:
            self._open = self.agreements(self.number)
        return self._open

    @property
    def agreements_ever(self) -> tuple[Opened, ...]:
        """Every agreement there ever was, in the order of opening."""
        return tuple(self._agreements.values())

    def at(self, number: int) -> Directory:
        """The directory as it was when it had ``number`` events."""
        past = Directory()
        past.number = min(number, self.number)
        for name, history in self._standings.items():
            if known := [standing for standing in history if standing.since <= number]:
                past._standings[name] = known
        for id_, opened in self._agreements.items():
            if opened.opened <= number:
                later = opened.closed is not None and opened.closed > number
                past._agreements[id_] = replace(opened, closed=None, reason="") if later else opened
        return past
