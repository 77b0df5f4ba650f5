"""Unpacking what a stranger packed, without letting him decide how much memory that takes.

The broker's limits count packed bytes; 1 MiB of gzip may unpack to a gigabyte. So unpacking stops at a limit, and what
cannot be unpacked is given as far as it went. ``docs/decisions/0013-who-unpacks-a-strangers-batch.md`` says why here.
"""

from __future__ import annotations

import zlib
from typing import Any, Protocol

from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]

MAX_UNPACKED = 8 * 1024 * 1024
"""Bytes of a batch of records, unpacked (docs/wire.md). The city's own batches are a quarter of that at most."""

NONE, GZIP, LZ4 = 0, 1, 3
"""Kafka's numbers of the codecs that are read here."""

_PIECE = 256 * 1024
_MEMBERS = 16  # producers make one


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: Any, max_length: int, /) -> bytes: ...


def unpack(codec: int, packed: Any) -> bytearray:
    """The batch's bytes up to one more than :data:`MAX_UNPACKED`; fewer where the packed bytes are damaged or cut.

    ``packed`` is any buffer. A codec that is not read here gives nothing.
    """
    if codec == NONE:
        return bytearray(packed)
    out = bytearray()
    try:
        if codec == GZIP:
            _gzip(packed, out)
        elif codec == LZ4:
            _pull(_Lz4(), packed, out)
    except (zlib.error, RuntimeError, EOFError, ValueError, MemoryError):
        pass  # whoever reads the records finds out where they end
    return out


def _gzip(packed: Any, out: bytearray) -> None:
    """Gzip may have several members, one behind the other; each costs a copy of what follows it."""
    for _ in range(_MEMBERS):
        if not packed or len(out) > MAX_UNPACKED:
            return
        member = zlib.decompressobj(wbits=31)
        data = packed
        while not member.eof and len(out) <= MAX_UNPACKED:
            piece = member.decompress(data, min(_PIECE, MAX_UNPACKED + 1 - len(out)))
            data = member.unconsumed_tail
            if not piece and not data and not member.eof:
                return  # cut short
            out += piece
        packed = member.unused_data


class _Lz4:
    def __init__(self) -> None:
        self._raw = LZ4FrameDecompressor()

    @property
    def eof(self) -> bool:
        return bool(self._raw.eof)

    def decompress(self, data: Any, max_length: int, /) -> bytes:
        return bytes(self._raw.decompress(data, max_length))


def _pull(source: _Decompressor, packed: Any, out: bytearray) -> None:
    data: Any = bytes(packed)
    while not source.eof and len(out) <= MAX_UNPACKED:
        piece = source.decompress(data, min(_PIECE, MAX_UNPACKED + 1 - len(out)))
        if not piece and not data:
            return  # cut short
        data = b""
        out += piece
