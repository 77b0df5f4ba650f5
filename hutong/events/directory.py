"""The directory: who has a door, with which keys and rights. Only the registrar 登记机构 writes it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from hutong.events.base import EventData, Frozen
from hutong.events.sealed import HexBytes
from hutong.events.words import Area, Category, Code, Instant, Language, Organisation, Text

PublicKey = Annotated[HexBytes, Field(min_length=32, max_length=32)]
"""The 32 raw bytes of an Ed25519 (signing) or X25519 (sealing) key; in JSON hexadecimal."""

Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""The place of an entry in the directory: dense, from 1."""


class Level(StrEnum):
    """Where an organisation stands (市 / 区 / 街乡镇 / 社区村, and those beside them)."""

    UNKNOWN = "unknown"
    CITY = "city"  # 市
    DISTRICT = "district"  # 区
    STREET = "street"  # 街乡镇
    COMMUNITY = "community"  # 社区村
    DEPARTMENT = "department"  # 部门
    UTILITY = "utility"  # 公共服务企业
    PARTNER = "partner"  # 互转城市
    AUDITOR = "auditor"  # 审计


class Name(Frozen):
    """What an organisation is called in one language."""

    language: Language
    text: Text


class OrganisationEntry(Frozen):
    """One organisation as the directory knows it. ``partitions`` is that of its ``deliveries`` topic."""

    id: Organisation
    names: Annotated[tuple[Name, ...], Field(strict=False)]
    level: Annotated[Level, Field(strict=False)]
    parent: Organisation | None = None
    signing_keys: Annotated[tuple[PublicKey, ...], Field(strict=False)]
    sealing_key: PublicKey | None = None
    rights: Annotated[tuple[Code, ...], Field(strict=False)]
    partitions: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1


class Registered(EventData):
    """An organisation joins. Its topics exist before this is written."""

    TYPE: ClassVar[str] = "directory.registered.v1"

    number: Number
    entry: OrganisationEntry


class Changed(EventData):
    """An organisation's entry is replaced, whole."""

    TYPE: ClassVar[str] = "directory.changed.v1"

    number: Number
    entry: OrganisationEntry


class Revoked(EventData):
    """An organisation's entry ends; what it submits afterwards is refused."""

    TYPE: ClassVar[str] = "directory.revoked.v1"

    number: Number
    organisation: Organisation
    reason: Code


class Agreement(Frozen):
    """共享协议: what ``recipient`` is shown of tickets it has no part in, and for what ``purpose``.

    It matches an event whose type, and whose ticket's category and area, are in the lists; a category or area stands
    for all below it, an empty list for all. ``key_classes`` (``identity``, ``content``) are the fields it may open.
    It ends at ``until``, by admitted time.
    """

    id: Code
    recipient: Organisation
    types: Annotated[tuple[Code, ...], Field(strict=False)]
    categories: Annotated[tuple[Category, ...], Field(strict=False)]
    areas: Annotated[tuple[Area, ...], Field(strict=False)]
    key_classes: Annotated[tuple[Code, ...], Field(strict=False)]
    purpose: Code
    until: Instant


class AgreementOpened(EventData):
    """A standing agreement begins. Its ``id`` was never used before."""

    TYPE: ClassVar[str] = "directory.agreement_opened.v1"

    number: Number
    agreement: Agreement


class AgreementClosed(EventData):
    """A standing agreement ends before its time."""

    TYPE: ClassVar[str] = "directory.agreement_closed.v1"

    number: Number
    id: Code
    reason: Code
