"""Backup 备份 and restore 恢复 of the custodian's store: one file, its keys encrypted as they are at rest.

JSON lines: a head, the rows of every table, and a last line with their number and the SHA-256 of all lines before it.
The same file goes into either database. Without the master key it opens nothing.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import zlib
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from typing import Any

from hutong.errors import SettingsError
from services.custodian.store import LEARN, TABLES, Database, is_store, no_store

_FORMAT = "hutong custody backup 1"


def back_up(database: Database, file: Path) -> int:
    """Write everything as of one moment; how many rows. The file is whole or not there, and its owner's alone.

    The custodian writes meanwhile; what it writes is not in the file.

    Raises:
        SettingsError: it cannot be written, or there is no custodian's store; a former file stays.
    """
    part = file.with_name(file.name + ".part")
    try:
        if not is_store(database):
            raise no_store(database.place)
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8") as out, contextlib.closing(_lines(database)) as lines:
                digest, count = sha256(), -1  # the head is no row
                for line in lines:
                    out.write(line)
                    digest.update(line.encode())
                    count += 1
                out.write(json.dumps({"rows": count, "sha256": digest.hexdigest()}) + "\n")
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(file)
        database.wipe()  # what was destroyed while this was reading could not go
    except OSError as error:
        raise SettingsError(f"the backup {file} cannot be written ({error})") from error
    finally:
        part.unlink(missing_ok=True)
        database.close()
    return count


def _lines(database: Database) -> Generator[str]:
    yield json.dumps({"format": _FORMAT}) + "\n"
    with database.snapshot():
        for table, columns in TABLES.items():
            for row in database.each(f"select {', '.join(columns)} from {table}"):
                yield json.dumps([table, *map(_plain, row)], ensure_ascii=False) + "\n"


def restore(database: Database, file: Path) -> int:
    """Put a backup into an empty store; how many rows. All or nothing.

    The next start learns from the ledger what happened since: what was erased since is destroyed again.

    Raises:
        SettingsError: the file is damaged, cut off or no backup; or the store is not empty.
    """
    rows = _read(file)
    with contextlib.closing(database):
        if any(database.rows(f"select 1 from {table} limit 1") for table in TABLES):
            raise SettingsError("the store is not empty: restore into a new one, and keep this one until that is done")
        with database.transaction():
            for table, *values in rows:
                marks = ", ".join("?" for _ in values)
                database.do(f"insert into {table} values ({marks})", *map(_stored, values))
            database.do("delete from meta where name = ?", LEARN)
            database.do("insert into meta values (?, ?)", LEARN, b"1")
    return len(rows)


def _read(file: Path) -> list[list[Any]]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as source:
            lines = source.readlines()
        digest = sha256("".join(lines[:-1]).encode()).hexdigest()
        head, last = json.loads(lines[0]), json.loads(lines[-1])
        rows = [json.loads(line) for line in lines[1:-1]]
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise SettingsError(f"{file} is no whole backup ({str(error) or 'it is cut off'}): take another one") from error
    if head != {"format": _FORMAT} or last != {"rows": len(rows), "sha256": digest}:
        raise SettingsError(f"{file} is no whole backup (its sum is wrong): take another one")
    if any(row[0] not in TABLES or len(row) != 1 + len(TABLES[row[0]]) for row in rows):
        raise SettingsError(f"{file} is a backup of another version")
    return rows


def _plain(value: Any) -> Any:
    return {"hex": bytes(value).hex()} if isinstance(value, bytes | memoryview) else value


def _stored(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
