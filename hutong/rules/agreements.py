"""Standing agreements 共享协议: which events they reach, and what one may say (``schemas/agreements.yaml``)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hutong.catalogue import SCHEMAS, read_file, strict_yaml
from hutong.errors import SettingsError
from hutong.events.directory import Agreement, Level
from hutong.events.words import Code
from hutong.rules.directory import Directory, Opened, Standing
from hutong.rules.territory import Territory, under
from hutong.wire.identity import under_city


def within(area: str, division: str) -> bool:
    """Whether an area lies in a division, or is it: ``110105026`` in ``110105``, and both in ``110000``.

    In six digits, pairs of trailing zeros stand for all below (GB/T 2260). Letters are compared whole.
    """
    if area == division:
        return True
    if not (area.isdecimal() and division.isdecimal()):
        return False
    prefix = division
    while len(division) == 6 and prefix.endswith("00"):
        prefix = prefix[:-2]
    return area.startswith(prefix) and len(area) >= len(division)


def reaches(agreement: Agreement, *, type: str, category: str, area: str) -> bool:
    """Whether an event of this type, on a ticket of this category and area, is of those agreed on."""
    return (
        (not agreement.types or type in agreement.types)
        and (not agreement.categories or any(under(category, path) for path in agreement.categories))
        and (not agreement.areas or any(within(area, division) for division in agreement.areas))
    )


def reaching(
    directory: Directory, *, type: str, category: str, area: str, at_ms: int, number: int | None = None
) -> Iterator[Opened]:
    """The agreements that reach an event admitted at ``at_ms``, by the directory as it is or was at ``number``.

    Several may name one recipient. One that has part in the ticket has it anyway: that is for the caller to see.
    """
    by = directory.number if number is None else number
    for opened in directory.agreements(number):
        if opened.holds(by, at_ms) and reaches(opened.agreement, type=type, category=category, area=area):
            yield opened


def matches(
    directory: Directory, *, type: str, category: str, area: str, at_ms: int, participants: Collection[str]
) -> tuple[str, ...]:
    """Who is shown the event by an agreement alone: sorted, each once, none of the ticket's ``participants``."""
    reached = reaching(directory, type=type, category=category, area=area, at_ms=at_ms)
    return tuple(sorted({opened.agreement.recipient for opened in reached}.difference(participants)))


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ClassRule(_Strict):
    """Who may be promised a class of sealed field."""

    levels: Annotated[tuple[Annotated[Level, Field(strict=False)], ...], Field(strict=False)]
    of_city: bool
    label: Literal["S", "A"]

    def allows(self, standing: Standing, city: str) -> bool:
        """Whether this organisation is one of them."""
        entry = standing.entry
        return entry.level in self.levels and (not self.of_city or under_city(entry.id, city))


class AgreementRules(_Strict):
    """The whole of ``agreements.yaml``."""

    version: Annotated[int, Field(ge=1)]
    key_classes: Mapping[Code, ClassRule]

    @classmethod
    def load(cls, path: Path | None = None) -> AgreementRules:
        """Read the file strictly. Raises SettingsError."""
        return read_file(path or SCHEMAS / "agreements.yaml", TypeAdapter(cls), strict_yaml)

    def check(
        self,
        agreement: Agreement,
        *,
        city: str,
        directory: Directory,
        territory: Territory,
        types: Collection[str],
        now: datetime,
    ) -> None:
        """Nothing where the agreement may be opened ``now``; ``types`` are the events of a ticket's life.

        Raises:
            SettingsError: it may not, and says why: its time is over, it names what is not there (recipient, type,
                category, area, class), its recipient may not have a class, or its id was used before.
        """
        used = directory.agreement(agreement.id)
        if used is not None:
            raise SettingsError(
                f"agreement {agreement.id} was opened by directory event {used.opened}; an id is never used again: "
                "take another"
            )
        if agreement.until <= now:
            raise SettingsError(
                f"agreement {agreement.id} would be over before it begins: it ends at {agreement.until.isoformat()}"
            )
        for type_ in agreement.types:
            if type_ not in types:
                raise SettingsError(f"agreement {agreement.id} names {type_}, which is no event of a ticket's life")
        for category in agreement.categories:
            if territory.categories is not None and category not in territory.categories:
                raise SettingsError(
                    f"agreement {agreement.id} names the category {category}, which is not in the city's tree"
                )
        for area in agreement.areas:
            if territory.divisions is not None and area not in territory.divisions:
                raise SettingsError(f"agreement {agreement.id} names the area {area}, which is no division of the city")
        self._holder(agreement, city, directory)

    def _holder(self, agreement: Agreement, city: str, directory: Directory) -> None:
        """Whether the recipient is there and may have what it is promised."""
        standing = directory.get(agreement.recipient)
        if standing is None or standing.revoked:
            raise SettingsError(
                f"{agreement.recipient}, the recipient of agreement {agreement.id}, is not registered "
                "(see `hutong org list`)"
            )
        for key_class in agreement.key_classes:
            rule = self.key_classes.get(key_class)
            if rule is None:
                raise SettingsError(
                    f"agreement {agreement.id} names the class {key_class}: there are {', '.join(self.key_classes)}"
                )
            if not rule.allows(standing, city):
                whom = ", ".join(rule.levels) + (f", of {city} itself" if rule.of_city else "")
                raise SettingsError(
                    f"agreement {agreement.id} names the class {key_class}, which {agreement.recipient} "
                    f"({standing.entry.level}) may not have: only {whom}"
                )
        if agreement.key_classes and standing.entry.sealing_key is None:
            raise SettingsError(
                f"{agreement.recipient} has no sealing key, so no field can be opened for it: enter one first "
                "(`hutong org register --sealing-key`)"
            )
