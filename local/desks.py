"""``python -m local.desks HOME ORG …``: the sample desks of several organisations, as one process tree.

A city of hundreds of desks does not fit into one machine as hundreds of programs: what they have in common (most of a
desk is its libraries) is loaded once here, then each organisation's desk is forked off and is a process as any other,
with its own settings, keys and group. If one ends, all of them end, and are started again together: crash-only, by the
supervisor, like a service.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from local.founding import FoundedCity
from local.supervisor import Child
from local.tether import tie
from services.desk.__main__ import main as desk

PER_PROCESS = 50


def desk_children(founded: FoundedCity, *, hour: float = 3600.0) -> Iterator[Child]:
    """Process trees for all of the city's desks, ``desks.1`` and so on. ``hour``: how many seconds it takes here."""
    names = [name for name, organisation in founded.city.organisations.items() if organisation.desk]
    habits = founded.city.habits
    usual = ("--hour", str(hour), *(("--habits", str(habits)) if habits else ()))
    for number, at in enumerate(range(0, len(names), PER_PROCESS), 1):
        argv = (sys.executable, "-m", "local.desks", *usual, str(founded.home), *names[at : at + PER_PROCESS])
        yield Child(name=f"desks.{number}", argv=argv, env={"HUTONG_JOURNAL": str(founded.journals)})


def main(
    home: Annotated[Path, typer.Argument(help="The city's folder, as it was founded. 城市目录")],
    organisations: Annotated[list[str], typer.Argument(help="Whose desks. 单位")],
    habits: Annotated[Path | None, typer.Option(help="What they do, in which shares (YAML). 办理习惯")] = None,
    hour: Annotated[float, typer.Option(min=0.001, help="How many seconds an hour takes here. 每小时秒数")] = 3600.0,
) -> None:
    """Run the desks of these organisations until SIGTERM or SIGINT; all end when one does. 办理"""

    def answer_for(organisation: str) -> None:
        os.environ["HUTONG_CONFIG"] = str(home / "settings" / f"{organisation}.toml")
        desk(habits=habits, hour=hour)

    sys.exit(together({f"the desk of {name}": partial(answer_for, name) for name in organisations}))


def together(jobs: Mapping[str, Callable[[], None]]) -> int:
    """Do each job in a process of its own until all have ended; the exit code: 0, or that of the first that failed.

    SIGTERM and SIGINT are passed on. When one fails, the others are sent SIGTERM.
    """
    gc.freeze()  # what is loaded stays shared: the collector would copy it by writing into it
    parent = os.getpid()
    children = {_fork(job, parent): name for name, job in jobs.items()}
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: _signal(children, number))
    code = 0
    while children:
        pid, status = os.wait()
        name, ended = children.pop(pid), os.waitstatus_to_exitcode(status)
        if ended and not code:
            print(f"{name} ended with {ended}: all end", file=sys.stderr, flush=True)
            code = ended if ended > 0 else 1
            _signal(children, signal.SIGTERM)
    return code


def _fork(job: Callable[[], None], parent: int) -> int:
    """Start a job; its process id. It ends with its parent, however that ends."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        tie(parent)
        job()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def _signal(children: Collection[int], number: int) -> None:
    for pid in list(children):
        os.kill(pid, number)


if __name__ == "__main__":
    typer.run(main)
