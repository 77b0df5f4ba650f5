"""What the checker found: violations by rule, how much each rule had to look at, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RULES: Mapping[str, str] = {
    "directory": "directory records are signed by the registrar's pinned key and numbered 1, 2, 3 …",
    "journal": "journal lines can be read",
    "outcome": "submissions have an outcome",
    "two_outcomes": "outcomes are the only one of their submission",
    "invented": "outcomes have a submission",
    "altered": "outcomes carry their submission byte for byte",
    "order": "outcomes stand in the order of their submissions",
    "lost": "acknowledged events are settled",
    "duplicate": "ledger entries are alone with their fingerprint, and with their identity",
    "sequence": "ledger entries are numbered from 1 without gaps",
    "stamp": "entries and refusals bear stamps that can be read and never go back",
    "author": "ledger entries are signed by a key that the directory of their time holds valid",
    "well_formed": "ledger entries are events of the catalogue, in time and in their ticket's partition",
    "lifecycle": "ledger entries are steps that the lifecycle allows, by who may take them",
    "sealing": "ledger entries seal nothing under a key of before a change of lead, or an erased one",
    "merge": "merged tickets were told to the older one first, while it was open, and are the younger",
    "overdue": "tickets said to be overdue had passed the end of a limit that ran, and were said to once for it",
    "audience": "ledger entries bear the audience that table and agreements give, and its hash",
    "headers": "ledger entries show category and area, no finer than they may",
    "refusal": "refusals give a reason that held when they were written",
    "binding": "refusals bind where they must, and what is bound stays refused",
    "returned": "refusals go back to a proven author, once for each reason",
    "missing": "deliveries that the ledger and the refusals bring about are there",
    "added": "deliveries found stem from the ledger or the refusals",
    "misdelivered": "deliveries found are with an organisation that may see them",
    "delivery_altered": "deliveries found carry the city's bytes, and no audience",
    "delivered_twice": "deliveries found are there once",
    "numbering": "deliveries found bear the number they must",
    "delivery_order": "deliveries found stand in the order of their numbers",
    "delivery_partition": "deliveries found lie in the partition they must",
    "phantom": "handled deliveries are ones there were",
    "handled_twice": "handled deliveries were handled once",
    "handled_order": "handled deliveries were handled in order",
    "ticket_order": "deliveries of one ticket were handled in order, out of the door or out of the dead letters",
    "unhandled": "deliveries to these systems were handled, or wait as dead letters, or were skipped",
    "parked": "deliveries noted as parked have a dead letter",
    "letter": "dead letters carry their delivery byte for byte, in its partition",
    "skip": "dead letters that were skipped say why",
    "admit_state": "rows of admit's state equal the ones rebuilt from ledger and refusals",
    "deliver_state": "rows of deliver's state equal the ones rebuilt from ledger and refusals",
}
"""Code of each rule, and what holds where it holds."""

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One breach of one rule; ``text`` names the place: topic, partition, offset, ticket, fingerprint."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there was. ``pending``: submissions not reached yet; ``tickets``: by state."""

    submissions: int
    pending: int
    ledger_events: int
    refused: int
    refused_by_code: Mapping[str, int]
    deliveries: int
    tickets: Mapping[str, int]
    ended: int
    acknowledged: int
    lost: int
    duplicates: int
    handled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The checker's judgement. ``looked`` says for each rule how many things it was held against."""

    violations: tuple[Violation, ...]
    looked: Mapping[str, int]
    counts: Counts

    @property
    def ok(self) -> bool:
        """Nothing was violated, and there was something to look at."""
        return not self.violations and self.counts.submissions > 0

    @property
    def unlooked(self) -> tuple[str, ...]:
        """Rules that had nothing to look at: the verdict says nothing about them."""
        return tuple(rule for rule in RULES if not self.looked[rule])

    def of(self, rule: str) -> tuple[Violation, ...]:
        """The violations of one rule."""
        return tuple(violation for violation in self.violations if violation.rule == rule)

    def summary(self) -> str:
        """For people: one line a rule, with the first violations under a broken one."""
        lines = []
        for rule, sentence in RULES.items():
            broken, looked = self.of(rule), self.looked[rule]
            if broken:
                lines.append(f"✗ {rule}: {len(broken)} against: {looked} {sentence}")
                lines += [f"    {violation.text}" for violation in broken[:_SHOWN]]
                if len(broken) > _SHOWN:
                    lines.append(f"    … and {len(broken) - _SHOWN} more")
            elif looked:
                lines.append(f"✓ {rule}: {looked} {sentence}")
            else:
                lines.append(f"– {rule}: nothing to look at ({sentence})")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        counts = {name: getattr(self.counts, name) for name in Counts.__dataclass_fields__}
        return {
            "ok": self.ok,
            "violations": [{"rule": violation.rule, "text": violation.text} for violation in self.violations],
            "looked": {rule: self.looked[rule] for rule in RULES},
            **{name: dict(value) if isinstance(value, Mapping) else value for name, value in counts.items()},
        }


class Findings:
    """Collects what the rules find."""

    def __init__(self) -> None:
        self.looked: Counter[str] = Counter(dict.fromkeys(RULES, 0))
        self.violations: list[Violation] = []

    def look(self, *rules: str, count: int = 1) -> None:
        """``count`` more things are held against these rules."""
        for rule in rules:
            self.looked[rule] += count

    def violated(self, rule: str, text: str) -> None:
        """A rule is broken."""
        assert rule in RULES, rule
        self.violations.append(Violation(rule=rule, text=text))

    def expect(self, holds: bool, rule: str, text: str) -> None:
        """One more thing is held against ``rule``; ``text`` says what is wrong where it does not hold."""
        self.looked[rule] += 1
        if not holds:
            self.violated(rule, text)
