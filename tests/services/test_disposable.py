"""State that can be made anew: a damaged file is no reason to stop."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

import hutong
from services.disposable import open_disposable

SCHEMA = "create table if not exists kept (name text primary key, value blob not null) strict"


def damage(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


@pytest.mark.parametrize(("offset", "content"), [(0, b"garbage-garbage-garbage"), (4096 * 3, b"\x55" * 4096)])
def test_a_damaged_file_is_made_anew(tmp_path: Path, offset: int, content: bytes) -> None:
    """Whether it is no database at all, or a page in its middle is damaged."""
    path = tmp_path / "desk" / "water.sqlite"
    with closing(open_disposable(path, SCHEMA)) as db:
        db.executemany("insert into kept values (?, ?)", ((str(n), bytes(500)) for n in range(200)))
    damage(path, offset, content)
    with closing(open_disposable(path, SCHEMA)) as db:
        assert db.execute("select count(*) from kept").fetchone() == (0,)
        db.execute("insert into kept values ('a', x'00')")
    with closing(open_disposable(path, SCHEMA)) as db:
        assert db.execute("select count(*) from kept").fetchone() == (1,)


def test_a_file_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A fault of the folder is a person's business; nothing is thrown away for it."""
    (tmp_path / "desk").write_bytes(b"a file, where a folder is to be")
    with pytest.raises(hutong.SettingsError, match="make its folder writable"):
        open_disposable(tmp_path / "desk" / "water.sqlite", SCHEMA)
