"""Ids of tickets, events and organisations."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from hutong.wire.identity import derived_id, fresh_id, ticket_city, ticket_id, under_city

DAY = datetime(2026, 2, 28, tzinfo=UTC)


def test_the_same_wish_has_the_same_id_and_another_wish_another() -> None:
    """Derived ids are functions of all their parts, and the parts do not run together."""
    assert derived_id("a", "b") == derived_id("a", "b")
    assert len({derived_id("a", "b"), derived_id("ab"), derived_id("a", "b", ""), derived_id("b", "a")}) == 4


def test_ids_are_uuids_of_their_version() -> None:
    """Derived: version 8. Fresh: version 7, in order of time."""
    assert UUID(derived_id("a")).version == 8
    assert UUID(fresh_id()).version == 7
    assert UUID(derived_id("a")).variant == UUID(fresh_id()).variant == UUID(int=1 << 63).variant


def test_a_ticket_id_names_its_city_and_day() -> None:
    """The id is derived from its parts, fresh without any, and read back."""
    assert ticket_id("110000", DAY, "x") == ticket_id("110000", DAY, "x")
    assert ticket_id("110000", DAY).startswith("110000-20260228-")
    assert ticket_id("110000", DAY) != ticket_id("110000", DAY)
    assert ticket_city(ticket_id("nyc", DAY, "x")) == "nyc"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "110000-20260228-0123456",
        "110000-20260230-0123456789",
        "110000-20260228-012345678U",
        "110000-20260228-0123456789\n",
        "110000.water-20260228-0123456789",
    ],
)
def test_what_is_no_ticket_id_has_no_city(text: str) -> None:
    """Wrong length, day, alphabet, line end and units are not taken."""
    assert ticket_city(text) is None


@pytest.mark.parametrize(
    ("organisation", "city", "under"),
    [
        ("110000", "110000", True),
        ("110105", "110000", True),
        ("110105026", "110000", True),
        ("110000.water", "110000", True),
        ("110105.police", "110000", True),
        ("120000", "110000", False),
        ("130100", "130000", True),
        ("130102", "130100", True),
        ("130200", "130100", False),
        ("11", "110000", False),
        ("nyc.dep", "nyc", True),
        ("nyc2", "nyc", False),
        ("nyc", "110000", False),
    ],
)
def test_an_organisation_lies_under_its_citys_prefix(organisation: str, city: str, under: bool) -> None:
    """Division codes by GB/T 2260's trailing zeros, letters by equality, a unit under its division."""
    assert under_city(organisation, city) is under
