"""The reference is drawn from the code as it is now."""

from __future__ import annotations

import pytest

from docs.reference import FOLDER, PAGES
from hutong.settings import Settings


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_the_code_draws(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m docs.reference`` would change nothing."""
    monkeypatch.delenv("HUTONG_LANG", raising=False)
    assert (FOLDER / page).read_text(encoding="utf-8") == PAGES[page]()


def test_every_setting_is_on_its_page() -> None:
    text = (FOLDER / "settings.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`HUTONG_{name.upper()}`" not in text] == []
