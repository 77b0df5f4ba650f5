"""``hutong refusals``: what was not admitted, as the city and as an author behind his own door."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

import hutong
from hutong import Clear, complaint, disposition
from hutong.events import EventData
from hutong.settings import read_private_key
from hutong.submitting.outgoing import Submitted
from hutong.transport import Outgoing
from hutong.wire.signing import Signer
from tests.cities import CITY, TwinCity
from tests.client.cli import Command

WATER = "110000.water"
GHOST = "110000.ghost"
STRANGE = "\x1b[31m\u202e恶意"


FILED = complaint.Filed(
    kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
)


def submit(city: TwinCity, organisation: str, data: EventData, ticket: str, once: str | None = None) -> Submitted:
    """As ``Bus.submit``, but a refusal is a result."""
    bus = city.connect(organisation)
    return bus.submit_batch([bus.draft(data, ticket=ticket, once=once)], wait="admitted")[0]


def refuse_water(city: TwinCity, ticket: str = "") -> Submitted:
    """Water accepts a ticket that is not its own; the same ticket again with ``ticket``."""
    ticket = ticket or city.connect(CITY).submit(FILED, wait="admitted").ticket
    refused = submit(city, WATER, disposition.Accepted(), ticket)
    assert refused.refusal is not None
    return refused


def refuse_a_stranger(city: TwinCity) -> Submitted:
    """Somebody outside the directory files; he is told nothing."""
    settings = city.settings(WATER).model_copy(update={"organisation": GHOST})
    with hutong.connect("test", settings, transport=city.transport) as ghost:
        return ghost.submit(FILED, wait="acknowledged")


def test_the_city_sees_all_and_an_author_his_own(command: Command, cli_city: TwinCity) -> None:
    """The same refusal lies on ``refusals`` and behind the author's door; a stranger's only on the former."""
    refuse_a_stranger(cli_city)
    refused = refuse_water(cli_city)
    of_city = command.json(CITY, "refusals", "list")
    own = command.json(WATER, "refusals", "list")
    assert [row["refusal"]["code"] for row in of_city] == ["unknown_organisation", "not_entitled"]
    assert [row["fingerprint"] for row in own] == [refused.fingerprint.hex()]
    assert own[0]["position"].startswith(f"deliveries.{WATER}/0@")
    assert own[0]["refusal"]["binding"] is False
    assert own[0]["refusal"]["returned_to"] == WATER


def test_a_list_is_narrowed_and_counts_by_reason(command: Command, cli_city: TwinCity) -> None:
    """By reason, author, ticket and time; the limit cuts what is shown, not what is counted."""
    refuse_a_stranger(cli_city)
    first = refuse_water(cli_city)
    refuse_water(cli_city)

    def codes(*words: str) -> list[str]:
        return [row["refusal"]["code"] for row in command.json(CITY, "refusals", "list", *words)]

    assert codes("--code", "unknown_organisation") == ["unknown_organisation"]
    assert codes("--source", WATER) == ["not_entitled"] * 2
    assert codes("--ticket", first.ticket) == ["not_entitled"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert codes("--since", tomorrow) == []
    assert len(codes("--until", tomorrow)) == 3
    told = command.run(CITY, "refusals", "list", "--limit", "1").stdout
    assert told.count("110000-2") == 1
    assert "1 of 3 refusals  not_entitled 2  unknown_organisation 1" in told
    assert "no refusals" in command.run(CITY, "refusals", "list", "--code", "time_past").stdout
    assert "one of unreadable, too_large" in re.sub(
        r"[\s│]+", " ", command.run(CITY, "refusals", "list", "--code", "nonsense", code=2).output
    )


def test_one_is_explained_by_place_and_by_fingerprint(command: Command, cli_city: TwinCity) -> None:
    """What it means and what comes next, in the reader's language; the record as far as it is text."""
    refused = refuse_water(cli_city)
    [row] = command.json(CITY, "refusals", "list")
    [whole] = command.json(CITY, "refusals", "show", row["position"])
    assert command.json(CITY, "refusals", "show", refused.fingerprint.hex()[:8]) == [whole]
    assert whole["meaning"] == "The author lacks the role on this ticket, or the right"
    assert whole["again"] is True
    headers = {header["name"]: header for header in whole["record"]["headers"]}
    assert headers["ce_source"]["text"] == WATER
    assert len(bytes.fromhex(headers["signature"]["hex"])) > 64
    told = command.run(CITY, "refusals", "show", row["position"]).stdout
    assert "next: Ask who has it: the text names role or right" in told
    assert f"hutong refusals resubmit {row['position']}" in told
    chinese = command.run(CITY, "refusals", "show", row["position"], variables={"HUTONG_LANG": "zh"}).stdout
    assert "含义: 作者在该工单上没有此身份" in chinese


def test_what_cannot_be_meant_is_said(command: Command, cli_city: TwinCity) -> None:
    """An unknown place, another's topic, no fingerprint at all."""
    refuse_water(cli_city)
    assert "there is no refusal" in command.run(CITY, "refusals", "show", "refusals/0@999", code=1).output
    assert "there is no refusal" in command.run(CITY, "refusals", "show", "refusals/77@0", code=1).output
    assert "there is no refusal" in command.run(CITY, "refusals", "show", "0123456789", code=1).output
    command.run(WATER, "refusals", "show", "refusals/0@0", code=2)
    command.run(WATER, "refusals", "show", "zz", code=2)


