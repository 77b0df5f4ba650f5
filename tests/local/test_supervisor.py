"""The supervisor keeps a city's processes running, and leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hutong.errors import SettingsError
from local.supervisor import Child, Supervisor

FOREVER = "import signal\nwhile True: signal.pause()"


def python(name: str, program: str, **env: str) -> Child:
    return Child(name=name, argv=(sys.executable, "-c", program), env=env)


def until(condition: Callable[[], bool], *, within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come within the deadline"
        threading.Event().wait(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_killed_process_comes_back(tmp_path: Path) -> None:
    """What dies is started again under its name, as another process, and the log says so."""
    with Supervisor([python("admit", FOREVER)], home=tmp_path) as supervisor:
        until(lambda: supervisor.pid("admit") is not None)
        killed = supervisor.kill("admit")
        until(lambda: supervisor.pid("admit") not in (None, killed))
        assert supervisor.restarts("admit") == 1
    assert "admit ended with -9, starts again in 0.2 s" in (tmp_path / "logs" / "admit.log").read_text()


def test_back_off_doubles(tmp_path: Path) -> None:
    """A process that dies at once is given more time at each restart."""
    with Supervisor([python("broken", "raise SystemExit(7)")], home=tmp_path) as supervisor:
        until(lambda: supervisor.restarts("broken") >= 3)
    told = (tmp_path / "logs" / "broken.log").read_text()
    assert [told.count(f"ended with 7, starts again in {delay} s") for delay in (0.2, 0.4, 0.8)] == [1, 1, 1]


def test_child_gets_its_environment_and_log(tmp_path: Path) -> None:
    """A child sees its own variables beside ours, and what it prints is in its log."""
    program = "import os; print(os.environ['HUTONG_ORGANISATION'], 'PATH' in os.environ, flush=True)\n" + FOREVER
    log = tmp_path / "logs" / "desk.log"
    with Supervisor([python("desk", program, HUTONG_ORGANISATION="110101")], home=tmp_path):
        until(lambda: log.exists() and "110101 True" in log.read_text())


def test_a_child_inherits_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that acts as an organisation starts a city whose services are their own; its language they keep."""
    for name in ("HUTONG_OUTBOX", "HUTONG_ORGANISATION", "HUTONG_CONFIG", "hutong_key", "HUTONG_LANG"):
        monkeypatch.setenv(name, "of the shell")
    names = "{n: v for n, v in os.environ.items() if n.upper().startswith('HUTONG_')}"
    program = f"import os; print(sorted(({names}).items()), flush=True)\n" + FOREVER
    told = "[('HUTONG_LANG', 'of the shell'), ('HUTONG_ORGANISATION', '110101')]"
    log = tmp_path / "logs" / "desk.log"
    with Supervisor([python("desk", program, HUTONG_ORGANISATION="110101")], home=tmp_path):
        until(lambda: log.exists() and log.read_text().endswith("\n"))
    assert log.read_text().splitlines()[0] == told


def test_stop_leaves_nothing_running(tmp_path: Path) -> None:
    """Stopping asks each to end in its own way, and kills the one that does not listen."""
    asked = tmp_path / "asked"
    polite = f"""
import signal, sys
def end(*_):
    with open({str(asked)!r}, 'a') as f: f.write(sys.argv[1] + ' ')
    sys.exit(0)
signal.signal(signal.SIGTERM, end); print('ready', flush=True)
while True: signal.pause()
"""
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)\n" + FOREVER
    children = [
        Child(name="first", argv=(sys.executable, "-c", polite, "first")),
        python("deaf", deaf),
        Child(name="last", argv=(sys.executable, "-c", polite, "last")),
    ]
    supervisor = Supervisor(children, home=tmp_path)
    supervisor.start()
    logs = [tmp_path / "logs" / f"{child.name}.log" for child in children]
    until(lambda: all(log.exists() and "ready" in log.read_text() for log in logs))
    pids = [supervisor.pid(child.name) for child in children]
    supervisor.stop(timeout=1.0)
    assert sorted(asked.read_text().split()) == ["first", "last"]
    assert all(pid is not None and gone(pid) for pid in pids)


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    """SIGKILL of the supervisor's process takes its children along."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells children of their parent's death")
    ready = "print('ready', flush=True)\n" + FOREVER
    program = f"""
import sys
from pathlib import Path
from local.supervisor import Child, Supervisor
with Supervisor([Child(name="c", argv=(sys.executable, "-c", {ready!r}))], home=Path({str(tmp_path)!r})) as s:
    while s.pid("c") is None: pass
    print(s.pid("c"), flush=True)
    s.wait()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        until(lambda: "ready" in (tmp_path / "logs" / "c.log").read_text())
        assert not gone(child)
        parent.kill()
    until(lambda: gone(child))


def test_sigterm_stops_the_children(tmp_path: Path) -> None:
    """SIGTERM ends a supervising program like Ctrl-C does: children first, then itself."""
    program = f"""
import sys
from pathlib import Path
from local.supervisor import Child, Supervisor
with Supervisor([Child(name="c", argv=(sys.executable, "-c", {FOREVER!r}))], home=Path({str(tmp_path)!r})) as s:
    while s.pid("c") is None: pass
    try:
        print(s.pid("c"), flush=True)
        s.wait()
    except KeyboardInterrupt:
        print("stopping", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGTERM)
        assert parent.stdout.readline() == "stopping\n"
        assert parent.wait(15) == 0
    assert gone(child)


def test_doubled_name_and_unwritable_folder_are_told(tmp_path: Path) -> None:
    """Two children of one name, or a home that cannot be written, are one sentence and not a traceback."""
    with pytest.raises(SettingsError, match="Two processes are called admit"):
        Supervisor([python("admit", ""), python("admit", "")], home=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be used"):
        Supervisor(home=tmp_path / "file").start()


def test_a_frozen_process_gets_a_successor_and_both_are_ended(tmp_path: Path) -> None:
    """A successor starts under the same name while the old process still lives; stopping ends the two."""
    with Supervisor([python("admit", FOREVER)], home=tmp_path) as supervisor:
        until(lambda: supervisor.pid("admit") is not None)
        frozen = supervisor.send("admit", signal.SIGSTOP)
        former = supervisor.succeed("admit")
        assert former is not None
        assert former.pid == frozen
        until(lambda: supervisor.pid("admit") not in (None, frozen))
        assert former.poll() is None
        former.send_signal(signal.SIGCONT)
        pid = supervisor.pid("admit")
    assert pid is not None and gone(pid)
    assert former.poll() is not None


def test_a_removed_process_ends_and_stays_away(tmp_path: Path) -> None:
    """Its name is free again."""
    with Supervisor([python("admit", FOREVER)], home=tmp_path) as supervisor:
        until(lambda: supervisor.pid("admit") is not None)
        pid = supervisor.pid("admit")
        supervisor.remove("admit")
        assert pid is not None and gone(pid)
        supervisor.add(python("admit", FOREVER))
        until(lambda: supervisor.pid("admit") not in (None, pid))
