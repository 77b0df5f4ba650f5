"""How each kind of fault is done and undone."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from hutong.errors import BusError
from tests.chaos import leaders
from tests.chaos.city import CALLBACK, CREW, DESK, DISPATCH, HOTLINE, INTAKE, KEEPER, PARTITIONS
from tests.chaos.schedule import Plan, Strike
from tests.chaos.stage import STATEFUL, Stage
from tests.chaos.watch import ANY, Key

Undo = Callable[[], None]
Do = Callable[[Stage, Strike], Undo]

BROKERS = "brokers"
SERVICES = ("admit", "deliver", "dispatch", "callback", "desk", "crew-2", "keeper-1")
AUTHORS = ("phone", "bulk", "twin-a")

EVERYTHING: tuple[Key, ...] = tuple((KEEPER, number) for number in range(PARTITIONS))
"""What a broker, admit and deliver hold up: every partition of the ledger, all the way to a system."""
HITS: Mapping[str, tuple[Key, ...]] = {
    "dispatch": ((DISPATCH, ANY),),
    "callback": ((CALLBACK, ANY),),
    "desk": ((DESK, ANY),),
    "crew": ((CREW, ANY),),
    "keeper": EVERYTHING,
    "phone": ((f"{HOTLINE}.phone", ANY),),
    "bulk": ((f"{INTAKE}.bulk", ANY),),
    "twin": ((f"{INTAKE}.twin-a", ANY),),
}
"""Whose progress tells that a fault is over, by service; everything, if not named here."""

JUMPS = (-600.0, -30.0, 30.0, 600.0)
"""Seconds a clock is set wrong by: some beyond the five minutes that admit forgives."""
DETHRONED = (4.0, 5.0, 3.0)
"""Seconds: the first takeover writes to the leader that the others have chosen by then, the next ones may miss that."""
DYING = 40.0  # seconds a woken zombie has to see that it is none


def hits(strike: Strike) -> tuple[Key, ...]:
    """Whose progress a strike holds up."""
    return HITS.get(strike.target.partition("-")[0], EVERYTHING)


def _name(stage: Stage, strike: Strike) -> str:
    """The process a strike on a service means: of admit and deliver one of the instances there are."""
    if strike.target not in STATEFUL:
        return strike.target
    return f"{strike.target}-{1 + int(strike.draw * stage.scaled[strike.target])}"


def _nothing() -> None:
    """What is done for good."""


# -- processes ---------------------------------------------------------------------------------------------------------


def kill(stage: Stage, strike: Strike) -> Undo:
    """SIGKILL; the supervisor starts it again."""
    stage.services.kill(_name(stage, strike))
    return _nothing


def pause(stage: Stage, strike: Strike) -> Undo:
    """SIGSTOP, for longer than a group waits; then it goes on as if nothing had happened."""
    name = _name(stage, strike)
    stage.services.send(name, signal.SIGSTOP)
    return lambda: _wake(stage, name)


def _wake(stage: Stage, name: str) -> None:
    with suppress(KeyError):  # going from three instances back to one has ended it meanwhile
        stage.services.send(name, signal.SIGCONT)


def zombie(stage: Stage, strike: Strike) -> Undo:
    """SIGSTOP, a successor under the same id, and SIGCONT: the old one wakes, writes, and must see that it is over."""
    name = _name(stage, strike)
    stage.services.send(name, signal.SIGSTOP)
    former = stage.services.succeed(name)

    def wake() -> None:
        if former is None:
            return
        former.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + DYING
        while former.poll() is None:
            if not _there(stage, name):
                former.kill()  # its successor was scaled away meanwhile: it is rightly the only one under its id
            elif time.monotonic() > deadline:
                stage.zombies.append(f"{name} (process {former.pid}) still ran {DYING:.0f} s after it woke")
                former.kill()
            time.sleep(0.1)

    return wake


def _there(stage: Stage, name: str) -> bool:
    try:
        stage.services.pid(name)
    except KeyError:
        return False
    return True


def scale(stage: Stage, strike: Strike) -> Undo:
    """One instance becomes three, and one again."""
    service = strike.target
    make = stage.cast.admit if service == "admit" else stage.cast.deliver
    for number in (2, 3):
        stage.services.add(make(number))
    stage.scaled[service] = 3

    def back() -> None:
        stage.scaled[service] = 1
        for number in (3, 2):
            stage.services.remove(f"{service}-{number}")

    return back


def clock(stage: Stage, strike: Strike) -> Undo:
    """A process's time of day jumps, and jumps back."""
    file = stage.cast.clocks / _name(stage, strike)
    file.write_text(str(JUMPS[int(strike.draw * len(JUMPS))]))
    return lambda: file.unlink(missing_ok=True)


