"""``python -m local.apart``: a demo city whose organisations live apart, each in containers of its own.

The founder keeps everything of the city in a folder that only he sees. What an organisation needs he puts into that
organisation's own folder: its keys, and a settings file that names them as the organisation will see them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from hutong.errors import BusError, SettingsError
from hutong.securing.acls import services
from hutong.securing.applying import carry_out, plan
from hutong.securing.passwords import PasswordFolder
from hutong.settings import SEALING_SUFFIX, Settings
from hutong.transport import Transport
from hutong.transport.choice import transport_of
from local.certificates import certificates
from local.cities import City
from local.founding import FoundedCity, found, registrar_of, write_settings
from local.secured import BROKER, OPERATOR, access

FOLDERS = Path("/organisations")
"""Where the founder sees the folders of the organisations, by their names."""
SEEN_AT = Path("/hutong")
"""Where each organisation sees its own."""
HOME = Path("/city")
"""Where the founder keeps everything."""
SECRETS = Path("/secrets")
"""Where he puts what secured brokers must have, and find."""
PASSWORDS = "passwords"
BROKERS = ["kafka-1", "kafka-2", "kafka-3"]
PATIENCE = 120.0
"""Seconds that brokers may take until there are enough of them."""
AGAIN = 1.0

Name = Annotated[str, typer.Option("--city", help="The demo city. 城市")]
T = TypeVar("T")
Home = Annotated[Path, typer.Option(help="Where everything of the city is kept. 城市目录")]
Secrets = Annotated[Path, typer.Option(help="What secured brokers see. 代理机密目录")]
app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


def hand_out(founded: FoundedCity, name: str, folder: Path, *, seen_at: Path = SEEN_AT) -> None:
    """Put what ``name``, an organisation or a service of the city, needs into ``folder``: ``settings.toml``, its keys
    under ``keys``; where the broker asks who comes, whom to trust (``ca.pem``) and its password under ``passwords``.

    An organisation has its signing and sealing key, the custodian the master key too; admit and deliver sign nothing,
    so they have none. Nothing that others need is there, and nothing else in the folder is touched.
    """
    service = name in services(founded.city.id)
    organisation = founded.city.id if service else name
    if not service:
        keys = [founded.key(name), founded.key(name).with_name(name + SEALING_SUFFIX)]
        _copy([*keys, founded.master_key] if name == founded.custodian else keys, folder / "keys")
    seen = replace(founded, home=seen_at)
    if founded.access is not None:
        user = founded.access(name)
        _copy([Path(user["password_file"])], folder / PASSWORDS)
        shutil.copy(user["ca_file"], folder)
        seen = replace(seen, access=_access(seen_at, seen_at))
    values = seen.values(organisation, user=name)
    write_settings(folder / "settings.toml", {k: v for k, v in values.items() if not (service and k == "key")})


def _copy(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in files:
        shutil.copy(file, folder)


def _access(home: Path, certificates: Path) -> Callable[[str], Mapping[str, str]]:
    """How each user connects, whose password lies under ``home``."""
    return partial(access, authority=certificates / "ca.pem", passwords=PasswordFolder(home / PASSWORDS))


def handed_out(folders: Path) -> Iterator[Path]:
    """The folders of organisations that take part: those that can be written."""
    return (folder for folder in sorted(folders.iterdir()) if os.access(folder, os.W_OK))


@app.command("found")
def found_apart(
    bootstrap: Annotated[str, typer.Option(envvar="HUTONG_BOOTSTRAP", help="host:port of the city's Kafka. 集群地址")],
    name: Name = "beijing",
    replication: Annotated[int, typer.Option(min=1, help="On how many brokers each topic lies. 副本数")] = 1,
    speed: Annotated[int, typer.Option(min=1, help="How much faster its time limits run. 倍速")] = 1,
    secured: Annotated[bool, typer.Option(help="The brokers ask who comes. 安全模式")] = False,
    home: Home = HOME,
    secrets: Secrets = SECRETS,
    folders: Annotated[Path, typer.Option(help="Where the organisations' folders are. 各单位目录")] = FOLDERS,
) -> None:
    """Found the city, or find it founded, and hand out what each organisation needs. 建立城市."""
    city = City.load(name)
    seen = _access(home, secrets) if secured else None
    operator = Settings.load(
        bootstrap=bootstrap,
        city=city.id,
        organisation=city.id,
        registrar_key="0" * 64,
        **(seen(OPERATOR) if seen else {}),
    )
    with contextlib.closing(transport_of(operator)) as transport:
        founded = patiently(
            lambda: found(city, home, bootstrap, transport, replication=replication, speed=speed, access=seen)
        )
        if secured:
            write_settings(home / "operator.toml", founded.values(city.id, user=OPERATOR))
            patiently(lambda: applied(founded, transport, PasswordFolder(home / PASSWORDS)))
    for folder in handed_out(folders):
        hand_out(founded, folder.name, folder)
        typer.echo(f"{folder.name} has its keys and settings")


def applied(founded: FoundedCity, transport: Transport, passwords: PasswordFolder) -> None:
    """What ``hutong org apply`` does."""
    with registrar_of(founded, transport) as registrar:
        control = transport.access()
        planned = plan(registrar.directory, control, city=founded.city.id, waiting=passwords.waiting())
        carry_out(planned, control, passwords)


@app.command("secrets")
def make_secrets(
    hosts: Annotated[list[str], typer.Option("--host", help="A broker's name. 代理主机名")] = BROKERS,
    home: Home = HOME,
    secrets: Secrets = SECRETS,
) -> None:
    """Make what secured brokers need before they first start, or find it made. 证书与平台管理员口令."""
    made = certificates(secrets, hosts=hosts, name=BROKER)
    passwords, given = PasswordFolder(home / PASSWORDS), PasswordFolder(secrets).file(OPERATOR)
    passwords.have(OPERATOR)
    if not given.exists():
        shutil.copy(passwords.file(OPERATOR), given)
    for file in (made.broker, given):
        file.chmod(0o444)  # the brokers' containers run as another user; no others see the folder
    typer.echo(f"{secrets} has the brokers' certificate and the password of {OPERATOR}")


@app.command("folders")
def list_folders(name: Name = "beijing") -> None:
    """Name the folder of every organisation and service of the city, one on a line. 各单位目录名."""
    city = City.load(name)
    for each in (*city.organisations, *sorted(services(city.id))):
        typer.echo(FOLDERS / each)


def patiently(act: Callable[[], T]) -> T:
    """Act; what was begun is completed by the next try, as long as brokers may still be starting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except BusError as error:
            if time.monotonic() > deadline:
                raise
            typer.echo(f"not yet: {error}", err=True)
            time.sleep(AGAIN)


def main() -> None:
    """Run the command; what a person can mend is one sentence and exit code 2, a broker that is away 1."""
    try:
        app()
    except BusError as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, SettingsError) else 1)


if __name__ == "__main__":
    main()
