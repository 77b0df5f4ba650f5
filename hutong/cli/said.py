"""What an event says, in words: its plain fields, and its sealed ones as seals 印, or opened, or erased."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from rich.text import Text

from hutong.cli.entries import name_of
from hutong.cli.render import clean, local, seal_json
from hutong.cli.texts import known, language, say
from hutong.client import Bus
from hutong.event import Event
from hutong.events.complaint import Filed, Repeat, SourceReference
from hutong.events.sealed import Sealed
from hutong.rules.directory import Directory
from hutong.rules.regions import Regions
from hutong.rules.territory import Territory

_IN_THE_HEADER = frozenset({"kind", "category", "area", "channel"})
_ALWAYS = frozenset({"outcome", "decision", "measure"})
_SEAL, _ERASED = "bold white on red", "black on bright_black"


class Sayer:
    """Puts events into words. With ``keys`` sealed fields are opened where the organisation holds their key;
    ``erased`` are ids of keys that were destroyed."""

    def __init__(
        self, directory: Directory, territory: Territory, city: str, zone: ZoneInfo, keys: Bus | None = None
    ) -> None:
        self._directory = directory
        self._regions = Regions(city, territory.divisions)
        self._categories = territory.categories or {}
        self._zone = zone
        self._keys = keys

    # -- names ------------------------------------------------------------------------------------------------------

    def name(self, organisation: str) -> str:
        """What an organisation is called, else its id."""
        standing = self._directory.get(organisation)
        return name_of(standing.entry) if standing else clean(organisation)

    def who(self, organisation: str) -> Text:
        """An organisation's name and, behind it, its id."""
        name, id = self.name(organisation), clean(organisation)
        return Text(name) if name == id else Text(f"{name} ").append(id, "dim")

    def area(self, area: str) -> str:
        """A place with the one above it: 朝阳区 望京街道."""
        places = [self._place(area)]
        above = self._regions.above(area)
        if above and above != self._regions.city:
            places.insert(0, self._place(above))
        return " ".join(places)

    def _place(self, code: str) -> str:
        standing, division = self._directory.get(code), self._regions.divisions.get(code)
        if standing is not None:
            return name_of(standing.entry)
        return division.name if division else clean(code)

    def category(self, path: str) -> str:
        """A category by the names of its parts: 公共服务 › 供水."""
        parts = path.split("/")
        paths = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        nodes = [self._categories.get(each) for each in paths]
        names = [
            part if node is None else node.zh if language() == "zh" else node.en
            for part, node in zip(parts, nodes, strict=True)
        ]
        return clean(" › ".join(names))

    def moment(self, time: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
        """A moment in the city's time."""
        return local(time, self._zone, form)

    # -- fields -----------------------------------------------------------------------------------------------------

    def fields(self, event: Event) -> Text:
        """The event's plain fields; what it left at its default says nothing."""
        data, said = event.data, Text()
        for name, field in type(data).model_fields.items():
            value = getattr(data, name)
            if name in data.sealed_fields() or value in (None, ()) or (value == field.default and name not in _ALWAYS):
                continue
            if isinstance(data, Filed) and name in _IN_THE_HEADER:
                continue
            said.append("   " if said else "").append(f"{label(name)} ", "dim").append(self._value(value))
        return said

    def _value(self, value: Any) -> Text:
        match value:
            case bool():
                return Text(say("yes" if value else "no"))
            case StrEnum():
                return Text(word(value))
            case datetime():
                return Text(self.moment(value))
            case tuple():
                return Text(", ").join(self._value(each) for each in value)
            case Repeat():
                filed = self.moment(value.filed, "%m-%d")
                return Text(clean(value.ticket)).append(f" ({say('event.complaint.filed')} {filed})", "dim")
            case SourceReference():
                return Text(clean(f"{value.system} {value.row}"))
            case bytes():
                return Text(value.hex()[:8])
        text = str(value)
        return Text(self.name(text) if self._directory.get(text) else word(text))

    def seals(self, event: Event, erased: Iterable[bytes]) -> Iterator[Text]:
        """A line for each opened field, then one for what stays sealed, then one for what is erased."""
        shut: list[str] = []
        gone: list[str] = []
        for field in event.data.sealed_fields():
            value = getattr(event.data, field)
            if not isinstance(value, Sealed):
                continue
            opened = seal_json(event, field, self._keys)
            if value.key_id in erased or opened == {"erased": value.key_id.hex()}:
                gone.append(label(field))
            elif not isinstance(opened, dict) or opened.get("sealed") != value.key_id.hex():
                yield Text(f"{label(field)} ", "dim").append(clean(flat(opened)), "not dim italic")
            else:
                shut.append(label(field) + (f" ({say('bad_seal')})" if "error" in opened else ""))
        for style, what, fields in ((_SEAL, "sealed", shut), (_ERASED, "erased", gone)):
            if fields:
                yield Text.assemble((f"[{say(what)}]", style), " ", (", ".join(fields), "dim"))


def label(field: str) -> str:
    """What a field is called."""
    return say(f"field.{field}") if known(f"field.{field}") else field


def word(value: str) -> str:
    """What a value of an enum, or a code that is known here, is called."""
    return say(f"value.{value}") if known(f"value.{value}") else clean(str(value))


def flat(value: Any) -> str:
    """A JSON value on one line, without JSON's marks where they say nothing."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {flat(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(flat, value))
    return str(value)
