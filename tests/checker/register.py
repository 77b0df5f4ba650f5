"""The checker's own directory: what it said at each of its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.events.directory import Agreement, AgreementClosed, AgreementOpened, Changed, Registered, Revoked
from hutong.transport import Record
from hutong.wire.envelope import Environment, Submission
from hutong.wire.signing import Signature, Verifier, key_id
from tests.checker.verdict import Findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One organisation from directory number ``since`` on. A revoked one has neither keys nor rights."""

    since: int
    revoked: bool
    parent: str = ""
    keys: dict[bytes, bytes] = field(default_factory=dict)
    rights: frozenset[str] = frozenset()


DirectoryEvent = Registered | Changed | Revoked | AgreementOpened | AgreementClosed


@dataclass(slots=True, kw_only=True)
class Promise:
    """A standing agreement from directory number ``since`` until before ``ended``."""

    since: int
    agreement: Agreement
    ended: float = float("inf")


class Register:
    """Everything the registrar signed; asked by number."""

    def __init__(self) -> None:
        self.number = 0
        self.promises: dict[str, Promise] = {}
        self._standings: dict[str, list[Standing]] = {}
        self._ancestors: dict[tuple[str, int], frozenset[str]] = {}
        self._holders: dict[tuple[str, int], frozenset[str]] = {}

    @property
    def organisations(self) -> Iterable[str]:
        """Everyone who was ever registered."""
        return self._standings.keys()

    def about(self, data: DirectoryEvent) -> str:
        """The organisation that the event is about; ``""`` where nobody can say."""
        match data:
            case AgreementOpened(agreement=agreement):
                return agreement.recipient
            case AgreementClosed(id=id_):
                return self.promises[id_].agreement.recipient if id_ in self.promises else ""
            case Revoked(organisation=organisation):
                return organisation
            case _:
                return data.entry.id

    def objection(self, data: DirectoryEvent) -> str:
        """Why an agreement cannot be opened or closed here; ``""`` where it can."""
        if isinstance(data, AgreementOpened):
            standing = self.at(data.agreement.recipient, data.number)
            if standing is None or standing.revoked:
                return f"{data.agreement.recipient} is not registered"
            return f"agreement {data.agreement.id} was opened before" if data.agreement.id in self.promises else ""
        if isinstance(data, AgreementClosed):
            promise = self.promises.get(data.id)
            return "" if promise is not None and promise.ended > data.number else f"agreement {data.id} is not open"
        return ""

    def add(self, data: DirectoryEvent) -> None:
        """Take the next event."""
        self.number = data.number
        if isinstance(data, AgreementOpened):
            self.promises[data.agreement.id] = Promise(since=data.number, agreement=data.agreement)
            return
        if isinstance(data, AgreementClosed):
            self.promises[data.id].ended = data.number
            return
        if isinstance(data, Revoked):
            history = self._standings.setdefault(data.organisation, [])
            parent = history[-1].parent if history else ""
            history.append(Standing(since=data.number, revoked=True, parent=parent))
            for promise in self.promises.values():
                if promise.agreement.recipient == data.organisation:
                    promise.ended = min(promise.ended, data.number)
            return
        entry = data.entry
        self._standings.setdefault(entry.id, []).append(
            Standing(
                since=data.number,
                revoked=False,
                parent=entry.parent or "",
                keys={key_id(key): key for key in entry.signing_keys},
                rights=frozenset(entry.rights),
            )
        )

    def at(self, organisation: str, number: int) -> Standing | None:
        """The organisation's standing when the directory had ``number`` events; None: not registered then."""
        found = None
        for standing in self._standings.get(organisation, ()):
            if standing.since > number:
                break
            found = standing
        return found

    def rights(self, organisation: str, number: int) -> frozenset[str]:
        """The rights an organisation held at that number."""
        standing = self.at(organisation, number)
        return frozenset() if standing is None else standing.rights

    def ancestors(self, organisation: str, number: int) -> frozenset[str]:
        """Every organisation above this one that was registered and not revoked at that number."""
        asked = (organisation, number)
        if asked not in self._ancestors:
            above: set[str] = set()
            seen: set[str] = set()
            standing = self.at(organisation, number)
            while standing is not None and standing.parent and standing.parent not in seen:
                parent, standing = standing.parent, self.at(standing.parent, number)
                seen.add(parent)
                if standing is not None and not standing.revoked:
                    above.add(parent)
            self._ancestors[asked] = frozenset(above)
        return self._ancestors[asked]

    def holders(self, right: str, number: int) -> frozenset[str]:
        """Who held the right at that number."""
        asked = (right, number)
        if asked not in self._holders:
            self._holders[asked] = frozenset(name for name in self._standings if right in self.rights(name, number))
        return self._holders[asked]


def read_register(
    records: Iterable[Record], registrar_key: bytes, environment: Environment, codec: Codec, findings: Findings
) -> Register:
    """The directory in ``records``. A record written again byte for byte changes nothing; any other flaw is named."""
    register, verifier = Register(), Verifier(environment)
    seen: set[bytes] = set()
    for record in records:
        findings.look("directory")
        place = f"directory/{record.partition}@{record.offset}"
        submission = Submission(key=record.key, value=record.value, headers=record.headers)
        fingerprint = submission.fingerprint(environment)
        try:
            signature = Signature.from_bytes(submission.header("signature") or b"")
            verifier.verify(registrar_key, signature, fingerprint)
            attributes = submission.attributes()
            type_, data = codec.decode(record.value or b"")
        except InvalidEvent as error:
            findings.violated("directory", f"{place}: {error}")
            continue
        if not isinstance(data, DirectoryEvent) or type_ != attributes.type:
            findings.violated("directory", f"{place}: {type_} under the name {attributes.type} is no directory event")
            continue
        if data.number == register.number + 1 and (objection := register.objection(data)):
            findings.violated("directory", f"{place}: {objection}")
            register.number = data.number
            continue
        about = register.about(data)
        if not record.key == attributes.subject.encode() == about.encode():
            findings.violated("directory", f"{place}: key {record.key!r} and subject are not {about}")
        if data.number == register.number + 1:
            register.add(data)
        elif fingerprint not in seen:
            findings.violated("directory", f"{place}: number {data.number} follows {register.number}")
        seen.add(fingerprint)
    return register
