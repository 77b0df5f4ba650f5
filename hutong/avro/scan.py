"""A walk over Avro's bytes that allocates nothing and trusts no length, count or size in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hutong.avro import Definition, full_name

MAX_ITEMS = 1_000
"""Items of an array, over all its blocks. An item may have one byte, and costs its reader a thousand."""

Scan = Callable[[bytes, int], int]
"""Walks one value from a position and returns the position after it.

Raises ``ValueError`` (what is wrong) or ``IndexError`` (the bytes end too early). A result beyond the end of
the bytes also means that they end too early.
"""


def scanner(definition: Definition) -> Scan:
    """A walk over the bytes of a value of this (checked) schema, stricter than any decoder.

    Refused: lengths and counts beyond the bytes that are there, negative lengths, block sizes that do not
    hold, more than :data:`MAX_ITEMS` in an array, indexes of no symbol or branch, booleans other than 0 and 1, numbers
    out of range or longer than need be.
    """
    return _compile(definition, "", {})


def _compile(node: Definition, namespace: str, names: dict[str, Scan]) -> Scan:
    if isinstance(node, list):
        return _optional(_compile(node[1], namespace, names))
    if isinstance(node, str):
        return _SIMPLE[node] if node in _SIMPLE else names[full_name(node, namespace)]
    what = node["type"]
    namespace = node.get("namespace", namespace)
    if what == "array":
        return _array(_compile(node["items"], namespace, names))
    if what in _SIMPLE:
        return _SIMPLE[what]
    if what == "record":
        scan = _sequence(tuple(_compile(field["type"], namespace, names) for field in node["fields"]))
    else:
        scan = _fixed(node["size"]) if what == "fixed" else _enum(len(node["symbols"]))
    names[full_name(node["name"], namespace)] = scan
    return scan


def _varint(data: bytes, at: int, limit: int) -> tuple[int, int]:
    """The zig-zag number at ``at``, still folded and below 2**limit, and the position after it."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift >= limit:
            raise ValueError("a number is too long")
    if number >> limit:
        raise ValueError("a number is out of range")
    if shift and not byte:
        raise ValueError("a number is longer than need be")
    return number, at


def _int(data: bytes, at: int) -> int:
    return at + 1 if data[at] < 0x80 else _varint(data, at, 32)[1]


def _long(data: bytes, at: int) -> int:
    return at + 1 if data[at] < 0x80 else _varint(data, at, 64)[1]


def _boolean(data: bytes, at: int) -> int:
    if data[at] > 1:
        raise ValueError("a boolean is neither 0 nor 1")
    return at + 1


def _bytes(data: bytes, at: int) -> int:
    length = data[at]
    at += 1
    if length >= 0x80:
        length, at = _varint(data, at - 1, 64)
    if length & 1:
        raise ValueError("a length is negative")
    at += length >> 1
    if at > len(data):
        raise IndexError
    return at


_SIMPLE: Mapping[str, Scan] = {
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "bytes": _bytes,
    "string": _bytes,
}


def _fixed(size: int) -> Scan:
    return lambda data, at: at + size


def _enum(symbols: int) -> Scan:
    def scan(data: bytes, at: int) -> int:
        index, at = _varint(data, at, 32)
        if index & 1 or index >> 1 >= symbols:
            raise ValueError("an enum has no such symbol")
        return at

    return scan


def _optional(inner: Scan) -> Scan:
    def scan(data: bytes, at: int) -> int:
        branch = data[at]
        if branch == 0:
            return at + 1
        if branch != 2:  # zig-zag of 1
            raise ValueError("a union has no such branch")
        return inner(data, at + 1)

    return scan


def _sequence(parts: tuple[Scan, ...]) -> Scan:
    def scan(data: bytes, at: int) -> int:
        for part in parts:
            at = part(data, at)
        return at

    return scan


def _array(item: Scan) -> Scan:
    def scan(data: bytes, at: int) -> int:
        left = MAX_ITEMS
        while True:
            folded, at = _varint(data, at, 64)
            if not folded:
                return at
            count, end = folded >> 1, None
            if folded & 1:  # negative: the block's size in bytes follows
                size, at = _varint(data, at, 64)
                count, end = count + 1, at + (size >> 1)
                if size & 1:
                    raise ValueError("a block's size is negative")
            if count > len(data) - at:
                raise IndexError
            left -= count
            if left < 0:
                raise ValueError(f"an array has more than {MAX_ITEMS} items")
            for _ in range(count):
                at = item(data, at)
            if end is not None and at != end:
                raise ValueError("a block's size does not hold")

    return scan
