"""Standing agreements as rules: what the directory keeps of them, which events they reach, which may be opened."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hutong.errors import InvalidEvent, SettingsError
from hutong.events import EventData
from hutong.events.directory import (
    Agreement,
    AgreementClosed,
    AgreementOpened,
    Level,
    OrganisationEntry,
    Registered,
    Revoked,
)
from hutong.rules.agreements import AgreementRules, matches, reaches, reaching, within
from hutong.rules.directory import BY_REVOCATION, Directory
from hutong.rules.territory import Territory, under

CITY, WATER, STUDY, PARTNER = "110000", "110000.water", "110000.research", "130600"
UNTIL = datetime(2026, 3, 15, 16, tzinfo=UTC)
UNTIL_MS = 1_773_590_400_000
ORGANISATIONS = ((CITY, Level.CITY), (WATER, Level.UTILITY), (STUDY, Level.DEPARTMENT), (PARTNER, Level.PARTNER))
FILED, RESOLVED = "complaint.filed.v1", "disposition.resolved.v1"
HEATING = {"type": FILED, "category": "public_service/heating/not_warm", "area": "110105026"}


def agreement(id: str = "study", recipient: str = STUDY, **given: Any) -> Agreement:
    lists: dict[str, Any] = {"types": (), "categories": (), "areas": (), "key_classes": ()}
    return Agreement(id=id, recipient=recipient, **{**lists, "purpose": "study", "until": UNTIL, **given})


def register(number: int, name: str, level: Level, *, sealing_key: bytes | None = bytes(32)) -> Registered:
    entry = OrganisationEntry(
        id=name, names=(), level=level, signing_keys=(bytes([number]) * 32,), sealing_key=sealing_key, rights=()
    )
    return Registered(number=number, entry=entry)


def directory(*events: EventData) -> Directory:
    """Four organisations, registered by events 1 to 4, and then these."""
    made = Directory()
    for number, (name, level) in enumerate(ORGANISATIONS, 1):
        made.apply(register(number, name, level))
    for event in events:
        made.apply(event)
    return made


def opened(number: int, id: str = "study", recipient: str = STUDY, **given: Any) -> AgreementOpened:
    return AgreementOpened(number=number, agreement=agreement(id, recipient, **given))


def closed(number: int, id: str = "study") -> AgreementClosed:
    return AgreementClosed(number=number, id=id, reason="study_finished")


def ids(made: Directory, at_ms: int = 0, number: int | None = None, **event: str) -> list[str]:
    reached = reaching(made, **{**HEATING, **event}, at_ms=at_ms, number=number)
    return [each.agreement.id for each in reached]


@pytest.mark.parametrize(
    ("area", "division", "lies"),
    [
        ("110105026", "110105", True),
        ("110105", "110105", True),
        ("110105", "110105026", False),
        ("110106026", "110105", False),
        ("110105026", "110000", True),
        ("110105", "110100", True),
        ("120105", "110000", False),
        ("110105100", "110105100", True),
        ("110105101", "110105100", False),
        ("queens", "queens", True),
        ("queens", "queen", False),
        ("queens", "110000", False),
        ("110105", "queens", False),
    ],
)
def test_a_division_stands_for_all_below(area: str, division: str, lies: bool) -> None:
    """By its digits, six of them with zeros for a whole province or city; letters are compared whole."""
    assert within(area, division) is lies


@pytest.mark.parametrize(
    ("category", "path", "lies"),
    [
        ("public_service/water/quality", "public_service/water", True),
        ("public_service/water", "public_service/water", True),
        ("public_service/water_quality", "public_service/water", False),
        ("public_service", "public_service/water", False),
        ("water/public_service", "public_service", False),
    ],
)
def test_a_category_stands_for_all_below_by_whole_codes(category: str, path: str, lies: bool) -> None:
    """Half a code is another code."""
    assert under(category, path) is lies


@pytest.mark.parametrize(
    ("given", "reached"),
    [
        ({}, True),
        ({"types": (RESOLVED, FILED)}, True),
        ({"types": (RESOLVED,)}, False),
        ({"categories": ("market", "public_service/heating")}, True),
        ({"categories": ("public_service/water",)}, False),
        ({"areas": ("110101", "110105")}, True),
        ({"areas": ("110101",)}, False),
        ({"types": (FILED,), "categories": ("public_service",), "areas": ("110101",)}, False),
    ],
)
def test_an_agreement_reaches_what_all_its_lists_name(given: dict[str, Any], reached: bool) -> None:
    """An empty list names all; each list that is not empty must fit."""
    assert reaches(agreement(**given), **HEATING) is reached


def test_an_agreement_holds_from_its_opening_to_its_end_by_ledger_order() -> None:
    """Opened by event 5, closed by event 6, over at its time: judged by the number and the time of the entry."""
    made = directory(opened(5), closed(6))
    assert [ids(made, number=number) for number in (4, 5, 6)] == [[], ["study"], []]
    assert [ids(made, at_ms, number=5) for at_ms in (UNTIL_MS - 1, UNTIL_MS)] == [["study"], []]
    assert ids(made) == []
    assert ids(made.at(5)) == ["study"]
    assert made.at(4).agreement("study") is None


def test_a_revocation_ends_the_agreements_of_its_recipient_for_good() -> None:
    """A new entry of the organisation brings none of them back, and others stay."""
    made = directory(opened(5), opened(6, "water", WATER), Revoked(number=7, organisation=STUDY, reason="gone"))
    assert ids(made) == ["water"]
    made.apply(register(8, STUDY, Level.DEPARTMENT))
    assert ids(made) == ["water"]
    assert ids(made, number=6) == ["study", "water"]
    ended = made.agreement("study")
    assert ended is not None
    assert (ended.closed, ended.reason) == (7, BY_REVOCATION)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (opened(7), "was opened by directory event 5 already"),
        (opened(7, "ended"), "was opened by directory event 6 already"),
        (opened(7, "other", "110000.nobody"), "is not registered"),
        (closed(7, "nothing"), "never opened"),
    ],
)
def test_the_directory_takes_no_agreement_that_cannot_be(event: EventData, told: str) -> None:
    """An id is used once for ever, a recipient is there, and what is closed was open; the number stays free."""
    made = directory(opened(5), opened(6, "ended"))
    with pytest.raises(InvalidEvent, match=told):
        made.apply(event)
    assert made.number == 6
    made.apply(closed(7, "ended"))
    with pytest.raises(InvalidEvent, match="closed before"):
        made.apply(closed(8, "ended"))


def test_participants_are_never_matches_and_nobody_is_one_twice() -> None:
    """Two agreements of one recipient make one match; whoever has part in the ticket has the event anyway."""
    made = directory(opened(5), opened(6, "again"), opened(7, "water", WATER), opened(8, "partner", PARTNER))
    found = matches(made, **HEATING, at_ms=0, participants={CITY, WATER})
    assert found == (STUDY, PARTNER)


CODES = st.sampled_from(["a", "b", "ab"])
PATHS = st.lists(CODES, min_size=1, max_size=3).map("/".join)
AREAS = st.sampled_from(["110000", "110100", "110105", "110105026", "110105100", "110106", "120000", "abc", "ab"])
TYPES = st.sampled_from([FILED, RESOLVED])


def reference(wish: Agreement, type_: str, category: str, area: str) -> bool:
    """The same in the simplest words: every prefix of the category, and every division above the area, by name."""
    codes = category.split("/")
    above = {"/".join(codes[:length]) for length in range(1, len(codes) + 1)}
    divisions = {area}
    if area.isdigit():
        divisions |= {area[:6], area[:4] + "00", area[:2] + "0000"}
    named: list[tuple[Collection[str], set[str]]] = [
        (wish.types, {type_}), (wish.categories, above), (wish.areas, divisions),
    ]  # fmt: skip
    return all(not wanted or set(wanted) & there for wanted, there in named)


@settings(deadline=None)
@given(
    types=st.lists(TYPES, max_size=2),
    categories=st.lists(PATHS, max_size=2),
    areas=st.lists(AREAS, max_size=2),
    type_=TYPES,
    category=PATHS,
    area=AREAS,
)
def test_reaching_equals_a_naive_reference(
    types: list[str], categories: list[str], areas: list[str], type_: str, category: str, area: str
) -> None:
    """Whatever an agreement names and an event is."""
    wish = agreement(types=tuple(types), categories=tuple(categories), areas=tuple(areas))
    assert reaches(wish, type=type_, category=category, area=area) is reference(wish, type_, category, area)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["open a", "open b", "close a", "close b", "revoke", "register"]), max_size=12))
def test_what_stands_equals_a_naive_reference(steps: list[str]) -> None:
    """Whatever the registrar writes: at every number the same agreements stand as a plain walk says, also later."""
    made, there, standing, used = directory(), True, set[str](), set[str]()
    history = {made.number: frozenset[str]()}
    for step in steps:
        verb, _, name = step.partition(" ")
        number = made.number + 1
        event: EventData = {
            "open": opened(number, name or "x"),
            "close": closed(number, name or "x"),
            "revoke": Revoked(number=number, organisation=STUDY, reason="gone"),
            "register": register(number, STUDY, Level.DEPARTMENT),
        }[verb]
        legal = {"open": there and name not in used, "close": name in standing}.get(verb, True)
        try:
            made.apply(event)
        except InvalidEvent:
            assert not legal
            continue
        assert legal
        there = {"revoke": False, "register": True}.get(verb, there)
        standing = {"open": standing | {name}, "close": standing - {name}, "revoke": set()}.get(verb, standing)
        used |= standing
        history[made.number] = frozenset(standing)
    for number, names in history.items():
        assert {each.agreement.id for each in made.agreements(number)} == names
        assert {each.agreement.id for each in made.at(number).agreements()} == names


RULES = AgreementRules.load()
NOW = UNTIL - timedelta(days=1)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (agreement(until=NOW), "would be over before it begins"),
        (agreement(types=("disposition.invented.v1",)), "no event of a ticket's life"),
        (agreement(types=("directory.revoked.v1",)), "no event of a ticket's life"),
        (agreement(categories=("castles",)), "not in the city's tree"),
        (agreement(areas=("110199",)), "no division of the city"),
        (agreement(recipient="110000.nobody"), "is not registered"),
        (agreement(key_classes=("everything",)), "there are content, identity"),
        (agreement(recipient=WATER, key_classes=("identity",)), "may not have: only city, district"),
        (agreement(recipient=PARTNER, key_classes=("content", "identity")), "may not have"),
        (agreement(id="used"), "an id is never used again"),
    ],
)
def test_an_agreement_that_may_not_be_is_told_why(wish: Agreement, told: str) -> None:
    """One sentence for each: over, unknown type, category, area, recipient or class, a class not for it, a used id."""
    with pytest.raises(SettingsError, match=told):
        _check(wish, directory(opened(5, "used"), closed(6, "used")))


def test_who_may_have_a_class_is_a_table() -> None:
    """Identity for the city's own departments, content for a partner city; without a sealing key neither."""
    _check(agreement(key_classes=("identity", "content")), directory())
    _check(agreement(recipient=PARTNER, key_classes=("content",)), directory())
    foreign = register(5, "120000.bureau", Level.DEPARTMENT)
    with pytest.raises(SettingsError, match="of 110000 itself"):
        _check(agreement(recipient="120000.bureau", key_classes=("identity",)), directory(foreign))
    keyless = register(5, "110000.new", Level.DEPARTMENT, sealing_key=None)
    with pytest.raises(SettingsError, match="no sealing key"):
        _check(agreement(recipient="110000.new", key_classes=("content",)), directory(keyless))


def _check(wish: Agreement, made: Directory) -> None:
    RULES.check(wish, city=CITY, directory=made, territory=Territory.load(CITY), types={FILED, RESOLVED}, now=NOW)
