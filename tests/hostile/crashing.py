"""What the fuzzer found: an input that ends admit, deliver or a reader, made small, and kept as a test for ever.

A signature and a time would be stale at the next run. So a record that one of the town's keys signed is kept as its
parts and signed anew, and a time that was about now becomes now.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from hutong.errors import InvalidEvent
from hutong.transport import Header
from hutong.wire.envelope import SIGNATURE, Submission, format_time, parse_time
from hutong.wire.signing import Signature, Verifier
from tests.hostile.mutating import Input
from tests.hostile.path import read_batches
from tests.hostile.raw import batch, record
from tests.hostile.town import Town
from tests.hostile.working import work

FOLDER = Path(__file__).parent / "crashes"
"""One JSON file each; ``test_crashes.py`` throws them all."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One record; ``signer`` is whose signature in it held."""

    event: Submission
    signer: str | None


@dataclass(frozen=True, kw_only=True)
class Case:
    """An input that ended something. With ``parts`` it is built from them, else it is its bytes."""

    made: Input
    parts: tuple[Part, ...] = ()

    def build(self, town: Town) -> Input:
        """The input for this town."""
        if not any(part.signer for part in self.parts):
            return self.made
        events = [_signed(town, part) for part in self.parts]
        packed = b"".join(record(e.key, e.value, e.headers, at) for at, e in enumerate(events))
        return replace(self.made, batches=batch(packed, len(events)), records=len(events))


def case_of(town: Town, made: Input) -> Case:
    """The input, so that it can be thrown at another town."""
    try:
        records = read_batches(made.batches)
    except Exception:  # noqa: BLE001  # the decoder itself is what fails
        return Case(made=made)
    events = [Submission(key=r.key, value=r.value, headers=r.headers) for r in records if not r.unreadable]
    return Case(made=made, parts=tuple(Part(event=event, signer=_signer(town, event)) for event in events))


def ends(case: Case) -> str:
    """What ends a fresh town at which this alone is thrown; empty where it lives."""
    with tempfile.TemporaryDirectory() as home, Town(Path(home)) as town:
        try:
            work(town, case.build(town))
            town.deliver()
        except Exception as error:  # noqa: BLE001  # whatever it is
            return f"{type(error).__name__}: {error}"[:300]
    return ""


def smaller(case: Case, error: str) -> Case:
    """The case without whatever can be left out of it so that it still fails with this kind of error."""
    kind, best, less = error.partition(":")[0], case, True
    while less:
        less = False
        for candidate in _cuts(best):
            if ends(candidate).partition(":")[0] == kind:
                best, less = candidate, True
                break
    return best


def _cuts(case: Case) -> Iterator[Case]:
    """One record less, one header less, half of a value less."""
    parts = case.parts
    if len(parts) > 1:
        for at in range(len(parts)):
            yield replace(case, parts=parts[:at] + parts[at + 1 :])
    for at, part in enumerate(parts):
        event = part.event
        fewer = [replace(event, headers=event.headers[:n] + event.headers[n + 1 :]) for n in range(len(event.headers))]
        if event.value:
            fewer.append(replace(event, value=event.value[: len(event.value) // 2]))
        for less in fewer[:40]:
            yield replace(case, parts=(*parts[:at], replace(part, event=less), *parts[at + 1 :]))


def keep(case: Case, error: str) -> Path:
    """Write the crash down, made small where it happens on a fresh town too; the file."""
    alone = ends(case)
    if alone:
        case = smaller(case, alone)
    FOLDER.mkdir(exist_ok=True)
    told = {
        "error": error,
        "alone": alone,
        "how": case.made.how,
        "partition": case.made.partition,
        "records": case.made.records,
        "batches": _text(case.made.batches) if not any(part.signer for part in case.parts) else "",
        "parts": [_told(part) for part in case.parts] if any(part.signer for part in case.parts) else [],
    }
    path = FOLDER / f"{sha256(json.dumps(told).encode()).hexdigest()[:12]}.json"
    path.write_text(json.dumps(told, indent=1) + "\n")
    return path


def kept(path: Path) -> Case:
    """The case that was written down."""
    told = json.loads(path.read_text())
    made = Input(
        batches=_bytes(told["batches"]) or b"",
        partition=told["partition"],
        how=told["how"],
        records=told["records"],
    )
    return Case(made=made, parts=tuple(_part(part) for part in told["parts"]))


def _signer(town: Town, event: Submission) -> str | None:
    with suppress(InvalidEvent):
        signature = Signature.from_bytes(event.header(SIGNATURE) or b"")
        for name, signer in town.signers.items():
            with suppress(InvalidEvent):
                Verifier("test").verify(signer.public_key, signature, event.fingerprint("test"))
                return name
    return None


def _signed(town: Town, part: Part) -> Submission:
    if part.signer is None:
        return part.event
    event = replace(part.event, headers=tuple(_now(header) for header in part.event.headers))
    signature = town.signers[part.signer].sign([event.fingerprint("test")])[0]
    at = next((n for n, header in enumerate(event.headers) if header[0] == SIGNATURE), len(event.headers))
    return replace(event, headers=(*event.headers[:at], (SIGNATURE, signature), *event.headers[at + 1 :]))


def _now(header: Header) -> Header:
    return ("ce_time", format_time(datetime.now(UTC)).encode()) if header == ("ce_time", b"now") else header


def _told(part: Part) -> dict[str, Any]:
    headers = []
    for name, content in part.event.headers:
        kept = content
        if name == "ce_time" and part.signer:
            with suppress(ValueError):
                recent = abs(parse_time(content.decode()) - datetime.now(UTC)) < timedelta(hours=1)
                kept = b"now" if recent else content
        headers.append([name, _text(kept)])
    event = part.event
    return {"signer": part.signer, "key": _text(event.key), "value": _text(event.value), "headers": headers}


def _part(told: dict[str, Any]) -> Part:
    headers: Sequence[tuple[str, str]] = told["headers"]
    event = Submission(
        key=_bytes(told["key"]),
        value=_bytes(told["value"]),
        headers=tuple((name, _bytes(content) or b"") for name, content in headers),
    )
    return Part(event=event, signer=told["signer"])


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
