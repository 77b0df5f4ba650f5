"""What the tests of the custodian's store keep in it."""

from __future__ import annotations

import secrets

from hutong.rules.lifecycle import Ticket
from hutong.sealing import DataKey
from hutong.wire.wrapping import KeyName, Letter
from services.custodian.handler import Case
from services.custodian.vault import Vault

TICKET = "110000-20260131-0123456789"
VAULT = Vault(secrets.token_bytes(32))
CASE = Case(
    ticket=Ticket(id=TICKET, state="filed", filer="110000", keys=("ab",), participants=frozenset({"110000"})),
    anonymous=True,
    sequence=7,
    since=7,
    event="e-1",
    erased=frozenset({"identity"}),
)


def letter(key: DataKey) -> Letter:
    """A key of the ticket, as its author handed it over."""
    name = KeyName(ticket=TICKET, key_class="content", key_id=key.id)
    return Letter(name=name, sender="110000", reader="110000.custodian", key=key, event="e-1")
