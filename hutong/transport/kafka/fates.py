"""What each kafka-python error means for us.

Its own ``.retriable`` misleads: lost connections and timeouts say True although the records may be written,
an offset commit after a rebalance says False although nothing is lost. So the fates stand in one table,
by exact class; what is not in it is ``UNKNOWN``, on which a process ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from kafka import errors as kafka  # type: ignore[import-untyped]

from hutong import errors
from hutong.transport.denials import Denial, denied
from hutong.transport.fates import Fate, asked_in_vain

FATES: Mapping[type[BaseException], Fate] = MappingProxyType(
    {
        kafka.KafkaTimeoutError: Fate.AWAY,
        kafka.KafkaConnectionError: Fate.AWAY,
        kafka.NodeNotReadyError: Fate.AWAY,
        kafka.StaleMetadata: Fate.AWAY,
        kafka.MetadataEmptyBrokerList: Fate.AWAY,
        kafka.Cancelled: Fate.AWAY,
        kafka.TooManyInFlightRequests: Fate.AWAY,
        kafka.CorrelationIdError: Fate.AWAY,
        kafka.NetworkExceptionError: Fate.AWAY,
        kafka.RequestTimedOutError: Fate.AWAY,
        kafka.BrokerNotAvailableError: Fate.AWAY,
        kafka.LeaderNotAvailableError: Fate.AWAY,
        kafka.NotLeaderForPartitionError: Fate.AWAY,
        kafka.ReplicaNotAvailableError: Fate.AWAY,
        kafka.CoordinatorLoadInProgressError: Fate.AWAY,
        kafka.CoordinatorNotAvailableError: Fate.AWAY,
        kafka.NotCoordinatorError: Fate.AWAY,
        kafka.NotControllerError: Fate.AWAY,
        kafka.NotEnoughReplicasError: Fate.AWAY,
        kafka.NotEnoughReplicasAfterAppendError: Fate.AWAY,
        kafka.KafkaStorageError: Fate.AWAY,
        kafka.OffsetNotAvailableError: Fate.AWAY,
        kafka.UnstableOffsetCommitError: Fate.AWAY,
        kafka.FencedLeaderEpochError: Fate.AWAY,
        kafka.UnknownLeaderEpochError: Fate.AWAY,
        kafka.ThrottlingQuotaExceededError: Fate.AWAY,
        kafka.CommitFailedError: Fate.MOOT,
        kafka.RebalanceInProgressError: Fate.MOOT,
        kafka.IllegalGenerationError: Fate.MOOT,
        kafka.UnknownMemberIdError: Fate.MOOT,
        kafka.FencedInstanceIdError: Fate.FENCED,
        kafka.ProducerFencedError: Fate.FENCED,
        kafka.InvalidProducerEpochError: Fate.FENCED,
        kafka.MessageSizeTooLargeError: Fate.TOO_LARGE,
        kafka.RecordListTooLargeError: Fate.TOO_LARGE,
        kafka.UnknownTopicOrPartitionError: Fate.WRONG,
        kafka.InvalidTopicError: Fate.WRONG,
        kafka.InvalidPartitionsError: Fate.WRONG,
        kafka.InvalidReplicationFactorError: Fate.WRONG,
        kafka.InvalidConfigurationError: Fate.WRONG,
        kafka.PolicyViolationError: Fate.WRONG,
        kafka.InvalidRecordError: Fate.WRONG,
        kafka.InvalidTimestampError: Fate.WRONG,
        kafka.OffsetMetadataTooLargeError: Fate.WRONG,
        kafka.InvalidGroupIdError: Fate.WRONG,
        kafka.InvalidSessionTimeoutError: Fate.WRONG,
        kafka.InconsistentGroupProtocolError: Fate.WRONG,
        kafka.GroupMaxSizeReachedError: Fate.WRONG,
        kafka.InvalidTransactionTimeoutError: Fate.WRONG,
        kafka.TopicAuthorizationFailedError: Fate.WRONG,
        kafka.GroupAuthorizationFailedError: Fate.WRONG,
        kafka.ClusterAuthorizationFailedError: Fate.WRONG,
        kafka.TransactionalIdAuthorizationFailedError: Fate.WRONG,
        kafka.SaslAuthenticationFailedError: Fate.WRONG,
        kafka.UnsupportedSaslMechanismError: Fate.WRONG,
        kafka.SecurityDisabledError: Fate.WRONG,
        kafka.UnsupportedVersionError: Fate.WRONG,
        kafka.UnsupportedCodecError: Fate.WRONG,
        kafka.KafkaConfigurationError: Fate.WRONG,
    }
)

DENIALS: Mapping[type[BaseException], Denial] = MappingProxyType(
    {
        kafka.SaslAuthenticationFailedError: Denial.LOGIN,
        kafka.TopicAuthorizationFailedError: Denial.TOPIC,
        kafka.GroupAuthorizationFailedError: Denial.GROUP,
        kafka.TransactionalIdAuthorizationFailedError: Denial.TRANSACTIONAL_ID,
        kafka.ClusterAuthorizationFailedError: Denial.CLUSTER,
        kafka.SecurityDisabledError: Denial.NO_ACCESS_CONTROL,
    }
)


def fate_of(error: BaseException) -> Fate:
    """The fate of exactly this class of error; subclasses are not guessed at."""
    return FATES.get(type(error), Fate.UNKNOWN)


def told(error: BaseException) -> str:
    """The error in one line: class and text, once each."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return text if name in text else f"{name}: {text}" if text else name


def explained(error: BaseException, user: str | None) -> str:
    """The error as :func:`told`; where the broker denies ``user`` something, who is denied what, and what to do."""
    denial = DENIALS.get(type(error))
    if denial is None:
        return told(error)
    named = error.args[0] if error.args else ""
    names = ", ".join(sorted(named)) if isinstance(named, (set, frozenset)) else str(named)
    return denied(denial, told(error), user=user, names=names)


def asked(error: BaseException, what: str, *, user: str | None = None) -> errors.BusError:
    """The bus error for a question or commit that failed so; ``what`` says what was wanted, ``user`` who this is."""
    return asked_in_vain(fate_of(error), what, explained(error, user))


@contextmanager
def asking(what: str, *, user: str | None = None) -> Iterator[None]:
    """Turn kafka-python's errors in this block into ours, see :func:`asked`."""
    try:
        yield
    except kafka.KafkaError as error:
        raise asked(error, what, user=user) from error
