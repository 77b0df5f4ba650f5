"""librdkafka's settings, each where it differs from its default."""

from __future__ import annotations

from collections.abc import Mapping

from hutong.transport.login import Login
from hutong.transport.sending import MAX_REQUEST

EVERY: Mapping[str, object] = {
    "socket.timeout.ms": 8_000,
    "retry.backoff.ms": 20,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 1_000,
    "enable.metrics.push": False,
}
PRODUCER: Mapping[str, object] = {
    **EVERY,
    "acks": "all",
    "enable.idempotence": True,
    "compression.type": "lz4",
    # Every send is flushed, so a long linger costs no time: it only keeps one request per record away.
    "linger.ms": 200,
    "batch.size": 262_144,
    "message.max.bytes": MAX_REQUEST + 65_536,
    "queue.buffering.max.messages": 0,
}
CONSUMER: Mapping[str, object] = {
    **EVERY,
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # Never reset by itself: where to begin without a committed position is decided in ConfluentReader._begin.
    "auto.offset.reset": "error",
    # The only thing that tells how far a reader is where markers, or records that it must not see, come last.
    "enable.partition.eof": True,
    # Partition p of ledger and of refusals must come to the same member; only the range assignor sees to that.
    "partition.assignment.strategy": "range",
    # What is fetched before it is asked for, altogether; a larger record still comes, alone.
    "queued.max.messages.kbytes": 8 * 1024,
    "fetch.message.max.bytes": 1024 * 1024,
    "fetch.max.bytes": 8 * 1024 * 1024,
    # A full queue is looked at again so soon; by default once a second, which would be all it ever gives.
    "fetch.queue.backoff.ms": 10,
    "fetch.error.backoff.ms": 100,
    # A fetch under way holds back seeks and resumed partitions on the same broker for as long.
    "fetch.wait.max.ms": 500,
}


def security(login: Login | None) -> Mapping[str, object]:
    """librdkafka's settings for logging in; none where the broker asks for nothing."""
    if login is None:
        return {}
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": login.mechanism,
        "sasl.username": login.user,
        "sasl.password": login.password,
        **({} if login.ca_file is None else {"ssl.ca.location": str(login.ca_file)}),
    }


def user_of(settings: Mapping[str, object]) -> str | None:
    """Who a client with these settings is to the broker; None where it is not asked."""
    user = settings.get("sasl.username")
    return None if user is None else str(user)
