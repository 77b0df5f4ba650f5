"""Where spans begin and end; here nothing makes any. See :class:`hutong.observing.spans.SpanTracer`.

The context of a span travels in the author's header ``ce_traceparent`` (W3C Trace Context). Authors sign it, so nobody
on the way can put his own in: the spans of admit, deliver and the handlers are all children of the author's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from hutong.event import Event
    from hutong.submitting.drafts import Draft

HEADER = "ce_traceparent"

_NOTHING = nullcontext(None)


class Tracer:
    """Makes no spans, and puts no header on events."""

    on: ClassVar[bool] = False

    def submitting(self, drafts: Sequence[Draft]) -> AbstractContextManager[str | None]:
        """One span around signing and sending a batch, below the program's current one; the ``traceparent`` that its
        events carry, or None."""
        return _NOTHING

    def handling(self, event: Event) -> AbstractContextManager[None]:
        """The span of one try to handle an event, the program's current one within, below its author's."""
        return _NOTHING

    def committed(self, name: str, traceparent: str, began_ns: int, about: Mapping[str, str]) -> None:
        """A span ``name`` below the author's, from ``began_ns`` (Unix) until now."""
