"""Access control with kafka-python: the broker's ACLs, and its users' SCRAM passwords."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from kafka.admin import (  # type: ignore[import-untyped]
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from hutong import errors
from hutong.transport.access import Acl, Operation, Resource
from hutong.transport.kafka.fates import asking

ITERATIONS = 4096
"""How often a password is hashed, Kafka's least: ours are 256 random bits, which nobody guesses."""

_AT_ONCE = 500  # what one request changes: the controller takes at most 10,000 records for one

_RESOURCES: Mapping[Resource, Any] = MappingProxyType(
    {
        "topic": ResourceType.TOPIC,
        "group": ResourceType.GROUP,
        "transactional_id": ResourceType.TRANSACTIONAL_ID,
        "cluster": ResourceType.CLUSTER,
        "delegation_token": ResourceType.DELEGATION_TOKEN,
        "user": ResourceType.USER,
    }
)
_OPERATIONS: Mapping[Operation, Any] = MappingProxyType(
    {
        "read": ACLOperation.READ,
        "write": ACLOperation.WRITE,
        "create": ACLOperation.CREATE,
        "describe": ACLOperation.DESCRIBE,
        "describe_configs": ACLOperation.DESCRIBE_CONFIGS,
        "all": ACLOperation.ALL,
        "delete": ACLOperation.DELETE,
        "alter": ACLOperation.ALTER,
        "alter_configs": ACLOperation.ALTER_CONFIGS,
        "cluster_action": ACLOperation.CLUSTER_ACTION,
        "idempotent_write": ACLOperation.IDEMPOTENT_WRITE,
        "create_tokens": ACLOperation.CREATE_TOKENS,
        "describe_tokens": ACLOperation.DESCRIBE_TOKENS,
    }
)
_RESOURCE_OF = {kind: resource for resource, kind in _RESOURCES.items()}
_OPERATION_OF = {kind: operation for operation, kind in _OPERATIONS.items()}
_USER = "User:"
_EVERYTHING = ACLFilter(
    principal=None,
    host=None,
    operation=ACLOperation.ANY,
    permission_type=ACLPermissionType.ANY,
    resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)
_MECHANISM = ScramMechanism.SCRAM_SHA_512


class KafkaAccessControl:
    """:class:`hutong.transport.access.AccessControl` on kafka-python. ``user``: who asks it."""

    def __init__(self, client: Callable[[], Any], *, user: str | None) -> None:
        self._client = client
        self._user = user

    def acls(self) -> frozenset[Acl]:
        with asking("asking for the ACLs", user=self._user):
            found, _ = self._client().describe_acls(_EVERYTHING)
        return frozenset(_read(raw) for raw in found if raw.principal.startswith(_USER))

    def allow(self, acls: Iterable[Acl]) -> None:
        for some in _parts(acls):
            with asking("creating ACLs", user=self._user):
                failed = self._client().create_acls([_written(acl) for acl in some])["failed"]
                if failed:
                    raise failed[0]()

    def withdraw(self, acls: Iterable[Acl]) -> None:
        for some in _parts(acls):
            with asking("deleting ACLs", user=self._user):
                for _, _, error in self._client().delete_acls([_written(acl) for acl in some]):
                    if error.errno:
                        raise error()

    def users(self) -> frozenset[str]:
        with asking("asking who has a password", user=self._user):
            # Asked for null, which means all too, the broker fails where it should deny, and never answers.
            return frozenset(self._client().describe_user_scram_credentials([]))

    def admit(self, passwords: Mapping[str, str]) -> None:
        self._alter(
            [
                UserScramCredentialUpsertion(user, _MECHANISM, password, iterations=ITERATIONS)
                for user, password in sorted(passwords.items())
            ]
        )

    def expel(self, users: Collection[str]) -> None:
        with asking("asking who has a password", user=self._user):
            known = self._client().describe_user_scram_credentials(sorted(users)) if users else {}
        self._alter(
            [
                UserScramCredentialDeletion(user, info["mechanism"])
                for user, told in sorted(known.items())
                for info in told["credential_infos"]
            ]
        )

    def _alter(self, alterations: list[Any]) -> None:
        for at in range(0, len(alterations), _AT_ONCE):
            with asking("changing passwords", user=self._user):
                answers = self._client().alter_user_scram_credentials(alterations[at : at + _AT_ONCE])
            for user, reason in answers.items():
                if reason is not None:
                    raise errors.SettingsError(
                        f"the password of {user} was not changed: does {self._user} have the settings of the "
                        f"platform's operator? ({reason})"
                    )


def _parts(acls: Iterable[Acl]) -> Iterator[list[Acl]]:
    every = list(acls)
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))


def _read(raw: Any) -> Acl:
    """The ACL as ours."""
    pattern = raw.resource_pattern
    return Acl(
        user=raw.principal.removeprefix(_USER),
        resource=_RESOURCE_OF[pattern.resource_type],
        name=pattern.resource_name,
        operation=_OPERATION_OF[raw.operation],
        prefix=pattern.pattern_type is ACLResourcePatternType.PREFIXED,
        allowed=raw.permission_type is ACLPermissionType.ALLOW,
        host=raw.host,
    )


def _written(acl: Acl) -> Any:
    return ACL(
        principal=f"{_USER}{acl.user}",
        host=acl.host,
        operation=_OPERATIONS[acl.operation],
        permission_type=ACLPermissionType.ALLOW if acl.allowed else ACLPermissionType.DENY,
        resource_pattern=ResourcePattern(
            _RESOURCES[acl.resource],
            acl.name,
            ACLResourcePatternType.PREFIXED if acl.prefix else ACLResourcePatternType.LITERAL,
        ),
    )
