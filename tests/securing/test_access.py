"""Access control by the transport: the twin and a real broker keep it alike."""

from __future__ import annotations

import secrets
from typing import get_args

import pytest
from kafka.admin import ACLOperation, ResourceType  # type: ignore[import-untyped]

from hutong.testing import MemoryTransport
from hutong.transport.access import AccessControl, Acl, Operation, Resource
from tests.contract.bench import until
from tests.securing.secured import SecuredCity


@pytest.fixture(params=["memory", "real"])
def access(request: pytest.FixtureRequest) -> AccessControl:
    if request.param == "memory":
        return MemoryTransport().access()
    city: SecuredCity = request.getfixturevalue("secured")
    return city.transport.access()


@pytest.fixture
def user() -> str:
    """One whom no other test knows."""
    return f"user_{secrets.token_hex(4)}"


def test_what_was_allowed_is_there_until_it_is_withdrawn(access: AccessControl, user: str) -> None:
    """Every kind; again it changes nothing; withdrawing takes exactly that one, and passes over what is not there."""
    every = {
        Acl(user=user, resource="topic", name="t", operation="read"),
        Acl(user=user, resource="topic", name="t", operation="read", prefix=True),
        Acl(user=user, resource="topic", name="t", operation="write"),
        Acl(user=user, resource="topic", name="t", operation="describe_configs"),
        Acl(user=user, resource="topic", name="keys.", operation="create", prefix=True),
        Acl(user=user, resource="group", name="*", operation="describe"),
        Acl(user=user, resource="group", name="g.", operation="read", prefix=True, allowed=False),
        Acl(user=user, resource="transactional_id", name="admit-", operation="write", prefix=True),
        Acl(user=user, resource="topic", name="t", operation="all"),
        Acl(user=user, resource="topic", name="t", operation="delete", host="10.0.0.1"),
        Acl(user=user, resource="cluster", name="kafka-cluster", operation="alter"),
        Acl(user=user, resource="delegation_token", name="d", operation="describe"),
        Acl(user=user, resource="user", name="User:x", operation="create_tokens", allowed=False),
    }

    def becomes(expected: set[Acl]) -> None:
        until(
            lambda: {acl for acl in access.acls() if acl.user == user} == expected, f"{len(expected)} ACLs", seconds=60
        )

    becomes(set())
    for _ in range(2):
        access.allow(sorted(every))
        becomes(every)
    gone = Acl(user=user, resource="topic", name="t", operation="read")
    for _ in range(2):
        access.withdraw([gone])
        becomes(every - {gone})
    access.withdraw(every)
    becomes(set())


def test_no_operation_and_no_resource_is_left_out() -> None:
    """What could not be said could not be seen either, nor taken away; the client library has all of the broker's."""
    ours = set(get_args(Operation)), set(get_args(Resource))
    assert ours == tuple(
        {kind.name.lower() for kind in kinds} - {"unknown", "any"} for kinds in (ACLOperation, ResourceType)
    )


def test_who_has_a_password_is_known_until_it_is_taken(access: AccessControl, user: str) -> None:
    """Given twice it is replaced; taking it from who has none is passed over."""
    assert user not in access.users()
    for password in ("first", "second"):
        access.admit({user: password})
        until(lambda: user in access.users(), "a password", seconds=60)
    for _ in range(2):
        access.expel([user])
        until(lambda: user not in access.users(), "no password", seconds=60)
