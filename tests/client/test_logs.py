"""Logs of a program."""

from __future__ import annotations

import pytest
import structlog

from hutong.logs import configure
from hutong.sealing import DataKey


def test_a_crash_shows_neither_people_nor_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback has no variables in it, and a key does not show itself."""
    row, key = {"name": "张三", "phone": "100 0000"}, DataKey(key=b"K" * 32)
    try:
        try:
            configure("test")
            raise RuntimeError(f"broken with {len(row)} fields and {key}")
        except RuntimeError as error:
            structlog.get_logger().error("ending", exc_info=error)
    finally:
        structlog.reset_defaults()
    written = capsys.readouterr().err
    assert "RuntimeError: broken with 2 fields" in written
    assert "张三" not in written
    assert "KKKK" not in written