# -- state -------------------------------------------------------------------------------------------------------------


def full_disk(stage: Stage, strike: Strike) -> Undo:
    """The disk with a service's state is full."""
    disk = stage.disks[strike.target]
    disk.fill()
    return disk.empty


def no_state(stage: Stage, strike: Strike) -> Undo:
    """SIGKILL, and all its state is gone."""
    stage.services.kill(_name(stage, strike))
    for path in stage.states(strike.target).iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return _nothing


def damaged_state(stage: Stage, strike: Strike) -> Undo:
    """SIGKILL, and a byte of everything it kept is another."""
    stage.services.kill(_name(stage, strike))
    for path in stage.states(strike.target).rglob("*"):
        if path.is_file() and (size := path.stat().st_size):
            with path.open("r+b") as file:
                file.seek(int(strike.draw * size))
                byte = file.read(1)
                file.seek(-1, 1)
                file.write(bytes([byte[0] ^ 0x55]))
    return _nothing


# -- brokers -----------------------------------------------------------------------------------------------------------


def _broker(stage: Stage, strike: Strike) -> int:
    """The broker a strike means: any, the leader of a partition, or who coordinates a transaction or a group."""
    numbers = sorted(stage.cluster.brokers)
    topic = {"leader": "ledger", "coordinator": "__transaction_state", "group": "__consumer_offsets"}
    if strike.target in topic:
        try:
            found = leaders.leader(stage.transport, topic[strike.target], strike.draw)
        except BusError:
            found = -1
        if found in numbers:
            return found
    return numbers[int(strike.draw * len(numbers))]


def kill_broker(stage: Stage, strike: Strike) -> Undo:
    """SIGKILL, and after a while it is started again."""
    broker = stage.cluster.brokers[_broker(stage, strike)]
    broker.kill()
    return broker.start


def pause_broker(stage: Stage, strike: Strike) -> Undo:
    """SIGSTOP for a while."""
    process = stage.cluster.brokers[_broker(stage, strike)].process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    return lambda: process.send_signal(signal.SIGCONT)


def cut(stage: Stage, strike: Strike) -> Undo:
    """All cables of a broker are cut."""
    net, number = stage.network, _broker(stage, strike)
    assert net is not None
    net.cut(number, "clients", "brokers")
    return lambda: net.mend(number, "clients", "brokers")


def cut_from_brokers(stage: Stage, strike: Strike) -> Undo:
    """A broker does not hear the others, but its clients hear it: a leader that is none any more goes on answering."""
    net, number = stage.network, _broker(stage, strike)
    assert net is not None
    net.cut(number, "brokers")
    return lambda: net.mend(number, "brokers")


def cut_from_clients(stage: Stage, strike: Strike) -> Undo:
    """A broker leads on, and no client reaches it."""
    net, number = stage.network, _broker(stage, strike)
    assert net is not None
    net.cut(number, "clients")
    return lambda: net.mend(number, "clients")


