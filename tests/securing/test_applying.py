"""Applying brings a broker to where the directory is, and may be broken off anywhere. On the twin."""

from __future__ import annotations

import json
import stat
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hutong.cli import connection
from hutong.cli.app import app
from hutong.errors import SettingsError, Unavailable
from hutong.securing.acls import acls, living
from hutong.securing.applying import carry_out, plan
from hutong.securing.passwords import PasswordFolder
from hutong.transport.access import Acl
from hutong.transport.memory.access import MemoryAccessControl
from tests.cities import TwinCity

CITY, WATER, GAS = "110000", "110000.water", "110000.gas"
STRANGER = Acl(user="connect", resource="topic", name="ledger", operation="read")


@pytest.fixture
def city(tmp_path: Path) -> TwinCity:
    """A city with two departments, at a broker that somebody else uses, too."""
    made = TwinCity(tmp_path)
    for unit in (WATER, GAS):
        made.register(unit)
    made.transport.access().allow([STRANGER])
    made.transport.access().admit({"connect": "theirs"})
    return made


@pytest.fixture
def passwords(tmp_path: Path) -> PasswordFolder:
    return PasswordFolder(tmp_path / "passwords")


def apply(city: TwinCity, access: MemoryAccessControl, passwords: PasswordFolder, *renew: str) -> None:
    planned = plan(city.registrar.directory, access, city=CITY, renew=renew, waiting=passwords.waiting())
    carry_out(planned, access, passwords)


def test_a_city_is_secured_once(city: TwinCity, passwords: PasswordFolder) -> None:
    """Everybody gets what the directory says and a password of its own; again nothing is left to do; others stay."""
    access, directory = city.transport.access(), city.registrar.directory
    apply(city, access, passwords)
    assert access.acls() == acls(directory, CITY) | {STRANGER}
    assert access.passwords.keys() == living(directory, CITY) | {"connect"}
    assert access.passwords["connect"] == "theirs"
    assert len(set(access.passwords.values())) == len(access.passwords)
    for user in living(directory, CITY):
        file = passwords.file(user)
        assert file.read_text() == access.passwords[user] + "\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not plan(directory, access, city=CITY)


def test_what_the_directory_does_not_say_is_taken_away(city: TwinCity, run: Runner) -> None:
    """Whatever it allows, by whichever tool somebody made it: who may delete the ledger is not well."""
    access = city.transport.access()
    run()
    stood = access.acls()
    more = {
        Acl(user=WATER, resource="topic", name="ledger", operation="delete"),
        Acl(user=WATER, resource="topic", name="", operation="all", prefix=True, host="10.0.0.1"),
        Acl(user=f"{CITY}_admit", resource="cluster", name="kafka-cluster", operation="alter"),
    }
    access.allow(more)
    lines = run().stdout.splitlines()
    assert f"- {WATER} may delete topic ledger" in lines
    assert f"- {WATER} may all topic … from 10.0.0.1" in lines
    assert f"- {CITY}_admit may alter cluster kafka-cluster" in lines
    assert access.acls() == stood


def test_revoking_takes_credential_access_and_file(city: TwinCity, passwords: PasswordFolder) -> None:
    """Of that one alone; registered anew, it gets another password."""
    access = city.transport.access()
    apply(city, access, passwords)
    former = dict(access.passwords)
    city.revoke(WATER)
    apply(city, access, passwords)
    assert not [acl for acl in access.acls() if acl.user == WATER]
    assert access.passwords == {user: password for user, password in former.items() if user != WATER}
    assert not passwords.file(WATER).exists()
    former_entry = city.registrar.directory.organisations[WATER].entry
    city.registrar.register(former_entry, datetime.now(UTC))
    apply(city, access, passwords)
    assert access.passwords[WATER] != former[WATER]


def test_a_new_password_is_made_on_request(city: TwinCity, passwords: PasswordFolder) -> None:
    """For the one that is named; whoever is not registered gets none."""
    access = city.transport.access()
    apply(city, access, passwords)
    former = dict(access.passwords)
    apply(city, access, passwords, GAS)
    assert {user for user in former if former[user] != access.passwords[user]} == {GAS}
    assert passwords.have(GAS) == access.passwords[GAS]
    with pytest.raises(SettingsError, match=r"110000\.heat is not registered"):
        plan(city.registrar.directory, access, city=CITY, renew=["110000.heat"])


def test_a_password_that_was_laid_down_before_is_taken(city: TwinCity, passwords: PasswordFolder) -> None:
    """Where containers get their secrets before the broker runs."""
    laid = passwords.have(WATER)
    apply(city, city.transport.access(), passwords)
    assert city.transport.access().passwords[WATER] == laid


