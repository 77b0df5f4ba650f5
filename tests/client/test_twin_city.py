"""The city that other tests stand on: it admits, refuses and delivers as the real one does."""

from __future__ import annotations

from pathlib import Path

import pytest

import hutong
from tests.cities import TwinCity

FILED = hutong.complaint.Filed(
    kind=hutong.complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
)


def test_what_is_submitted_in_a_lively_city_is_admitted_and_delivered_at_once(tmp_path: Path) -> None:
    """A dispatch reaches the department's door, with the complaint before it, while the dispatcher still submits."""
    with TwinCity(tmp_path) as city:
        city.register("110000.water")
        hotline, water = city.connect("110000"), city.connect("110000.water")
        ticket = hotline.submit(FILED, wait="admitted").ticket
        hotline.submit(hutong.disposition.Dispatched(lead="110000.water"), ticket=ticket, wait="admitted")
        types = [event.type for event in water.replay(source="deliveries")]
        assert types == ["complaint.filed.v1", "disposition.dispatched.v1"]


def test_the_city_refuses_what_its_tables_forbid(tmp_path: Path) -> None:
    """A department that files without the right is told so."""
    with TwinCity(tmp_path) as city:
        city.register("110000.water")
        with pytest.raises(hutong.Refused) as caught:
            city.connect("110000.water").submit(FILED, wait="admitted")
        assert caught.value.code == "not_entitled"


def test_new_owners_go_on_where_the_former_ones_ended(tmp_path: Path) -> None:
    """A takeover in between neither loses nor repeats an entry or a delivery, also for what lay unread."""
    with TwinCity(tmp_path, lively=False) as city:
        hotline = city.connect("110000")
        hotline.submit(FILED)
        assert city.pump() > 0
        hotline.submit(FILED)
        city.take_over()
        city.pump()
        city.take_over()
        assert city.pump() == 0
        assert len(list(hotline.replay())) == len(list(hotline.replay(source="deliveries"))) == 2