def test_a_strangers_text_moves_no_cursor(command: Command, cli_city: TwinCity) -> None:
    """Escapes and turned reading directions are shown as what they are."""
    sender = cli_city.transport.producer(client_id="stranger")
    sender.send(
        [
            Outgoing(
                topic="submissions",
                key=b"k\x1b[2J",
                value=b"\x00",
                headers=(("ce_source", STRANGE.encode()), ("x\x1b[1m", b"\xff")),
            )
        ],
        timeout=1,
    )
    [row] = command.json(CITY, "refusals", "list")
    told = command.run(CITY, "refusals", "list").stdout + command.run(CITY, "refusals", "show", row["position"]).stdout
    assert "恶意" in told
    assert not {"\x1b", "\u202e"} & set(told)


def test_what_was_refused_for_want_of_something_is_sent_again_byte_for_byte(
    command: Command, cli_city: TwinCity
) -> None:
    """Once the author is registered, the city sends his bytes again; a second time they are there already."""
    sent = refuse_a_stranger(cli_city)
    [before] = command.json(CITY, "refusals", "resubmit", sent.fingerprint.hex(), code=1)
    assert (before["outcome"], before["reason"]["code"]) == ("refused", "unknown_organisation")
    key = Signer(read_private_key(cli_city.keys / f"{WATER}.pem"), "test").public_key
    cli_city._enter(GHOST, key, None, "department", CITY, ("file",), {}, 1)  # type: ignore[arg-type]
    told = command.json(CITY, "refusals", "resubmit", "--all", "--code", "unknown_organisation")
    assert [row["outcome"] for row in told] == ["admitted"]
    assert told[0]["fingerprint"] == sent.fingerprint.hex()
    ledger = command.json(CITY, "replay", "--source", "ledger")
    assert [row["fingerprint"] for row in ledger].count(sent.fingerprint.hex()) == 1


def test_an_author_sends_his_own_again(command: Command, cli_city: TwinCity) -> None:
    """Through his own door he sees what became of it; what is on the ledger already is told as a success."""
    refused = refuse_water(cli_city)
    cli_city.connect(CITY).submit(disposition.Dispatched(lead=WATER), ticket=refused.ticket, wait="admitted")
    told = command.run(WATER, "refusals", "resubmit", refused.fingerprint.hex()[:12]).stdout
    assert re.search(rf"^admitted  {refused.ticket}  disposition.accepted.v1 .* entry 3$", told, re.M)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hutong.refusals.LOOK_BACK_SECONDS", 0.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("organisation", [CITY, WATER])
def test_what_is_on_the_ledger_already_is_found_there(command: Command, cli_city: TwinCity, organisation: str) -> None:
    """Such bytes get no outcome at all, so the ledger, or the own door, is searched."""
    refused = refuse_water(cli_city)
    cli_city.connect(CITY).submit(disposition.Dispatched(lead=WATER), ticket=refused.ticket, wait="admitted")
    which = refused.fingerprint.hex()
    command.run(organisation, "refusals", "resubmit", which)
    assert "admitted before" in command.run(organisation, "refusals", "resubmit", which).stdout


def test_what_binds_is_not_sent(command: Command, cli_city: TwinCity) -> None:
    """Nothing goes out, the reason is told, and the exit code is 1."""
    hotline, ticket = cli_city.connect(CITY), refuse_water(cli_city).ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    late = submit(cli_city, CITY, disposition.CalledBack(contacted=True), ticket)
    assert late.refusal is not None
    assert late.refusal.binding
    before = cli_city.transport.logs["submissions"][late.partition or 0].end
    told = command.run(CITY, "refusals", "resubmit", late.fingerprint.hex(), code=1).stdout
    assert "stay refused" in told
    [row] = command.json(CITY, "refusals", "resubmit", "--all", "--ticket", ticket, "--code", "not_allowed", code=1)
    assert row["outcome"] == "binding"
    assert cli_city.transport.logs["submissions"][late.partition or 0].end == before


@pytest.mark.usefixtures("impatient")
def test_without_an_outcome_it_may_be_run_again(command: Command, cli_city: TwinCity) -> None:
    """Nobody admits: the exit code says unconfirmed."""
    refused = refuse_water(cli_city)
    cli_city.lively = False
    words = ("refusals", "resubmit", refused.fingerprint.hex(), "--timeout", "0.2")
    assert "outcome unknown" in command.run(WATER, *words, code=3).stdout


def test_already_admitted_is_no_cross_in_a_ticket(command: Command, cli_city: TwinCity) -> None:
    """A wish uttered twice in other bytes was a success: the timeline shows a dot and says so."""
    ticket = refuse_water(cli_city).ticket
    cli_city.connect(CITY).submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    submit(cli_city, WATER, disposition.Accepted(), ticket)
    for report in ("修好", "修好了"):
        submit(cli_city, WATER, disposition.Resolved(report=Clear(report)), ticket, once="r")
    told = command.run(WATER, "ticket", "show", ticket).stdout
    assert re.search("● .*\n.*admitted before already_admitted", told)
    assert told.count("✗") == 1  # the first, which it was not entitled to
