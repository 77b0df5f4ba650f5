"""The custodian killed at every step of its work: in the end who is entitled has the key, once, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong import disposition
from services.custodian.store import Store
from tests.cities import CITY
from tests.services.custodians import CUSTODIAN, HEAT, HELPER, OTHER, WATER, WHAT, WHO, Town

STEPS = 24
"""More than the custodian takes for what is played here; the last kills never come."""


class Killed(BaseException):
    """The process is no more."""


class Fuse:
    """Kills at the n-th thing that is done, before it or after it."""

    def __init__(self, number: int, *, after: bool) -> None:
        self._left = number
        self._after = after
        self.burnt = False

    def around(self, act: Any) -> Any:
        """``act``, or death."""

        def done(*values: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                self.burnt = True
                raise Killed
            result = act(*values, **named)
            if self._left == 0:
                self.burnt = True
                raise Killed
            return result

        return done


@contextmanager
def fused(monkeypatch: pytest.MonkeyPatch, fuse: Fuse) -> Iterator[None]:
    """Everything that leaves the custodian is counted: records of keys, events, commits of its store."""
    from hutong.client import Bus
    from services.custodian.databases import SqliteDatabase
    from services.custodian.post import Post

    with monkeypatch.context() as patched:
        patched.setattr(Post, "send", fuse.around(Post.send))
        patched.setattr(Bus, "submit_batch", fuse.around(Bus.submit_batch))
        patched.setattr(Store, "put", fuse.around(Store.put))
        patched.setattr(Store, "give", fuse.around(Store.give))
        patched.setattr(Store, "destroy", fuse.around(Store.destroy))
        patched.setattr(SqliteDatabase, "wipe", fuse.around(SqliteDatabase.wipe))
        yield


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_step_it_ends_as_if_it_never_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Filed, dispatched, passed on, erased: for each ticket one kill at another step, then a start that goes on."""
    town = Town(tmp_path)
    try:
        kills = sum(_play(town, monkeypatch, Fuse(number, after=after)) for number in range(1, STEPS + 1))
        assert kills >= 10
    finally:
        town.close()


def _play(town: Town, monkeypatch: pytest.MonkeyPatch, fuse: Fuse) -> bool:
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER, assistants=(HELPER,)), ticket)
    _killed(town, monkeypatch, fuse)
    town.pass_on(ticket, WATER, HEAT)
    _killed(town, monkeypatch, fuse)
    key = town.hotline._keys.current(ticket, "identity")
    assert key is not None
    data = hutong.notice.Erased(key_ids=(key.id,), key_class=hutong.notice.KeyClass.IDENTITY, reason="citizen_request")
    notices = town.notices(ticket)
    assert len(notices) == len(set(_named(town, ticket))), "a release twice"
    assert {(who, what) for who, what, _ in notices} == {
        (CITY, "identity"), (CITY, "content"), (WATER, "identity"), (WATER, "content"), (HELPER, "content"),
        (HEAT, "identity"), (HEAT, "content"),
    }  # fmt: skip
    assert town.opens(HEAT, ticket, "identity") == town.opens(WATER, ticket, "identity") == str(WHO)
    assert town.opens(HELPER, ticket, "identity") == "sealed"
    assert town.opens(HELPER, ticket, "narrative") == WHAT
    assert town.opens(OTHER, ticket, "narrative") == "not delivered"
    town.say(CUSTODIAN, data, ticket)
    _killed(town, monkeypatch, fuse)
    for holder in (CITY, WATER, HEAT):
        assert town.opens(holder, ticket, "identity") == "erased"
        assert town.opens(holder, ticket, "narrative") == WHAT
    return fuse.burnt


def _named(town: Town, ticket: str) -> list[tuple[bytes, str]]:
    return [
        (event.data.key_id, event.data.recipient)
        for event in town.hotline.replay(ticket=ticket)
        if isinstance(event.data, hutong.notice.AccessReleased)
    ]


def _killed(town: Town, monkeypatch: pytest.MonkeyPatch, fuse: Fuse) -> None:
    """Let the custodian work until the fuse kills it, then let another go on."""
    if not fuse.burnt:
        try:
            with fused(monkeypatch, fuse):
                town.keeper()
        except Killed:
            pass
    town.keeper()
