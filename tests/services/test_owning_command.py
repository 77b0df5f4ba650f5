"""What is asked of a broker before its partitions are owned."""

from __future__ import annotations

import pytest

from hutong.errors import SettingsError
from hutong.testing import MemoryTransport
from services.owning.command import partitions_of


def test_a_broker_without_a_city_is_a_persons_matter() -> None:
    """Exit code 2 and a sentence, not a crash that is started again for ever."""
    with pytest.raises(SettingsError, match="no city is founded at this broker: topic submissions is missing"):
        partitions_of(MemoryTransport(), "submissions")
