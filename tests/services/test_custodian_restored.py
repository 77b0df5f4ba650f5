"""A store that was restored, or lost: it learns from the door what happened since, or says that it cannot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hutong
from hutong import complaint
from hutong.errors import SettingsError
from hutong.transport import Partition
from services.custodian.backup import back_up, restore
from services.custodian.databases import open_database
from services.deliver.again import Wish
from tests.cities import CITY
from tests.services.custodians import CUSTODIAN, WHAT, WHO, Town
from tests.services.test_again import again
from tests.services.test_custodian_erasure import erase

DOOR = Partition(f"deliveries.{CUSTODIAN}", 0)


def emptied(town: Town) -> None:
    """Retention takes everything that lies in the custodian's door."""
    town.city.transport.truncate(DOOR.topic, DOOR.number, town.city.transport.bounds([DOOR])[DOOR].end)


def lost(town: Town) -> None:
    """The custodian's store is gone."""
    for path in town.store.parent.iterdir():
        path.unlink()


def destroyed(town: Town, ticket: str) -> dict[str, bool]:
    """Class → whether its key was destroyed."""
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        return {kept.key_class: kept.destroyed for kept in keeper._store.keys(ticket)}


def backed_up_and_erased(town: Town, file: Path) -> str:
    """A ticket whose identity was erased after the backup."""
    ticket = town.file()
    town.keeper()
    back_up(open_database(str(town.store), make=False), file)
    erase(town, ticket, "identity")
    town.keeper()
    return ticket


def test_what_was_erased_since_the_backup_is_destroyed_again(town: Town, tmp_path: Path) -> None:
    """The restored store holds the key; the door says that it is not to."""
    ticket = backed_up_and_erased(town, tmp_path / "backup.gz")
    lost(town)
    restore(open_database(str(town.store)), tmp_path / "backup.gz")
    assert destroyed(town, ticket) == {"identity": False, "content": False}
    town.keeper()
    assert destroyed(town, ticket) == {"identity": True, "content": False}


@pytest.mark.parametrize("restored", [True, False], ids=["restored", "lost"])
def test_a_store_that_the_door_does_not_reach_back_to_is_refused(town: Town, tmp_path: Path, restored: bool) -> None:
    """It gives nothing out, and names the command; delivered again, behind what came later, all of it is learned."""
    file = tmp_path / "backup.gz"
    ticket = backed_up_and_erased(town, file)
    emptied(town)
    town.say(CITY, complaint.Amended(narrative=hutong.Clear("今天又停了")), ticket)
    lost(town)
    if restored:
        restore(open_database(str(town.store)), file)
    for _ in range(2):  # a second start says it again
        with pytest.raises(SettingsError, match="would be missed") as error:
            town.keeper()
    found = re.search(rf"services.deliver again {CUSTODIAN} --of (ledger/\d) --from (\d+)`", str(error.value))
    assert found is not None
    assert (int(found[2]) > 1) is restored
    again(town.city, Wish.of(CUSTODIAN, int(found[2]), found[1]))
    town.keeper()
    assert destroyed(town, ticket)["identity"]
    assert town.opens(CITY, ticket, "identity") == "erased"
    assert town.opens(CITY, ticket, "narrative", complaint.Amended) == "今天又停了"


def test_a_door_that_reaches_back_far_enough_will_do(town: Town, tmp_path: Path) -> None:
    """Retention took only what the backup knows; what was filed since is released, what was released is not again."""
    before = town.file()
    town.keeper()
    town.say(CITY, complaint.Amended(narrative=hutong.Clear("今天又停了")), before)
    town.keeper()
    file = tmp_path / "backup.gz"
    back_up(open_database(str(town.store), make=False), file)
    emptied(town)
    later = town.file()
    town.keeper()
    notices = town.notices(before)
    lost(town)
    restore(open_database(str(town.store)), file)
    town.keeper()
    assert (town.notices(before), len(town.notices(later))) == (notices, 2)
    assert town.opens(CITY, before, "identity") == town.opens(CITY, later, "identity") == str(WHO)
    assert town.opens(CITY, later, "narrative") == WHAT
