"""Making a broker let everybody do what the directory says, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hutong.errors import SettingsError
from hutong.rules.directory import Directory
from hutong.securing.acls import Difference, acls, difference, living, principals
from hutong.securing.passwords import PasswordFolder
from hutong.transport.access import AccessControl


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done: ACLs, who gets a password (a new one where it is ``renewed``), and whose is taken away."""

    acls: Difference
    admitted: tuple[str, ...]
    renewed: frozenset[str]
    expelled: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.acls.lacking or self.acls.surplus or self.admitted or self.expelled)


def plan(
    directory: Directory,
    access: AccessControl,
    *,
    city: str,
    renew: Collection[str] = (),
    waiting: Collection[str] = (),
) -> Plan:
    """What brings the broker to where the directory is; ``renew``: who is to get a new password in any case;
    ``waiting``: who was to get one when an earlier run was broken off (:meth:`PasswordFolder.waiting`).

    Only what is there for organisations that were ever registered, and for the city's services, is looked at.

    Raises:
        SettingsError: one of ``renew`` is not registered, or this client may not ask. Unavailable: the broker is away.
    """
    owned, entitled = principals(directory, city), living(directory, city)
    for user in sorted(set(renew) - entitled):
        raise SettingsError(f"{user} is not registered (see `hutong org list`), so it gets no password")
    known, renewed = access.users() & owned, frozenset(renew) | (entitled & set(waiting))
    return Plan(
        acls=difference(acls(directory, city), access.acls(), owned=owned),
        admitted=tuple(sorted((entitled - known) | renewed)),
        renewed=renewed,
        expelled=tuple(sorted(known - entitled)),
    )


def carry_out(plan: Plan, access: AccessControl, passwords: PasswordFolder) -> None:
    """Do what is planned. Broken off anywhere, the next plan is what is left of this one; a renewal not begun is not.

    Who loses its access loses it first, its password's file before the rest. A new password lies in a file before the
    broker knows it, and takes the former's place once it does.

    Raises:
        SettingsError: a password cannot be kept, or this client may not change the broker's ACLs. Unavailable.
    """
    for user in plan.expelled:
        passwords.forget(user)
    access.expel(plan.expelled)
    access.withdraw(plan.acls.surplus)
    access.allow(plan.acls.lacking)
    new = {user: passwords.renew(user) if user in plan.renewed else passwords.have(user) for user in plan.admitted}
    access.admit(new)
    for user in sorted(plan.renewed):
        passwords.keep(user)
