"""Hutong 互通: the event bus between a city's hotline, its departments, its partners and its auditors.

::

    import hutong

    with hutong.connect(system="water-desk") as bus:
        for event in bus.subscribe():
            with event:
                match event.data:
                    case hutong.disposition.Dispatched():
                        bus.submit(hutong.disposition.Accepted(), answers=event)
"""

from hutong.client import Bus, connect
from hutong.errors import (
    BusError,
    Fenced,
    Gap,
    HandlingError,
    InvalidEvent,
    KeyErased,
    KeyPending,
    OutOfRange,
    Refused,
    SettingsError,
    TooManyDeadLetters,
    Unavailable,
    Unconfirmed,
    UnknownOutcome,
)
from hutong.event import Event
from hutong.events import Clear, EventData, Sealed, complaint, directory, disposition, notice
from hutong.rules.directory import Directory
from hutong.sealing import KeyStore
from hutong.settings import Settings
from hutong.submitting.drafts import Draft
from hutong.submitting.outgoing import Signed, Submitted

__all__ = [
    "Bus",
    "BusError",
    "Clear",
    "Directory",
    "Draft",
    "Event",
    "EventData",
    "Fenced",
    "Gap",
    "HandlingError",
    "InvalidEvent",
    "KeyErased",
    "KeyPending",
    "KeyStore",
    "OutOfRange",
    "Refused",
    "Sealed",
    "Settings",
    "SettingsError",
    "Signed",
    "Submitted",
    "TooManyDeadLetters",
    "Unavailable",
    "Unconfirmed",
    "UnknownOutcome",
    "complaint",
    "connect",
    "directory",
    "disposition",
    "notice",
]
