"""The records of ``deadletters.<org>``: letters and controls. ``docs/wire.md`` has the layout.

A *letter* 搁置件 is a delivery that a system could not handle, or that waits behind one of the same ticket: key, value
and headers as delivered, and behind them exactly two headers, ``system`` and ``deadletter``. A *control* says what
became of letters: key, no value, and exactly two headers, ``system`` and ``control``. Both lie on the partition number
of the delivery, so a ticket's letters and controls have one order.
"""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, replace
from typing import Any, Literal

from hutong.errors import InvalidEvent
from hutong.transport import Outgoing, Record
from hutong.wire.stamps import DeliveryStamp

What = Literal["release", "skip", "handled", "failed", "overtaken"]
"""``release``: a person gives the ticket's letters back to the system. ``skip``: a person counts a letter as done, with
a reason. ``handled``, ``failed``: what became of a letter given out again. ``overtaken``: it was written by an instance
that no longer owned the partition, and counts for nothing."""

_WHATS: tuple[What, ...] = ("release", "skip", "handled", "failed", "overtaken")
_SYSTEM, _LETTER, _CONTROL = "system", "deadletter", "control"
MAX_REASON, MAX_STACK_BYTES = 300, 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an event could not be handled. ``first_ms`` and ``last_ms`` (Unix) are its first and last try.

    ``stack`` has no values of variables. But a reason is the program's own words, and may repeat what it was given.
    """

    reason: str
    stack: str
    first_ms: int
    last_ms: int
    tries: int

    @classmethod
    def of(cls, error: BaseException, *, first_ms: int, last_ms: int, tries: int) -> Failure:
        """The failure that ``error`` ended; of a long stack its end is kept."""
        told = traceback.TracebackException.from_exception(error)
        reason = f"{type(error).__name__}: {told}".removesuffix(": ")
        stack = "".join(told.format()).encode("utf-8", "backslashreplace")[-MAX_STACK_BYTES:]
        return cls(
            reason=reason[:MAX_REASON],
            stack=stack.decode("utf-8", "ignore"),
            first_ms=first_ms,
            last_ms=last_ms,
            tries=tries,
        )

    def again(self, later: Failure) -> Failure:
        """This one, and then a later one of the same letter."""
        return replace(later, first_ms=self.first_ms, tries=self.tries + later.tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One letter, without its content, which lies at ``partition`` and ``offset`` of the topic.

    ``key`` is the ticket as it was delivered. ``failure`` is None where the letter only waits behind another.
    ``writer`` is a token of the instance that wrote it; ``at_ms`` is when the broker took it (Unix).
    """

    system: str
    key: bytes
    partition: int
    offset: int
    stamp: DeliveryStamp
    type: str
    writer: str
    at_ms: int
    failure: Failure | None

    @property
    def ticket(self) -> str:
        """The ticket as text."""
        return self.key.decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"letter {self.partition}@{self.offset} of {self.system}, ticket {self.ticket}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control. ``letter`` is the offset of the letter it is about; None (``release``): all of the ticket's.

    ``by`` is a person, or the token of the instance; ``at_ms`` is Unix.
    """

    what: What
    system: str
    key: bytes
    letter: int | None
    reason: str = ""
    by: str
    at_ms: int
    failure: Failure | None = None


def letter_record(record: Record, *, topic: str, system: str, writer: str, failure: Failure | None) -> Outgoing:
    """The letter to write for a delivery; ``failure`` None: it waits behind another of its ticket."""
    fate: dict[str, Any] = {"behind": True} if failure is None else _told(failure)
    return Outgoing(
        topic=topic,
        partition=record.partition,
        key=record.key,
        value=record.value,
        headers=(*record.headers, (_SYSTEM, system.encode()), (_LETTER, _json({"writer": writer, **fate}))),
    )


def control_record(control: Control, *, topic: str, partition: int) -> Outgoing:
    """The control to write."""
    told: dict[str, Any] = {"what": control.what, "reason": control.reason, "by": control.by, "at": control.at_ms}
    if control.letter is not None:
        told["letter"] = control.letter
    if control.failure is not None:
        told["failure"] = _told(control.failure)
    return Outgoing(
        topic=topic,
        partition=partition,
        key=control.key,
        value=None,
        headers=((_SYSTEM, control.system.encode()), (_CONTROL, _json(told))),
    )


def read(record: Record) -> Letter | Control:
    """What a record of ``deadletters.<org>`` is.

    Raises:
        InvalidEvent: ``bad_letter``: neither; its text names topic, partition and offset.
    """
    try:
        match record.headers:
            case ((name, system), (control, told)) if (name, control) == (_SYSTEM, _CONTROL):
                return _control(record, system.decode(), json.loads(told))
            case (*delivered, (name, system), (letter, told)) if (name, letter) == (_SYSTEM, _LETTER):
                return _letter(record, dict(delivered), system.decode(), json.loads(told))
    except (InvalidEvent, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
    else:
        why = "its last two headers are neither `system` and `deadletter` nor `system` and `control`"
    place = f"{record.topic}/{record.partition}@{record.offset}"
    raise InvalidEvent("bad_letter", f"{place} is no dead letter ({why})")


def delivered(record: Record) -> Record:
    """A letter's record as it was delivered: without the two headers. Its place stays that of the letter."""
    return replace(record, headers=record.headers[:-2])


def _letter(record: Record, headers: dict[str, bytes], system: str, told: dict[str, Any]) -> Letter:
    return Letter(
        system=system,
        key=record.key or b"",
        partition=record.partition,
        offset=record.offset,
        stamp=DeliveryStamp.from_bytes(headers["delivery"]),
        type=headers.get("ce_type", b"").decode("utf-8", "replace"),
        writer=str(told["writer"]),
        at_ms=record.timestamp_ms,
        failure=None if told.get("behind") else _failure(told),
    )


def _control(record: Record, system: str, told: dict[str, Any]) -> Control:
    what = next((what for what in _WHATS if what == told["what"]), None)
    letter = told.get("letter")
    if what is None or (what != "release" and not isinstance(letter, int)):
        raise ValueError(f"a control {told['what']!r} about letter {letter!r}")
    return Control(
        what=what,
        system=system,
        key=record.key or b"",
        letter=letter,
        reason=str(told["reason"]),
        by=str(told["by"]),
        at_ms=int(told["at"]),
        failure=_failure(told["failure"]) if "failure" in told else None,
    )


def _failure(told: dict[str, Any]) -> Failure:
    return Failure(
        reason=str(told["reason"]),
        stack=str(told["stack"]),
        first_ms=int(told["first"]),
        last_ms=int(told["last"]),
        tries=int(told["tries"]),
    )


def _told(failure: Failure) -> dict[str, Any]:
    return {
        "reason": failure.reason,
        "stack": failure.stack,
        "first": failure.first_ms,
        "last": failure.last_ms,
        "tries": failure.tries,
    }


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