class _Breaking(MemoryAccessControl):
    """A broker that goes away in the middle, at one call after the other."""

    def __init__(self, like: MemoryAccessControl) -> None:
        super().__init__()
        self._acls, self.passwords = like.acls(), dict(like.passwords)
        self.left = 0

    def _step(self) -> None:
        if not self.left:
            raise Unavailable("away")
        self.left -= 1

    def allow(self, acls: Iterable[Acl]) -> None:
        self._step()
        super().allow(acls)

    def withdraw(self, acls: Iterable[Acl]) -> None:
        self._step()
        super().withdraw(acls)

    def expel(self, users: Collection[str]) -> None:
        self._step()
        super().expel(users)

    def admit(self, passwords: Mapping[str, str]) -> None:
        self._step()
        super().admit(passwords)


@pytest.mark.parametrize("calls", range(4))
def test_broken_off_it_goes_on_where_it_stood(city: TwinCity, passwords: PasswordFolder, calls: int) -> None:
    """Away before each of the calls: the next apply ends as one that was never broken off."""
    access = city.transport.access()
    apply(city, access, passwords)
    city.revoke(WATER)
    city.register("110000.heat")
    breaking = _Breaking(access)
    breaking.left = calls
    former = breaking.passwords[GAS]
    with pytest.raises(Unavailable):
        apply(city, breaking, passwords, GAS)
    assert passwords.have(GAS) == former  # what the broker knows until the end
    breaking.left = 4
    apply(city, breaking, passwords, *((GAS,) if calls < 3 else ()))
    assert former != passwords.have(GAS)
    assert all(passwords.have(user) == breaking.passwords[user] for user in living(city.registrar.directory, CITY))
    assert not passwords.waiting()
    directory = city.registrar.directory
    assert breaking.acls() == acls(directory, CITY) | {STRANGER}
    assert breaking.passwords.keys() == living(directory, CITY) | {"connect"}
    assert not passwords.file(WATER).exists()


def test_broken_off_behind_the_broker_a_new_password_is_made_again(city: TwinCity, passwords: PasswordFolder) -> None:
    """The broker has one that no program knows: whoever dies before the file is in its place is caught up with. Who was
    revoked meanwhile gets none."""
    access = city.transport.access()
    apply(city, access, passwords)
    for user in (WATER, GAS):
        access.admit({user: passwords.renew(user)})
    city.revoke(WATER)
    apply(city, access, passwords)
    assert passwords.have(GAS) == access.passwords[GAS]
    assert WATER not in access.passwords
    assert not passwords.waiting()


class Runner:
    def __init__(self, city: TwinCity, folder: Path) -> None:
        self.folder = folder
        self._variables = city.environment(CITY)

    def __call__(self, *words: str, code: int = 0) -> Result:
        return self.org("apply", "--passwords", str(self.folder), *words, code=code)

    def org(self, *words: str, code: int = 0, variables: Mapping[str, str] | None = None) -> Result:
        result = CliRunner().invoke(app, ["org", *words], env={**self._variables, **(variables or {})})
        assert result.exit_code == code, (result.output, result.exception)
        return result


@pytest.fixture
def run(city: TwinCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """``hutong org apply`` as the platform's operator runs it."""
    monkeypatch.setattr(connection, "transport", lambda settings: city.transport)
    return Runner(city, tmp_path / "kept")


def test_the_command_says_what_it_would_do_and_does_it(city: TwinCity, run: Runner) -> None:
    """A dry run changes nothing and tells the same; a second run has nothing to do."""
    access = city.transport.access()
    told = json.loads(run("--dry-run", "--json").stdout)
    assert access.acls() == {STRANGER}
    assert not run.folder.exists()
    done = json.loads(run("--json").stdout)
    assert (told.pop("done"), done.pop("done")) == (False, True)
    assert done == told
    assert f"{WATER} may write topic submissions" in done["allowed"]
    assert done["passwords"][f"{CITY}_admit"] == str(run.folder / f"{CITY}_admit.password")
    assert access.passwords[WATER] not in json.dumps(done)
    assert "says already" in run().stdout


def test_the_command_tells_a_person_who_lost_what(city: TwinCity, run: Runner) -> None:
    """What goes has a minus, what comes a plus; passwords are never shown, their files are."""
    run()
    city.revoke(WATER)
    lines = run("--renew", GAS).stdout.replace("\n", " \n").splitlines()
    assert f"- {WATER} may write topic submissions " in lines
    assert f"{WATER}: has no password any more " in lines
    assert f"{GAS}: its password is in {run.folder / GAS}.password " in lines
    assert not [line for line in lines if line.startswith("+")]
    assert "is not registered" in run("--renew", WATER, code=2).stderr


def test_a_change_of_the_directory_reminds_of_applying_it(run: Runner) -> None:
    """Where the broker asks who comes; elsewhere there is nothing to apply."""
    secured = {"HUTONG_SECURITY_PROTOCOL": "SASL_SSL"}
    register = ("register", GAS, "--right", "file")
    assert "`hutong org apply`" in run.org(*register, variables=secured).stderr
    assert "`hutong org apply`" in run.org("revoke", WATER, "--reason", "closed", variables=secured).stderr
    assert run.org("register", GAS, "--right", "none").stderr == ""
