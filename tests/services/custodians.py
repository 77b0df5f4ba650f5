"""A city in memory with a custodian, and what the tests of custody ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hutong
from hutong.events.complaint import Kind
from hutong.events.disposition import Decision
from services.custodian.keeping import Custodian
from services.custodian.vault import make_master_key
from services.custodian.wiring import NAME, CustodySettings, custodian, keep
from tests.cities import CITY, TwinCity
from tests.services.handling import run

CUSTODIAN = "110000.custodian"
WATER, HEAT = "110000.water", "110000.heat"
DISTRICT, STREET, OTHER = "110105", "110105026", "110108"
HELPER, CALLERS, AUDITOR = "110000.power", "110000.callback", "110000.audit"

complaint, disposition = hutong.complaint, hutong.disposition

WHO, WHAT = {"name": "李大爷", "telephone": "13800000000"}, "望京西园三区停水三天了"


def filed(*, anonymous: bool = False) -> complaint.Filed:
    """A complaint with a name and an address."""
    return complaint.Filed(
        kind=Kind.COMPLAINT,
        channel="phone",
        category="public_service/water",
        area=STREET,
        anonymous=anonymous,
        identity=hutong.Clear(WHO),
        narrative=hutong.Clear(WHAT),
    )


def opens(bus: hutong.Bus, ticket: str, field: str, type_: type[hutong.EventData] = complaint.Filed) -> str:
    """What a field of the ticket's last such event is in an organisation's hands: its text, ``sealed``, ``erased``, or
    ``not delivered``."""
    bus.refresh()
    found = [e for e in bus.replay(source="deliveries", ticket=ticket) if isinstance(e.data, type_)]
    if not found:
        return "not delivered"
    try:
        return str(bus.unseal(found[-1], field))
    except hutong.KeyErased:
        return "erased"
    except hutong.KeyPending:
        return "sealed"


class Town:
    """The city, with an organisation for every role. ``keeper()`` lets the custodian do all there is to do."""

    def __init__(self, home: Path) -> None:
        self.city = city = TwinCity(home)
        city.register(CUSTODIAN, rights=["custody", "see_all"])
        city.register(CALLERS, rights=["call_back", "see_all"])
        city.register(AUDITOR, level="auditor", rights=["see_all", "replay"])
        for name in (WATER, HEAT, HELPER):
            city.register(name, level="utility")
        for name in (DISTRICT, OTHER):
            city.register(name, level="district")
        city.register(STREET, level="street", parent=DISTRICT)
        city.take_over()
        self.master_key = home / "keys" / "master"
        make_master_key(self.master_key)
        self.store = home / CUSTODIAN / "custody" / f"{CUSTODIAN}.sqlite"
        self._busses: dict[str, hutong.Bus] = {}
        self.hotline = self.bus(CITY)

    def bus(self, organisation: str) -> hutong.Bus:
        """The organisation's program, which does not wait for keys."""
        if organisation not in self._busses:
            self._busses[organisation] = self.city.connect(organisation, key_wait=0)
        return self._busses[organisation]

    def custody(self, **given: Any) -> CustodySettings:
        """The custodian's own settings."""
        return CustodySettings(**{"master_key_file": self.master_key, "custody_store": str(self.store), **given})

    @contextmanager
    def custodian(self, bus: hutong.Bus, **given: Any) -> Iterator[Custodian]:
        """The custodian on a bus of its organisation."""
        settings = self.city.settings(CUSTODIAN)
        with custodian(bus, settings, self.custody(**given), self.city.transport) as found:
            yield found

    def keeper(self, **given: Any) -> None:
        """Run the custodian until its door is empty; what it says comes back to it, so twice."""

        def work(bus: hutong.Bus) -> None:
            with self.custodian(bus, **given) as found:
                keep(bus, found)

        run(self.city, CUSTODIAN, NAME, work)

    def file(self, data: hutong.complaint.Filed | None = None) -> str:
        """A filed ticket."""
        return self.hotline.submit(data or filed(), wait="admitted").ticket

    def say(self, organisation: str, data: hutong.EventData, ticket: str) -> None:
        """An organisation says something on a ticket, and it is admitted."""
        self.bus(organisation).submit(data, ticket=ticket, wait="admitted")

    def pass_on(self, ticket: str, former: str, lead: str) -> None:
        """``former`` declines, and the hotline dispatches to ``lead``."""
        self.say(former, disposition.Declined(reason="not_our_duty"), ticket)
        self.hotline.submit(disposition.DeclineDecided(decision=Decision.GRANTED), ticket=ticket, wait="admitted")
        self.hotline.submit(disposition.Dispatched(lead=lead), ticket=ticket, wait="admitted")

    def opens(self, organisation: str, ticket: str, field: str, type_: type[hutong.EventData] = complaint.Filed) -> str:
        """What a field is in an organisation's hands: see :func:`opens`."""
        return opens(self.bus(organisation), ticket, field, type_)

    def notices(self, ticket: str) -> list[tuple[str, str, str]]:
        """Recipient, class and purpose of everything that the ledger says was released, in its order."""
        events = self.hotline.replay(ticket=ticket)
        return [
            (event.data.recipient, event.data.key_class.value, event.data.purpose)
            for event in events
            if isinstance(event.data, hutong.notice.AccessReleased)
        ]

    def close(self) -> None:
        """End it."""
        self.city.close()
