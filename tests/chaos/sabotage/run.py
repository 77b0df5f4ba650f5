"""``python -m tests.chaos.sabotage.run BUG MODULE …``: runs a service or system with a bug in it.

``BUG`` is one of ``tests.chaos.sabotage.bugs.BUGS``, or ``sound``. ``SABOTAGE_FOLDER`` names the folder of the cuts
(:mod:`tests.chaos.sabotage.cuts`); without it there are none. The sign ``BUG.hit`` says that broken code ran.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from tests.chaos.sabotage.bugs import BUGS, SOUND
from tests.chaos.sabotage.cuts import Cuts, install


def main() -> None:
    """Break what is to be broken, then become the module named."""
    if len(sys.argv) < 3 or sys.argv[1] not in (*BUGS, SOUND):
        sys.exit(f"usage: python -m tests.chaos.sabotage.run BUG MODULE …, BUG one of {', '.join((*BUGS, SOUND))}")
    bug, module = sys.argv[1:3]
    folder = os.environ.get("SABOTAGE_FOLDER")
    cuts = Cuts(Path(folder)) if folder else None
    if cuts is not None:
        install(cuts, os.environ["HUTONG_INSTANCE"])
    if bug != SOUND:
        BUGS[bug](lambda: cuts.sign(f"{bug}.hit").touch() if cuts is not None else None)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
