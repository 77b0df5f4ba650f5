"""A small disk of its own for a service's state, that can be filled up."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

ROOMY = "1g"


class Disk:
    """A tmpfs at ``folder`` (Linux, as root). :meth:`mount` says why where that is not possible."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mounted = False

    def mount(self) -> str | None:
        """Put it there; None when it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            _run("mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "hutong-chaos", str(self.folder))
        except (OSError, subprocess.CalledProcessError) as error:
            return error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        self._mounted = True
        return None

    def fill(self) -> None:
        """No byte more fits (what is there stays)."""
        at = os.statvfs(self.folder)
        used = (at.f_blocks - at.f_bfree) * at.f_frsize
        _run("mount", "-o", f"remount,size={max(used, at.f_frsize)}", str(self.folder))

    def empty(self) -> None:
        """Undo :meth:`fill`."""
        _run("mount", "-o", f"remount,size={ROOMY}", str(self.folder))

    def unmount(self) -> None:
        """Take it away, with what is on it."""
        if self._mounted:
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                _run("umount", "-l", str(self.folder))
            self._mounted = False


def _run(*command: str) -> None:
    subprocess.run(command, capture_output=True, text=True, check=True)
