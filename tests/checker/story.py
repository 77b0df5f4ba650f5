"""A small true history: a city on the transport's twin plays tickets of every kind, and bad submissions."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hutong
from hutong.events.complaint import Kind
from hutong.events.disposition import Decision, Measure, Satisfaction
from hutong.settings import read_private_key
from hutong.transport import Outgoing
from hutong.transport.partition import partition_of
from hutong.wire.envelope import Attributes, Submission
from hutong.wire.signing import Signer
from tests.checker.history import History
from tests.checker.reading import read_history
from tests.cities import CITY, TwinCity
from tests.client import parked

WATER, STREET, DISTRICT, AUDITOR = "110000.water", "110105026", "110105", "110000.audit"
RESEARCH = "110000.research"
"""It is shown by an agreement what it has no part in."""
CREW = f"{WATER}.crew"
"""A system some of whose tickets were parked."""
SYSTEMS = (
    CREW,
    f"{WATER}.desk",
    f"{STREET}.desk",
    f"{DISTRICT}.desk",
    f"{AUDITOR}.desk",
    f"{RESEARCH}.desk",
    f"{CITY}.centre",
)
"""Those that handle everything that comes to their organisation."""

disposition = hutong.disposition


def filed(row: int) -> hutong.complaint.Filed:
    """A complaint, sealed parts and all."""
    return hutong.complaint.Filed(
        kind=Kind.COMPLAINT,
        channel="phone",
        category="public_service/water/no_water",
        area="110105026",
        narrative=hutong.Clear(f"no water, {row}"),
    )


FILED = hutong.complaint.Filed.TYPE
FILED_AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""The same in every run, so that every run has the same tickets in the same partitions."""


SPEED = 1_000_000
"""A day of the limits passes in 86 milliseconds."""


