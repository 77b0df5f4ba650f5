"""Generated complaints: the same from the same seed, over real streets, of made-up people."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from hutong.errors import SettingsError
from local.cities import City
from local.generator import Complaint, complaints

NOW = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def beijing() -> City:
    return City.load("beijing")


@pytest.fixture(scope="module")
def many(beijing: City) -> list[Complaint]:
    return list(complaints(7, 2000, beijing, now=NOW))


def test_same_seed_same_complaints(beijing: City, many: list[Complaint]) -> None:
    """The same seed gives the same complaints, another seed others; rows are unique across both."""
    assert list(complaints(7, 2000, beijing, now=NOW)) == many
    others = list(complaints(8, 2000, beijing, now=NOW))
    assert [other.narrative for other in others] != [one.narrative for one in many]
    assert len({complaint.row for complaint in many + others}) == 4000


def test_areas_are_real_streets_with_and_without_a_door(beijing: City, many: list[Complaint]) -> None:
    """Every area is a street of a registered district; about a third of them have no organisation of their own."""
    areas = [beijing.divisions[complaint.area] for complaint in many]
    assert all(area.level == "street" and area.parent in beijing.organisations for area in areas)
    without = sum(area.code not in beijing.organisations for area in areas)
    assert 0.2 < without / len(many) < 0.4


def test_shares_come_from_the_data(beijing: City, many: list[Complaint]) -> None:
    """About 35 % ask a question, so that most tickets are dispatched; every category is in the tree."""
    consultations = sum(complaint.kind == "consultation" for complaint in many)
    assert 0.30 < consultations / len(many) < 0.40
    assert {complaint.category for complaint in many} <= set(beijing.categories)
    assert len({complaint.category.split("/")[0] for complaint in many}) == 11


def test_people_are_made_up(many: list[Complaint]) -> None:
    """No phone number can be real, no name is a full one, and every text is filled in."""
    for complaint in many:
        assert complaint.identity.phone.startswith("100")
        assert len(complaint.identity.phone) == 11
        assert "某" in complaint.identity.name
        assert "{" not in complaint.narrative + complaint.place.address


def test_times_run_up_to_now(many: list[Complaint]) -> None:
    """Complaints are dated in order within the hour before now, with the city's offset."""
    created = [complaint.created for complaint in many]
    assert created == sorted(created)
    assert timedelta(0) < NOW - created[-1] < NOW - created[0] <= timedelta(hours=1)
    assert created[0].utcoffset() == timedelta(hours=8)


def test_command_writes_json_lines(beijing: City) -> None:
    """``python -m local generate`` prints what ``complaints`` gives, a JSON object per line."""
    command = [sys.executable, "-m", "local", "generate", "--count", "3", "--seed", "7", "--now", "2026-01-05 04:00:00"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [Complaint.model_validate_json(line) for line in told] == list(complaints(7, 3, beijing, now=NOW))
    assert set(json.loads(told[0])["identity"]) == {"name", "phone"}


def test_city_without_habits_is_told() -> None:
    """A city that nothing can be generated for is one sentence with exit code 2."""
    with pytest.raises(SettingsError, match=r"generator\.yaml cannot be read"):
        complaints(1, 1, City.load("nyc"), now=NOW)
    command = [sys.executable, "-m", "local", "generate", "--city", "atlantis"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (
        2,
        "There is no demo city called 'atlantis': choose one of beijing, nyc.\n",
    )
