"""并单: when two complaints are the same, and how they are compared without keeping who called."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Protocol

from pydantic import Field

from hutong.events.disposition import Urgency
from hutong.wire.identity import ticket_day
from services.tables import Strict

Names = Annotated[tuple[str, ...], Field(strict=False)]


class Repeats(Strict):
    """Two complaints are the same when their areas and the first ``levels`` of their categories agree, and the caller
    or the place; the younger was filed at most ``days`` (by event time) after the older, which is still open.

    ``caller`` and ``place`` name the fields of the sealed ``identity`` and ``place`` that are compared, all of them;
    with none, that is not compared. ``label``: S where the rule is published, A where it is an assumption.
    """

    days: Annotated[int, Field(ge=1)]
    levels: Annotated[int, Field(ge=1, le=5)]
    caller: Names = ()
    place: Names = ()
    label: Literal["S", "A"]

    def same(self, younger: Filing, older: Filing) -> str:
        """By which rule the younger repeats the older: ``same_caller`` or ``same_place``; empty: it does not.

        The older one was admitted before, and its id has no later day: admit takes no merge the other way round.
        """
        aged = timedelta(milliseconds=younger.time_ms - older.time_ms)
        if (
            younger.area != older.area
            or _cut(younger.category, self.levels) != _cut(older.category, self.levels)
            or not timedelta() <= aged <= timedelta(days=self.days)
            or older.admitted_ms >= younger.admitted_ms
            or ticket_day(older.ticket) > ticket_day(younger.ticket)
        ):
            return ""
        if younger.caller is not None and younger.caller == older.caller:
            return "same_caller"
        return "same_place" if younger.place is not None and younger.place == older.place else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """An open ticket of this organisation, as far as its rules ask. ``caller`` and ``place`` are keyed hashes
    (:func:`keyed`), times are Unix in milliseconds, ``into`` is the older ticket that was told of it."""

    ticket: str
    category: str
    area: str
    urgency: Urgency = Urgency.ORDINARY
    time_ms: int = 0
    admitted_ms: int = 0
    caller: bytes | None = None
    place: bytes | None = None
    into: str = ""


class Filings(Protocol):
    """The open tickets of this organisation."""

    def get(self, ticket: str, /) -> Filing | None: ...
    def put(self, filing: Filing, /) -> None: ...
    def end(self, ticket: str, /) -> None: ...
    def alike(self, filing: Filing, /) -> Iterable[Filing]:
        """Others of its area with its caller or its place."""


def older_of(filing: Filing, filings: Filings, rule: Repeats) -> Filing | None:
    """The oldest open ticket that ``filing`` repeats; not one that is being merged itself."""
    same = (other for other in filings.alike(filing) if not other.into and rule.same(filing, other))
    return min(same, key=lambda other: (other.admitted_ms, other.ticket), default=None)


def keyed(key: bytes, what: str, content: object, names: tuple[str, ...]) -> bytes | None:
    """HMAC-SHA256 of the normalised fields ``names`` of an unsealed ``content``, or of all of it where it is text.

    None where a field is missing or empty: nothing is the same as that.
    """
    if isinstance(content, str):
        parts: list[object] = [content] if names else []
    elif isinstance(content, Mapping):
        parts = [content.get(name) for name in names]
    else:
        parts = []
    texts = [_normal(part) for part in parts]
    if not texts or not all(texts):
        return None
    return hmac.digest(key, "\0".join((what, *texts)).encode(), "sha256")


def _normal(part: object) -> str:
    """Letters and digits alone, in one width and case: 「幸福路１号」 is "幸福路1号"."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", str(part or "")).casefold() if sign.isalnum())


def _cut(category: str, levels: int) -> list[str]:
    return category.split("/")[:levels]