class Story:
    """Plays the history on a city."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rows = 0
        self.origin = datetime.now(UTC).replace(microsecond=600)  # cut off, as the rules do
        self.city = TwinCity(home)
        self.city.register(WATER, level="utility")
        self.city.register(DISTRICT, level="district")
        self.city.register(STREET, level="street", parent=DISTRICT)
        self.city.register(AUDITOR, level="auditor", rights=["see_all"], partitions=2)
        self.city.take_over()  # so that admit has read the directory
        self.centre = self.city.connect(CITY, "hotline")
        self.water = self.city.connect(WATER, "work")
        self.street = self.city.connect(STREET, "work")

    def play(self) -> History:
        """Everything, from the first complaint to the last handled delivery."""
        for _ in range(3):
            self._handled_by(self.water, WATER)
        self._answered()
        self._declined_then_street()
        self.city.take_over()
        self._reopened()
        self._helped_extended_and_suspended()
        self._overdue()
        self._merged()
        self._withdrawn()
        self._agreed()
        self._refusals()
        self._forgeries()
        self._revoked()
        for system in SYSTEMS:
            if system != CREW:
                self._handle_all(*system.rsplit(".", 1))
        self._park()
        self.city.close()
        return self.history()

    def _park(self) -> None:
        """Another system of the utility cannot handle three tickets: one is replayed, of one the first event is
        skipped and the rest replayed, one waits."""
        records = [record for log in self.history().deliveries[WATER].values() for record in log]
        lives = Counter((record.key or b"").decode() for record in records if "refusal" not in dict(record.headers))
        poisoned = sorted(ticket for ticket, count in lives.items() if count > 1)[:3]
        parked.run(
            self.city, parked.Desk(*((ticket, hutong.complaint.Filed.TYPE) for ticket in poisoned)), system="crew"
        )
        first, second, _ = poisoned
        parked.control(self.city, "release", first, system="crew")
        letter = next(letter for letter, _ in parked.fold(self.city).letters() if letter.ticket == second)
        parked.control(self.city, "skip", second, letter=letter.offset, system="crew")
        parked.control(self.city, "release", second, system="crew")
        parked.run(self.city, parked.Desk(), system="crew")

    def history(self) -> History:
        """As it lies there now."""
        settings = self.city.settings(CITY, speed=SPEED, origin=self.origin)
        return read_history(self.city.transport, settings, state=self.home / "state")

    def _file(self, count: int = 1) -> list[str]:
        """Complaints under one signature; their tickets."""
        rows = range(self.rows, self.rows + count)
        self.rows += count
        drafts = [self.centre.draft(filed(row), once=f"row {row}", time=FILED_AT) for row in rows]
        return [submitted.ticket for submitted in self.centre.submit_batch(drafts)]

    def _handled_by(self, unit: hutong.Bus, lead: str) -> str:
        ticket, _ = self._file(2)
        self.centre.submit(disposition.Dispatched(lead=lead, instruction=hutong.Clear("go and see")), ticket=ticket)
        unit.submit(disposition.Accepted(contact=hutong.Clear("counter 3")), ticket=ticket)
        unit.submit(disposition.Accepted(), ticket=ticket)  # superseded
        unit.submit(disposition.Resolved(report=hutong.Clear("mended")), ticket=ticket)
        called = disposition.CalledBack(contacted=True, resolved=True, satisfaction=Satisfaction.SATISFIED)
        self.centre.submit(called, ticket=ticket)
        self.centre.submit(disposition.Closed(reason="satisfied"), ticket=ticket)
        return ticket

    def _answered(self) -> None:
        (ticket,) = self._file()
        self.centre.submit(
            hutong.complaint.Answered(basis="knowledge_base", reply=hutong.Clear("on Monday")), ticket=ticket
        )

    def _declined_then_street(self) -> None:
        """The street and its district join late and get the earlier events."""
        (ticket,) = self._file()
        self.centre.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
        self.water.submit(disposition.Declined(reason="not_ours"), ticket=ticket)
        self.centre.submit(disposition.DeclineDecided(decision=Decision.GRANTED), ticket=ticket)
        self.centre.submit(disposition.Dispatched(lead=STREET, assistants=(WATER,)), ticket=ticket)
        self.street.submit(disposition.Accepted(), ticket=ticket)

    def _reopened(self) -> None:
        (ticket,) = self._file()
        self.centre.submit(disposition.Dispatched(lead=STREET), ticket=ticket)
        for _ in range(2):
            self.street.submit(disposition.Accepted(), ticket=ticket)  # the second time: not_allowed
            self.street.submit(disposition.Resolved(), ticket=ticket)
            self.centre.submit(disposition.CalledBack(contacted=False), ticket=ticket)
            self.centre.submit(disposition.Reopened(reason="dissatisfied"), ticket=ticket)

    def _helped_extended_and_suspended(self) -> None:
        """Everything that can happen while a street has a ticket in hand; the water utility helps."""
        (ticket,) = self._file()
        until = FILED_AT + timedelta(days=10)
        steps = [
            (self.centre, disposition.Dispatched(lead=STREET)),
            (self.centre, disposition.Reminded(limit="sign", due=until)),
            (self.street, disposition.Accepted()),
            (self.street, disposition.AssistRequested(units=(WATER,), request=hutong.Clear("the pipe"))),
            (self.water, disposition.AssistReported(report=hutong.Clear("on our way"))),
            (self.street, disposition.AssistRequested(units=())),  # invalid_data
            (self.street, disposition.AssistRequested(units=("110000.nobody",))),  # unknown_unit
            (self.centre, disposition.ExtensionDecided(decision=Decision.GRANTED)),  # invalid_data: until when?
            (self.centre, disposition.ExtensionDecided(decision=Decision.GRANTED, until=until)),  # nobody asked
            (self.street, disposition.ExtensionRequested(until=until, reason="weather")),
            (self.centre, disposition.ExtensionDecided(decision=Decision.REJECTED)),
            (self.centre, disposition.Escalated(reason="overdue", instruction=hutong.Clear("today"))),
            (self.street, disposition.ExtensionRequested(measure=Measure.SUSPENSION, until=until, reason="parts")),
            (self.centre, disposition.Suspended(until=until, reason="parts")),
            (self.centre, disposition.Overdue(limit="answer", due=until)),  # superseded: the clock stands still
            (self.street, disposition.Resumed(reason="cause_removed")),
            (self.street, disposition.Resolved(report=hutong.Clear("mended"))),
        ]
        for bus, data in steps:
            bus.submit(data, ticket=ticket)

    def _overdue(self) -> None:
        """Water is to be dispatched within two hours: eight milliseconds here. This one is dispatched later."""
        ticket = f"{CITY}-20260105-000000000C"
        stamp = self.centre.submit(filed(99), ticket=ticket, wait="admitted").ledger
        assert stamp is not None
        due = stamp.admitted + timedelta(milliseconds=8)
        while datetime.now(UTC) <= due:
            time.sleep(0.001)
        self.centre.submit(disposition.Overdue(limit="dispatch", due=due), ticket=ticket)
        self.centre.submit(disposition.Dispatched(lead=STREET), ticket=ticket)

    def _merged(self) -> None:
        (older,) = self._file()
        time.sleep(0.002)  # admitted in another millisecond
        (younger,) = self._file()
        admitted = {e.ticket: e.ledger.admitted for e in self.centre.replay() if e.ledger and e.data.TYPE == FILED}
        repeat = hutong.complaint.Repeat(ticket=younger, filed=admitted[younger])
        turned = hutong.complaint.Repeat(ticket=older, filed=admitted[older])
        self.centre.submit(hutong.complaint.Amended(repeat=turned), ticket=younger)  # bad_merge
        self.centre.submit(hutong.complaint.Amended(repeat=repeat), ticket=older)
        [told] = [e for e in self.centre.replay(ticket=older) if isinstance(e.data, hutong.complaint.Amended)]
        merged = hutong.complaint.Merged(into=older, rule="same_caller")
        self.centre.submit(merged, ticket=older)  # bad_merge: into itself
        self.centre.submit(merged, ticket=younger, answers=told)

    def _withdrawn(self) -> None:
        (ticket,) = self._file()
        self.centre.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
        self.centre.submit(hutong.complaint.Withdrawn(reason="citizen_request"), ticket=ticket)
        self.water.submit(disposition.Accepted(), ticket=ticket)  # superseded

    def _refusals(self) -> None:
        self.centre.submit(filed(0).model_copy(update={"category": "castles"}), ticket=f"{CITY}-20260105-000000000A")
        self.centre.submit(filed(0).model_copy(update={"area": "110199"}), ticket=f"{CITY}-20260105-000000000B")
        ticket = self._handled_by(self.street, STREET)
        self.water.submit(filed(0), ticket=f"{CITY}-20260105-0000000000")  # not_entitled
        self.water.submit(disposition.Accepted(), ticket=ticket)  # not_entitled: not the lead
        self.centre.submit(disposition.Dispatched(lead=WATER), ticket=ticket)  # not_allowed: closed
        self.centre.submit(disposition.Dispatched(lead="110000.nobody"), ticket=ticket)  # unknown_unit
        self.centre.submit(disposition.Accepted(), ticket=f"{CITY}-20260101-0000000000")  # unknown_ticket
        self.centre.submit(filed(0), once="row 0", time=FILED_AT)  # already_admitted: sealed anew, so other bytes
        self.centre.submit(filed(0), once="later", time=datetime(2099, 1, 1, tzinfo=UTC))  # time_ahead
        self.water.submit(disposition.Accepted(), ticket=ticket, time=datetime(2020, 1, 1, tzinfo=UTC))  # time_past

    def _forgeries(self) -> None:
        """Whoever can write to `submissions`: repetitions, wrong places, junk."""
        transport = self.city.transport
        count = transport.topics()["submissions"]
        records = [record for log in self.history().submissions.values() for record in log]
        producer = transport.producer(client_id="forger")
        again = records[0], records[-1]
        sent = [Outgoing(topic="submissions", key=r.key, value=r.value, headers=r.headers) for r in (*again, *again)]
        first = records[1]
        wrong = (partition_of(first.key or b"", count) + 1) % count
        unsigned = tuple(header for header in first.headers if header[0] != "signature")
        for headers, value, partition in (
            (first.headers, first.value, wrong),
            (first.headers, first.value, wrong),  # told once
            (unsigned, first.value, None),  # on the ledger already
            (unsigned, b"\x00", None),
            ((*first.headers, ("ledger", b"")), first.value, None),
            (first.headers, b"\x00junk", None),
            ((), b"", None),
        ):
            sent.append(Outgoing(topic="submissions", key=first.key, value=value, headers=headers, partition=partition))
        right = first.value or b""
        sent += [
            self._signed(right + b"\x00"),  # undecodable
            self._signed(b"\x00\x00\xff\xff\xff" + right[5:]),  # unknown_schema
            self._signed(right, type="complaint.answered.v1"),  # wrong_type
            self._signed(right, subject="110000-20261340-0000000000"),  # bad_ticket
            self._signed(right, id="no id"),  # bad_header
            self._signed(right + bytes(256 * 1024)),  # too_large
        ]
        producer.send(sent, timeout=5)
        producer.close()

    def _signed(self, value: bytes, **given: str) -> Outgoing:
        """What the water utility really signed, whatever it is."""
        ticket = given.get("subject", f"{CITY}-20260101-1111111111")
        described = {"id": "1", "source": WATER, "type": "complaint.filed.v1", "subject": ticket, **given}
        attributes = Attributes(**described, time=datetime.now(UTC))
        event = Submission(key=ticket.encode(), value=value, headers=attributes.headers())
        signer = Signer(read_private_key(self.city.keys / f"{WATER}.pem"), "test")
        signature = ("signature", signer.sign([event.fingerprint("test")])[0])
        return Outgoing(topic="submissions", key=event.key, value=value, headers=(*event.headers, signature))

    def _agreed(self) -> None:
        """A study sees tickets from the middle of their life; it joins one of them, and does not see the end of the
        other, as it is closed before."""
        drafts = [self.centre.draft(filed(row), once=f"watched {row}", time=FILED_AT) for row in range(2)]
        joined, watched = (submitted.ticket for submitted in self.centre.submit_batch(drafts))
        for ticket in (joined, watched):
            self.centre.submit(disposition.Dispatched(lead=STREET), ticket=ticket)
        self.city.register(RESEARCH)
        for name, category in (("study", "public_service/water"), ("other_study", "public_service/heating")):
            self.city.agree(name, RESEARCH, categories=(category,), areas=(DISTRICT,))
        self.city.take_over()  # so that admit reads the directory now
        for ticket in (joined, watched):
            self.street.submit(disposition.Accepted(), ticket=ticket)
        self.street.submit(disposition.AssistRequested(units=(RESEARCH,)), ticket=joined)
        self.city.registrar.close_agreement("study", "study_finished", datetime.now(UTC))
        self.city.take_over()
        for ticket in (joined, watched):
            self.street.submit(disposition.Resolved(), ticket=ticket)

    def _revoked(self) -> None:
        (ticket,) = self._file()
        self.centre.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
        self.city.revoke(WATER)
        self.city.take_over()  # so that admit reads the directory now
        self.water.submit(disposition.Accepted(), ticket=ticket)  # revoked_organisation

    def _handle_all(self, organisation: str, system: str) -> None:
        left = sum(len(log) for log in self.history().deliveries[organisation].values())
        bus = self.city.connect(organisation, system)
        for event in bus.subscribe(receipts=True, refusals=True):
            with event:
                left -= 1
            if not left:
                bus.stop()
