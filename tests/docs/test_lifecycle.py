"""``docs/lifecycle.md`` is drawn from the table that admit reads."""

from __future__ import annotations

from docs.lifecycle import PAGE, render
from hutong.rules.lifecycle import Lifecycle, Table


def test_the_page_is_what_the_table_draws() -> None:
    """``python -m docs.lifecycle`` would change nothing."""
    assert PAGE.read_text(encoding="utf-8") == render(Lifecycle.load().table)


def test_every_step_of_the_table_is_an_arrow_of_the_diagram() -> None:
    """One arrow for each event, state it may come in, and other state it may lead to."""
    table = Lifecycle.load().table
    drawn = render(table).split("```mermaid")[1].split("```")[0]
    for rule in table.events.values():
        for before in rule.states or ("[*]",):
            for target in rule.leads():
                assert (f"    {before} --> {target}: {rule.zh}" in drawn) == (target != "same")


def test_another_table_draws_another_page() -> None:
    """The page follows the table, not a copy of it."""
    table = Lifecycle.load().table
    content = table.model_dump(by_alias=True)
    content["events"]["disposition.closed.v1"]["from"] = ("called_back", "resolved")
    assert "    resolved --> closed: 归档" in render(Table.model_validate(content))
    assert "    resolved --> closed: 归档" not in render(table)
