"""What the checker says of a falsified ledger, or falsified refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hutong.errors import InvalidEvent
from hutong.events.directory import AgreementClosed
from hutong.wire.stamps import AudienceStamp, RefusalStamp, SubmissionStamp, pack_record
from tests.checker import RULES, History, check, read_history
from tests.checker.falsify import (
    flipped,
    for_audience,
    for_matches,
    header,
    in_city,
    stamped,
    with_header,
    with_headers,
)
from tests.checker.story import AUDITOR, RESEARCH, STREET, SYSTEMS, WATER
from tests.cities import TwinCity

CITY_RULES = frozenset(tuple(RULES)[tuple(RULES).index("outcome") : tuple(RULES).index("missing")])
"""The rules about ledger and refusals."""


def broken(history: History) -> set[str]:
    """The broken rules about ledger and refusals; what follows from them at the doors is left out."""
    verdict = check(history, complete=True, systems=SYSTEMS)
    return {violation.rule for violation in verdict.violations} & CITY_RULES


def bare(history: History) -> History:
    """Without state files, so that only the records speak."""
    return replace(history, admit_states={}, deliver_states={})


def a_dropped_entry(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: log[:-1])


def a_dropped_entry_inside(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: log[:1] + log[2:])


def a_doubled_entry(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [*log, log[-1]])


def two_swapped_entries(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [log[1], log[0], *log[2:]])


def an_altered_value(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [*log[:-1], replace(log[-1], value=flipped(log[-1].value or b""))])


def an_altered_author_header(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [with_header(log[0], "ce_id", b"other"), *log[1:]])


def a_forged_signature(history: History) -> History:
    forged = flipped(header(history.ledger[0][0], "signature"), 20)
    history = in_city(history, "ledger", 0, lambda log: [with_header(log[0], "signature", forged), *log[1:]])
    offset = SubmissionStamp.from_bytes(header(history.ledger[0][0], "submission")).offset
    return in_city(
        history,
        "submissions",
        0,
        lambda log: [with_header(r, "signature", forged) if r.offset == offset else r for r in log],
    )


def a_sequence_gap(history: History) -> History:
    return in_city(history, "ledger", 1, lambda log: [*log[:-1], stamped(log[-1], sequence=len(log) + 1)])


def a_time_that_goes_back(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [*log[:-1], stamped(log[-1], admitted_ms=1_800_000_000_000 // 2)])


def a_directory_that_goes_back(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [*log[:-1], stamped(log[-1], directory=4)])


def a_directory_of_the_future(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [*log[:-1], stamped(log[-1], directory=99)])


def a_missing_stamp(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [*log[:-1], with_headers(log[-1], without="audience")])


def a_participant_left_out(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [for_audience(log[0], "110000"), *log[1:]])


def a_stranger_let_in(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [for_audience(log[0], "110000", AUDITOR, WATER), *log[1:]])


def an_audience_under_another_hash(history: History) -> History:
    return in_city(history, "ledger", 0, lambda log: [stamped(log[0], audience_hash=bytes(32)), *log[1:]])


def shown_to(event: str, before: tuple[str, ...], *after: str) -> Callable[[History], History]:
    """The last entry of this event that agreements show to ``before`` is shown to ``after``."""

    def change(history: History) -> History:
        partition, record = [
            (partition, record)
            for partition, log in history.ledger.items()
            for record in log
            if header(record, "ce_type").split(b".")[1] == event.encode()
            and AudienceStamp.from_bytes(header(record, "audience")).matches == before
        ][-1]
        other = for_matches(record, *after)
        return in_city(history, "ledger", partition, lambda log: [other if r is record else r for r in log])

    return change


def a_category_too_fine(history: History) -> History:
    fine = b"public_service/water/no_water"
    return in_city(history, "ledger", 0, lambda log: [with_header(log[0], "category", fine), *log[1:]])


def an_entry_without_submission(history: History) -> History:
    last = history.ledger[0][-1]
    stamp = replace(SubmissionStamp.from_bytes(header(last, "submission")), offset=10_000)
    return in_city(history, "ledger", 0, lambda log: [*log[:-1], with_header(last, "submission", stamp.to_bytes())])


def a_submission_that_vanished(history: History) -> History:
    return in_city(history, "submissions", 0, lambda log: log[1:])


def an_outcome_too_many(history: History) -> History:
    """Refused and admitted at once."""
    entry, refused = history.ledger[0][-1], history.refusals[0][-1]
    both = with_header(refused, "submission", header(entry, "submission"))
    return in_city(history, "refusals", 0, lambda log: [*log[:-1], both])


def a_step_the_table_forbids(history: History) -> History:
    """The dispatch before an acceptance is missing; everything else is renumbered."""
    drop = next(
        i
        for i, record in enumerate(history.ledger[0])
        if header(record, "ce_type") == b"disposition.dispatched.v1"
        and any(later.key == record.key for later in history.ledger[0][i + 1 :])
    )
    return in_city(
        history,
        "ledger",
        0,
        lambda log: [stamped(r, sequence=n) for n, r in enumerate(log[:drop] + log[drop + 1 :], 1)],
    )


def refused(reason: str, **given: str | bool) -> Callable[[History], History]:
    """The first refusal for that reason that went back to its author says something else instead."""

    def change(history: History) -> History:
        partition, record, stamp = next(
            (partition, record, stamp)
            for partition, log in history.refusals.items()
            for record in log
            if (stamp := RefusalStamp.from_bytes(header(record, "refusal"))).code == reason and stamp.returned_to
        )
        other = with_header(record, "refusal", replace(stamp, **given).to_bytes())  # type: ignore[arg-type]
        return in_city(history, "refusals", partition, lambda log: [other if r is record else r for r in log])

    return change


@pytest.mark.parametrize(
    ("falsify", "rules", "follow"),
    [
        (a_dropped_entry, {"outcome", "lost"}, set()),
        (a_dropped_entry_inside, {"outcome", "lost", "sequence", "lifecycle"}, {"headers", "audience"}),
        (a_doubled_entry, {"two_outcomes", "order", "duplicate", "sequence", "lifecycle"}, set()),
        (two_swapped_entries, {"order", "sequence"}, {"stamp"}),
        (an_altered_value, {"altered", "author", "lost"}, {"well_formed", "headers"}),
        (an_altered_author_header, {"altered", "author", "lost"}, {"outcome"}),
        (a_forged_signature, {"author"}, set()),
        (a_sequence_gap, {"sequence"}, set()),
        (a_time_that_goes_back, {"stamp"}, {"well_formed"}),
        (a_directory_that_goes_back, {"stamp"}, {"audience", "refusal", "binding", "returned"}),
        (a_directory_of_the_future, {"stamp"}, {"refusal", "binding", "returned"}),
        (a_missing_stamp, {"stamp", "outcome", "lost"}, set()),
        (a_participant_left_out, {"audience"}, set()),
        (a_stranger_let_in, {"audience"}, set()),
        (an_audience_under_another_hash, {"audience"}, set()),
        (shown_to("accepted", (RESEARCH,)), {"audience"}, set()),
        (shown_to("accepted", (RESEARCH,), RESEARCH, RESEARCH), {"audience"}, set()),
        (shown_to("accepted", (RESEARCH,), STREET), {"audience"}, set()),
        (shown_to("dispatched", (), RESEARCH), {"audience"}, set()),
        (shown_to("resolved", (), RESEARCH), {"audience"}, set()),
        (a_category_too_fine, {"headers"}, set()),
        (an_entry_without_submission, {"invented", "outcome", "lost"}, set()),
        (a_submission_that_vanished, {"invented"}, set()),
        (an_outcome_too_many, {"two_outcomes", "altered", "outcome"}, {"order", "lost"}),
        (a_step_the_table_forbids, {"lifecycle", "outcome", "lost"}, set()),
        (refused("not_allowed", code="superseded"), {"refusal"}, set()),
        (refused("superseded", code="not_allowed"), {"refusal"}, set()),
        (refused("not_entitled", code="unknown_ticket"), {"refusal"}, set()),
        (refused("already_admitted", code="not_entitled"), {"refusal", "binding"}, set()),
        (refused("unknown_unit", code="wrong_partition"), {"refusal"}, set()),
        (refused("unknown_ticket", code="no_reason"), {"refusal", "binding"}, set()),
        (refused("not_allowed", binding=False), {"binding"}, set()),
        (refused("unknown_ticket", binding=True), {"binding"}, set()),
        (refused("not_allowed", returned_to=""), {"returned"}, set()),
        (refused("not_allowed", returned_to=AUDITOR), {"returned"}, set()),
    ],
)
def test_a_falsified_ledger_breaks_the_rule_it_must(
    history: History, falsify: Callable[[History], History], rules: set[str], follow: set[str]
) -> None:
    """Each falsification is named by its rules, and by none but those and what can follow from them."""
    assert rules <= broken(falsify(bare(history))) <= rules | follow


def test_lost_and_duplicates_are_counted(history: History) -> None:
    """An acknowledged event without outcome is lost, a repeated entry a duplicate."""
    assert check(a_dropped_entry(history)).counts.lost == 1
    assert check(a_dropped_entry_inside(history)).counts.lost == 1
    assert check(a_doubled_entry(history)).counts.duplicates == 1


def test_an_entry_whose_bytes_were_refused_for_good_is_named(history: History) -> None:
    """What a binding refusal turned away may never be admitted."""
    entry = history.ledger[0][0]
    stamp = RefusalStamp(code="not_allowed", text="", returned_to="110000", binding=True)
    headers = (("submission", SubmissionStamp(generation=1, partition=0, offset=0).to_bytes()),)
    refusal = replace(
        entry,
        topic="refusals",
        value=pack_record(entry.key, entry.value, entry.headers[:-5]),
        headers=(*headers, ("refusal", stamp.to_bytes())),
    )
    later = replace(SubmissionStamp.from_bytes(header(entry, "submission")), offset=10_001)
    history = in_city(history, "refusals", 0, lambda log: [refusal, *log])
    history = in_city(history, "ledger", 0, lambda log: [with_header(entry, "submission", later.to_bytes())])
    assert check(history).of("binding")


def test_a_directory_record_of_another_key_is_named(history: History) -> None:
    """Only what the pinned key signed counts; with another pinned key nothing does."""
    verdict = check(replace(history, registrar_key=bytes(32)))
    assert len(verdict.of("directory")) == len(history.directory)
    assert verdict.of("author")


def test_a_gap_in_the_directory_is_named(history: History) -> None:
    """Directory numbers are dense."""
    assert check(replace(history, directory=history.directory[:2] + history.directory[3:])).of("directory")


def test_an_agreement_that_was_never_opened_cannot_be_closed(tmp_path: Path) -> None:
    """The registrar may sign it; the checker names it, and so does every reader, who goes no further."""
    with TwinCity(tmp_path) as city:
        city.connect("110000")
        closed = AgreementClosed(number=2, id="nothing", reason="over")
        with pytest.raises(InvalidEvent, match="never opened"):
            city.registrar._write([closed], ["110000"], datetime.now(UTC))
        [violation] = check(read_history(city.transport, city.settings("110000"))).of("directory")
        assert "agreement nothing is not open" in violation.text
