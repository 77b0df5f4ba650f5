"""Access control of the transport's twin: kept, and asked for again; it stops nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hutong.transport.access import Acl


class MemoryAccessControl:
    """:class:`hutong.transport.access.AccessControl` in memory."""

    def __init__(self) -> None:
        self._acls: frozenset[Acl] = frozenset()
        self.passwords: dict[str, str] = {}
        """For tests: user and password."""

    def acls(self) -> frozenset[Acl]:
        return self._acls

    def allow(self, acls: Iterable[Acl]) -> None:
        self._acls |= set(acls)

    def withdraw(self, acls: Iterable[Acl]) -> None:
        self._acls -= set(acls)

    def users(self) -> frozenset[str]:
        return frozenset(self.passwords)

    def admit(self, passwords: Mapping[str, str]) -> None:
        self.passwords.update(passwords)

    def expel(self, users: Collection[str]) -> None:
        for user in users:
            self.passwords.pop(user, None)
