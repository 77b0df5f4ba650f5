"""Steps of every kind, right and wrong, for the walks of tests/services/walks.py."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

import hutong
from hutong import complaint, directory, disposition, notice
from hutong.events.disposition import Decision, Measure
from tests.services.expected_life import AUTHORS, ROWS, Life, Step, held

DAY = "20260615"
"""The day in every walked ticket's id."""
OLDER, LATER_DAY = "110000-20260614-0000000000", "110000-20260616-0000000000"
ELSEWHERE = "120000-20260614-0000000000"
EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
LEADS = ("110105026", "110105004", "110105", "110000.water")

Make = Callable[[], hutong.EventData]

filing = partial(
    complaint.Filed, kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
)
KEY = bytes(range(16))

RIGHT: Mapping[str, Make] = {
    "filed": filing,
    "answered": partial(complaint.Answered, basis="knowledge_base"),
    "amended": complaint.Amended,
    "amended by a repeat": partial(complaint.Amended, repeat=complaint.Repeat(ticket=LATER_DAY, filed=LATE)),
    "merged": partial(complaint.Merged, into=OLDER, rule="same_caller"),
    "withdrawn": partial(complaint.Withdrawn, reason="citizen_request"),
    "dispatched": partial(disposition.Dispatched, lead=LEADS[0], assistants=("110000.water",)),
    "accepted": disposition.Accepted,
    "declined": partial(disposition.Declined, reason="not_our_duty"),
    "decline granted": partial(disposition.DeclineDecided, decision=Decision.GRANTED),
    "decline rejected": partial(disposition.DeclineDecided, decision=Decision.REJECTED),
    "whistled": partial(disposition.AssistRequested, units=("110000.water", "110105004")),
    "reported": disposition.AssistReported,
    "extension asked": partial(disposition.ExtensionRequested, until=LATE, reason="parts"),
    "suspension asked": partial(
        disposition.ExtensionRequested, measure=Measure.SUSPENSION, until=LATE, reason="procurement"
    ),
    "extension granted": partial(disposition.ExtensionDecided, decision=Decision.GRANTED, until=LATE),
    "extension rejected": partial(disposition.ExtensionDecided, decision=Decision.REJECTED),
    "suspended": partial(disposition.Suspended, until=LATE, reason="procurement"),
    "resumed": partial(disposition.Resumed, reason="until_reached"),
    "resolved": disposition.Resolved,
    "reminded": partial(disposition.Reminded, limit="answer", due=LATE),
    "overdue": partial(disposition.Overdue, limit="answer", due=LATE),
    "escalated": partial(disposition.Escalated, reason="overdue"),
    "called back": partial(disposition.CalledBack, contacted=True, resolved=True),
    "reopened": partial(disposition.Reopened, reason="dissatisfied"),
    "closed": partial(disposition.Closed, reason="resolved"),
    "released": partial(
        notice.AccessReleased, key_id=KEY, key_class=notice.KeyClass.CONTENT, recipient="110105026", purpose="handling"
    ),
    "erased": partial(notice.Erased, key_ids=(KEY,), key_class=notice.KeyClass.IDENTITY, reason="request"),
}
"""Every kind of event whose contents are in order, and what can be decided by it."""

WRONG: Mapping[str, tuple[Make, str]] = {
    "category not in the tree": (partial(filing, category="no/such"), "unknown_category"),
    "area not in the city": (partial(filing, area="310000"), "unknown_area"),
    "lead without a door": (partial(disposition.Dispatched, lead="110105099"), "unknown_unit"),
    "assistant without a door": (
        partial(disposition.Dispatched, lead=LEADS[0], assistants=("110000.nobody",)),
        "unknown_unit",
    ),
    "whistle for nobody": (partial(disposition.AssistRequested, units=()), "invalid_data"),
    "more time without an end": (partial(disposition.ExtensionDecided, decision=Decision.GRANTED), "invalid_data"),
    "whistle for a stranger": (partial(disposition.AssistRequested, units=("110000.nobody",)), "unknown_unit"),
    "merge into a younger": (partial(complaint.Merged, into=LATER_DAY, rule="same_caller"), "bad_merge"),
    "merge across cities": (partial(complaint.Merged, into=ELSEWHERE, rule="same_caller"), "bad_merge"),
    "repeat of another city": (
        partial(complaint.Amended, repeat=complaint.Repeat(ticket=ELSEWHERE, filed=LATE)),
        "bad_merge",
    ),
    "no event of a ticket": (
        partial(directory.Revoked, number=1, organisation="110000.idle", reason="closed"),
        "unknown_type",
    ),
}
"""What is refused whoever sends it, in whatever state."""

