"""Draws ``schemas/lifecycle.yaml`` as ``docs/lifecycle.md``: ``python -m docs.lifecycle``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hutong.rules.lifecycle import SAME, By, Lifecycle, Rule, Table

PAGE = Path(__file__).parent / "lifecycle.md"

HEAD = """\
# The life of a ticket 工单

Drawn from [`schemas/lifecycle.yaml`](../schemas/lifecycle.yaml) by `python -m docs.lifecycle`; a test holds both equal.
Admit reads the same table: a step that is not in it is refused as `not_allowed`, a step that merely lost a race as
`superseded` (see [refusals](wire.md#refusals-拒收)).

The same relation is written down once more, by hand, in `tests/services/expected_life.py`; random walks hold admit
against it (`python -m tests.services.walks --tickets 10000`), and every race of two steps in both orders.

## Who decides what

Admit decides what may come; whether it should is decided by the organisations, in a city's own systems. Those that come
with the bus decide by rules that stand in files, with the label S (published) or A (assumption):

- **The hotline 热线** (`services/dispatch`, by the city's `routing.yaml`). A consultation is answered at once 直接答复.
  A complaint goes to the unit in charge; where a rule names several, the first leads and the others help 首接负责. A
  wish to be relieved 退单 is granted by its reason, where another unit is left to ask; the fourth dispatch cannot be
  declined.
- **A repeat is merged 并单** in two events, because the two tickets may lie in two partitions. The hotline tells the
  older ticket (`complaint.amended` with `repeat`): admit finds it open and older, or refuses. Only on that event's
  receipt the younger ends (`complaint.merged`, which answers it). Refused, because the older one was closed meanwhile,
  the younger is dispatched like any other. Callers and places are compared by keyed hashes of their sealed fields.
- **The lead 主办** (a unit's own system; `services/desk` is a sample) accepts or declines, calls others to help 吹哨,
  asks for time 延期申请 or a suspension 挂账, and resolves. Whoever is called reports 报到.
- **The nearest organisation above the lead 上级** (a district for its streets, the city for its departments) decides
  what the lead asks for, and may press for an answer 督办. The table lets any organisation above the lead do so: of two
  that decide the same request, the second is refused as `not_allowed`.
- **The clock 时限** reminds, says what is overdue, and ends a suspension when its time is over.
- **The hotline's call-back 回访** (`services/callback`) asks the citizen about what was resolved, and about nothing
  else: the file is closed 归档, or the lead does it again 重办.
"""

TABLE_HEAD = """\
## Event × state × role

A cell names the state that the event leads to, ✓ that it stays. 迟 *late*: a normal race that was lost, refused as
`superseded`. An empty cell: refused as `not_allowed`. `4+`: the fourth of its kind, and later.
A role 角色 comes from the ticket's own history, a right 权限 from the directory.
The diagram shows the steps that lead to another state.
"""

ROLES: Mapping[str, str] = {"filer": "受理单位", "lead": "主办", "assistant": "协办", "supervisor": "上级"}
RIGHTS: Mapping[str, str] = {
    "file": "受理",
    "dispatch": "派单",
    "call_back": "回访",
    "clock": "时限",
    "custody": "密钥保管",
}


def render(table: Table) -> str:
    """The whole page."""
    diagram = "\n".join(("```mermaid", "stateDiagram-v2", *_diagram(table), "```"))
    return "\n".join((HEAD, diagram, "", TABLE_HEAD, *_matrix(table), "", "## States", "", *_states(table), ""))


def _diagram(table: Table) -> Iterator[str]:
    for name, state in table.states.items():
        yield f'    state "{state.zh}" as {name}'
    for rule in table.events.values():
        if not rule.states:
            yield from (f"    [*] --> {target}: {rule.zh}" for target in rule.leads())
        for before in rule.states:
            leads = {state: choice for state, choice in rule.leads().items() if state != SAME}
            yield from (f"    {before} --> {target}: {_told(rule, choice)}" for target, choice in leads.items())
    for name, state in table.states.items():
        if state.ended:
            yield f"    {name} --> [*]"


def _told(rule: Rule, choice: str) -> str:
    return f"{rule.zh} ({choice})" if choice else rule.zh


def _matrix(table: Table) -> Iterator[str]:
    yield _row(["Event", "May be sent by", "no ticket yet", *(state.zh for state in table.states.values())])
    yield _row(["---"] * (3 + len(table.states)))
    for type_, rule in table.events.items():
        leads = " / ".join(
            "✓" if state == SAME else f"{_told_choice(choice)}→ {table.states[state].zh}"
            for state, choice in rule.leads().items()
        )
        cells = (leads if state in rule.states else "迟" if state in rule.late else "" for state in table.states)
        yield _row([f"{rule.zh} `{type_}`", " or ".join(map(_sender, rule.by)), "" if rule.states else leads, *cells])


def _told_choice(choice: str) -> str:
    return f"`{choice}` " if choice else ""


def _sender(by: By) -> str:
    if by.role is not None:
        return f"role {by.role} {ROLES[by.role]}"
    return f"right `{by.right}` {RIGHTS[str(by.right)]}"


def _states(table: Table) -> Iterator[str]:
    yield _row(["State", "中文", "Meaning", "Ended 办结"])
    yield _row(["---"] * 4)
    for name, state in table.states.items():
        yield _row([f"`{name}`", state.zh, state.en, "yes" if state.ended else ""])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(Lifecycle.load().table), encoding="utf-8")


if __name__ == "__main__":
    main()
