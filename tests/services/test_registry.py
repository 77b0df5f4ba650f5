"""The registry's reading API: paths, bodies and error codes as Confluent's, over HTTP."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from hutong.catalogue import Catalogue
from local.supervisor import ROOT
from services.registry.handler import Answered, Registry
from tests.services.registries import registry

FILED = "hutong.complaint.v1.Filed"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with registry() as running:
        yield running


def ask(url: str, path: str, method: str = "GET") -> tuple[int, Any, str]:
    """Status, body and type of an answer."""
    request = urllib.request.Request(url + path, method=method, data=b"{}" if method != "GET" else None)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer), answer.headers["content-type"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), error.headers["content-type"]


def test_ids_subjects_and_versions_are_those_of_the_catalogue(url: str) -> None:
    """Every id by itself, and ``complaint.filed`` with its two revisions by every way there is."""
    catalogue = Catalogue.load()
    status, found, kind = ask(url, "/schemas/ids/30")
    assert (status, kind) == (200, "application/vnd.schemaregistry.v1+json")
    assert json.loads(found["schema"]) == catalogue.schema(30).definition
    subjects = ask(url, "/subjects")[1]
    assert subjects == sorted({schema.subject for schema in catalogue.schemas.values()})
    assert len(subjects) == len(catalogue.types)
    assert ask(url, f"/subjects/{FILED}/versions")[1] == [1, 2]
    first, newest = ({"subject": FILED, "version": n, "id": i} for n, i in ((1, 1), (2, 30)))
    for path, place in (("1", first), ("2", newest), ("latest", newest), ("-1", newest)):
        whole = ask(url, f"/subjects/{FILED}/versions/{path}")[1]
        assert json.loads(whole.pop("schema")) == catalogue.schema(place["id"]).definition  # type: ignore[arg-type]
        assert whole == place
    assert ask(url, "/schemas/ids/1/versions?deleted=false")[1] == [{"subject": FILED, "version": 1}]


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        ("/schemas/ids/999", 404, 40403, "Schema 999 not found"),
        ("/schemas/ids/999/versions", 404, 40403, "Schema 999 not found"),
        ("/subjects/nobody/versions", 404, 40401, "Subject 'nobody' not found."),
        ("/subjects/nobody/versions/1", 404, 40401, "Subject 'nobody' not found."),
        (f"/subjects/{FILED}/versions/3", 404, 40402, "Version 3 not found."),
        (f"/subjects/{FILED}/versions/newest", 422, 42202, "The specified version 'newest' is not a valid version id."),
        ("/schemas/ids/one", 404, 404, "HTTP 404 Not Found"),
    ],
)
def test_what_there_is_not_is_said_as_the_registry_says_it(
    url: str, path: str, status: int, code: int, message: str
) -> None:
    found, body, kind = ask(url, path)
    assert (found, body["error_code"], kind) == (status, code, "application/vnd.schemaregistry.v1+json")
    assert body["message"].startswith(message)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/subjects/{FILED}/versions"),
        ("POST", f"/subjects/{FILED}"),
        ("DELETE", f"/subjects/{FILED}/versions/1"),
        ("PUT", "/config"),
        ("POST", "/anything/else"),
    ],
)
def test_writing_is_refused_with_the_way_to_go(url: str, method: str, path: str) -> None:
    status, body, _ = ask(url, path, method)
    assert (status, body["error_code"]) == (405, 405)
    assert "hutong schemas publish" in body["message"]


def test_a_version_is_a_number_of_the_registry() -> None:
    """Neither nought, nor beyond 2^31-1, nor another script's digits."""
    answers = Registry(Catalogue.load())
    for text in ("0", "2147483648", "٣", "+1", ""):
        with pytest.raises(Answered) as told:
            answers.version(FILED, text)
        assert told.value.code == 42202


def test_a_busy_port_is_one_sentence_and_2() -> None:
    """Nothing is started; the sentence names the option."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "services.registry", "--port", str(taken.getsockname()[1])]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "name another --port" in told.stderr
    assert "Traceback" not in told.stderr
