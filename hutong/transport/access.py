"""The seam to what a broker lets whom do: access control lists, and passwords by which it knows its users."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Operation = Literal["read", "write", "create", "describe", "describe_configs"]
"""What may be done. Who may read or write may also describe: learn that it is there, and where it ends. What a topic is
held to, ``describe_configs``, is for itself."""

Resource = Literal["topic", "group", "transactional_id"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Acl:
    """``user`` may, or by no means may (``allowed``: False, which wins), do ``operation`` to what is called ``name``,
    or, with ``prefix``, to everything whose name begins so. The group ``*`` without ``prefix`` stands for all."""

    user: str
    resource: Resource
    name: str
    operation: Operation
    prefix: bool = False
    allowed: bool = True

    def __str__(self) -> str:
        return (
            f"{self.user} {'may' if self.allowed else 'may not'} {self.operation} "
            f"{self.resource.replace('_', ' ')} {self.name}{'…' if self.prefix else ''}"
        )


class AccessControl(Protocol):
    """What the cluster lets whom do. Every method raises :class:`~hutong.errors.Unavailable` when the broker cannot be
    reached, :class:`~hutong.errors.SettingsError` where it has no access control, or this client may not change it."""

    def acls(self) -> frozenset[Acl]:
        """All that :class:`Acl` can say; others (of the cluster, of single hosts) are left out."""
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
