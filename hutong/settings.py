"""Settings of one program: from ``HUTONG_*`` variables, or from a TOML file named by ``HUTONG_CONFIG``."""

from __future__ import annotations

import os
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AwareDatetime, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from hutong.errors import SettingsError
from hutong.rules.calendar import BusTime, milliseconds

SEALING_SUFFIX = ".x25519.pem"
"""What an organisation's sealing key is called, where its signing key is ``<organisation>.pem``."""


class Settings(BaseSettings):
    """What a program must know to open its organisation's door."""

    model_config = SettingsConfigDict(env_prefix="HUTONG_", env_ignore_empty=True, frozen=True, extra="ignore")

    bootstrap: str = Field(description="host:port of the city's Kafka, several separated by commas")
    client: Literal["kafka-python", "confluent"] = Field(
        "kafka-python", description="the client library: confluent is faster, and needs the extra hutong[fast]"
    )
    security_protocol: Literal["PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to talk to it: in the clear, or by TLS with user and password"
    )
    ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed the broker's certificate; the system's by default"
    )
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256"] = Field(
        "SCRAM-SHA-512", description="how the password is proved; `hutong org apply` makes passwords for SCRAM-SHA-512"
    )
    user: str | None = Field(None, description="who this is to the broker; the organisation by default")
    password_file: Path | None = Field(None, description="file with that user's password")
    city: str = Field(description="the city's id, such as 110000")
    organisation: str = Field(description="this program's organisation, such as 110000.water")
    registrar_key: str = Field(description="the registrar's public key (64 hex digits): the root of all trust")
    key: Path | None = Field(None, description="PEM file of this organisation's Ed25519 key; needed to submit")
    sealing_key: Path | None = Field(
        None, description="PEM file of its X25519 key, for which ticket keys are wrapped; by default beside the other"
    )
    key_wait: Annotated[float, Field(ge=0)] = Field(
        10.0, description="seconds that sealing waits for the custodian to release the ticket's key"
    )
    environment: Literal["test", "production"] = "test"
    timezone: str = Field("Asia/Shanghai", description="the city's time zone, for the dates in ticket ids")
    home: Path = Field(Path(".hutong"), description="where keys, state and logs of this program are kept")
    journal: Path | None = Field(None, description="folder of the journal of what was sent and handled")
    heartbeat: Path | None = Field(
        None, description="file touched as the program reads; hung, it leaves it to grow old"
    )
    outbox: Path | None = Field(
        None, description="file of the outbox: events wait there, signed, while the broker is away"
    )
    outbox_limit: Annotated[int, Field(ge=1)] = Field(100_000, description="how many events may wait in the outbox")
    instance: str | None = Field(None, description="static id of this process in its group; the system by default")
    retries: Annotated[int, Field(ge=0)] = Field(
        3, description="how often a failing event is tried again before its ticket is parked"
    )
    deadletter_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1,
        description="the share of a system's last 100 deliveries that may be parked; one more stops it. "
        "0 stops it at the first, 1 never",
    )
    speed: Annotated[int, Field(ge=1)] = Field(
        1, description="how much faster than admitted time the city's time limits run; 1 in every real city"
    )
    origin: AwareDatetime | None = Field(
        None, description="from when on they run faster (ISO 8601 with zone); needed where speed is not 1"
    )
    metrics: str | None = Field(
        None, description="host:port at which Prometheus finds this program's metrics; port 0 is any free one"
    )
    traces: bool = Field(False, description="make OpenTelemetry spans, and sign their context with each event")
    generation: Annotated[int, Field(ge=1)] = Field(1, description="generation of the city's submissions topic")

    @field_validator("registrar_key")
    @classmethod
    def _hex(cls, text: str) -> str:
        if len(text) != 64 or any(digit not in "0123456789abcdef" for digit in text):
            raise ValueError("must be 64 lower-case hex digits")
        return text

    @field_validator("metrics")
    @classmethod
    def _address(cls, text: str | None) -> str | None:
        if text is not None:
            host, _, port = text.rpartition(":")
            if not host or not port.isdecimal() or int(port) > 65535:
                raise ValueError("must be host:port, such as 127.0.0.1:9100")
        return text

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone is called {name!r}") from error
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the file."""
        file = os.environ.get("HUTONG_CONFIG")
        if file and not Path(file).is_file():  # the source would take a missing file for an empty one
            raise FileNotFoundError("there is no such file")
        sources = (init_settings, env_settings)
        return (*sources, TomlConfigSettingsSource(settings_cls, Path(file))) if file else sources

    @classmethod
    def load(cls, **given: Any) -> Settings:
        """The settings, ``given`` ones first.

        Raises:
            SettingsError: one is missing or wrong, naming its variable.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except (OSError, UnicodeDecodeError, TOMLDecodeError) as error:
            raise SettingsError(f"the file {os.environ['HUTONG_CONFIG']} that HUTONG_CONFIG names: {error}") from None
        except ValidationError as error:
            faults = [f"HUTONG_{str(fault['loc'][0]).upper()} {_reason(fault)}" for fault in error.errors()]
            raise SettingsError(
                "; ".join(faults) + " (set the variable, or put it into the file that HUTONG_CONFIG names)"
            ) from None

    @property
    def principal(self) -> str:
        """Who this program is to the broker."""
        return self.user or self.organisation

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def bus_time(self) -> BusTime:
        """The time that limits are counted in. Raises SettingsError where speed is given without origin."""
        if self.speed == 1:
            return BusTime()
        if self.origin is None:
            raise SettingsError(f"HUTONG_SPEED is {self.speed}, so HUTONG_ORIGIN must say since when (ISO 8601)")
        return BusTime(origin_ms=milliseconds(self.origin), speed=self.speed)

    def private_key(self) -> Ed25519PrivateKey:
        """This organisation's signing key.

        Raises:
            SettingsError: no key is named, or the file holds none.
        """
        if self.key is None:
            raise SettingsError("HUTONG_KEY is not set: name the PEM file made by `hutong org keygen`")
        return read_private_key(self.key)

    def unwrapping_key(self) -> X25519PrivateKey | None:
        """This organisation's sealing key; None where there is no file of one: released keys cannot be opened then.

        Raises:
            SettingsError: the file that is named, or lies beside the signing key, holds none.
        """
        path = self.sealing_key
        if path is None and self.key is not None:
            beside = self.key.with_name(self.key.stem + SEALING_SUFFIX)
            path = beside if beside.exists() else None
        return None if path is None else read_sealing_key(path)


def read_password(path: Path) -> str:
    """The password in a file, without the line's end. Raises SettingsError where there is none."""
    try:
        password = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"password file {path} cannot be read ({error}): the platform's operator makes it with `hutong org apply`"
        ) from error
    if not password:
        raise SettingsError(f"password file {path} is empty: the platform's operator makes it with `hutong org apply`")
    return password


def read_sealing_key(path: Path) -> X25519PrivateKey:
    """The X25519 key in a PEM file. Raises SettingsError where there is none."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"key file {path} cannot be read ({error}): make one with `hutong org keygen`") from error
    if not isinstance(key, X25519PrivateKey):
        raise SettingsError(f"key file {path} holds no X25519 key: make one with `hutong org keygen`")
    return key


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 key in a PEM file. Raises SettingsError where there is none."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"key file {path} cannot be read ({error}): make one with `hutong org keygen`") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"key file {path} holds no Ed25519 key: make one with `hutong org keygen`")
    return key


def _reason(fault: Any) -> str:
    return "is not set" if fault["type"] == "missing" else f"is wrong: {fault['msg']}"
