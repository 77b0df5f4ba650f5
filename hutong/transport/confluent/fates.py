"""What each error code of confluent-kafka means for us: librdkafka's own (with an underscore) and the broker's.

By its code alone: ``.retriable()`` and ``.fatal()`` speak of the call, not of what became of the records. What is not
in the table is ``UNKNOWN``, on which a process ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from confluent_kafka import KafkaError, KafkaException

from hutong import errors
from hutong.transport.denials import UNTRUSTED, Denial, denied
from hutong.transport.fates import Fate, asked_in_vain

FATES: Mapping[int, Fate] = MappingProxyType(
    {
        KafkaError._ALL_BROKERS_DOWN: Fate.AWAY,
        KafkaError._TRANSPORT: Fate.AWAY,
        KafkaError._RESOLVE: Fate.AWAY,
        KafkaError._TIMED_OUT: Fate.AWAY,
        KafkaError._TIMED_OUT_QUEUE: Fate.AWAY,
        KafkaError._MSG_TIMED_OUT: Fate.AWAY,
        KafkaError._UNKNOWN_BROKER: Fate.AWAY,
        KafkaError._NODE_UPDATE: Fate.AWAY,
        KafkaError._WAIT_COORD: Fate.AWAY,
        KafkaError._WAIT_CACHE: Fate.AWAY,
        KafkaError._RETRY: Fate.AWAY,
        KafkaError._QUEUE_FULL: Fate.AWAY,
        KafkaError._ISR_INSUFF: Fate.AWAY,
        KafkaError.NETWORK_EXCEPTION: Fate.AWAY,
        KafkaError.REQUEST_TIMED_OUT: Fate.AWAY,
        KafkaError.BROKER_NOT_AVAILABLE: Fate.AWAY,
        KafkaError.LEADER_NOT_AVAILABLE: Fate.AWAY,
        KafkaError.NOT_LEADER_FOR_PARTITION: Fate.AWAY,
        KafkaError.REPLICA_NOT_AVAILABLE: Fate.AWAY,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS: Fate.AWAY,
        KafkaError.COORDINATOR_NOT_AVAILABLE: Fate.AWAY,
        KafkaError.NOT_COORDINATOR: Fate.AWAY,
        KafkaError.NOT_CONTROLLER: Fate.AWAY,
        KafkaError.NOT_ENOUGH_REPLICAS: Fate.AWAY,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND: Fate.AWAY,
        KafkaError.KAFKA_STORAGE_ERROR: Fate.AWAY,
        KafkaError.OFFSET_NOT_AVAILABLE: Fate.AWAY,
        KafkaError.UNSTABLE_OFFSET_COMMIT: Fate.AWAY,
        KafkaError.FENCED_LEADER_EPOCH: Fate.AWAY,
        KafkaError.UNKNOWN_LEADER_EPOCH: Fate.AWAY,
        KafkaError.THROTTLING_QUOTA_EXCEEDED: Fate.AWAY,
        KafkaError._ASSIGNMENT_LOST: Fate.MOOT,
        KafkaError._MAX_POLL_EXCEEDED: Fate.MOOT,
        KafkaError.REBALANCE_IN_PROGRESS: Fate.MOOT,
        KafkaError.ILLEGAL_GENERATION: Fate.MOOT,
        KafkaError.UNKNOWN_MEMBER_ID: Fate.MOOT,
        KafkaError._FENCED: Fate.FENCED,
        KafkaError.FENCED_INSTANCE_ID: Fate.FENCED,
        KafkaError.PRODUCER_FENCED: Fate.FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH: Fate.FENCED,
        KafkaError.MSG_SIZE_TOO_LARGE: Fate.TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE: Fate.TOO_LARGE,
        KafkaError._UNKNOWN_TOPIC: Fate.WRONG,
        KafkaError._UNKNOWN_PARTITION: Fate.WRONG,
        KafkaError._AUTHENTICATION: Fate.WRONG,
        KafkaError._SSL: Fate.WRONG,
        KafkaError._INVALID_ARG: Fate.WRONG,
        KafkaError._UNSUPPORTED_FEATURE: Fate.WRONG,
        KafkaError.UNKNOWN_TOPIC_OR_PART: Fate.WRONG,
        KafkaError.TOPIC_EXCEPTION: Fate.WRONG,
        KafkaError.INVALID_PARTITIONS: Fate.WRONG,
        KafkaError.INVALID_REPLICATION_FACTOR: Fate.WRONG,
        KafkaError.INVALID_CONFIG: Fate.WRONG,
        KafkaError.POLICY_VIOLATION: Fate.WRONG,
        KafkaError.INVALID_RECORD: Fate.WRONG,
        KafkaError.INVALID_TIMESTAMP: Fate.WRONG,
        KafkaError.OFFSET_METADATA_TOO_LARGE: Fate.WRONG,
        KafkaError.INVALID_GROUP_ID: Fate.WRONG,
        KafkaError.INVALID_SESSION_TIMEOUT: Fate.WRONG,
        KafkaError.INCONSISTENT_GROUP_PROTOCOL: Fate.WRONG,
        KafkaError.GROUP_MAX_SIZE_REACHED: Fate.WRONG,
        KafkaError.INVALID_TRANSACTION_TIMEOUT: Fate.WRONG,
        KafkaError.TOPIC_AUTHORIZATION_FAILED: Fate.WRONG,
        KafkaError.GROUP_AUTHORIZATION_FAILED: Fate.WRONG,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED: Fate.WRONG,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Fate.WRONG,
        KafkaError.SASL_AUTHENTICATION_FAILED: Fate.WRONG,
        KafkaError.UNSUPPORTED_SASL_MECHANISM: Fate.WRONG,
        KafkaError.SECURITY_DISABLED: Fate.WRONG,
        KafkaError.UNSUPPORTED_VERSION: Fate.WRONG,
    }
)

DENIALS: Mapping[int, Denial] = MappingProxyType(
    {
        KafkaError._AUTHENTICATION: Denial.LOGIN,
        KafkaError.SASL_AUTHENTICATION_FAILED: Denial.LOGIN,
        KafkaError.TOPIC_AUTHORIZATION_FAILED: Denial.TOPIC,
        KafkaError.GROUP_AUTHORIZATION_FAILED: Denial.GROUP,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Denial.TRANSACTIONAL_ID,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED: Denial.CLUSTER,
        KafkaError.SECURITY_DISABLED: Denial.NO_ACCESS_CONTROL,
    }
)
_VERIFYING = "certificate verify failed"


def fate_of(error: KafkaError) -> Fate:
    """The fate of this error's code."""
    return FATES.get(error.code(), Fate.UNKNOWN)


