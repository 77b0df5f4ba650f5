"""Who sits at the keyboard, for what is recorded of a person's decision."""

from __future__ import annotations

import getpass
import socket


def person() -> str:
    """``user@host``; "?" for a user without a name."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container without a user of that number
        return f"?@{socket.gethostname()}"
