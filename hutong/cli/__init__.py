"""The command ``hutong``.

Exit codes stand in :mod:`hutong.cli.endings` and in ``docs/commands.md``. With ``--json`` standard output carries JSON
alone, one object a line; everything else goes to standard error.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """The entry point; ends the process."""
    try:
        from hutong.cli.app import app

        app(prog_name="hutong")
    except KeyboardInterrupt:  # while still loading
        sys.exit(130)
