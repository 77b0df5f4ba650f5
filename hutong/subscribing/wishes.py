"""What a subscription asked for, out of everything that is delivered."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import structlog

from hutong.events import EventData
from hutong.wire.stamps import RefusalStamp

_log = structlog.get_logger()


class Wishes:
    """``types`` keeps only these; the organisation's own events come with ``receipts``, refused ones with
    ``refusals``."""

    def __init__(
        self,
        organisation: str,
        *,
        types: Collection[type[EventData]] | None = None,
        receipts: bool = False,
        refusals: bool = False,
    ) -> None:
        self._organisation = organisation.encode()
        self._types = None if types is None else {model.TYPE.encode() for model in types}
        self._receipts = receipts
        self._refusals = refusals

    def want(self, headers: Mapping[str, bytes]) -> bool:
        """Whether a delivery with these headers is given to the program. A refusal that is not, is logged."""
        if "refusal" in headers:
            if not self._refusals:
                refusal = RefusalStamp.from_bytes(headers["refusal"])
                _log.warning(
                    "refused",
                    type=headers.get("ce_type", b"").decode("utf-8", "replace"),
                    code=refusal.code,
                    ticket=headers.get("ce_subject", b"").decode("utf-8", "replace"),
                    text=refusal.text,
                )
            return self._refusals
        if headers["ce_source"] == self._organisation and not self._receipts:
            return False
        return self._types is None or headers["ce_type"] in self._types
