"""Settings of a secured broker: what is missing or would protect nothing is said, before anything is connected."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError
from kafka import errors as kafka  # type: ignore[import-untyped]

from hutong.errors import SettingsError
from hutong.settings import Settings
from hutong.transport.choice import transport_of
from hutong.transport.confluent.fates import asked as asked_of_confluent
from hutong.transport.kafka.fates import asked
from hutong.transport.login import login_of
from local.certificates import certificates

WATER = "110000.water"


def settings(**given: Any) -> Settings:
    return Settings.load(bootstrap="x:1", city="110000", organisation=WATER, registrar_key="0" * 64, **given)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """All that it takes."""
    (tmp_path / "password").write_text("secret\n")
    authority = certificates(tmp_path, hosts=["127.0.0.1"], name="broker").authority
    return {"security_protocol": "SASL_SSL", "ca_file": authority, "password_file": tmp_path / "password"}


def test_an_organisation_is_a_user_of_its_own_name(files: dict[str, Any]) -> None:
    """Unless another is named; the password is the file's line; without any setting nothing is asked for."""
    made = login_of(settings(**files))
    assert made is not None
    assert (made.user, made.password) == (WATER, "secret")
    assert "secret" not in repr(made)
    named = login_of(settings(**files, user="110000_admit"))
    assert named is not None
    assert named.user == "110000_admit"
    assert login_of(settings()) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"password_file": None}, r"HUTONG_PASSWORD_FILE must name the file with the password of 110000\.water"),
        ({"password_file": Path("/nowhere")}, r"password file /nowhere cannot be read .*`hutong org apply`"),
        ({"password_file": Path("/dev/null")}, r"password file /dev/null is empty"),
        ({"ca_file": Path("/nowhere")}, r"HUTONG_CA_FILE names /nowhere"),
        ({"ca_file": Path("/dev/null")}, r"HUTONG_CA_FILE names /dev/null"),
        ({"security_protocol": "PLAINTEXT"}, r"everything would go in the clear"),
        ({"security_protocol": "PLAINTEXT", "ca_file": None}, r"HUTONG_PASSWORD_FILE is set, .* in the clear"),
    ],
)
def test_what_would_not_protect_is_said(files: dict[str, Any], change: dict[str, Any], told: str) -> None:
    """One sentence that names the setting."""
    with pytest.raises(SettingsError, match=told):
        login_of(settings(**{**files, **change}))


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """The address of one who shows the certificate of another authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates(tmp_path / "other", hosts=["127.0.0.1"], name="broker").broker)

    def greet() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with suppress(OSError), connection:
                    context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_a_broker_of_another_authority_is_no_broker_of_ours(files: dict[str, Any], stranger: str, client: str) -> None:
    """It is told why, with the setting, and nothing about the user goes there."""
    transport = transport_of(settings(**files, client=client).model_copy(update={"bootstrap": stranger}))
    with pytest.raises(SettingsError, match=r"certificate is not of HUTONG_CA_FILE"):
        transport.topics()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            kafka.SaslAuthenticationFailedError("x"),
            r"does not know 110000\.water.*_PASSWORD_FILE.*--renew 110000",
        ),
        (
            kafka.TopicAuthorizationFailedError({"ledger"}),
            r"110000\.water may not use topic ledger .*`hutong org apply",
        ),
        (kafka.TopicAuthorizationFailedError("keys.x"), r"may not use topic keys\.x .*`hutong org list`"),
        (kafka.TopicAuthorizationFailedError(), r"may not use some topic .*Topic.*so: "),
        (kafka.GroupAuthorizationFailedError("g"), r"may not use consumer group g so"),
        (kafka.TransactionalIdAuthorizationFailedError("t"), r"may not use transactional id t so"),
        (kafka.ClusterAuthorizationFailedError(), r"110000\.water may not do this.*platform's operator"),
        (kafka.SecurityDisabledError(), r"no access control.*docs/securing\.md"),
    ],
)
def test_a_denial_says_who_what_and_what_to_do(error: kafka.KafkaError, told: str) -> None:
    """As a SettingsError, which ends a service with exit code 2."""
    raised = asked(error, "asking", user=WATER)
    assert isinstance(raised, SettingsError)
    assert re.search(told, str(raised)), str(raised)


@pytest.mark.parametrize(
    ("code", "names", "told"),
    [
        (KafkaError._AUTHENTICATION, "", r"does not know 110000\.water.*_PASSWORD_FILE.*--renew 110000"),
        (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            "ledger",
            r"110000\.water may not use topic ledger .*`hutong org apply",
        ),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "", r"may not use some topic \(TOPIC_AUTHORIZATION_FAILED: x\) so: "),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, "g", r"may not use consumer group g so"),
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "t", r"may not use transactional id t so"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "", r"110000\.water may not do this.*platform's operator"),
        (KafkaError.SECURITY_DISABLED, "", r"no access control.*docs/securing\.md"),
    ],
)
def test_the_other_client_says_the_same(code: int, names: str, told: str) -> None:
    """confluent-kafka's errors do not say what was asked for; who asks says it."""
    raised = asked_of_confluent(KafkaError(code, "x"), "asking", user=WATER, names=names)
    assert isinstance(raised, SettingsError)
    assert re.search(told, str(raised)), str(raised)
