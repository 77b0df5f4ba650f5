"""Runs a city's services as processes, restarts what dies, stops all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self, TypeAlias

from hutong.errors import SettingsError
from local.tether import tethered

ROOT = Path(__file__).resolve().parent.parent
FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0  # seconds before a restart; doubles from one to the other
SETTLED = 10.0  # alive for that many seconds: the next delay is the first again
GLANCE = 0.05  # seconds between two looks at the children

_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """A process to keep running. Of settings (``HUTONG_*``) it has those in ``env`` alone: see :func:`inherited`."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def service(cls, service: str, *args: str, name: str | None = None, env: Mapping[str, str] | None = None) -> Child:
        """``python -m services.<service> …`` under the static id ``name`` (the service's own, if not given)."""
        name = name or service
        argv = (sys.executable, "-m", f"services.{service}", *args)
        return cls(name=name, argv=argv, env={"HUTONG_INSTANCE": name, **(env or {})})

    @property
    def environment(self) -> Mapping[str, str]:
        """All of its environment."""
        return {**inherited(), **self.env}


def inherited() -> Mapping[str, str]:
    """Our environment without settings. Whoever started us may act as an organisation of his own in that shell, and
    variables win over files: his outbox or key would become that of every service. The language is his to choose."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("HUTONG_") or name == "HUTONG_LANG"
    }


class _Running:
    """A child's life so far: its process now, when it began, when it may begin again."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.began = 0.0
        self.due = 0.0
        self.delay = FIRST_DELAY
        self.restarts = 0


class Supervisor:
    """Keeps ``children`` running between ``start()`` and ``stop()``; usable as a context manager.

    All processes start from one thread of its own that lives as long as they do (see ``local.tether``), each in a
    session of its own, so that Ctrl-C reaches the supervisor alone. Their output is in ``<home>/logs/<name>.log``.
    In the main thread, entering the context turns SIGTERM into KeyboardInterrupt, so both end in ``stop()``.
    """

    def __init__(self, children: Iterable[Child] = (), *, home: Path) -> None:
        self.logs = Path(home).absolute() / "logs"
        self._running: dict[str, _Running] = {}
        self._forsaken: list[subprocess.Popen[bytes]] = []
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._keeper: threading.Thread | None = None
        self._patience = 10.0
        self._former: _Handler = None
        for child in children:
            self.add(child)

    def add(self, child: Child) -> None:
        """One more, started at once if the others run. SettingsError if the name is taken."""
        with self._lock:
            if child.name in self._running:
                raise SettingsError(f"Two processes are called {child.name}: each needs a name of its own.")
            self._running[child.name] = _Running(child)

    def start(self) -> None:
        """Start them in the order given; returns at once. SettingsError where logs cannot be written."""
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The folder {self.logs} cannot be used ({error.strerror}): make it writable, or name another "
                "in HUTONG_DEMO_HOME."
            ) from error
        self._ending.clear()
        self._keeper = threading.Thread(target=self._keep, name="supervisor", daemon=True)
        self._keeper.start()

    def stop(self, *, timeout: float = 10.0) -> None:
        """SIGTERM to each, the last started first; after ``timeout`` seconds SIGKILL to those left. Stopped: no-op."""
        self._patience = timeout
        self._ending.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None

    def wait(self) -> None:
        """Until Ctrl-C or SIGTERM (as KeyboardInterrupt) or a ``stop()`` from elsewhere."""
        self._ending.wait()

    def pid(self, name: str) -> int | None:
        """Process id of ``name`` now; None between its end and its restart."""
        with self._lock:
            process = self._running[name].process
            return process.pid if process is not None and process.poll() is None else None

    def restarts(self, name: str) -> int:
        """How often ``name`` was started again."""
        with self._lock:
            return self._running[name].restarts

    def kill(self, name: str) -> int | None:
        """SIGKILL to ``name``, as a test would; it is restarted like any other death. Returns the pid it had."""
        with self._lock:
            process = self._running[name].process
            if process is None or process.poll() is not None:
                return None
            process.kill()
            return process.pid

    def send(self, name: str, number: signal.Signals) -> int | None:
        """Send ``name`` a signal, such as SIGSTOP; its pid, None where it does not run at this moment."""
        with self._lock:
            process = self._running[name].process
            if process is None or process.poll() is not None:
                return None
            process.send_signal(number)
            return process.pid

    def succeed(self, name: str) -> subprocess.Popen[bytes] | None:
        """Start a successor under the same name although the process of now may still live, as another machine would.

        What is returned is no longer ours to restart, but still ended by :meth:`stop`; None where none ran.
        """
        with self._lock:
            run = self._running[name]
            former, run.process, run.due = run.process, None, 0.0
            if former is None or former.poll() is not None:
                return None
            self._forsaken.append(former)
            self._note(run, f"{former.pid} gets a successor")
            return former

    def remove(self, name: str, *, timeout: float = 10.0) -> None:
        """SIGTERM to ``name``, after ``timeout`` seconds SIGKILL, and keep it running no longer."""
        with self._lock:
            process = self._running.pop(name).process
        if process is not None:
            _terminate([process], timeout)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        if self._former is not None:
            signal.signal(signal.SIGTERM, self._former)
            self._former = None

    def _keep(self) -> None:
        """The keeper's thread: starts, restarts, and in the end stops everything."""
        while not self._ending.wait(GLANCE):
            with self._lock:
                for run in self._running.values():
                    self._look(run, time.monotonic())
        self._end()

    def _look(self, run: _Running, now: float) -> None:
        if run.process is not None:
            status = run.process.poll()
            if status is None:
                return
            if now - run.began >= SETTLED:
                run.delay = FIRST_DELAY
            self._note(run, f"ended with {status}, starts again in {run.delay:.1f} s")
            run.process = None
            run.due = now + run.delay
            run.delay = min(2 * run.delay, LONGEST_DELAY)
            run.restarts += 1
        if now >= run.due:
            run.process = self._launch(run.child)
            run.began = now

    def _launch(self, child: Child) -> subprocess.Popen[bytes]:
        with open(self._log(child), "ab") as log:
            return subprocess.Popen(
                tethered(child.argv),
                env=child.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _end(self) -> None:
        with self._lock:
            processes = [run.process for run in reversed(self._running.values()) if run.process is not None]
        _terminate([*processes, *self._forsaken], self._patience)

    def _log(self, child: Child) -> Path:
        return self.logs / f"{child.name}.log"

    def _note(self, run: _Running, text: str) -> None:
        with open(self._log(run.child), "a", encoding="utf-8") as log:
            log.write(f"supervisor: {run.child.name} {text}\n")


def _terminate(processes: Sequence[subprocess.Popen[bytes]], patience: float) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