def told(error: KafkaError) -> str:
    """The error in one line: its code's name and its text."""
    return " ".join(f"{error.name()}: {error.str()}".split())


def reason(raised: KafkaException) -> KafkaError:
    """What confluent-kafka's exception wraps."""
    found: KafkaError = raised.args[0]
    return found


def refuses_for_good(error: KafkaError) -> bool:
    """Whether this is said of a login or a certificate that is not taken, and so not by trying again either."""
    return error.code() == KafkaError._AUTHENTICATION or _untrusted(error)


def _untrusted(error: KafkaError) -> bool:
    return error.code() == KafkaError._SSL and _VERIFYING in error.str()


def explained(error: KafkaError, user: str | None, names: str = "") -> str:
    """The error as :func:`told`; where the broker denies ``user`` something, who is denied what, and what to do.

    ``names``: the topic, group or id that was asked for: the error does not say.
    """
    if _untrusted(error):
        return f"{UNTRUSTED}: {told(error)}"
    denial = DENIALS.get(error.code())
    return told(error) if denial is None else denied(denial, told(error), user=user, names=names)


def asked(error: KafkaError, what: str, *, user: str | None = None, names: str = "") -> errors.BusError:
    """The bus error for a question or commit that failed so; ``what`` says what was wanted, the others as for
    :func:`explained`."""
    return asked_in_vain(fate_of(error), what, explained(error, user, names))


def asked_by_consumer(error: KafkaError, what: str, *, user: str | None = None, names: str = "") -> errors.BusError:
    """As :func:`asked`. A consumer in a classic group has one fatal error, being fenced; its cause is told but once."""
    if error.code() == KafkaError._FATAL:
        return errors.Fenced("another process runs as this system: give one of the two another name")
    return asked(error, what, user=user, names=names)


@contextmanager
def asking(what: str, *, user: str | None = None, names: str = "") -> Iterator[None]:
    """Turn confluent-kafka's errors in this block into ours, see :func:`asked`."""
    try:
        yield
    except KafkaException as raised:
        raise asked(reason(raised), what, user=user, names=names) from raised
