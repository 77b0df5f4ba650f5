"""回访: the citizens' answers are drawn in stated shares, and a retry draws the same."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

import hutong
from hutong.events.disposition import CalledBack, Closed, Reopened, Resolved, Satisfaction
from services.callback.handler import Shares, decide
from tests.services.handling import event

SHARES = Shares(contacted=0.95, satisfied=0.9)


def resolutions(count: int) -> list[hutong.Event]:
    return [event(Resolved(), fingerprint=sha256(bytes([n % 256, n // 256])).digest()) for n in range(count)]


def test_every_call_is_followed_by_its_outcome() -> None:
    """Satisfied or not reached: closed; dissatisfied: reopened; the call comes first."""
    for given in resolutions(500):
        called, then = decide(given, SHARES)
        assert isinstance(called, CalledBack)
        if not called.contacted:
            assert (called.resolved, called.satisfaction) == (None, Satisfaction.UNKNOWN)
            assert then == Closed(reason="not_reached")
        elif called.satisfaction is Satisfaction.DISSATISFIED:
            assert (called.resolved, then) == (False, Reopened(reason="dissatisfied"))
        else:
            assert (called.resolved, then) == (True, Closed(reason="resolved"))


def test_the_shares_are_the_stated_ones() -> None:
    """Of 2,000: 5 % not reached, 10 % of the others dissatisfied, 30 % of the satisfied only basically so."""
    says = Counter(call.satisfaction for given in resolutions(2000) for call in decide(given, SHARES)[:1]
                   if isinstance(call, CalledBack))  # fmt: skip
    assert 60 <= says[Satisfaction.UNKNOWN] <= 140
    assert 140 <= says[Satisfaction.DISSATISFIED] <= 240
    assert 420 <= says[Satisfaction.BASICALLY_SATISFIED] <= 600


def test_a_retry_decides_the_same_and_another_resolution_or_seed_anew() -> None:
    """The draw is over the resolution itself, so a ticket is not reopened for ever."""
    many = resolutions(200)
    assert [decide(given, SHARES) for given in many] == [decide(given, SHARES) for given in many]
    assert [decide(given, SHARES) for given in many] != [decide(given, SHARES, seed=1) for given in many]
    assert len({str(decide(given, SHARES)) for given in many}) > 2


def test_nothing_but_a_resolution_is_called_back_on() -> None:
    """Other events are none of its business."""
    assert decide(event(hutong.disposition.Accepted()), SHARES) == []


def test_everybody_can_be_satisfied() -> None:
    """With shares of one every ticket closes at the first call."""
    for given in resolutions(200):
        assert decide(given, Shares(contacted=1.0, satisfied=1.0))[1] == Closed(reason="resolved")
