"""What may have become of a call that failed. Each client library has a table of its own errors and their fates."""

from __future__ import annotations

from enum import StrEnum

from hutong import errors


class Fate(StrEnum):
    """What became of the call that failed so, and what follows."""

    AWAY = "away"
    """The broker is away or busy. A read or commit can be tried again; a sent record may be written or not."""
    MOOT = "moot"
    """A rebalance took the partitions meanwhile: whoever has them now reads on from the last commit."""
    FENCED = "fenced"
    """Another instance owns the id: this process must end."""
    WRONG = "wrong"
    """Refused, nothing written, and refused again next time: settings, rights or topics must be mended."""
    TOO_LARGE = "too_large"
    """Refused, nothing written: the record is larger than the topic takes."""
    UNKNOWN = "unknown"
    """Nobody knows: this process must end."""


def asked_in_vain(fate: Fate, what: str, told: str) -> errors.BusError:
    """The bus error for a question or commit with this fate; ``what`` says what was wanted, ``told`` what was said."""
    match fate:
        case Fate.AWAY | Fate.MOOT:
            return errors.Unavailable(f"{what}: the broker does not answer ({told}); try again later")
        case Fate.FENCED:
            return errors.Fenced(f"{what}: another process runs under this id ({told})")
        case Fate.WRONG | Fate.TOO_LARGE:
            return errors.SettingsError(f"{what}: the broker refuses ({told})")
        case Fate.UNKNOWN:
            return errors.UnknownOutcome(f"{what}: {told}")
