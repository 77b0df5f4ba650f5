"""``python -m hutong`` is the command ``hutong``."""

from __future__ import annotations

from hutong.cli import main

if __name__ == "__main__":
    main()