def takeover_beside_an_old_leader(stage: Stage, strike: Strike) -> Undo:
    """As above, and admit and deliver are killed again and again meanwhile: whoever takes over may ask the broker that
    missed what happened since."""
    undo = cut_from_brokers(stage, strike)
    for seconds in DETHRONED:
        time.sleep(seconds)
        for service in STATEFUL:
            stage.services.kill(f"{service}-1")
    return undo


def slow(stage: Stage, strike: Strike) -> Undo:
    """All cables of a broker are slow."""
    net, number = stage.network, _broker(stage, strike)
    assert net is not None
    net.slow(number)
    return lambda: net.quicken(number)


DOING: Mapping[str, Do] = {
    "kill": kill,
    "zombie": zombie,
    "pause": pause,
    "scale": scale,
    "clock": clock,
    "no state": no_state,
    "damaged state": damaged_state,
    "full disk": full_disk,
    "kill broker": kill_broker,
    "pause broker": pause_broker,
    "cut": cut,
    "cut from brokers": cut_from_brokers,
    "cut from clients": cut_from_clients,
    "takeover beside old": takeover_beside_an_old_leader,
    "slow": slow,
}
"""Kind of fault → how it is done."""


def label(strike: Strike) -> str:
    """What the account of a run calls it: instances of one service are one."""
    return f"{strike.kind} {strike.target.partition('-')[0]}"


def plans(stage: Stage, *, brief: bool = False) -> list[Plan]:
    """Every kind this stage allows, with how often it comes and how long it lasts; ``brief``: each once a round,
    whatever it hits."""
    found = _all(stage)
    if not brief:
        return found
    merged: dict[str, Plan] = {}
    for plan in found:
        targets = merged[plan.kind].targets if plan.kind in merged else ()
        merged[plan.kind] = replace(plan, targets=(*targets, *plan.targets), weight=1)
    return list(merged.values())


def _all(stage: Stage) -> list[Plan]:
    cluster = len(stage.cluster.brokers) > 1
    brokers = ("any", "leader", "coordinator", "group") if cluster else ("any",)
    longest = 12.0 if cluster else 5.0  # one broker alone: nothing goes on meanwhile
    found = [
        *[Plan(kind="kill", targets=(name,), weight=2 if name in STATEFUL else 1) for name in SERVICES],
        *[Plan(kind="zombie", targets=(name,), low=3, high=9) for name in SERVICES],
        *[Plan(kind="pause", targets=(name,), low=7, high=11) for name in (*STATEFUL, "crew-2")],
        Plan(kind="kill", targets=AUTHORS),
        *[Plan(kind="scale", targets=(name,), field="scale", low=12, high=20) for name in STATEFUL],
        *[Plan(kind="clock", targets=(name,), low=3, high=8) for name in ("admit", "dispatch", "phone")],
        *[Plan(kind="no state", targets=(name,)) for name in STATEFUL],
        *[Plan(kind="damaged state", targets=(name,)) for name in STATEFUL],
        *[Plan(kind="full disk", targets=(name,), field="disk", low=3, high=7) for name in stage.disks],
        Plan(kind="kill broker", targets=brokers, field=BROKERS, low=1, high=4, weight=4 if cluster else 2),
        Plan(kind="pause broker", targets=brokers, field=BROKERS, low=3, high=longest, weight=2 if cluster else 1),
    ]
    if stage.network is not None:
        found.append(Plan(kind="cut", targets=brokers, field=BROKERS, low=3, high=longest))
        if cluster:
            found.append(Plan(kind="cut from brokers", targets=brokers, field=BROKERS, low=5, high=15, weight=2))
            beside = Plan(kind="takeover beside old", targets=("leader",), field=BROKERS, low=14, high=18, weight=2)
            found.append(beside)
            found.append(Plan(kind="cut from clients", targets=brokers, field=BROKERS, low=3, high=8))
        if stage.network.can_slow:
            found.append(Plan(kind="slow", targets=brokers, field=BROKERS, low=4, high=10))
        else:
            stage.missing["slow"] = "this kernel has neither netem nor tbf"
    return found
