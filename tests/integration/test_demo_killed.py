"""A power cut's effect on processes: everything of the demo is killed at once, and it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.kill_demo import killed_demo


@pytest.mark.timeout(600)
def test_a_demo_whose_every_process_is_killed_goes_on_to_its_end(tmp_path: Path) -> None:
    """Demo, services, intake and broker by SIGKILL, while the city is founded and twice while it plays: started again
    with the same arguments it ends every ticket, and the checker finds nothing."""
    result = killed_demo(tmp_path, seed=1, tickets=20)
    assert all(number >= 2 for number in result["killed"].values())  # the demo, and at least its broker
    assert max(result["killed"].values()) > 10  # and all services
    assert (result["tickets"], result["ended"], result["open"]) == (20, 20, 0)
    assert (result["lost"], result["duplicates"], result["rejected"]) == (0, 0, 0)
