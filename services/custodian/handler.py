"""密钥保管: what a ticket's events mean for its keys, and what is to be done about it. Pure.

The ledger decides everything: which keys are in force (those minted for an event that was admitted), which class is
erased, who is entitled. So whoever reads the same events anew comes to the same end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from hutong.event import Event
from hutong.events import EventData
from hutong.events.complaint import Amended, Filed
from hutong.events.disposition import Dispatched
from hutong.events.notice import AccessReleased, Erased
from hutong.events.sealed import KeyClass
from hutong.rules.access import Access, Entitlement
from hutong.rules.agreements import reaching
from hutong.rules.audience import Audience
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Lifecycle, Ticket
from hutong.rules.ticket_keys import changes_lead, sealed_under

CLASSES: tuple[KeyClass, ...] = get_args(KeyClass)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the custodian knows of a ticket. ``sequence`` is the ledger's, of the last event learned, ``at_ms`` its time
    of admission and ``directory`` the number it was judged by; ``since`` is the sequence of the event that began the
    present lead's time, and ``event`` its id. ``shown``: the agreements 共享协议 that reached an event of it."""

    ticket: Ticket
    anonymous: bool
    sequence: int
    since: int
    event: str
    at_ms: int = 0
    directory: int = 0
    erased: frozenset[KeyClass] = frozenset()
    shown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A key that was handed over. ``number`` is the sequence of the admitted event that it was minted for; None: of
    one that was not admitted, or not yet. ``destroyed``: only its name is left."""

    key_id: bytes
    key_class: KeyClass
    sender: str
    event: str
    number: int | None = None
    destroyed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A key to be given to somebody."""

    key: Kept
    to: Entitlement


def learn(case: Case | None, event: Event, lifecycle: Lifecycle, audience: Audience, directory: Directory) -> Case:
    """The case after an admitted event; one that was learned before changes nothing."""
    assert event.ledger is not None
    sequence, data = event.ledger.sequence, event.data
    if case is not None and sequence <= case.sequence:
        return case
    lead = case.ticket.lead if case else ""
    ticket = lifecycle.follow(
        case.ticket if case else None,
        data,
        subject=event.ticket,
        author=event.source,
        at_ms=event.ledger.admitted_ms,
    )
    ticket = ticket._replace(participants=audience.of(ticket, event.source, directory))
    if case is None:
        case = Case(ticket=ticket, anonymous=False, sequence=sequence, since=sequence, event=event.id)
    if changes_lead(lead, data):
        case = replace(case, since=sequence, event=event.id)
    if isinstance(data, Filed):
        case = replace(case, anonymous=data.anonymous)
    if isinstance(data, Erased):
        case = replace(case, erased=case.erased | {each for each in CLASSES if each == data.key_class.value})
    stamp = event.ledger
    reached = reaching(
        directory,
        type=data.TYPE,
        category=ticket.category,
        area=ticket.area,
        at_ms=stamp.admitted_ms,
        number=stamp.directory,
    )
    shown = case.shown.union(opened.agreement.id for opened in reached if opened.agreement.key_classes)
    return replace(
        case, ticket=ticket, sequence=sequence, at_ms=stamp.admitted_ms, directory=stamp.directory, shown=shown
    )


def agreed(case: Case, directory: Directory) -> Iterator[Entitlement]:
    """What standing agreements promise those whom they showed an event of the ticket, as long as they stand by ledger
    order. A citizen who is not to be named is named to none of them."""
    for id in sorted(case.shown):
        opened = directory.agreement(id)
        if opened is None or not opened.holds(case.directory, case.at_ms):
            continue
        for key_class in CLASSES:
            if key_class in opened.agreement.key_classes and not (case.anonymous and key_class == "identity"):
                yield Entitlement(opened.agreement.recipient, key_class, opened.agreement.purpose)


def awaits(keys: Collection[Kept], event: Event) -> bool:
    """Whether the event brings keys that are not among those handed over for its ticket, or ends all there are: then
    the custodian must first read what its topic holds by now."""
    if isinstance(event.data, Erased) or sealed_under(event.data).keys() - {key.key_id.hex() for key in keys}:
        return True
    begun = any(key.event == event.id and key.key_class == "content" for key in keys)
    return isinstance(event.data, Filed) and not begun


def in_force(keys: Sequence[Kept], event: Event, custodian: str) -> list[Kept]:
    """The keys that come in force with ``event``: those that its author minted for it, as far as such an event may
    bring any (``docs/wire.md``, "Who mints"). Whatever else he handed over opens nothing, and is given to nobody."""
    assert event.ledger is not None
    return [
        replace(key, number=event.ledger.sequence)
        for key in keys
        if key.number is None
        and key.event == event.id
        and (key.sender == custodian or (key.sender == event.source and _brings(event.data, key, keys)))
    ]


def _brings(data: EventData, key: Kept, keys: Iterable[Kept]) -> bool:
    sealed = sealed_under(data).get(key.key_id.hex()) == key.key_class
    match data:
        case Filed():
            return sealed or key.key_class == "content"
        case Dispatched():
            return sealed
        case Amended():
            return sealed and all(one.number is None for one in keys if one.key_class == key.key_class)
    return False


def released(event: Event, custodian: str) -> tuple[bytes, str] | None:
    """Which key the event says was released, and to whom."""
    match event.data:
        case AccessReleased(key_id=key_id, recipient=recipient) if event.source == custodian:
            return key_id, recipient
    return None


def lacking(case: Case, keys: Sequence[Kept]) -> list[KeyClass]:
    """The classes for which the custodian itself must mint a key, so that those who handle the ticket can write:
    content that has none, and whatever its present lead shares with a former one."""
    found: list[KeyClass] = []
    for key_class in CLASSES:
        numbers = [key.number for key in keys if key.key_class == key_class and key.number is not None]
        wanted = key_class == "content" if not numbers else max(numbers) < case.since
        if wanted and key_class not in case.erased:
            found.append(key_class)
    return found


def releases(
    case: Case,
    keys: Sequence[Kept],
    given: Collection[tuple[bytes, str]],
    *,
    access: Access,
    directory: Directory,
) -> list[Release]:
    """What must still be released; older keys first. Nothing of an erased class, nothing twice."""
    entitled = access.entitled(case.ticket, directory, anonymous=case.anonymous, more=agreed(case, directory))
    usable = sorted(
        (key for key in keys if key.number is not None and not key.destroyed and key.key_class not in case.erased),
        key=lambda key: (key.number or 0, key.key_id),
    )
    return [
        Release(key=key, to=to)
        for key in usable
        for to in entitled
        if to.key_class == key.key_class and (key.key_id, to.organisation) not in given
    ]


def doomed(case: Case, keys: Iterable[Kept]) -> list[Kept]:
    """The keys that are to be destroyed."""
    return [key for key in keys if key.key_class in case.erased and not key.destroyed]


def holders(key: Kept, given: Iterable[tuple[bytes, str]], custodian: str) -> list[str]:
    """Everybody whose topic carries the key, or who minted it."""
    return sorted({custodian, key.sender, *(name for key_id, name in given if key_id == key.key_id)})
