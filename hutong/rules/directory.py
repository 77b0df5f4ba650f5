"""The directory 单位目录: organisations, their keys and rights, as the registrar's signed events built it.

Every state it ever had can be asked for by number, because an entry of the ledger is judged for ever by the
directory of its own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hutong.errors import Gap, InvalidEvent
from hutong.events import EventData
from hutong.events.directory import Changed, OrganisationEntry, Registered, Revoked
from hutong.wire.signing import key_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the directory says of one organisation from ``since`` on. ``revoked`` means: its entry no longer holds."""

    since: int
    entry: OrganisationEntry
    revoked: bool = False
    keys: Mapping[bytes, bytes] = field(default_factory=dict)
    """Key id → raw public key."""

    @property
    def rights(self) -> frozenset[str]:
        """The rights it holds now: none once revoked."""
        return frozenset() if self.revoked else frozenset(self.entry.rights)


class Directory:
    """The directory up to :attr:`number`. Grows by :meth:`apply` alone."""

    def __init__(self) -> None:
        self.number = 0
        self._standings: dict[str, list[Standing]] = {}
        self._holders: dict[str, frozenset[str]] = {}

    def apply(self, data: EventData) -> bool:
        """Take the next directory event. False: its number is already taken, so it changes nothing.

        Raises:
            Gap: an event between the last one and this one is missing.
            InvalidEvent: ``invalid_data``: no directory event, or about an organisation that is not there.
        """
        if not isinstance(data, Registered | Changed | Revoked):
            raise InvalidEvent("invalid_data", f"{data.TYPE} is no directory event")
        if data.number <= self.number:
            return False
        if data.number != self.number + 1:
            raise Gap(
                f"directory event {self.number + 1} is missing: the next one has number {data.number}; "
                "read the directory again from its beginning"
            )
        name = data.organisation if isinstance(data, Revoked) else data.entry.id
        history = self._standings.get(name, [])
        if isinstance(data, Revoked):
            if not history:
                raise InvalidEvent("invalid_data", f"{name} was never registered")
            standing = Standing(since=data.number, entry=history[-1].entry, revoked=True)
        else:
            keys = {key_id(key): key for key in data.entry.signing_keys}
            standing = Standing(since=data.number, entry=data.entry, keys=keys)
        self._standings[name] = [*history, standing]
        self._holders.clear()
        self.number = data.number
        return True

    def get(self, organisation: str, number: int | None = None) -> Standing | None:
        """The organisation's standing now, or when the directory had ``number`` events; None: not registered."""
        history = self._standings.get(organisation)
        if not history:
            return None
        if number is None:
            return history[-1]
        return next((standing for standing in reversed(history) if standing.since <= number), None)

    def ancestors(self, organisation: str) -> tuple[str, ...]:
        """Every organisation above this one, nearest first; one that was revoked is passed over."""
        above: dict[str, Standing] = {}
        standing = self.get(organisation)
        while standing and standing.entry.parent and standing.entry.parent not in above:
            parent, standing = standing.entry.parent, self.get(standing.entry.parent)
            if standing is not None:
                above[parent] = standing
        return tuple(name for name, standing in above.items() if not standing.revoked)

    def holders(self, right: str) -> frozenset[str]:
        """The organisations that hold ``right`` now."""
        if right not in self._holders:
            names = (name for name, history in self._standings.items() if right in history[-1].rights)
            self._holders[right] = frozenset(names)
        return self._holders[right]

    def __iter__(self) -> Iterator[Standing]:
        """All organisations, revoked ones too, in the order of their ids."""
        return (self._standings[name][-1] for name in sorted(self._standings))

    @property
    def organisations(self) -> Mapping[str, Standing]:
        """Id → standing now."""
        return MappingProxyType({name: history[-1] for name, history in self._standings.items()})
