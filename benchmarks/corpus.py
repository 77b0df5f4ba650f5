"""Submissions prepared beforehand: tickets' whole lives, signed singly or in batches of 32, all to be admitted.

A block is 32 tickets that go through the same life at the same time. Each of its six steps is one batch of 32 events by
one author, which is signed once; or each event alone. So both kinds hold the same events in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.events import EventData
from hutong.events.complaint import Filed, Kind
from hutong.events.disposition import Accepted, CalledBack, Closed, Dispatched, Resolved, Satisfaction
from hutong.events.sealed import Clear, KeyClass
from hutong.sealing import DataKey, seal_fields
from hutong.settings import read_private_key
from hutong.transport import Outgoing
from hutong.wire.envelope import SIGNATURE, Attributes, Submission
from hutong.wire.identity import fresh_id, ticket_id
from hutong.wire.signing import Signer, key_id
from local.founding import ENVIRONMENT

BATCH = 32
"""Events under one signature, where they are signed in batches; tickets of a block."""
STEPS = 6
"""Events of a whole life: filed, dispatched, accepted, resolved, called back, closed."""

_CALLER = Clear({"name": "张三", "phone": "13800000000"})
_STORY = Clear("小区三天没有水，物业电话无人接听，楼里有老人和孩子，请尽快派人查看水泵。")
_PLACE = Clear({"address": "望京西路 1 号院 3 号楼", "community": "花园社区"})
_INSTRUCTION = Clear("请于今日到现场核实，联系诉求人，查明原因后尽快恢复供水，并说明预计完成时间。")
_CONTACT = Clear({"name": "李四", "phone": "13900000000", "note": "已与诉求人约定下午三点到现场查看"})
_REPORT = Clear(
    "经现场查看，二次供水水泵故障，已更换水泵并恢复供水，已向诉求人说明原因并取得谅解，后续将安排定期检修。"
)
_REMARK = Clear("诉求人表示已恢复供水，对处理结果满意，感谢工作人员及时到场。")


@dataclass(frozen=True, slots=True)
class Step:
    """What one author says of a block's tickets."""

    author: str
    data: EventData


class Corpus:
    """Makes submissions of a city's organisations, whose keys are in ``keys/<organisation>.pem``.

    ``leads`` take the blocks in turn. ``batched``: signed 32 at a time, otherwise each alone.
    """

    def __init__(self, city: str, zone: ZoneInfo, keys: Path, leads: Sequence[str], *, batched: bool) -> None:
        self._city = city
        self._zone = zone
        self._leads = leads
        self._batched = batched
        self._codec = Codec(Catalogue.load())
        self._signers = {
            author: Signer(read_private_key(keys / f"{author}.pem"), ENVIRONMENT) for author in (city, *leads)
        }

    def keys(self) -> Mapping[str, str]:
        """Key id → public key of every author, both in hex."""
        publics = (signer.public_key for signer in self._signers.values())
        return {key_id(public).hex(): public.hex() for public in publics}

    def lives(self, events: int) -> list[Outgoing]:
        """At least so many submissions, in whole blocks of lives."""
        blocks = -(-events // (BATCH * STEPS))
        return [record for number in range(blocks) for record in self.block(self.life(number))]

    def life(self, number: int) -> list[Step]:
        """The steps that all tickets of block ``number`` go through."""
        lead, hotline = self._leads[number % len(self._leads)], self._city
        called = CalledBack(contacted=True, resolved=True, satisfaction=Satisfaction.SATISFIED, remark=_REMARK)
        return [
            self.filing(),
            Step(hotline, Dispatched(lead=lead, instruction=_INSTRUCTION)),
            Step(lead, Accepted(contact=_CONTACT)),
            Step(lead, Resolved(report=_REPORT)),
            Step(hotline, called),
            Step(hotline, Closed(reason="satisfied")),
        ]

    def filing(self) -> Step:
        """The step that begins a ticket."""
        filed = Filed(
            kind=Kind.COMPLAINT,
            channel="phone",
            category="public_service/water/no_water",
            area="110105026",
            identity=_CALLER,
            narrative=_STORY,
            place=_PLACE,
        )
        return Step(self._city, filed)

    def block(self, steps: Sequence[Step]) -> Iterator[Outgoing]:
        """32 new tickets that go through these steps, one step after the other."""
        now = datetime.now(UTC)
        tickets = [ticket_id(self._city, now.astimezone(self._zone)) for _ in range(BATCH)]
        keys: list[dict[KeyClass, DataKey]] = [{"identity": DataKey.mint(), "content": DataKey.mint()} for _ in tickets]
        for step in steps:
            events = [self._event(step, t, k, now) for t, k in zip(tickets, keys, strict=True)]
            prints = [event.fingerprint(ENVIRONMENT) for event in events]
            signer = self._signers[step.author]
            signatures = signer.sign(prints) if self._batched else [signer.sign([p])[0] for p in prints]
            for event, signature in zip(events, signatures, strict=True):
                yield Outgoing(
                    topic="submissions",
                    key=event.key,
                    value=event.value,
                    headers=(*event.headers, (SIGNATURE, signature)),
                )

    def _event(self, step: Step, ticket: str, keys: Mapping[KeyClass, DataKey], now: datetime) -> Submission:
        id_, type_ = fresh_id(), step.data.TYPE
        data = seal_fields(step.data, keys.__getitem__, ticket=ticket, source=step.author, event_id=id_)
        attributes = Attributes(id=id_, source=step.author, type=type_, time=now, subject=ticket)
        return Submission(key=ticket.encode(), value=self._codec.encode(data), headers=attributes.headers())


def size_of(record: Outgoing) -> int:
    """Bytes of key, value and headers."""
    return Submission(key=record.key, value=record.value, headers=record.headers).size
