"""The exceptions of the bus.

::

    BusError
    ├── SettingsError       a setting, key file or port is missing or wrong: mend it and start again
    ├── Unavailable         the broker cannot be reached; nothing was sent (retriable)
    ├── Unconfirmed         sent, but the outcome is unknown: send the same event again, byte for byte
    ├── Refused             admit refused the event; ``code`` says why
    ├── InvalidEvent        bytes that are no event of this catalogue; ``code`` is the refusal reason
    │   └── KeyErased       a sealed field whose key the custodian destroyed: nobody can read it any more
    ├── KeyPending          a sealed field whose key has not come yet (retriable)
    ├── Gap                 deliveries are missing between the mark and the next record
    ├── OutOfRange          the position asked for is no longer, or not yet, on the broker
    ├── TooManyDeadLetters  more events failed than may be parked: the program is broken
    ├── HandlingError       the program left an event of ``subscribe()`` unhandled
    ├── Fenced              another instance owns this partition or id now: the process must end
    └── UnknownOutcome      a write whose outcome nobody knows: the process must end and start again

A service knows three fates (design, promise 6): *retriable* (:class:`Unavailable`, :class:`KeyPending`),
*invalid* (:class:`InvalidEvent`), *unknown* (all else: end the process, the supervisor restarts it).
"""

from __future__ import annotations


class BusError(Exception):
    """Base of everything this package raises on purpose."""


class SettingsError(BusError):
    """A setting, file or port is missing or wrong. The text says which, and what to do."""


class Unavailable(BusError):
    """The broker cannot be reached, and nothing was sent. Trying again later is safe."""


class Unconfirmed(BusError):
    """Sent, but no acknowledgement or receipt came in time. ``events`` can be sent again byte for byte."""

    def __init__(self, text: str, events: tuple[object, ...] = ()) -> None:
        super().__init__(text)
        self.events = events


class Refused(BusError):
    """Admit did not admit the event. ``code`` is the reason (docs/wire.md lists them)."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class InvalidEvent(BusError):
    """These bytes are no event of this catalogue. ``code`` is the reason admit would refuse them with."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class KeyErased(InvalidEvent):
    """What the field says was erased: its key is destroyed, for everybody and for good. ``code`` is ``erased``."""

    def __init__(self, text: str) -> None:
        super().__init__("erased", text)


class KeyPending(BusError):
    """The key of a sealed field is not (yet) in this organisation's key store."""


class Gap(BusError):
    """Deliveries are missing: the next record's number does not follow the mark."""


class OutOfRange(BusError):
    """The broker no longer (or not yet) has the record at this position. Nothing is reset silently."""

    def __init__(self, text: str, *, offset: int, begin: int, end: int) -> None:
        super().__init__(text)
        self.offset = offset
        self.begin = begin
        self.end = end


class HandlingError(BusError):
    """An event of ``subscribe()`` was left without ``with event:``; the system stops where it stood."""


class TooManyDeadLetters(BusError):
    """More of the last deliveries failed than may be parked: rather the program is broken than its events. The system
    stops where it stands, so that its door is not emptied into its dead letters."""


class Fenced(BusError):
    """Ownership was lost to another instance. The process must end; it must not fence back."""


class UnknownOutcome(BusError):
    """A transaction or commit whose outcome is unknown. The process must end; its restart re-reads the truth."""
