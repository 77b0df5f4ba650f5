"""Certificates for a local city's broker: an authority of its own, and what the broker shows and asks for.

PEM files, which Kafka, Python and openssl all read. Made once; a second start finds them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=825)
"""How long they hold; some clients take no longer ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """``authority``: whom clients must trust. ``broker``: the broker's key and certificate in one file, 0600."""

    authority: Path
    broker: Path


def certificates(folder: Path, *, hosts: Sequence[str], name: str) -> Certificates:
    """The certificates in ``folder``, made where they are missing: for ``hosts`` (names or IP addresses) and localhost,
    in the name ``name``.

    The authority's key is thrown away at once: it signs this one certificate, so nobody can make another.
    """
    made = Certificates(authority=folder / "ca.pem", broker=folder / "broker.pem")
    if made.authority.exists():  # written last
        return made
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _named("Hutong local authority")
    authority = (
        _builder(issuer, issuer, root.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(root, hashes.SHA256())
    )
    own = (
        _builder(_named(name), issuer, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([_host(each) for each in (*hosts, "localhost")]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        .sign(root, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made.broker.unlink(missing_ok=True)
    with open(os.open(made.broker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private + own.public_bytes(Encoding.PEM))
    written = made.authority.with_suffix(".new")
    written.write_bytes(authority.public_bytes(Encoding.PEM))
    written.replace(made.authority)
    return made


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
