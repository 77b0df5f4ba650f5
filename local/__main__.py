"""``python -m local``: a whole city on one machine."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from hutong.errors import SettingsError
from local.cities import City
from local.generator import complaints

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def local() -> None:
    """A whole city on one machine. 一台机器上的一座城市."""


@app.command()
def generate(
    count: Annotated[int, typer.Option(min=1, help="How many complaints. 条数")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same complaints. 随机种子")] = 1,
    city: Annotated[str, typer.Option(help="The demo city. 城市")] = "beijing",
    now: Annotated[
        datetime | None, typer.Option(help="When the last one is dated (UTC); this moment by default. 截止时间")
    ] = None,
) -> None:
    """Write generated complaints as JSON lines for intake. 生成诉求."""
    until = now.replace(tzinfo=UTC) if now else datetime.now(UTC)
    for complaint in complaints(seed, count, City.load(city), now=until):
        sys.stdout.write(complaint.model_dump_json() + "\n")


def main() -> None:
    """Run the command; what a person can mend is one sentence and exit code 2."""
    try:
        app()
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
