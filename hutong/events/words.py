"""The kinds of plain text an event may carry (``schemas/kinds.yaml`` says the same to other languages).

Patterns match whole values. All other text is sealed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

_DIVISION = r"(?:[0-9]{6}|[0-9]{9}|[0-9]{12}|[a-z][a-z0-9-]{1,31})"
_CODE = r"[a-z][a-z0-9_.-]{0,63}"
_DAY = r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"

Organisation = Annotated[
    str,
    StringConstraints(pattern=rf"^(?:{_DIVISION}(?:\.[a-z][a-z0-9-]{{0,31}})?)$", min_length=2, max_length=65),
]
"""单位: a division code (GB/T 2260, or letters elsewhere), and ``.unit`` for a department."""

Ticket = Annotated[
    str,
    StringConstraints(
        pattern=rf"^(?:{_DIVISION}-{_DAY}-[0-9A-HJKMNP-TV-Z]{{10}})$",
        min_length=22,
        max_length=52,
    ),
]
"""工单: ``<city>-<yyyymmdd>-<10 characters of Crockford base32>``, the same in every city."""

Category = Annotated[str, StringConstraints(pattern=rf"^(?:{_CODE}(?:/{_CODE}){{0,4}})$", min_length=1, max_length=324)]
"""问题分类: one to five codes joined by ``/``, from the coarsest."""

Area = Annotated[
    str,
    StringConstraints(pattern=r"^(?:[0-9]{6}|[0-9]{9}|[a-z][a-z0-9-]{1,31})$", min_length=2, max_length=32),
]
"""区划: at most as fine as a street; a finer place is sealed."""

Code = Annotated[str, StringConstraints(pattern=rf"^(?:{_CODE})$", min_length=1, max_length=64)]
"""An entry of an open list: a channel, a reason, a right."""

Language = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?(?:-[a-z0-9]{5,8}){0,2})$",
        min_length=2,
        max_length=35,
    ),
]
"""BCP 47 in its usual spelling: language, script, region, variants: ``zh``, ``zh-Hant-HK``."""

External = Annotated[str, StringConstraints(pattern=r"^(?:[A-Za-z0-9._:-]{1,64})$", min_length=1, max_length=64)]
"""An id that another system gave, for example a row's key."""

Text = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+)$",
        min_length=1,
        max_length=120,
    ),
]
"""Kind ``name``: public text of an organisation, on one line, nothing invisible. In the directory only."""


def _utc_milliseconds(value: datetime) -> datetime:
    moment = value.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Instant = Annotated[AwareDatetime, AfterValidator(_utc_milliseconds), Field(strict=False)]
"""A moment in UTC. Without a time zone it is refused; what is finer than a millisecond is cut off."""
