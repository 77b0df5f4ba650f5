"""The master key 主密钥, under which every ticket key is encrypted at rest (AES-256-GCM, one row at a time)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hutong.errors import SettingsError
from hutong.sealing import DataKey

_LABEL = b"hutong/custodian/1\x00"
_CHECK = b"the master key of this store"
_NONCE_BYTES = 12
_HEX_DIGITS = 64


class DamagedRow(Exception):
    """A row that does not open although the master key is right."""


class Vault:
    """Encrypts and opens rows. ``name`` says which row it is; what is moved to another place does not open."""

    def __init__(self, master: bytes) -> None:
        self._master = AESGCM(master)

    def close(self, key: DataKey, name: bytes) -> bytes:
        """The row's content: nonce ‖ ciphertext."""
        return self._encrypt(key.key, name)

    def open(self, box: bytes, name: bytes) -> DataKey:
        """The key in a row. Raises DamagedRow."""
        try:
            return DataKey(key=self._decrypt(box, name))
        except (InvalidTag, ValueError) as error:
            raise DamagedRow(name.decode("ascii", "replace")) from error

    def mark(self) -> bytes:
        """What a store keeps, to know its master key again."""
        return self._encrypt(_CHECK, b"check")

    def knows(self, mark: bytes) -> bool:
        """Whether a store's mark was made with this master key."""
        try:
            return self._decrypt(mark, b"check") == _CHECK
        except (InvalidTag, ValueError):
            return False

    def _encrypt(self, plain: bytes, name: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, plain, _LABEL + name)

    def _decrypt(self, box: bytes, name: bytes) -> bytes:
        return self._master.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _LABEL + name)


def read_master_key(text: str | None, file: Path | None) -> Vault:
    """The vault of a master key, given as 64 hex digits or as a file that holds them.

    Raises:
        SettingsError: neither is given, or it is no such key.
    """
    where = "HUTONG_MASTER_KEY"
    if text is None and file is not None:
        where = f"the file {file}"
        try:
            text = file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the master key cannot be read from {file} ({error})") from None
    if text is None:
        raise SettingsError(
            "no master key is given: make one by `python -m services.custodian new-master-key FILE` and name it in "
            "HUTONG_MASTER_KEY_FILE, or give its 64 hex digits in HUTONG_MASTER_KEY"
        )
    try:
        raw = bytes.fromhex(text.strip())
    except ValueError:
        raw = b""
    if len(text.strip()) != _HEX_DIGITS or len(raw) * 2 != _HEX_DIGITS:
        raise SettingsError(f"{where} holds no master key: 64 hex digits")
    return Vault(raw)


def make_master_key(file: Path) -> None:
    """Write a fresh master key, readable by its owner alone. Whoever loses it loses every ticket key kept under it.

    Raises:
        SettingsError: the file is there already, or cannot be written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_hex(_HEX_DIGITS // 2) + "\n")
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise SettingsError(f"{file} is there already and stays as it is") from None
    except OSError as error:
        raise SettingsError(f"the master key cannot be written to {file} ({error.strerror})") from error
