"""Making an organisation's own keys: Ed25519 to sign with, X25519 so that others can seal for it.

They are written as PKCS#8 PEM, readable by their owner alone, and never written over: a lost private key cannot be
had back, and a door whose key is gone must be registered anew.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import TypeAdapter, ValidationError

from hutong.errors import SettingsError
from hutong.events.words import Organisation
from hutong.settings import SEALING_SUFFIX, read_private_key, read_sealing_key

_ORGANISATION: TypeAdapter[str] = TypeAdapter(Organisation)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFiles:
    """The two files of an organisation, and the raw public keys (32 bytes each) that belong into its entry."""

    organisation: str
    signing_file: Path
    sealing_file: Path
    signing_key: bytes
    sealing_key: bytes


def make_keys(folder: Path, organisation: str) -> KeyFiles:
    """Make both keys as ``<folder>/<organisation>.pem`` and ``.x25519.pem``; the folder is made where it is missing.

    Raises:
        SettingsError: the id is no organisation's, a file is there already (it stays as it is), or the folder cannot
            be written.
    """
    try:
        _ORGANISATION.validate_python(organisation)
    except ValidationError:
        raise SettingsError(
            f"{organisation!r} is no organisation's id: a division code such as 110105, or with a unit 110000.water"
        ) from None
    signing, sealing = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
    files = KeyFiles(
        organisation=organisation,
        signing_file=folder / f"{organisation}.pem",
        sealing_file=folder / f"{organisation}{SEALING_SUFFIX}",
        signing_key=signing.public_key().public_bytes_raw(),
        sealing_key=sealing.public_key().public_bytes_raw(),
    )
    for path in (files.signing_file, files.sealing_file):
        if path.exists():
            raise SettingsError(f"{path} is there already and stays as it is: name another folder, or move it away")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(files.signing_file, signing)
        _write(files.sealing_file, sealing)
    except OSError as error:
        raise SettingsError(
            f"keys cannot be written to {folder} ({error.strerror}): make it writable, or name another folder"
        ) from error
    return files


def open_keys(folder: Path, organisation: str) -> KeyFiles:
    """The keys that :func:`make_keys` made.

    Raises:
        SettingsError: a file is missing or holds another kind of key.
    """
    signing_file, sealing_file = folder / f"{organisation}.pem", folder / f"{organisation}{SEALING_SUFFIX}"
    signing, sealing = read_private_key(signing_file), read_sealing_key(sealing_file)
    return KeyFiles(
        organisation=organisation,
        signing_file=signing_file,
        sealing_file=sealing_file,
        signing_key=signing.public_key().public_bytes_raw(),
        sealing_key=sealing.public_key().public_bytes_raw(),
    )


def _write(path: Path, key: Ed25519PrivateKey | X25519PrivateKey) -> None:
    """Create the file with its final mode, so nobody else can read it even for a moment; on the disk at return."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
