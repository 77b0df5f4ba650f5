"""Eight deliberate bugs on a real broker: the checker finds each, and nothing where the same schedule runs without.

A check that cannot tell the two apart would prove nothing. How each bug comes to light is said by its schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hutong.transport import Partition
from tests.chaos.city import WORKS
from tests.chaos.sabotage.bugs import BUGS
from tests.chaos.sabotage.city import FILED, Sabotaged, came, sabotaged_city, until
from tests.chaos.sabotage.cuts import BEFORE_LETTER, BEFORE_WRITE
from tests.chaos.sabotage.patching import PatchesNothing, replace
from tests.checker import Verdict

pytestmark = pytest.mark.timeout(300)  # a broker and a dozen processes, on whatever machine
READER = "tests.chaos.sabotage.reader"


def rules(verdict: Verdict) -> set[str]:
    return {violation.rule for violation in verdict.violations}


def in_admit(home: Path, bug: str, schedule: Callable[[Sabotaged, bool], None], expected: set[str]) -> None:
    """The schedule with a sound admit, then with the broken one."""
    with sabotaged_city(home, bug) as city:
        city.admit(sound=True)
        schedule(city, True)
        assert rules(city.verdict()) == set()
        assert not city.hit()
        city.admit(sound=False, former=True)
        schedule(city, False)
        assert city.hit()
        assert rules(city.verdict()) >= expected


def killed_before_write(city: Sabotaged, sound: bool) -> None:
    city.cuts.arm(BEFORE_WRITE, "kill")
    city.file(5)
    assert city.cuts.fired(BEFORE_WRITE).exists()


def test_commit_before_the_write(tmp_path: Path) -> None:
    """Admit is killed between its commit and its write: what it had read is lost if it believes the commit."""
    in_admit(tmp_path, "commit-before-write", killed_before_write, {"outcome", "lost"})


def zombie(city: Sabotaged, sound: bool) -> None:
    city.zombie()


def test_no_fencing(tmp_path: Path) -> None:
    """A stopped admit wakes when its successor has settled what it has in hand; unfenced, it settles it again."""
    in_admit(tmp_path, "no-fencing", zombie, {"duplicate", "sequence", "two_outcomes"})


def test_fencing_back(tmp_path: Path) -> None:
    """The same zombie is fenced; it takes the partition back with a state of yesterday."""
    in_admit(tmp_path, "fencing-back", zombie, {"duplicate", "sequence", "two_outcomes"})


def sent_again(city: Sabotaged, sound: bool) -> None:
    """The same bytes twice, and the same wish with other bytes once more."""
    bus, now = city.hotline, datetime.now(UTC)
    signed = bus._signing().sign([bus.draft(FILED, once=f"row {sound}", time=now)])
    bus.resend(signed)
    bus.resend(signed)
    bus.submit_batch([bus.draft(FILED, once=f"row {sound}", time=now - timedelta(seconds=1))])
    city.file()


def test_dedupe_off(tmp_path: Path) -> None:
    """The same bytes, and the same identity in other bytes, come again: admitted again by who remembers nothing."""
    in_admit(tmp_path, "dedupe-off", sent_again, {"duplicate"})


def killed_behind_a_hanging_transaction(city: Sabotaged, sound: bool) -> None:
    """Admit writes behind somebody's open transaction and is killed; a successor that cannot see what it wrote must
    wait until that transaction has ended."""
    submissions = Partition("submissions", 0)
    log = city.services.logs / "admit.log"
    with city.hanging():
        city.file_unheard()
        consumer = city.transport.consumer(client_id="look")
        end = consumer.end(submissions)
        consumer.close()
        until("all is admitted", lambda: city.transport.groups("110000.admit")[submissions].offset >= end)
        before = log.read_text().count("partition taken")
        assert city.services.kill("admit") is not None
        took = came(lambda: log.read_text().count("partition taken") > before, within=6 if sound else 30)
        assert took is not sound, "a sound successor waits, a broken one does not"
    city.file()


def test_rebuild_to_the_last_stable_offset(tmp_path: Path) -> None:
    """What was committed behind a hanging transaction is not in the successor's state, so it comes twice."""
    bug = "last-stable-offset"
    in_admit(tmp_path, bug, killed_behind_a_hanging_transaction, {"duplicate", "sequence", "two_outcomes"})