TYPES: Mapping[str, str] = {kind: make().TYPE for kind, make in RIGHT.items()}


def right(kind: str, author: str) -> Step:
    """A step whose contents are in order."""
    return Step(author=author, data=RIGHT[kind]())


def entitled(kind: str, life: Life | None) -> list[str]:
    """Who may send this kind to this ticket."""
    senders = ROWS[TYPES[kind]].senders
    return [author for author in AUTHORS if senders & held(life, author)]


def proper(life: Life) -> list[Step]:
    """Every step that may come to this ticket now, by everybody who may send it."""
    return [
        right(kind, author)
        for kind in RIGHT
        if ROWS[TYPES[kind]].signs[life.state] in "=>"
        for author in entitled(kind, life)
    ]


def chosen(chance: random.Random, life: Life | None, subject: str) -> Step:
    """The next step of a walk: mostly one that may come, else a lost race, a stranger's, or one that is wrong."""
    draw = chance.random()
    if life is None:
        return right("filed", chance.choice(("110000", "110000.second"))) if draw < 0.85 else _any(chance)
    if draw < 0.72:
        steps = proper(life)
        weights = [_weight(step, life) for step in steps]
        return _varied(chance, chance.choices(steps, weights)[0])
    if draw < 0.85:
        kind = chance.choice(list(RIGHT))
        authors = entitled(kind, life)
        return right(kind, chance.choice(authors or AUTHORS))
    return _any(chance) if draw < 0.95 else _wrong(chance, subject)


_ENDS = ("complaint.answered.v1", "complaint.merged.v1", "complaint.withdrawn.v1", "disposition.closed.v1")


def _weight(step: Step, life: Life) -> float:
    """How much a walk wants a step: on rather than to stay, and not soon to its end."""
    if step.data.TYPE in _ENDS:
        return 0.2
    if step.data.TYPE.startswith("notice."):
        return 0.05
    return 2.0 if ROWS[step.data.TYPE].signs[life.state] == ">" else 0.7


def _varied(chance: random.Random, step: Step) -> Step:
    """Another lead and other assistants, so that roles move between organisations."""
    if not isinstance(step.data, disposition.Dispatched):
        return step
    lead, *others = chance.sample(LEADS, 3)
    return Step(
        author=step.author,
        data=disposition.Dispatched(lead=lead, assistants=tuple(others[: chance.randrange(3)])),
    )


def _any(chance: random.Random) -> Step:
    return right(chance.choice(list(RIGHT)), chance.choice(AUTHORS))


def _wrong(chance: random.Random, subject: str) -> Step:
    author = chance.choice(AUTHORS)
    match chance.randrange(8):
        case 0:
            return Step(author=author, data=complaint.Merged(into=subject, rule="same_caller"), fault="bad_merge")
        case 1:
            repeat = complaint.Repeat(ticket=LATER_DAY, filed=EARLY)
            return Step(author=author, data=complaint.Amended(repeat=repeat), fault_of_filed="bad_merge")
        case 2:
            data = chance.choice((disposition.DeclineDecided, disposition.ExtensionDecided))(decision=Decision.UNKNOWN)
            return Step(author=author, data=data)
        case _:
            make, code = WRONG[chance.choice(list(WRONG))]
            return Step(author=author, data=make(), fault=code)
