"""Test doubles that ship with the library: run your system's tests without a broker."""

from __future__ import annotations

from hutong.transport.memory import MemoryTransport

__all__ = ["MemoryTransport"]
