"""``python -m services.registry``: the catalogue behind a schema registry's API, to be read. Needs no broker."""

from __future__ import annotations

import socket
from typing import Annotated

import structlog
import typer
import uvicorn

from hutong.catalogue import Catalogue
from hutong.errors import SettingsError
from hutong.logs import configure
from services.owning.running import crash_only
from services.registry.handler import Registry
from services.registry.web import application

NAME = "registry"

_log = structlog.get_logger()


def main(
    host: Annotated[str, typer.Option(help="Listen there. 监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one. 端口")] = 8081,
) -> None:
    """Serve the catalogue to Kafka's tools, for reading. 模式登记"""

    def run() -> None:
        configure(NAME)
        registry = Registry(Catalogue.load())
        try:
            listening = socket.create_server((host, port))
        except OSError as error:
            raise SettingsError(f"cannot listen on {host}:{port} ({error.strerror}): name another --port") from None
        server = uvicorn.Server(uvicorn.Config(application(registry), log_config=None, access_log=False))
        _log.info("serving", url=f"http://{host}:{listening.getsockname()[1]}", subjects=len(registry.subjects()))
        server.run(sockets=[listening])

    crash_only(run)


if __name__ == "__main__":
    typer.run(main)
