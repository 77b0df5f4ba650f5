"""The demo: one city on this machine, complaints played through it, and the checker's verdict at the end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from hutong.board import Board, states_of
from hutong.catalogue import Catalogue
from hutong.cli.board import Names, Picture, Screen
from hutong.cli.svg import WIDTH
from hutong.codec import Codec
from hutong.errors import BusError, SettingsError
from hutong.registry import DirectoryReader
from hutong.rules.lifecycle import Lifecycle
from hutong.rules.limits import Limits
from hutong.rules.regions import Regions
from hutong.transport.choice import check_installed
from hutong.transport.kafka import KafkaTransport
from hutong.watching import Watch
from local.cities import City
from local.desks import desk_children
from local.founding import ENVIRONMENT, FoundedCity, found
from local.generator import complaints
from local.kafka import Broker, broker
from local.lag import Lag
from local.pacing import Pace, batch_of
from local.report import paint, result_of, show, show_commands
from local.supervisor import ROOT, Child, Supervisor
from local.tether import tethered
from services.desk.habits import Habits
from services.exports import Export
from services.tables import read_table
from tests.checker import check, read_history

QUIET_SECONDS = 3.0
"""Nothing new on the ledger, and nothing newly handled, for so long after intake ended: the city may be done."""
STUCK_SECONDS = 60.0
"""After so long it is judged as it is, although systems have something left to read: some may never come up."""
SATISFIED = 0.9
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What to play: generated complaints, or the rows of a real export."""

    city: str
    tickets: int
    seed: int = 1
    data: Path | None = None
    map: str | None = None
    speed: int = 1
    """How much faster than the machine's clock the time limits run; 720 lets a day pass in two minutes."""

    def text(self) -> str:
        """The play as text, to know it again."""
        return json.dumps(asdict(self), default=str, sort_keys=True)


