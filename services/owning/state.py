"""The file of a service's derived state: SQLite, made anew at every takeover, from its snapshot if that is good.

It is never the truth. What a batch changes stays in an open transaction until Kafka has committed; whoever dies between
leaves a file that the next takeover throws away. So the file itself needs to survive nothing, and nothing is synced.
What survives are its snapshots (``services.owning.snapshot``), and they only ever hold what Kafka has committed.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from hutong.errors import SettingsError
from hutong.transport import Outgoing, Placed, Record
from hutong.wire.stamps import pack_record
from services.owning.snapshot import Snapshots, Unfit, restore

_TABLES = """
create table belongs (name text primary key, value text not null) without rowid, strict;
create table position (topic text primary key, offset integer not null, last integer not null,
                                     digest blob not null) without rowid, strict;
"""
_LIVE = (
    "pragma journal_mode=wal",  # a snapshot is read beside the open transaction of a batch
    "pragma synchronous=off",
    "pragma wal_autocheckpoint=1000",
    "pragma journal_size_limit=67108864",  # bytes
    "pragma cache_size=-16384",  # KiB: keys are hashes, so every page is touched again and again
)
_AT_WORK = (
    # One file a partition, and a process may own many: what it held while it was brought up it gives back.
    "pragma cache_size=-2048",
    "pragma shrink_memory",
)
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongs:
    """Whose state it is. ``rules`` names everything but the log that it depends on: tables of law, layout, code."""

    service: str
    city: str
    environment: str
    partition: int
    rules: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How far a topic is in the state: go on at ``offset``; the last record taken lies at ``last``, with ``digest``."""

    offset: int
    last: int
    digest: bytes


class StateFile:
    """The live file of one partition, empty until :meth:`restore` or the first change.

    ``folder`` is the service's; ``instance`` keeps apart processes that own the partition one after the other, of
    which the former may not know yet that it is over. Snapshots are for all of them.

    Raises:
        SettingsError: the file cannot be made.
    """

    def __init__(self, folder: Path, belongs: Belongs, tables: str, *, instance: str) -> None:
        self.belongs = belongs
        self._tables = _TABLES + tables
        self._live = folder / instance / f"{belongs.partition}.sqlite"
        self._snapshots = Snapshots(folder / f"{belongs.partition}.snapshot", self._live, str(belongs))
        self._changes = 0
        try:
            self._live.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._cannot(error) from error
        self._anew()

    def _anew(self) -> None:
        try:
            self._unlink()
            self._open()
            self.db.executescript(self._tables)
            self.db.executemany("insert into belongs values (?, ?)", self._marks().items())
            self.db.execute("begin")
        except (OSError, sqlite3.Error) as error:
            raise self._cannot(error) from error

    def _unlink(self) -> None:
        for end in ("", "-wal", "-shm"):
            self._live.with_name(self._live.name + end).unlink(missing_ok=True)

    def _open(self) -> None:
        self.db = sqlite3.connect(self._live, isolation_level=None, cached_statements=256)
        for pragma in _LIVE:
            self.db.execute(pragma)

    def _marks(self) -> dict[str, str]:
        layout = sha256(self._tables.encode()).hexdigest()
        return {**{name: str(value) for name, value in asdict(self.belongs).items()}, "layout": layout}

    def _cannot(self, error: Exception) -> SettingsError:
        return SettingsError(f"state {self._live} cannot be made ({error}): make its folder writable, or make room")

    # -- positions ----------------------------------------------------------------------------------------------------

    def positions(self) -> Mapping[str, Taken]:
        """How far each topic is."""
        rows = self.db.execute("select topic, offset, last, digest from position").fetchall()
        return {topic: Taken(offset=offset, last=last, digest=digest) for topic, offset, last, digest in rows}

    def took(self, records: Iterable[Record]) -> None:
        """The state holds what each of ``records`` says, and everything before it in its topic."""
        for topic, record in {record.topic: record for record in records}.items():
            self._position(topic, record.offset, record)

    def wrote(self, records: Sequence[Outgoing], placed: Sequence[Placed]) -> None:
        """The state holds what ``records`` say, which were written at these places."""
        for topic, (record, at) in {r.topic: (r, at) for r, at in zip(records, placed, strict=True)}.items():
            self._position(topic, at.offset, record)

    def _position(self, topic: str, offset: int, record: Record | Outgoing) -> None:
        self.db.execute(
            "insert or replace into position values (?, ?, ?, ?)", (topic, offset + 1, offset, digest_of(record))
        )

    # -- keeping ------------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """The batch is committed on Kafka: keep what it changed, and take a snapshot now and then."""
        self.db.execute("commit")
        changes = self.db.total_changes
        if self._snapshots.due(changes - self._changes):
            self._changes = changes
            self._snapshots.begin()
        self.db.execute("begin")

    def work(self) -> None:
        """It is brought up: from now on little of it is touched at a time, and the system's file cache will do."""
        for pragma in _AT_WORK:
            self.db.execute(pragma)

    def snapshot(self) -> None:
        """Take a snapshot of what was kept, now, and wait for it. Raises OSError or sqlite3.Error."""
        self._snapshots.take()

    def restore(self) -> bool:
        """Replace what the file holds by the snapshot; False where there is none that belongs here.

        Whether the log agrees with it is for :mod:`services.owning.recall` to ask. A snapshot is only thrown away for
        a fault of its own.

        Raises:
            SettingsError: the file cannot be made; the snapshot stays.
        """
        self.close()
        try:
            self._unlink()
            if not restore(self._snapshots.path, self._live):
                self._anew()
                return False
            self._open_restored()
        except OSError as error:
            raise self._cannot(error) from error
        except (Unfit, sqlite3.Error) as error:
            if getattr(error, "sqlite_errorcode", None) in _NO_ROOM:
                raise self._cannot(error) from error
            self.discard(str(error))
            return False
        return True

    def _open_restored(self) -> None:
        self._open()
        found = dict(self.db.execute("select name, value from belongs").fetchall())
        for name, value in self._marks().items():
            if found.get(name) != value:
                raise Unfit(f"its {name} is {found.get(name)!r}, not {value!r}")
        self.db.execute("begin")

    def discard(self, why: str) -> None:
        """The snapshot is of no use: throw it away and begin with an empty file."""
        self._snapshots.discard(why)
        self.db.close()
        self._anew()

    def close(self) -> None:
        """Release the file."""
        self._snapshots.wait()
        self.db.close()

    def remove(self) -> None:
        """Release and delete the file, and its folder if it was the last there; snapshots stay."""
        self.close()
        self._unlink()
        with contextlib.suppress(OSError):  # of one that was killed, other partitions' files are still there
            self._live.parent.rmdir()


def digest_of(record: Record | Outgoing) -> bytes:
    """SHA-256 over key, value and headers."""
    return sha256(pack_record(record.key, record.value, record.headers)).digest()
