"""``python -m services.custodian``: keeps the keys of the city's tickets, for the organisation of the settings."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

import hutong
from hutong.logs import configure
from hutong.transport.choice import transport_of
from services.custodian.backup import back_up, restore
from services.custodian.vault import make_master_key
from services.custodian.wiring import NAME, CustodySettings, custodian, keep
from services.owning.running import crash_only
from services.serving import serve

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
File = Annotated[Path, typer.Argument(help="The file. 文件")]


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Release ticket keys to whoever is entitled, and destroy them on request. 密钥保管"""
    configure(NAME)
    if context.invoked_subcommand is None:
        serve(NAME, _keep)


def _keep(bus: hutong.Bus) -> None:
    settings = hutong.Settings.load()
    with (
        closing(transport_of(settings)) as transport,
        custodian(bus, settings, CustodySettings(), transport) as keeper,
    ):
        keep(bus, keeper)


@app.command("backup")
def _backup(file: File) -> None:
    """Write everything that is kept into FILE, encrypted as it is at rest; also while the service runs. 备份"""
    crash_only(lambda: print(f"{back_up(CustodySettings().database(make=False), file)} rows are in {file}"))


@app.command("restore")
def _restore(file: File) -> None:
    """Put a backup into an empty store; the next start catches up with the ledger. The service must not run. 恢复"""
    crash_only(lambda: print(f"{restore(CustodySettings().database(), file)} rows were restored"))


@app.command("new-master-key")
def _new_master_key(file: File) -> None:
    """Make a master key. Keep a copy where the store is not: without it every kept key is lost. 生成主密钥"""
    crash_only(lambda: make_master_key(file))


if __name__ == "__main__":
    app()
