"""Who may do what at the broker follows from the directory, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from hutong.events.directory import Changed, Level, Name, OrganisationEntry, Registered, Revoked
from hutong.rules.directory import Directory
from hutong.securing.acls import DOORS, Difference, acls, difference, living, principals
from hutong.transport.access import Acl

CITY, CUSTODIAN, WATER, DISTRICT, STREET = "110000", "110000.custodian", "110000.water", "110105", "110105026"


def entry(id: str, *rights: str) -> OrganisationEntry:
    return OrganisationEntry(
        id=id,
        names=(Name(language="en", text=id),),
        level=Level.DEPARTMENT,
        signing_keys=(bytes(32),),
        rights=rights,
    )


def directory(*entries: OrganisationEntry) -> Directory:
    made = Directory()
    for number, each in enumerate(entries, 1):
        made.apply(Registered(number=number, entry=each))
    return made


def said(found: Iterable[Acl], user: str) -> set[str]:
    return {str(acl).removeprefix(f"{user} ") for acl in found if acl.user == user}


def test_an_organisation_without_rights_has_its_own_and_what_is_everybodys() -> None:
    """One that only answers its tickets: its door, its keys, its dead letters, its groups; nothing of anybody else."""
    found = acls(directory(entry(CITY, "register"), entry(STREET)), CITY)
    assert said(found, STREET) == {
        "may write topic submissions",
        "may read topic directory",
        "may read topic _schemas",
        f"may read topic deliveries.{STREET}",
        f"may read topic keys.{STREET}",
        f"may read topic deadletters.{STREET}",
        f"may write topic deadletters.{STREET}",
        f"may read group {STREET}.…",
    }


@pytest.mark.parametrize(
    ("right", "more"),
    [
        ("replay", {"may read topic ledger", "may read topic checkpoints"}),
        ("file", {f"may write topic keys.{CUSTODIAN}"}),
        ("dispatch", {f"may write topic keys.{CUSTODIAN}"}),
        ("custody", {"may write topic keys.…"}),
        ("clock", {"may read topic ledger", f"may describe group {CITY}.deliver"}),
        ("call_back", set()),
        ("see_all", set()),
        ("backfill", set()),
        (
            "register",
            {"may write topic directory"}
            | {f"may {may} topic {door}…" for may in ("create", "describe") for door in DOORS},
        ),
    ],
)
def test_a_right_adds_what_it_takes(right: str, more: set[str]) -> None:
    """With the right, and without it: the difference is this, whole."""
    keeper = entry(CUSTODIAN, "custody")
    without = acls(directory(entry(CITY), keeper, entry(STREET)), CITY)
    held = acls(directory(entry(CITY), keeper, entry(STREET, right)), CITY)
    assert said(held - without, STREET) == more
    assert without <= held


def test_the_groups_of_those_below_are_not_ones_own() -> None:
    """``110000.`` is how the groups of 110000.water begin, too; of 110105026 nothing begins like ``110105.``."""
    found = acls(directory(entry(CITY), entry(WATER), entry(DISTRICT), entry(f"{DISTRICT}.park"), entry(STREET)), CITY)
    groups = {user: {word for word in said(found, user) if " group " in word} for user in (CITY, DISTRICT, STREET)}
    assert groups == {
        CITY: {
            f"may read group {CITY}.…",
            f"may not read group {WATER}.…",
            f"may not read group {CITY}.admit",
            f"may not read group {CITY}.deliver",
            "may describe group *",
        },
        DISTRICT: {
            f"may read group {DISTRICT}.…",
            f"may not read group {DISTRICT}.park.…",
            f"may not describe group {DISTRICT}.park.…",
        },
        STREET: {f"may read group {STREET}.…"},
    }


def test_transactional_ids_are_admits_and_delivers_alone() -> None:
    """Each its own; no organisation, whatever its rights, has one."""
    every = ("register", "file", "dispatch", "call_back", "clock", "custody", "replay", "see_all", "backfill")
    found = acls(directory(entry(CITY, *every), entry(WATER, *every)), CITY)
    ids = {str(acl) for acl in found if acl.resource == "transactional_id"}
    assert ids == {f"{CITY}_{name} may write transactional id {name}-{CITY}-…" for name in ("admit", "deliver")}


def test_who_is_revoked_may_do_nothing() -> None:
    """And has no password; nobody else is concerned. Registered anew, it has what its new entry says."""
    made = directory(entry(CITY, "register"), entry(CUSTODIAN, "custody"), entry(WATER, "file"))
    before = acls(made, CITY)
    made.apply(Revoked(number=4, organisation=WATER, reason="closed"))
    after = acls(made, CITY)
    assert said(after, WATER) == set()
    assert {acl for acl in before if acl.user != WATER} == after
    assert principals(made, CITY) - living(made, CITY) == {WATER}
    made.apply(Registered(number=5, entry=entry(WATER)))
    assert f"may write topic keys.{CUSTODIAN}" not in said(acls(made, CITY), WATER)
    assert WATER in living(made, CITY)


def test_a_revoked_custodian_hands_its_topic_to_nobody() -> None:
    """Without a custodian no author may write keys; with another they may write that one's."""
    made = directory(entry(CITY, "file"), entry(CUSTODIAN, "custody"), entry(WATER))
    made.apply(Revoked(number=4, organisation=CUSTODIAN, reason="closed"))
    assert not [acl for acl in acls(made, CITY) if acl.operation == "write" and acl.name.startswith("keys.")]
    made.apply(Changed(number=5, entry=entry(WATER, "custody")))
    assert f"may write topic keys.{WATER}" in said(acls(made, CITY), CITY)


def test_no_organisation_can_be_called_like_a_service() -> None:
    """What the city's services are called at the broker is no organisation's id."""
    for user in principals(directory(), CITY):
        with pytest.raises(ValueError, match="id"):
            entry(user)


def acl(user: str, name: str, *, allowed: bool = True) -> Acl:
    return Acl(user=user, resource="group", name=name, operation="read", allowed=allowed)


def test_only_what_is_ours_is_deleted() -> None:
    """Others' ACLs stay; what forbids is created first and deleted last."""
    theirs, kept = acl("connect", "x"), acl(WATER, "kept")
    old, old_deny = acl(WATER, "old"), acl(WATER, "a", allowed=False)
    new, new_deny = acl(CITY, "a"), acl(CITY, "b", allowed=False)
    found = difference([kept, new, new_deny], [theirs, kept, old, old_deny], owned={CITY, WATER})
    assert found == Difference(lacking=(new_deny, new), surplus=(old, old_deny))
    assert difference([kept], [theirs, kept], owned={WATER}) == Difference(lacking=(), surplus=())
