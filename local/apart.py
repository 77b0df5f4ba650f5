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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hutong.errors import BusError, SettingsError
from hutong.settings import SEALING_SUFFIX
from hutong.transport.kafka import KafkaTransport
from local.cities import City
from local.founding import FoundedCity, found, write_settings

FOLDERS = Path("/organisations")
"""Where the founder sees the folders of the organisations, by their names."""
SEEN_AT = Path("/hutong")
"""Where each organisation sees its own."""
PATIENCE = 120.0
"""Seconds that brokers may take until there are enough of them."""
AGAIN = 1.0

Name = Annotated[str, typer.Option("--city", help="The demo city. 城市")]
app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


def hand_out(founded: FoundedCity, organisation: str, folder: Path, *, seen_at: Path = SEEN_AT) -> None:
    """Put what ``organisation`` needs into ``folder``: ``settings.toml``, and its keys under ``keys``.

    The custodian's master key is among them. Nothing that others need is there, and nothing else in it is touched.
    """
    keys = folder / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    own = [founded.key(organisation), founded.key(organisation).with_name(organisation + SEALING_SUFFIX)]
    if organisation == founded.custodian:
        own.append(founded.master_key)
    for key in own:
        shutil.copy(key, keys)
    write_settings(folder / "settings.toml", replace(founded, home=seen_at).values(organisation))


def handed_out(folders: Path) -> Iterator[Path]:
    """The folders of organisations that take part: those that can be written."""
    return (folder for folder in sorted(folders.iterdir()) if os.access(folder, os.W_OK))


@app.command("found")
def found_apart(
    bootstrap: Annotated[str, typer.Option(envvar="HUTONG_BOOTSTRAP", help="host:port of the city's Kafka. 集群地址")],
    name: Name = "beijing",
    replication: Annotated[int, typer.Option(min=1, help="On how many brokers each topic lies. 副本数")] = 1,
    speed: Annotated[int, typer.Option(min=1, help="How much faster its time limits run. 倍速")] = 1,
    home: Annotated[Path, typer.Option(help="Where everything of the city is kept. 城市目录")] = Path("/city"),
    folders: Annotated[Path, typer.Option(help="Where the organisations' folders are. 各单位目录")] = FOLDERS,
) -> None:
    """Found the city, or find it founded, and hand out what each organisation needs. 建立城市."""
    city = City.load(name)
    with contextlib.closing(KafkaTransport(bootstrap)) as transport:
        founded = _found(city, home, bootstrap, transport, replication=replication, speed=speed)
    for folder in handed_out(folders):
        hand_out(founded, folder.name, folder)
        typer.echo(f"{folder.name} has its keys and settings")


@app.command("folders")
def list_folders(name: Name = "beijing") -> None:
    """Name the folder of every organisation of the city, one on a line. 各单位目录名."""
    for organisation in City.load(name).organisations:
        typer.echo(FOLDERS / organisation)


def _found(
    city: City, home: Path, bootstrap: str, transport: KafkaTransport, *, replication: int, speed: int
) -> FoundedCity:
    """Found it; what was begun is completed by the next try, as long as brokers may still be starting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return found(city, home, bootstrap, transport, replication=replication, speed=speed)
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
