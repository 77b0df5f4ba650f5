"""Ties a child process to its parent: when the parent is gone, even by SIGKILL, so is the child.

``tethered(argv)`` runs ``argv`` by way of this file, which asks the kernel (Linux: ``PR_SET_PDEATHSIG``) for a SIGKILL
at the parent's death and then *becomes* ``argv`` by exec: the process id, its streams and its group stay. Asking
between fork and exec in the parent itself (``preexec_fn``) is not safe in a program with threads.

A trap: the kernel's "parent" is the *thread* that started the child. Start children from a thread that lives as
long as they should. Where there is no such call (macOS), the child simply outlives a killed parent.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def tethered(argv: Sequence[str]) -> list[str]:
    """The command that runs ``argv`` tied to this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv]


def tie(parent: int) -> None:
    """Ask for the signal. The parent may have died before we asked: look once after, and end like it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(f"{sys.argv[0]}: the process that started it is gone")


def main(parent: int, argv: Sequence[str]) -> None:
    """Be tied to ``parent``, then become ``argv``."""
    tie(parent)
    os.execvp(argv[0], list(argv))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
