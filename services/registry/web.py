"""The registry's answers over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hutong.schemalog import compact
from services.registry.handler import Answered, Registry

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
READ_ONLY = (
    "Nothing is registered here: this is the reading half of a registry, served from a catalogue in git. A new schema "
    "is a reviewed change to schemas/ (schemas/README.md), published by `hutong schemas publish`."
)


def application(registry: Registry) -> Starlette:
    """Everything it answers; whatever would write is answered 405, wherever it goes."""

    def answering(ask: Callable[[dict[str, Any]], object]) -> Callable[[Request], Response]:
        return lambda request: _answer(200, ask(request.path_params))

    reading: dict[str, Callable[[dict[str, Any]], object]] = {
        "/": lambda _: {},
        "/subjects": lambda _: registry.subjects(),
        "/subjects/{subject}/versions": lambda at: registry.versions(at["subject"]),
        "/subjects/{subject}/versions/{version}": lambda at: registry.version(at["subject"], at["version"]),
        "/schemas/types": lambda _: ["AVRO"],
        "/schemas/ids/{number:int}": lambda at: registry.schema(at["number"]),
        "/schemas/ids/{number:int}/versions": lambda at: registry.places(at["number"]),
    }
    return Starlette(
        routes=[
            Route("/{anything:path}", _refuse, methods=["POST", "PUT", "PATCH", "DELETE"]),
            *(Route(path, answering(ask)) for path, ask in reading.items()),
            Route("/{anything:path}", _nowhere),
        ],
        exception_handlers={Answered: _told, HTTPException: _failed},
    )


def _answer(status: int, body: object) -> Response:
    return Response(compact(body), status, media_type=MEDIA_TYPE)


def _refuse(request: Request) -> Response:
    refused = _answer(405, {"error_code": 405, "message": READ_ONLY})
    refused.headers["Allow"] = "GET, HEAD"
    return refused


def _nowhere(request: Request) -> Response:
    raise HTTPException(404)


def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, Answered)
    return _answer(error.status, {"error_code": error.code, "message": error.text})


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(
        error.status_code, {"error_code": error.status_code, "message": f"HTTP {error.status_code} {error.detail}"}
    )
