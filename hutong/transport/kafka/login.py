"""A mend to logging in with kafka-python 3.0.12. Only the instance made here changes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kafka import errors as kafka  # type: ignore[import-untyped]
from kafka.net.compat import KafkaNetClient  # type: ignore[import-untyped]

from hutong.transport.denials import UNTRUSTED

_FOR_GOOD = frozenset({kafka.SaslAuthenticationFailedError, kafka.UnsupportedSaslMechanismError})
_ENOUGH = 2  # the broker hangs up behind its answer, which is mostly lost then; one that is restarted does so once
_VERIFYING = "CERTIFICATE_VERIFY_FAILED"


def outspoken(**settings: Any) -> Any:
    """A client for kafka-python's ``kafka_client`` that says at once why a broker does not take it, or it not him.

    It means to stop where user or password are wrong, and loses the reason on the way: it tries on until its time runs
    out, and says that nobody answers. Told once and forgotten: who tries again may have a new password by then.
    """
    client = KafkaNetClient(**settings)
    manager = client._manager
    connect = manager._connect
    reasons: dict[Any, Exception] = {}
    hung_up: Counter[Any] = Counter()

    async def listened(node: Any, connection: Any, **more: Any) -> None:
        def keep(error: Exception) -> None:
            reason = _reason(error)
            if reason is not None and manager.cluster.is_bootstrap(node.node_id):
                reasons[node.node_id] = reason

        authenticate = connection._sasl_authenticate

        async def authenticated(*given: Any) -> None:
            try:
                await authenticate(*given)
            except kafka.KafkaConnectionError:
                hung_up[node.node_id] += 1
                if hung_up[node.node_id] == _ENOUGH:
                    keep(kafka.SaslAuthenticationFailedError("the broker hangs up in the middle of the login"))
                raise
            except kafka.KafkaError as error:
                keep(error)
                raise
            del hung_up[node.node_id]

        connection._sasl_authenticate = authenticated
        connection.init_future.add_errback(keep)
        await connect(node, connection, **more)

    def tell(node_id: Any) -> None:
        if (reason := reasons.pop(node_id, None)) is not None:
            raise reason

    manager._connect = listened
    manager.maybe_raise_auth_failure = tell
    return client


def _reason(error: Exception) -> Exception | None:
    """Why trying again would end as this did; None where it may not."""
    if type(error) in _FOR_GOOD:
        return error
    if _VERIFYING not in str(error):
        return None
    untrusted: Exception = kafka.KafkaConfigurationError(f"{UNTRUSTED}: {error}")
    return untrusted
