"""``python -m local``: a whole city on one machine."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from calendar import monthrange
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hutong.errors import SettingsError, Unavailable
from local.cities import City
from local.demo import Play, play
from local.generator import Generator
from local.kafka import EmbeddedKafka
from local.supervisor import inherited

SPEED = 720
"""How fast a demo is played unless told otherwise: a day in two minutes."""
TICKETS = 300
"""How many a demo plays unless told otherwise."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def local() -> None:
    """A whole city on one machine. 一台机器上的一座城市."""


@app.command()
def generate(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Which day; today if not given. 日")
    ] = None,
    month: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m"], help="A whole month instead: its days, one after the other. 月"),
    ] = None,
    scale: Annotated[float, typer.Option(min=0.0001, help="1 is a whole city's 70,000 calls a day. 规模")] = 0.01,
    seed: Annotated[int, typer.Option(help="The same seed gives the same complaints. 随机种子")] = 1,
    city: Annotated[str, typer.Option(help="The demo city. 城市")] = "beijing",
    size: Annotated[
        str | None,
        typer.Option(
            help="Where calls come from: demo, the usual one, puts all of them into four districts; districts and all "
            "spread them over the city (places.yaml). 范围"
        ),
    ] = None,
) -> None:
    """Write generated complaints as JSON lines for intake. 生成诉求.

    Example: python -m local generate --month 2026-01 --scale 0.1 --seed 7 > january.jsonl

    Every day is the same whether generated alone or within its month; a month needs no more memory than a day.
    """
    if day is not None and month is not None:
        raise SettingsError("--day and --month: name one of the two.")
    drawn = City.load(city, size)
    generator = Generator(drawn, seed, scale)
    first = (month or day or datetime.now(drawn.time_zone)).date()
    for complaint in generator.days(first, monthrange(first.year, first.month)[1] if month else 1):
        sys.stdout.write(complaint.model_dump_json() + "\n")


@app.command()
def broker(
    home: Annotated[Path, typer.Argument(help="The folder of its data. 数据目录")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens, on 127.0.0.1. 端口")] = 9092,
) -> None:
    """Run one Kafka of its own until Ctrl-C or SIGTERM, to try out what needs one. 启动 Kafka."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with EmbeddedKafka(home, port=port) as kafka:
        print(f"Kafka listens on {kafka.bootstrap}; Ctrl-C ends it", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


@app.command()
def demo(
    tickets: Annotated[int | None, typer.Option(min=1, help="How many complaints, or rows of --data. 工单数")] = None,
    data: Annotated[Path | None, typer.Option(help="A real export (CSV, also .gz) to play instead. 数据文件")] = None,
    mapping: Annotated[str | None, typer.Option("--map", help="Its mapping: a name or a file. 字段映射")] = None,
    city: Annotated[str | None, typer.Option(help="The demo city; nyc with --data, otherwise beijing. 城市")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same complaints. 随机种子")] = 1,
    speed: Annotated[
        int | None,
        typer.Option(min=1, help=f"How many times faster than a day it is played; {SPEED} unless --data. 倍速"),
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Keep the last screen in this file, as SVG. 截图")] = None,
    leave: Annotated[bool, typer.Option("--exit", help="End when the play is over. 结束后退出")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout. JSON 输出")] = False,
) -> None:
    """Run a whole city here and play complaints through it. 演示.

    Ends with the checker's verdict: exit code 0 when it found nothing, 1 when it did, 2 when something must be mended
    first. A play that was cut short goes on where it stood.
    """
    if (data is None) != (mapping is None):
        raise SettingsError("--data and --map (DATA= and MAP=) go together: a file, and how to read it.")
    if data is not None and not data.exists():
        raise SettingsError(f"{data} is not there: name an export that can be read.")
    play_city = city or ("beijing" if data is None else "nyc")
    what = Play(
        city=play_city,
        tickets=tickets or TICKETS,
        seed=seed,
        data=data and data.absolute(),
        map=mapping,
        speed=speed or (SPEED if data is None else 1),
    )
    home, bootstrap = Path(os.environ.get("HUTONG_DEMO_HOME", ".hutong")), os.environ.get("HUTONG_BOOTSTRAP")
    client = os.environ.get("HUTONG_CLIENT", "kafka-python")
    for name in os.environ.keys() - inherited().keys():
        del os.environ[name]  # the checker reads the city by its own settings, too
    try:
        sys.exit(play(what, home, bootstrap=bootstrap, client=client, stay=not leave, as_json=as_json, svg=svg))
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it stood", file=sys.stderr)
        sys.exit(130)


def main() -> None:
    """Run the command; what a person can mend is one sentence and exit code 2."""
    try:
        app()
    except (SettingsError, Unavailable) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
