"""Logs of a program."""

from __future__ import annotations

import pytest
import structlog

from hutong.logs import configure, keep_off_standard_output
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


def test_a_program_that_configures_nothing_keeps_its_output_to_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints may be read by another program; one that did configure its logs keeps them as they are."""
    try:
        keep_off_standard_output()
        structlog.get_logger().warning("the broker is away")
        structlog.configure(logger_factory=structlog.PrintLoggerFactory())
        keep_off_standard_output()
        structlog.get_logger().warning("as wanted")
    finally:
        structlog.reset_defaults()
    out, err = capsys.readouterr()
    assert ("the broker is away" in err, "the broker is away" in out) == (True, False)
    assert "as wanted" in out


def test_a_strangers_words_cannot_act_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Controls, line breaks and marks that turn the reading direction are replaced, in values, lists and tracebacks."""
    words = "a\nadmit ok\x1b[2J\u202eb\u061c\x00"
    try:
        configure("test")
        structlog.get_logger().warning("passed over", error=words, several=[words])
        try:
            raise ValueError(words)
        except ValueError as error:
            structlog.get_logger().error("ending", exc_info=error)
    finally:
        structlog.reset_defaults()
    written = capsys.readouterr().err
    assert "a admit ok\ufffd[2J\ufffdb\ufffd\ufffd" in written
    assert not [c for c in written if not c.isprintable() and c != "\n"]
    assert "several" in written.splitlines()[0]
