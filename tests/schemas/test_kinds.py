"""Kinds of plain text: ``kinds.yaml`` and the models' types are one rule."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hutong.catalogue import Catalogue
from hutong.events import words

KINDS = Catalogue.load().kinds
TYPES: dict[str, Any] = {name: getattr(words, "Text" if name == "name" else name.title()) for name in KINDS}


def takes(kind: str, text: str) -> bool:
    try:
        TypeAdapter(TYPES[kind]).validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_and_lengths_are_equal(kind: str) -> None:
    """A kind's pattern and lengths stand in the model's type, letter for letter."""
    rule = get_args(TYPES[kind])[1]
    assert rule.pattern == f"^(?:{KINDS[kind].pattern})$"
    assert (rule.min_length, rule.max_length) == (KINDS[kind].min_length, KINDS[kind].max_length)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=70) | st.text("abz019AZ-._:/\n ", max_size=70))
def test_both_judge_alike(kind: str, text: str) -> None:
    """The file's rule and the model's agree on any text, though two engines match them."""
    assert takes(kind, text) == KINDS[kind].allows(text)


@pytest.mark.parametrize("kind", KINDS)
@given(drawn=st.data())
def test_both_take_what_matches(kind: str, drawn: st.DataObject) -> None:
    """What a kind's pattern makes is taken by both, within the lengths."""
    text = drawn.draw(st.from_regex(KINDS[kind].pattern, fullmatch=True))
    assert takes(kind, text) == KINDS[kind].allows(text) == (len(text) <= KINDS[kind].max_length)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("organisation", "110000.Water"),
        ("organisation", "1100000"),
        ("organisation", "110000."),
        ("organisation", "nyc.dep.x"),
        ("organisation", "110000\n"),
        ("organisation", "n"),
        ("ticket", "110000-20231115-0G7XK2M9QI"),  # I, L, O and U are not of Crockford's alphabet
        ("ticket", "110000-20231115-0G7XK2M9QL"),
        ("ticket", "110000-20231115-0G7XK2M9QO"),
        ("ticket", "110000-20231115-0G7XK2M9QU"),
        ("ticket", "110000-20231115-0g7xk2m9qz"),
        ("ticket", "110000-20231315-0G7XK2M9QZ"),
        ("ticket", "110000.water-20231115-0G7XK2M9QZ"),
        ("category", "a/b/c/d/e/f"),
        ("category", "a//b"),
        ("area", "110105026001"),  # a community is finer than a street
        ("area", "110105.water"),
        ("code", "Phone"),
        ("code", "二"),
        ("language", "zh_CN"),
        ("external", "张三 13800000000"),
        ("name", ""),
        ("name", "a\u202eb"),
        ("name", "a\nb"),
        ("name", "n" * 121),
    ],
)
def test_what_is_of_no_kind(kind: str, text: str) -> None:
    """Neighbours of the allowed are refused by both."""
    assert not takes(kind, text)
    assert not KINDS[kind].allows(text)


def test_topic_names_hold_every_organisation() -> None:
    """The longest organisation id fits a topic name with room to spare."""
    assert KINDS["organisation"].max_length <= 100
