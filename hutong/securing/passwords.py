"""Passwords by which the broker knows its users: one file each, kept by the platform's operator 平台管理员."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hutong.errors import SettingsError
from hutong.settings import read_password

SUFFIX = ".password"


class PasswordFolder:
    """Files ``<user>.password``, each readable by its owner alone. Whoever gets one is that user."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, user: str) -> Path:
        """Where the password of ``user`` lies, or would."""
        return self._folder / f"{user}{SUFFIX}"

    def have(self, user: str) -> str:
        """The password of ``user``; made now where there is none.

        Raises:
            SettingsError: the folder cannot be written, or the file holds nothing.
        """
        file = self.file(user)
        return read_password(file) if file.exists() else self.renew(user)

    def renew(self, user: str) -> str:
        """A new password for ``user``, 256 random bits, in place of the former. Raises SettingsError."""
        password, file = secrets.token_urlsafe(32), self.file(user)
        written = file.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            written.unlink(missing_ok=True)
            with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
                opened.write(password + "\n")
            written.replace(file)
        except OSError as error:
            raise SettingsError(f"the password of {user} cannot be kept in {self._folder} ({error})") from error
        return password

    def forget(self, user: str) -> None:
        """Remove the file of ``user``, if there is one. Raises SettingsError."""
        try:
            self.file(user).unlink(missing_ok=True)
        except OSError as error:
            raise SettingsError(f"{self.file(user)} cannot be removed ({error})") from error
