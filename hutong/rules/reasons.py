"""Why a submission is refused, by the table ``schemas/refusals.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from hutong.catalogue import SCHEMAS, strict_yaml


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Strict):
    """A sentence in both languages; in Markdown, as ``docs/wire.md`` shows it."""

    en: str
    zh: str

    def plain(self, language: str) -> str:
        """Without the marks of Markdown, for a terminal."""
        text = self.zh if language == "zh" else self.en
        return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).replace("`", "")


class Reason(_Strict):
    """One reason: what happened, what the author does next, whether these bytes stay refused, who gets them back."""

    binds: bool
    returned: bool
    what: Words
    next: Words


class Reasons(_Strict):
    """The table, in the order in which admit checks."""

    reasons: Mapping[str, Reason]

    @classmethod
    def load(cls, path: Path | None = None) -> Reasons:
        """Read ``schemas/refusals.yaml`` strictly: an unknown or repeated key is a ``ValueError``."""
        text = (path or SCHEMAS / "refusals.yaml").read_text(encoding="utf-8")
        return cls.model_validate(strict_yaml(text))

    def get(self, code: str) -> Reason | None:
        """The reason with this code; None for one of a newer city."""
        return self.reasons.get(code)
