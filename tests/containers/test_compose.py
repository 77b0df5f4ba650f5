"""``docker compose up``: a city closes tickets with nothing but Docker, and goes on when a container is killed."""

from __future__ import annotations

import pytest

from tests.containers.deployment import SECONDS, Deployment
from tests.contract.bench import until

pytestmark = pytest.mark.timeout(900)


def test_a_ticket_is_closed_and_another_after_admit_was_killed(city: Deployment) -> None:
    """Filed with the command inside the image, led by the water utility, closed; killed, admit is started again."""
    first = city.file()
    until(lambda: city.is_closed(first), "the first ticket is closed", SECONDS)
    assert city.hutong("ticket", "show", first)["lead"] == "110000.water"
    before = city.state("admit")["Pid"]
    city.signal("admit", "KILL")
    second = city.file()
    until(lambda: city.is_closed(second), "the second ticket is closed", SECONDS)
    assert city.state("admit")["Pid"] not in (before, 0)


def test_a_hung_service_is_seen(city: Deployment) -> None:
    """Frozen, a desk is unhealthy soon; the others stay healthy; let go, it is healthy again."""
    city.signal("desk-heat", "STOP")
    city.wait_for("desk-heat", "unhealthy")
    healthy = {name for name in city.services() if city.state(name)["Health"]["Status"] == "healthy"}
    city.signal("desk-heat", "CONT")
    assert healthy == {*city.services()} - {"desk-heat"}
    city.wait_for("desk-heat", "healthy")


def test_a_service_ends_by_itself_when_told_to(city: Deployment) -> None:
    """SIGTERM ends it with 0, before Docker would kill it."""
    city.run("stop", "deliver", "desk-street")
    assert [city.state(name)["ExitCode"] for name in ("deliver", "desk-street")] == [0, 0]


def test_nobody_has_the_keys_of_another(city: Deployment) -> None:
    """A desk's container holds its organisation's keys alone, and can write nowhere but in its folder and /tmp."""
    held = [name for name in city.run("exec", "-T", "desk-water", "ls", "/hutong/keys").split() if "sqlite" not in name]
    assert sorted(held) == ["110000.water.pem", "110000.water.x25519.pem"]
    told = city.run("exec", "-T", "desk-water", "sh", "-c", "touch /opt/hutong/x 2>/dev/null || id -u")
    assert told.split() == ["10001"]
    handed_out = city.run("logs", "founding")
    assert handed_out.count("has its keys and settings") == 9
