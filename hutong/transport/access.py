"""The seam to what a broker lets whom do: access control lists, and passwords by which it knows its users."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Operation = Literal[
    "read",
    "write",
    "create",
    "describe",
    "describe_configs",
    "all",
    "delete",
    "alter",
    "alter_configs",
    "cluster_action",
    "idempotent_write",
    "create_tokens",
    "describe_tokens",
]
"""What may be done. Who may read or write may also describe: learn that it is there, and where it ends. What a topic is
held to, ``describe_configs``, is for itself. From ``all`` on a city allows none of them: they are here to be found."""

Resource = Literal["topic", "group", "transactional_id", "cluster", "delegation_token", "user"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Acl:
    """``user`` may, or by no means may (``allowed``: False, which wins), do ``operation`` to what is called ``name``,
    or, with ``prefix``, to everything whose name begins so. The group ``*`` without ``prefix`` stands for all.
    ``host``: from this address only; ``*``, from anywhere."""

    user: str
    resource: Resource
    name: str
    operation: Operation
    prefix: bool = False
    allowed: bool = True
    host: str = "*"

    def __str__(self) -> str:
        return (
            f"{self.user} {'may' if self.allowed else 'may not'} {self.operation} "
            f"{self.resource.replace('_', ' ')} {self.name}{'…' if self.prefix else ''}"
            f"{'' if self.host == '*' else f' from {self.host}'}"
        )


class AccessControl(Protocol):
    """What the cluster lets whom do. Every method raises :class:`~hutong.errors.Unavailable` when the broker cannot be
    reached, :class:`~hutong.errors.SettingsError` where it has no access control, or this client may not change it."""

    def acls(self) -> frozenset[Acl]:
        """All that are said of users."""
        ...

    def allow(self, acls: Iterable[Acl]) -> None:
        """Create these, in their order. Those that exist are left as they are."""
        ...

    def withdraw(self, acls: Iterable[Acl]) -> None:
        """Delete exactly these. Those that do not exist are passed over."""
        ...

    def users(self) -> frozenset[str]:
        """Who has a password."""
        ...

    def admit(self, passwords: Mapping[str, str]) -> None:
        """Give these users these passwords, in place of any former one."""
        ...

    def expel(self, users: Collection[str]) -> None:
        """Take their passwords from these users. Those without one are passed over."""
        ...
