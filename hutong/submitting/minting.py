"""Under which key an author seals, and handing over to the custodian what was minted (design, "Personal data").

Where the city has a custodian 密钥保管, an event that begins a ticket or gives it to a unit brings its own keys. They
are durable here, then with the custodian, and only then is the event sent. Every other event is sealed under the
ticket's current key, as the custodian released it. Without a custodian each organisation keeps keys for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hutong.errors import InvalidEvent, KeyErased, KeyPending, SettingsError, Unconfirmed
from hutong.events import EventData
from hutong.events.complaint import Amended, Filed
from hutong.events.disposition import Dispatched
from hutong.events.sealed import KeyClass
from hutong.keyring import KeyRing
from hutong.registry import DirectoryReader
from hutong.sealing import DataKey, KeyStore, Minted, clear_fields, own_key
from hutong.submitting.drafts import Draft
from hutong.transport import Producer
from hutong.wire.envelope import Environment
from hutong.wire.wrapping import KeyName, Letter, Wrapper

KeyOf = Callable[[KeyClass], DataKey]

_CUSTODY, _NONE, _THERE = "custody", 1, 2
"""What the store remembers of the city: whether it has a custodian."""


def brings_keys(data: EventData) -> bool:
    """Whether the event is sealed under keys of its own, not under those that the ticket had."""
    return isinstance(data, Filed | Dispatched)


class Minting:
    """Gives the key of each field to be sealed. ``wait``: seconds that a release is waited for; ``offline``: there is
    an outbox, so the broker may be away all the time."""

    def __init__(
        self, keys: KeyStore, ring: KeyRing, directory: DirectoryReader, *, wait: float, offline: bool
    ) -> None:
        self._keys = keys
        self._ring = ring
        self._directory = directory
        self._wait = wait
        self._offline = offline

    def prepare(self, drafts: Sequence[Draft]) -> Callable[[Draft], KeyOf]:
        """What gives each draft's keys, to be asked inside the store's batch. Waits for keys to be released.

        Raises:
            KeyPending: the custodian did not release a key in time (retriable). KeyErased: the ticket's keys of a class
                were destroyed, so nothing more is sealed for it.
            Unavailable: the broker is away, and must be asked.
        """
        filed = any(isinstance(draft.data, Filed) for draft in drafts)
        if not (filed or any(clear_fields(draft.data) for draft in drafts)) or not self._custody():
            return lambda draft: own_key(self._keys, draft.ticket)
        self._await(drafts)
        return self._key_of

    def _custody(self) -> bool:
        """Whether there is a custodian. Behind an outbox the broker is not asked: it is as it was before, and if that
        is not known there is one, and what is minted is handed over as soon as it can be."""
        if self._offline and not self._directory.was_read:
            return self._keys.position(_CUSTODY) != _NONE
        found = _THERE if self._directory.known.custodian() is not None else _NONE
        if self._keys.position(_CUSTODY) != found:
            with self._keys.batch():
                self._keys.move(_CUSTODY, found)
        return found == _THERE

    def _key_of(self, draft: Draft) -> KeyOf:
        begins = isinstance(draft.data, Filed)
        if begins:  # whoever handles it will write, even where it says nothing itself
            self._keys.mint(draft.id, draft.ticket, "content", current=True)

        def key_of(key_class: KeyClass) -> DataKey:
            if brings_keys(draft.data):
                return self._keys.mint(draft.id, draft.ticket, key_class, current=begins)
            key = self._keys.current(draft.ticket, key_class)
            if key is None:  # an identity that was not told when the ticket was filed: see _wanted()
                return self._keys.mint(draft.id, draft.ticket, key_class, current=True)
            return key

        return key_of

    def _wanted(self, drafts: Sequence[Draft]) -> set[tuple[str, KeyClass]]:
        """Ticket and class of every key that another must have released, or that was minted here before.

        Only the filer may seal an identity later (``amended``). There may be no key of that class yet: then he brings
        one, once he holds the ticket's other key, for both were released together.
        """
        begun = {draft.ticket for draft in drafts if isinstance(draft.data, Filed)}
        later = [draft for draft in drafts if draft.ticket not in begun and not brings_keys(draft.data)]
        return {
            (draft.ticket, "content" if isinstance(draft.data, Amended) else key_class)
            for draft in later
            for key_class in clear_fields(draft.data).values()
        }

    def _refuse_erased(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            for key_class in clear_fields(draft.data).values():
                if self._keys.class_erased(draft.ticket, key_class):
                    raise KeyErased(f"the {key_class} of {draft.ticket} was erased: nothing more is sealed for it")

    def _await(self, drafts: Sequence[Draft]) -> None:
        wanted, deadline = self._wanted(drafts), time.monotonic() + self._wait
        if wanted and not self._offline:  # the lead may have changed; behind an outbox what is held must do
            self._ring.refresh()
        self._refuse_erased(drafts)
        while missing := sorted((t, c) for t, c in wanted if self._keys.current(t, c) is None):
            left = deadline - time.monotonic()
            if left <= 0:
                ticket, key_class = missing[0]
                raise KeyPending(
                    f"no {key_class} key of {ticket} was released to this organisation within {self._wait:g} s: does "
                    "the custodian run (`hutong status`), and has this organisation a part in the ticket that the "
                    f"table schemas/access.yaml names?{self._ring.cause()}"
                )
            self._ring.wait(left)
            self._refuse_erased(drafts)


class HandOver:
    """Gives minted keys to the custodian. An event must not be sent before :meth:`flush` returned."""

    def __init__(
        self,
        organisation: str,
        key: Ed25519PrivateKey,
        keys: KeyStore,
        directory: DirectoryReader,
        environment: Environment,
    ) -> None:
        self._organisation = organisation
        self._keys = keys
        self._directory = directory
        self._wrapper = Wrapper(organisation, key, environment)

    def flush(self, minted: Sequence[Minted], producer: Producer, *, timeout: float) -> None:
        """Returns when all in-sync replicas of ``keys.<custodian>`` have every ``minted`` key, in one call.

        Raises:
            Unavailable: the broker cannot be reached. Unconfirmed: nobody can say; no event was sent.
            SettingsError: the custodian has no sealing key.
        """
        directory = self._directory.known
        custodian = directory.custodian()
        if custodian is None:
            return  # they wait here for one
        letters = [
            Letter(
                name=KeyName(ticket=each.ticket, key_class=each.key_class, key_id=each.key.id),
                sender=self._organisation,
                reader=custodian,
                key=each.key,
                event=each.event,
            )
            for each in minted
        ]
        try:
            producer.send(self._wrapper.records(letters, directory), timeout=timeout)
        except InvalidEvent as error:
            raise SettingsError(f"ticket keys cannot be handed over: {error.text}") from error
        except Unconfirmed as error:
            raise Unconfirmed(f"whether ticket keys were handed over to {custodian}: {error}") from error
        self._keys.handed(minted)