def in_reader(
    home: Path,
    bug: str,
    schedule: Callable[[Sabotaged, str, bool], list[str]],
    expected: set[str],
    *,
    partitions: int = 1,
) -> None:
    """The schedule with a sound system of a department, then with a broken one. It returns the processes it started."""
    with sabotaged_city(home, bug, partitions=partitions) as city:
        city.admit(sound=True)
        sound = schedule(city, "sound", True)
        assert rules(city.verdict("sound")) == set()
        assert not city.hit()
        city.end(sound)
        schedule(city, "broken", False)
        assert city.hit()
        verdict = city.verdict("broken")
        assert rules(verdict) == expected
        assert all("broken from" in violation.text for violation in verdict.violations)


def killed_before_the_letter(city: Sabotaged, system: str, sound: bool) -> list[str]:
    """A program fails at one event and is killed when that is to be parked; started again, it is mended."""
    city.cuts.arm(BEFORE_LETTER, "kill")
    broken = city.cuts.armed(BEFORE_LETTER)
    args = (system, "--broken", str(broken))
    city.start(READER, *args, name=system, organisation=WORKS, sound=sound)
    city.dispatch(2)
    until("the program is killed", city.cuts.fired(BEFORE_LETTER).exists)
    count = (4 if sound else 8) - (not sound)
    until("the rest is handled", lambda: city.handled(system) >= count)
    return [system]


def test_offsets_ahead_of_the_dead_letter(tmp_path: Path) -> None:
    """An event whose mark was committed before its letter was written is neither handled nor parked."""
    in_reader(tmp_path, "ahead-of-dead-letter", killed_before_the_letter, {"unhandled"})


def a_second_instance(city: Sabotaged, system: str, sound: bool) -> list[str]:
    """One instance handles everything, a second joins it and takes half of its partitions, then more comes."""
    names = [f"{system}-{number}" for number in (1, 2)]
    city.start(READER, system, name=names[0], organisation=WORKS, sound=sound)
    city.dispatch(2)
    count = 8 if sound else 24
    until("all is handled", lambda: city.handled(system) >= count)
    city.start(READER, system, name=names[1], organisation=WORKS, sound=sound)
    until("the second has partitions", city.cuts.sign(f"{names[1]}.took").exists)
    city.dispatch(2)
    until("all is handled again", lambda: city.handled(system) >= count + 8)
    return names


def test_marks_left_behind_at_a_rebalance(tmp_path: Path) -> None:
    """An instance that gets partitions without their marks misses everything before and handles it again."""
    in_reader(tmp_path, "marks-left-behind", a_second_instance, {"handled_twice"}, partitions=2)


def one_ticket(city: Sabotaged, system: str, sound: bool) -> list[str]:
    """A ticket's first event takes the program longer than its second."""
    city.start(READER, system, name=system, organisation=WORKS, sound=sound)
    city.dispatch(1)
    until("all is handled", lambda: city.handled(system) >= (2 if sound else 4))
    return [system]


def test_two_threads_for_one_ticket(tmp_path: Path) -> None:
    """A ticket's next event is handled while the one before is still in hand."""
    in_reader(tmp_path, "two-threads", one_ticket, {"handled_order", "ticket_order"})


def test_every_bug_has_its_schedule() -> None:
    """No bug stands there without a test that plays it."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [bug for bug in BUGS if f'"{bug}"' not in text] == []
    assert len(BUGS) == 8


def test_a_patch_without_its_target_fails() -> None:
    """Where the product has changed, a patch says so instead of patching nothing."""

    class Product:
        def step(self, record: int) -> int:
            return record

    class Heir(Product):
        pass

    replace(Product, "step", "self", "record", by=lambda original: lambda self, record: original(self, record) + 1)
    assert Product().step(1) == 2
    for holder, name, parameters in (
        (Product, "gone", ("self", "record")),
        (Product, "step", ("self", "records")),
        (Heir, "step", ("self", "record")),
    ):
        with pytest.raises(PatchesNothing, match=name):
            replace(holder, name, *parameters, by=lambda original: original)
