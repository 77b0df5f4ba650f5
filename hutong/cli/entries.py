"""Directory entries as ``hutong org`` reads them from options and shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from hutong.cli.render import clean
from hutong.cli.texts import language, say
from hutong.errors import SettingsError
from hutong.events.directory import Level, Name, OrganisationEntry
from hutong.rules.directory import Directory
from hutong.wire.signing import key_id

if TYPE_CHECKING:
    from rich.console import RenderableType

RIGHTS = ("file", "dispatch", "call_back", "clock", "custody", "register", "backfill", "replay", "see_all")
"""The rights of the directory (design, Directory)."""

NO_RIGHT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What stood on the command line; None is what was not said."""

    organisation: str
    names: Sequence[str] | None = None
    level: str | None = None
    parent: str | None = None
    signing_keys: Sequence[str] | None = None
    sealing_key: str | None = None
    rights: Sequence[str] | None = None
    partitions: int | None = None


def entry_from(wish: Wish, directory: Directory, ledger: int) -> OrganisationEntry:
    """The whole entry that was wished for; what was not said stays as it stands, except after a revocation.

    ``ledger`` is the ledger's number of partitions.

    Raises:
        typer.BadParameter: an option is wrong or missing. SettingsError: the parent is not registered, or the
            number of partitions cannot be.
    """
    former = directory.get(wish.organisation)
    standing = None if former is None or former.revoked else former.entry
    rights = _rights(wish.rights)
    if wish.parent is not None and directory.get(wish.parent) is None:
        raise SettingsError(f"the parent {wish.parent} is not in the directory: register it first")
    _fits(wish, former.entry.partitions if former else None, ledger)
    known: dict[str, Any] = {} if standing is None else standing.model_dump()
    if former is not None:
        known["partitions"] = former.entry.partitions
    said = {
        "id": wish.organisation,
        "names": None if wish.names is None else [_name(text) for text in wish.names],
        "level": None if wish.level is None else _level(wish.level),
        "parent": wish.parent,
        "signing_keys": wish.signing_keys,
        "sealing_key": wish.sealing_key,
        "rights": rights,
        "partitions": wish.partitions,
    }
    values = {"names": (), "rights": ()} | known | {name: value for name, value in said.items() if value is not None}
    for name, option in (("level", "--level"), ("signing_keys", "--signing-key")):
        if not values.get(name):
            raise typer.BadParameter(say("register.missing", organisation=wish.organisation), param_hint=option)
    try:
        return OrganisationEntry.model_validate(values)
    except ValidationError as error:
        fields = sorted({str(fault["loc"][0]) for fault in error.errors() if fault["loc"]})
        told = "; ".join(say(f"register.wrong.{field}") for field in fields)
        raise typer.BadParameter(told, param_hint=" / ".join(_OPTION[field] for field in fields)) from None


_OPTION = {
    "id": "ORG",
    "names": "--name",
    "level": "--level",
    "parent": "--parent",
    "signing_keys": "--signing-key",
    "sealing_key": "--sealing-key",
    "rights": "--right",
    "partitions": "--partitions",
}


def _rights(given: Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    for right in given:
        if right not in (*RIGHTS, NO_RIGHT):
            raise typer.BadParameter(
                say("register.right", right=repr(right), rights=", ".join(RIGHTS)), param_hint="--right"
            )
    return tuple(dict.fromkeys(right for right in given if right != NO_RIGHT))


def _name(text: str) -> Name:
    tongue, sign, name = text.partition("=")
    if not sign:
        raise typer.BadParameter(say("register.wrong.names"), param_hint="--name")
    try:
        return Name(language=tongue, text=name)
    except ValidationError:
        raise typer.BadParameter(say("register.wrong.names"), param_hint="--name") from None


def _level(text: str) -> Level:
    levels = [level.value for level in Level if level is not Level.UNKNOWN]
    if text not in levels:
        raise typer.BadParameter(say("register.level", levels=", ".join(levels)), param_hint="--level")
    return Level(text)


def _fits(wish: Wish, former: int | None, ledger: int) -> None:
    """An organisation's door has as many partitions as it was made with, a divisor of the ledger's."""
    if wish.partitions is None:
        return
    if former is not None and former != wish.partitions:
        raise SettingsError(
            f"the door of {wish.organisation} was made with {former} partitions, which can never become "
            f"{wish.partitions}"
        )
    if ledger % wish.partitions:
        raise SettingsError(f"--partitions {wish.partitions} must divide the ledger's {ledger}")


def name_of(entry: OrganisationEntry) -> str:
    """The organisation's name in the reader's language, else the first one it has, else its id."""
    names = {name.language.partition("-")[0]: name.text for name in reversed(entry.names)}
    return clean(names.get(language()) or (entry.names[0].text if entry.names else entry.id))


def named(organisation: str, directory: Directory) -> str:
    """Name and id of an organisation; the id alone where it has no name, or is not in the directory."""
    standing = directory.get(organisation)
    name, id = name_of(standing.entry) if standing else "", clean(organisation)
    return id if name in ("", id) else f"{name} {id}"


def entry_json(entry: OrganisationEntry) -> dict[str, Any]:
    """The entry as JSON values; keys are hex."""
    return entry.model_dump(mode="json")


def directory_table(directory: Directory) -> RenderableType:
    """Every organisation, one row each; ids of keys are their first 8 digits."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "name", "level", "parent", "rights", "keys", "since"):
        table.add_column(say(f"column.{column}"), overflow="fold", no_wrap=column in ("id", "level", "since"))
    for standing in directory:
        entry = standing.entry
        keys = " ".join(key_id(key).hex()[:8] for key in entry.signing_keys)
        style = "dim strike" if standing.revoked else ""
        since = f"{standing.since}" + (f" {say('revoked')}" if standing.revoked else "")
        cells = (entry.id, name_of(entry), entry.level, entry.parent or "", " ".join(entry.rights), keys, since)
        table.add_row(*(Text(cell, style=style) for cell in cells))
    return table
