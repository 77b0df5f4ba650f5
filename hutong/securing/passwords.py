"""Passwords by which the broker knows its users: one file each, kept by the platform's operator 平台管理员."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hutong.errors import SettingsError
from hutong.settings import read_password

SUFFIX = ".password"
_WAITING = ".new"


class PasswordFolder:
    """Files ``<user>.password``, each readable by its owner alone. Whoever gets one is that user.

    A password that is to replace one waits in ``<user>.new`` until the broker has it, so that who is broken off in
    between finds what he was about.
    """

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
        if not file.exists():
            self.renew(user)
            self.keep(user)
        return read_password(file)

    def renew(self, user: str) -> str:
        """A new password for ``user``, 256 random bits, that waits for :meth:`keep`. Raises SettingsError."""
        password, waiting = secrets.token_urlsafe(32), self._waiting(user)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            waiting.unlink(missing_ok=True)
            with open(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
                opened.write(password + "\n")
        except OSError as error:
            raise self._unkept(user, error) from error
        return password

    def waiting(self) -> frozenset[str]:
        """Whose new passwords wait: the broker may or may not have them."""
        return frozenset(file.name.removesuffix(_WAITING) for file in self._folder.glob(f"*{_WAITING}"))

    def keep(self, user: str) -> None:
        """Put the password that waits in place of the former. Raises SettingsError."""
        try:
            self._waiting(user).replace(self.file(user))
        except OSError as error:
            raise self._unkept(user, error) from error

    def forget(self, user: str) -> None:
        """Remove the files of ``user``, if there are any. Raises SettingsError."""
        try:
            self._waiting(user).unlink(missing_ok=True)
            self.file(user).unlink(missing_ok=True)
        except OSError as error:
            raise SettingsError(f"{self.file(user)} cannot be removed ({error})") from error

    def _waiting(self, user: str) -> Path:
        return self._folder / f"{user}{_WAITING}"

    def _unkept(self, user: str, error: OSError) -> SettingsError:
        return SettingsError(f"the password of {user} cannot be kept in {self._folder} ({error})")
