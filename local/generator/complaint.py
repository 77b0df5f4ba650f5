"""A generated complaint, as intake reads it."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import AwareDatetime

from hutong.events.base import Frozen
from hutong.events.complaint import Kind
from hutong.events.words import Area, Category, Code, External, Language

SYSTEM = "generator"
"""The source system that generated rows name."""


class Identity(Frozen):
    """来电人: who called. Synthetic; no real phone number has this form."""

    name: str
    phone: str


class Place(Frozen):
    """What is finer than a street."""

    community: str
    address: str


class Complaint(Frozen):
    """One row for intake, as clear text: intake seals ``identity``, ``narrative`` and ``place``.

    As JSON: ``created`` is ISO 8601 with the city's offset; ``row`` is unique per seed.
    """

    row: External
    kind: Kind
    channel: Code
    category: Category
    area: Area
    enterprise: bool
    anonymous: bool
    language: Language
    created: AwareDatetime
    identity: Identity
    narrative: str
    place: Place


def personal_strings(complaints: Iterable[Complaint]) -> set[str]:
    """Every name, phone number, address and narrative in them: what must be nowhere in clear once they are filed."""
    found: set[str] = set()
    for complaint in complaints:
        identity = complaint.identity
        found |= {identity.name, identity.phone, complaint.place.address, complaint.narrative}
    return found
