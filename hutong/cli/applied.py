"""What `hutong org apply` says it did, or would do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.securing.applying import Plan
    from hutong.securing.passwords import PasswordFolder


def applied_json(plan: Plan, passwords: PasswordFolder, *, done: bool) -> dict[str, Any]:
    """The plan as an object; ``passwords`` maps each user that gets one to its file."""
    return {
        "done": done,
        "allowed": [str(acl) for acl in plan.acls.lacking],
        "withdrawn": [str(acl) for acl in plan.acls.surplus],
        "passwords": {user: str(passwords.file(user)) for user in plan.admitted},
        "expelled": list(plan.expelled),
    }


def applied_lines(plan: Plan, passwords: PasswordFolder, *, done: bool) -> Iterator[str]:
    """The plan for a person, line by line, and a sentence in the end."""
    for acl in plan.acls.surplus:
        yield f"- {acl}"
    for acl in plan.acls.lacking:
        yield f"+ {acl}"
    for user in plan.expelled:
        yield say("apply.expelled", user=user)
    for user in plan.admitted:
        yield say("apply.password", user=user, file=passwords.file(user))
    yield say(("apply.done" if done else "apply.planned") if plan else "apply.same")
