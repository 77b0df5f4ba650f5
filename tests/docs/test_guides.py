"""The guides in both languages say the same to do, and what is compared with a reader's screen is compared strictly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.guides import FOLDER, blocks, learn, lines, missing
from tests.docs.recompute import ROOT

SHOWN = """\
admitted  complaint.filed.v1
  ticket 工单: 110000-20261130-7SR3SED9WK
…
│ lead 主办  Hepingjie Street … │
"""
REAL = """\
admitted  complaint.filed.v1
  ticket 工单: 110000-20270101-GYG62AQ1PW
  id: 9d6f
│ lead 主办  Hepingjie Street 110105007          │
"""


@pytest.mark.parametrize("page", [ROOT / "README.md", FOLDER / "department.md"], ids=lambda page: page.name)
def test_the_chinese_page_has_the_same_blocks_of_code_pictures_and_links(page: Path) -> None:
    """Commands, programs and what is seen are the same to the letter; so is where links lead."""
    chinese = page.with_suffix(".zh.md")
    code, same = ([(each.language, each.text) for each in blocks(one)] for one in (page, chinese))
    assert same == code

    def targets(text: str) -> set[str]:
        return {target.replace(".zh.md", ".md") for target in re.findall(r"\]\(([^)]+)\)", text)}

    assert targets(chinese.read_text("utf-8")) == targets(page.read_text("utf-8"))


def test_every_guide_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [page.name for page in FOLDER.glob("*.md") if f"docs/guides/{page.name}" not in readme] == []


def test_what_is_shown_is_found_though_numbers_and_blanks_differ() -> None:
    assert missing(SHOWN, REAL) is None


@pytest.mark.parametrize(
    ("said", "other"),
    [("admitted", "refused"), ("lead 主办", "lead"), ("  ticket 工单: 110000-20270101-GYG62AQ1PW\n", "")],
)
def test_a_line_that_is_said_otherwise_or_not_at_all_is_named(said: str, other: str) -> None:
    assert missing(SHOWN, REAL.replace(said, other)) is not None


def test_lines_in_another_order_are_not_what_is_shown() -> None:
    assert missing("b\na\n", "a\nb\n") == "a"


def test_tickets_and_keys_of_the_page_stand_for_the_readers_own() -> None:
    assert dict(learn(SHOWN, REAL)) == {"110000-20261130-7SR3SED9WK": "110000-20270101-GYG62AQ1PW"}


def test_a_command_over_several_lines_is_one() -> None:
    text = "# said\nhutong a \\\n    --b\ncat > f <<'END'\nx\nEND\nexport A=b\n"
    assert list(lines(text)) == ["hutong a --b", "cat > f <<'END'\nx\nEND", "export A=b"]
