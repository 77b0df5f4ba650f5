"""What the fuzzer found: an input that ends admit, deliver or a reader, made small, and kept as a test for ever."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tests.hostile.mutating import Input
from tests.hostile.path import read_batches
from tests.hostile.raw import batch, record
from tests.hostile.town import Town
from tests.hostile.working import work

FOLDER = Path(__file__).parent / "crashes"
"""One JSON file each; ``test_crashes.py`` throws them all."""


def ends(made: Input) -> str:
    """What ends a fresh town at which this alone is thrown; empty where it lives."""
    with tempfile.TemporaryDirectory() as home, Town(Path(home)) as town:
        try:
            work(town, made)
        except Exception as error:  # noqa: BLE001  # whatever it is
            return f"{type(error).__name__}: {error}"[:300]
    return ""


def smaller(made: Input, error: str) -> Input:
    """The input without whatever can be left out of it so that it still fails with this kind of error."""
    kind, best = error.partition(":")[0], made
    progress = True
    while progress:
        progress = False
        for candidate in _cuts(best):
            if len(candidate.batches) < len(best.batches) and ends(candidate).partition(":")[0] == kind:
                best, progress = candidate, True
                break
    return best


def _cuts(made: Input) -> Iterator[Input]:
    """One record less, one header less, half of a value less. Only what can still be read can be cut so."""
    try:
        records = read_batches(made.batches)
    except Exception:  # noqa: BLE001  # the decoder itself is what fails
        return
    parts = [(one.key, one.value, one.headers) for one in records if not one.unreadable]
    tries = [parts[:at] + parts[at + 1 :] for at in range(len(parts))] if len(parts) > 1 else []
    for at, (key, value, headers) in enumerate(parts):
        fewer = [headers[:n] + headers[n + 1 :] for n in range(min(len(headers), 40))]
        tries += [[*parts[:at], (key, value, some), *parts[at + 1 :]] for some in fewer]
        if value:
            tries += [[*parts[:at], (key, value[: len(value) // 2], headers), *parts[at + 1 :]]]
    for some in tries:
        packed = b"".join(record(*part, delta=at) for at, part in enumerate(some))
        yield Input(batches=batch(packed, len(some)), partition=made.partition, how=made.how, records=len(some))


def keep(made: Input, error: str) -> Path:
    """Write the crash down, made small where it happens on a fresh town too; the file."""
    alone = ends(made)
    if alone:
        made = smaller(made, alone)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{sha256(made.batches).hexdigest()[:12]}.json"
    told = {
        "error": error,
        "alone": alone,
        "how": made.how,
        "partition": made.partition,
        "records": made.records,
        "batches": base64.b64encode(made.batches).decode(),
    }
    path.write_text(json.dumps(told, indent=1) + "\n")
    return path


def kept(path: Path) -> Input:
    """The input of a crash that was written down."""
    told = json.loads(path.read_text())
    return Input(
        batches=base64.b64decode(told["batches"]),
        partition=told["partition"],
        how=told["how"],
        records=told["records"],
    )
