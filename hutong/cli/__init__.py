"""The command ``hutong``.

Exit codes: 0 done; 1 the bus said no, or something on it does not hold; 2 settings, usage, files, or the broker is
away; 3 unconfirmed, may be run again; 130 stopped by Ctrl-C. With ``--json`` standard output carries JSON alone, one
object a line; everything else goes to standard error.
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
