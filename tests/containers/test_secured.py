"""The compose city with security on: everybody is a user of his own, and may do what the directory says."""

from __future__ import annotations

import json

import pytest

from tests.containers.deployment import SECONDS, Deployment
from tests.contract.bench import until

pytestmark = pytest.mark.timeout(900)


def test_a_ticket_is_closed_by_users_who_may_do_no_more(secured: Deployment) -> None:
    """Every service works with its own password; a desk reads its door, and nothing of the ledger."""
    ticket = secured.file()
    until(lambda: secured.is_closed(ticket), "the ticket is closed", SECONDS)
    assert secured.refused("desk-water", "replay").startswith("hutong: topic ledger is closed to you")
    own = secured.run("exec", "-T", "desk-water", "hutong", "replay", "--source", "deliveries", "--json")
    assert ticket in own


def test_what_follows_from_the_directory_stands_at_the_broker(secured: Deployment) -> None:
    """The operator's command finds nothing to do; without his settings nobody may even ask."""
    apply = ("org", "apply", "--passwords", "/city/passwords", "--dry-run", "--json")
    told = json.loads(secured.run("run", "--rm", "operator", *apply))
    assert told == {"done": False, "allowed": [], "withdrawn": [], "passwords": {}, "expelled": []}
    assert "platform's operator" in secured.refused("desk-water", *apply[:-1])


def test_nobody_has_the_password_of_another(secured: Deployment) -> None:
    assert secured.run("exec", "-T", "desk-water", "ls", "/hutong/passwords").split() == ["110000.water.password"]
    assert secured.run("exec", "-T", "admit", "ls", "/hutong/passwords").split() == ["110000_admit.password"]
    assert "keys" not in secured.run("exec", "-T", "deliver", "ls", "/hutong").split()