def play(
    what: Play, home: Path, *, bootstrap: str | None, client: str, stay: bool, as_json: bool, svg: Path | None = None
) -> int:
    """Play to the end; 0 when the checker found nothing, 1 when it did. ``client``: the client library of the city's
    programs; they are judged with kafka-python. ``svg``: what was on the screen then."""
    console = Console(stderr=True)
    city = City.load(what.city)
    if what.data is not None:
        Export.load(what.map)  # a mapping that is wrong is said before anything is thrown away
    check_installed(client)
    with contextlib.ExitStack() as running:
        running.enter_context(_alone(home))
        home, goes_on = _prepare(home, what, console)
        with _said(console, "starting Kafka") as say:
            kafka = running.enter_context(broker(home, bootstrap=bootstrap, say=say))
            transport = running.enter_context(contextlib.closing(KafkaTransport(kafka.bootstrap)))
        with _said(console, f"founding {city.organisations[city.id].names.get('en', city.id)}"):
            founded = found(city, home, kafka.bootstrap, transport, speed=what.speed, client=client)
        children = _children(founded, what)
        with Supervisor(children, home=home):
            with (
                _intake(founded, what) as intake,
                _screen(founded, transport, console, what.tickets) as (watch, screen),
            ):
                lag = Lag(transport, city.id, _systems(founded))
                _follow(watch, screen, intake, founded, kafka, lag, quiet=QUIET_SECONDS + _latest(city, what))
            account = _account(intake, founded)
            with _said(console, "checking every event"):
                settings, state = founded.settings(city.id), home / "state"
                history = read_history(transport, settings, journals=founded.journals, state=state)
                # What was killed before its marks were committed handles again what it had handled.
                killed = {line.system for line in history.journals.handled} if goes_on else ()
                verdict = check(history, complete=True, restarted=killed)
            result = result_of(verdict, history, city, account)
            (home / "verdict.txt").write_text(verdict.summary() + "\n", encoding="utf-8")
            (home / "played").write_text(what.text(), encoding="utf-8")
            show(console, verdict, result, home / "verdict.txt")
            if svg is not None:
                board = screen.picture.draw(watch.board, datetime.now(UTC), WIDTH, 0)
                paint(svg, board, verdict, result, home / "verdict.txt")
            if stay:
                show_commands(console, founded, history)
                with contextlib.suppress(KeyboardInterrupt):
                    while not threading.Event().wait(1.0):
                        kafka.start()
    if as_json:
        print(json.dumps(result), flush=True)
    return 0 if verdict.ok else 1


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Be the only demo under ``home``: another one would be thrown away while it runs. Raises SettingsError."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "demo.lock").open("wb")
    except OSError as error:
        raise _unusable(home, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(
                f"Another demo runs under {home}: end it with Ctrl-C there, or name another folder in HUTONG_DEMO_HOME."
            ) from None
        yield


def _unusable(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"The folder {folder} cannot be used ({error.strerror}): make it writable, or name another in HUTONG_DEMO_HOME."
    )


def _prepare(home: Path, what: Play, console: Console) -> tuple[Path, bool]:
    """The demo's own folder, and whether a play that was cut short goes on there; after a finished or another one all
    is new, and the last city is kept beside it."""
    folder, former = home / "demo", home / "demo.former"
    playing = folder / "playing"
    goes_on = playing.exists() and playing.read_text() == what.text() and not (folder / "played").exists()
    try:
        if not goes_on and folder.exists():
            shutil.rmtree(former, ignore_errors=True)
            folder.rename(former)
            console.print(f"[dim]the last city is kept in {former}, until the next play[/]", soft_wrap=True)
        folder.mkdir(parents=True, exist_ok=True)
        playing.write_text(what.text())
    except OSError as error:
        raise _unusable(folder, error) from error
    return folder.absolute(), goes_on


def _children(founded: FoundedCity, what: Play) -> list[Child]:
    """The city's services: admit, deliver, the hotline's systems, the clock, a desk for each unit that has one.

    Desks that play their past keep all of it in memory, so each is a program of its own; the others share theirs.
    """
    city = founded.city
    hotline = founded.variables(city.id)
    past = ("--event-times", "event") if what.data else ()
    history = ("--history", str(what.data), "--map", str(what.map)) if what.data else ()
    children = [
        Child.service("admit", env=hotline),
        Child.service("deliver", env=hotline),
        Child.service("dispatch", "--routing", str(city.folder / "routing.yaml"), *past, env=hotline),
        Child.service("callback", "--satisfied", str(SATISFIED), *past, env=hotline),
        *founded.custody(),
        *founded.timekeeping(),
    ]
    if not history:
        return [*children, *desk_children(founded, hour=3600.0 / what.speed)]
    for name, organisation in city.organisations.items():
        if organisation.desk:
            children.append(Child.service("desk", *history, name=f"desk.{name}", env=founded.variables(name)))
    return children


@contextlib.contextmanager
def _intake(founded: FoundedCity, what: Play) -> Iterator[subprocess.Popen[bytes]]:
    """Intake at work on what is played; its account is the last line of what it prints. Generated complaints are given
    to it as a day's calls come, a real export as fast as it takes it."""
    home, rows = founded.home, founded.home / "complaints.jsonl"
    seconds = DAY_SECONDS / what.speed
    if what.data is None:
        if not rows.exists():
            generated = complaints(what.seed, what.tickets, founded.city, now=datetime.now(UTC))
            written = rows.with_suffix(".new")
            written.write_text("".join(row.model_dump_json() + "\n" for row in generated), encoding="utf-8")
            written.replace(rows)  # half of the rows would be taken for all of them, were this killed in between
        source = ("-", "--format", "jsonl", "--batch", str(batch_of(what.tickets, seconds)))
    else:
        source = (str(what.data.absolute()), "--map", str(what.map), "--limit", str(what.tickets))
    variables = founded.variables(founded.city.id)
    command = Child.service("intake", *source, "--json", "--report", str(home / "rejected.jsonl"), env=variables)
    (home / "logs").mkdir(exist_ok=True)
    with open(home / "logs" / "intake.log", "ab") as log, open(home / "intake.json", "wb") as account:
        process = subprocess.Popen(
            tethered(command.argv), cwd=ROOT, stdin=subprocess.DEVNULL if what.data else subprocess.PIPE,
            stdout=account, stderr=log, env=command.environment,
        )  # fmt: skip
    if process.stdin is None:
        yield process
        return
    begin = founded.origin.timestamp() if founded.origin else time.time()
    with contextlib.closing(Pace(rows, process.stdin, begin=begin, seconds=seconds)):
        yield process


def _systems(founded: FoundedCity) -> list[str]:
    """The systems that read deliveries, as :func:`_children` starts them."""
    city = founded.city
    desks = [f"{name}.desk" for name, organisation in city.organisations.items() if organisation.desk]
    return [f"{city.id}.dispatch", f"{city.id}.callback", *founded.keepers, *desks]


@contextlib.contextmanager
def _screen(
    founded: FoundedCity, transport: KafkaTransport, console: Console, expected: int
) -> Iterator[tuple[Watch, Screen]]:
    """The board of ``hutong city``, of what is played."""
    city, codec, lifecycle = founded.city, Codec(Catalogue.load()), Lifecycle.load()
    regions = Regions(city.id, city.divisions)
    board = Board(lifecycle, regions, city.id, runs=states_of(Limits.load(city.id)))
    reader = DirectoryReader(transport, codec, bytes.fromhex(founded.registrar_key), ENVIRONMENT)
    watch = Watch(transport, board, codec, topics=["ledger", "refusals"], client_id="demo.live")
    with contextlib.closing(reader), contextlib.closing(watch):
        directory = reader.refresh()
        picture = Picture(
            lifecycle=lifecycle,
            names=Names(lambda: directory, regions),
            zone=city.time_zone,
            source="ledger",
            expected=expected,
        )
        with Screen(console, picture) as screen:
            yield watch, screen


def _follow(
    watch: Watch,
    screen: Screen,
    intake: subprocess.Popen[bytes],
    founded: FoundedCity,
    kafka: Broker,
    lag: Lag,
    *,
    quiet: float,
) -> None:
    """Show the play until the city is done, and nothing came for ``quiet`` seconds.

    Quiet alone does not mean done: of a city that was killed everything is quiet until its services are up again.
    """
    size, moved, read = 0, time.monotonic(), time.monotonic()

    def stirred() -> bool:
        nonlocal size, moved, read
        kafka.start()
        if watch.read(0.2):
            read = time.monotonic()
        screen.update(watch.board, datetime.now(UTC))
        before, size = size, sum(path.stat().st_size for path in founded.journals.glob("*.jsonl"))
        if size != before:
            moved = time.monotonic()
        return time.monotonic() - max(moved, read) <= quiet

    while True:
        if stirred() or intake.poll() is None:
            continue
        stuck = time.monotonic() - max(moved, read) > STUCK_SECONDS
        if (stuck or _nothing_left(lag)) and not stirred():
            return


def _latest(city: City, what: Play) -> float:
    """How many seconds an answer may be late by the habits of the city's desks: quiet before that means nothing."""
    if what.data is not None or city.habits is None:
        return 0.0
    late = read_table(city.habits, Habits).late
    return late.hours * 3600.0 / what.speed if late.share else 0.0


def _nothing_left(lag: Lag) -> bool:
    try:
        return not any(lag.behind())
    except BusError:
        return False


def _account(intake: subprocess.Popen[bytes], founded: FoundedCity) -> Mapping[str, int]:
    lines = (founded.home / "intake.json").read_text(encoding="utf-8").splitlines()
    if intake.returncode != 0 or not lines:
        log = (founded.home / "logs" / "intake.log").read_text(encoding="utf-8").strip().splitlines()
        raise SettingsError(f"intake ended with {intake.returncode}: {log[-1] if log else 'it said nothing'}")
    account: Mapping[str, int] = json.loads(lines[-1])
    return account


@contextlib.contextmanager
def _said(console: Console, what: str) -> Iterator[Callable[[str], None]]:
    """Show that ``what`` goes on, and how long it took; the block may say what it is at."""
    began = time.monotonic()
    with console.status(what) as status:
        yield lambda text: status.update(f"{what}: {text}")
    console.print(f"[dim]{what}: {time.monotonic() - began:.1f} s[/dim]")
