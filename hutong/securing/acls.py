"""Who may do what at the broker, as it follows from the directory. Pure: the broker is asked by others (ADR 0024).

Whatever no entry of this allows is refused by the broker.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hutong.rules.directory import Directory, Standing
from hutong.transport.access import Acl, Operation, Resource

SERVICES = ("admit", "deliver")
"""The services that every city runs, each under a name of its own at the broker."""

COMMON = ("directory", "_schemas")
"""What everybody reads."""

TOPICS = ("submissions", "ledger", "refusals", "checkpoints", *COMMON)
"""The city's own topics."""

AUTHORS = frozenset({"file", "dispatch"})
"""Who opens or passes on tickets mints their keys, and hands them to the custodian."""

DOORS = ("deliveries.", "deadletters.", "keys.")
"""What the names of an organisation's own topics begin with."""


def principal(city: str, service: str) -> str:
    """What a service of the city is called at the broker. No organisation can be: their ids have no underscore."""
    return f"{city}_{service}"


def services(city: str) -> frozenset[str]:
    """What all the city's services are called at the broker."""
    return frozenset(principal(city, service) for service in SERVICES)


def principals(directory: Directory, city: str) -> frozenset[str]:
    """Everybody whose access follows from this directory: all who were ever registered, and the city's services."""
    return frozenset(directory.organisations) | services(city)


def living(directory: Directory, city: str) -> frozenset[str]:
    """Those of :func:`principals` that are to have a password: all but the revoked."""
    return principals(directory, city) - {s.entry.id for s in directory if s.revoked}


def acls(directory: Directory, city: str) -> frozenset[Acl]:
    """Everything that is to stand at the broker for a city's organisations and services."""
    found = {*_admit(city), *_deliver(city)}
    for standing in directory:
        if not standing.revoked:
            found.update(_organisation(standing, directory, city))
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What to create and what to delete, each in the order in which to do it."""

    lacking: tuple[Acl, ...]
    surplus: tuple[Acl, ...]


def difference(wanted: Collection[Acl], there: Collection[Acl], *, owned: Collection[str]) -> Difference:
    """How to come from ``there`` to ``wanted``. What is there for anybody but ``owned`` users is not ours to touch.

    What forbids is created first and deleted last, so that nobody may do more in between than before or after.
    """
    ours = {acl for acl in there if acl.user in owned}
    return Difference(
        lacking=tuple(sorted(set(wanted) - ours, key=lambda acl: (acl.allowed, acl))),
        surplus=tuple(sorted(ours - set(wanted), key=lambda acl: (not acl.allowed, acl))),
    )


def _organisation(standing: Standing, directory: Directory, city: str) -> Iterator[Acl]:
    """What an organisation may do: by being one, by its rights, and, for the city's own, by watching the city."""
    name, rights = standing.entry.id, standing.rights
    yield _topic(name, "write", "submissions")
    for topic in (*COMMON, f"deliveries.{name}", f"keys.{name}", f"deadletters.{name}"):
        yield _topic(name, "read", topic)
    yield _topic(name, "write", f"deadletters.{name}")
    yield from _groups(name, directory, city)
    custodian = directory.custodian()
    if custodian is not None and rights & AUTHORS:
        yield _topic(name, "write", f"keys.{custodian}")
    if "custody" in rights:
        yield _topic(name, "write", "keys.", prefix=True)
    if "replay" in rights:
        yield _topic(name, "read", "ledger")
        yield _topic(name, "read", "checkpoints")
    if "clock" in rights:  # it holds back what is on its way to its door
        yield _topic(name, "read", "ledger")
        yield _acl(name, "describe", "group", f"{city}.deliver")
    if "register" in rights:
        yield _topic(name, "write", "directory")
        for door in DOORS:
            yield _topic(name, "create", door, prefix=True)
            yield _topic(name, "describe", door, prefix=True)
    if name == city:
        yield from _watching(city)


def _groups(name: str, directory: Directory, city: str) -> Iterator[Acl]:
    """Its own groups. ``110000.`` is also how the groups of ``110000.water`` begin, which are not its own."""
    yield _acl(name, "read", "group", f"{name}.", prefix=True)
    for below in directory.organisations:
        if below.startswith(f"{name}."):
            yield _acl(name, "read", "group", f"{below}.", prefix=True, allowed=False)
            if name != city:
                yield _acl(name, "describe", "group", f"{below}.", prefix=True, allowed=False)
    if name == city:
        for service in SERVICES:
            yield _acl(name, "read", "group", f"{city}.{service}", allowed=False)


def _watching(city: str) -> Iterator[Acl]:
    """For what the city's own organisation asks of the whole city (`hutong status`, `topics` and others): it sees, and
    moves nothing."""
    for topic in ("submissions", "ledger", "refusals"):
        yield _topic(city, "read", topic)
    for door in ("deliveries.", "deadletters."):
        yield _topic(city, "read", door, prefix=True)
    for topic in TOPICS:
        yield _topic(city, "describe_configs", topic)
    for door in DOORS:
        yield _topic(city, "describe_configs", door, prefix=True)
    yield _acl(city, "describe", "group", "*")


def _admit(city: str) -> Iterator[Acl]:
    user = principal(city, "admit")
    for topic in ("submissions", "ledger", "refusals"):
        yield _topic(user, "read", topic)
    for topic in ("ledger", "refusals"):
        yield _topic(user, "write", topic)
    yield from _service(user, city, "admit")


def _deliver(city: str) -> Iterator[Acl]:
    """Doors by their prefix: an organisation that is registered, and not yet applied, must not stop deliver."""
    user = principal(city, "deliver")
    for topic in ("ledger", "refusals"):
        yield _topic(user, "read", topic)
    yield _topic(user, "write", "deliveries.", prefix=True)
    yield from _service(user, city, "deliver")


def _service(user: str, city: str, service: str) -> Iterator[Acl]:
    for topic in COMMON:
        yield _topic(user, "read", topic)
    yield _acl(user, "read", "group", f"{city}.{service}")
    yield _acl(user, "write", "transactional_id", f"{service}-{city}-", prefix=True)


def _topic(user: str, operation: Operation, name: str, *, prefix: bool = False) -> Acl:
    return _acl(user, operation, "topic", name, prefix=prefix)


def _acl(
    user: str, operation: Operation, resource: Resource, name: str, *, prefix: bool = False, allowed: bool = True
) -> Acl:
    return Acl(user=user, resource=resource, name=name, operation=operation, prefix=prefix, allowed=allowed)
