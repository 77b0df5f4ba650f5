"""The lifecycle, held against a model that was written by hand and knows nothing of the table that admit reads."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from hutong.rules.lifecycle import Lifecycle
from tests.services.expected_life import ROWS, STATES, Life, Step, expect
from tests.services.walk_steps import RIGHT, entitled, proper, right
from tests.services.walks import Walk, play, random_walk, walked

ROOT = Path(__file__).resolve().parents[2]

EXTENSION, DECIDED = "disposition.extension_requested.v1", "disposition.extension_decided.v1"
ASKED_TWICE = {
    ("disposition.declined.v1", "disposition.declined.v1"),
    (EXTENSION, EXTENSION),
    (DECIDED, DECIDED),
    (DECIDED, "disposition.suspended.v1"),
}
"""Races whose loser is told ``not_allowed``, not ``superseded``: one lead asks twice, or two above it decide the same
request. The state after the first does not tell the second from one that answers nothing that was ever asked."""


ALIKE = tuple(RIGHT[kind]() for kind in ("amended by a repeat", "released", "overdue"))
"""Kinds that come and lead as another one does: 补充, 删除, 催办."""


def ways() -> dict[str, tuple[list[Step], Life]]:
    """For each state, and for a ticket that waits for another dispatch, the shortest way there: steps, and ticket."""
    found: dict[str, tuple[list[Step], Life]] = {}
    seen = set()
    queue: deque[tuple[list[Step], Life | None]] = deque([([], None)])
    while queue:
        steps, life = queue.popleft()
        if life is not None:
            if (place := (life.state, life.dispatches)) in seen:
                continue
            seen.add(place)
            name = "filed again" if life.state == "filed" and life.dispatches else life.state
            found.setdefault(name, (steps, life))
        for step in [right("filed", "110000")] if life is None else proper(life):
            queue.append(([*steps, step], expect(life, step)[1]))
    return found


WAYS = ways()


def test_the_model_and_admit_agree_on_random_lives(tmp_path: Path) -> None:
    """300 tickets, each walked by random authors: every acceptance and every code of a refusal is the model's."""
    account = play((random_walk(7, number) for number in range(300)), tmp_path)
    assert account.disagreements == []
    assert set(account.by_step) == set(ROWS)
    assert set(account.refused) == {
        "not_entitled", "superseded", "not_allowed", "unknown_ticket", "unknown_type",
        "unknown_unit", "unknown_category", "unknown_area", "bad_merge", "invalid_data",
    }  # fmt: skip


def test_every_kind_of_step_is_tried_in_every_state_by_everybody_entitled_and_by_somebody_not(tmp_path: Path) -> None:
    """Each row of the table from each state: admitted, lost race, or forbidden, as the model says."""

    def walks() -> Iterator[Walk]:
        numbers = count()
        for steps, life in WAYS.values():
            for kind in RIGHT:
                for author in {*entitled(kind, life), "110000.idle"}:
                    yield walked(next(numbers), [*steps, right(kind, author)])

    assert {name.removesuffix(" again") for name in WAYS} == set(STATES)
    account = play(walks(), tmp_path)
    assert account.disagreements == []
    assert account.tickets > 500


def races() -> Iterator[tuple[str, list[Step], Step, Step]]:
    """Every two steps that may both come to a ticket in some state: which, the way there, the first, the second."""
    for name, (steps, life) in WAYS.items():
        able = [step for step in proper(life) if step.data not in ALIKE]
        for first in able:
            yield from ((name, steps, first, second) for second in able)


def test_every_race_of_two_steps_is_decided_in_both_orders(tmp_path: Path) -> None:
    """Whichever of the two admit sees first stands; the other stands beside it, or has lost a race, as the model
    says; and who merely lost a race is told so."""
    forbidden = set[tuple[str, str]]()

    def walks() -> Iterator[Walk]:
        for number, (_, steps, first, second) in enumerate(races()):
            walk = walked(number, [*steps, first, second])
            assert walk.expected[-2] == "", (first, second)
            if walk.expected[-1] not in ("", "superseded"):
                forbidden.add((first.data.TYPE, second.data.TYPE))
            yield walk

    account = play(walks(), tmp_path)
    assert account.disagreements == []
    assert account.tickets > 1000
    assert forbidden == ASKED_TWICE


def test_the_model_names_every_event_and_state_of_the_table() -> None:
    """Nothing was added to the one and forgotten in the other."""
    table = Lifecycle.load().table
    assert set(table.events) == set(ROWS)
    assert set(table.states) == set(STATES)


@pytest.mark.timeout(120)
def test_the_command_prints_its_account() -> None:
    """Tickets, steps, refusals by code, and that nothing disagrees; then it exits with 0."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.services.walks", "--tickets", "20", "--seed", "3"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "seed 3: 20 tickets" in done.stdout
    assert "0 disagreements" in done.stdout
