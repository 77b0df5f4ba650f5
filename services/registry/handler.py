"""What a schema registry answers, from the catalogue: plain functions, no I/O.

Paths, bodies and error codes are those of Confluent's Schema Registry (API reference, v1). A subject is the full name
of an event's record, its version the revision, so one id stands under one subject.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hutong.catalogue import Catalogue, Schema
from hutong.schemalog import compact

LATEST = ("latest", "-1")


class Answered(Exception):
    """There is no such thing; ``status`` is HTTP's, ``code`` the registry's own."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


class Registry:
    """Answers by a catalogue that never changes while it runs."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._subjects: dict[str, Sequence[Schema]] = {}
        for type_ in sorted(catalogue.types):
            revisions = catalogue.revisions(type_)
            self._subjects[revisions[-1].subject] = revisions

    def subjects(self) -> list[str]:
        """Every subject."""
        return sorted(self._subjects)

    def schema(self, number: int) -> dict[str, str]:
        """The schema of an id. Raises Answered (40403)."""
        return {"schema": compact(self._by_id(number).definition)}

    def places(self, number: int) -> list[dict[str, Any]]:
        """Under which subject and version an id stands. Raises Answered (40403)."""
        schema = self._by_id(number)
        return [{"subject": schema.subject, "version": schema.revision}]

    def versions(self, subject: str) -> list[int]:
        """A subject's versions, oldest first. Raises Answered (40401)."""
        return [schema.revision for schema in self._by_subject(subject)]

    def version(self, subject: str, version: str) -> dict[str, Any]:
        """One version of a subject, or its ``latest``. Raises Answered (40401, 40402, 42202)."""
        revisions = self._by_subject(subject)
        schema = revisions[-1] if version in LATEST else _by_version(revisions, version)
        return {
            "subject": subject,
            "version": schema.revision,
            "id": schema.id,
            "schema": compact(schema.definition),
        }

    def _by_id(self, number: int) -> Schema:
        if number not in self._catalogue.schemas:
            raise Answered(404, 40403, f"Schema {number} not found")
        return self._catalogue.schema(number)

    def _by_subject(self, subject: str) -> Sequence[Schema]:
        if subject not in self._subjects:
            raise Answered(404, 40401, f"Subject '{subject}' not found.")
        return self._subjects[subject]


def _by_version(revisions: Sequence[Schema], version: str) -> Schema:
    if not re.fullmatch("[1-9][0-9]{0,9}", version) or int(version) > 2**31 - 1:
        raise Answered(
            422,
            42202,
            f"The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and "
            'the string "latest"',
        )
    found = [schema for schema in revisions if schema.revision == int(version)]
    if not found:
        raise Answered(404, 40402, f"Version {version} not found.")
    return found[0]
