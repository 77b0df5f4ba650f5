"""A ticket to which everything happens that can happen to one ticket, in a city of four levels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hutong
from hutong import Clear, complaint, disposition
from hutong.events import notice
from hutong.events.sealed import Sealed
from tests.cities import CITY, TwinCity

DISTRICT, STREET, COMMUNITY = "110105", "110105026", "110105026001"
WATER = "110000.water"
BEGAN = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) - timedelta(days=5)
REPORTED = Clear({"name": "张三", "phone": "13800000000"})


def people(city: TwinCity) -> None:
    """Register the district, its street and one of its communities; the water utility stands already."""
    city.register(DISTRICT, level="district", names={"zh": "朝阳区", "en": "Chaoyang District"})
    city.register(STREET, level="street", parent=DISTRICT, names={"zh": "望京街道", "en": "Wangjing Subdistrict"})
    city.register(COMMUNITY, level="community", parent=STREET, names={"zh": "花园社区", "en": "Garden Community"})


def file(hotline: hutong.Bus, minutes: int) -> hutong.Event:
    """A complaint about water, sealed; its admitted filing."""
    filed = complaint.Filed(
        kind=complaint.Kind.COMPLAINT,
        channel="phone",
        category="public_service/water/no_water",
        area=STREET,
        identity=REPORTED,
        narrative=Clear("三天没水"),
        place=Clear({"address": "望京西路 1 号"}),
    )
    ticket = hotline.submit(filed, time=BEGAN + timedelta(minutes=minutes), wait="admitted").ticket
    return next(iter(hotline.replay(ticket=ticket)))


def whole_life(city: TwinCity, *, erased: bool = True) -> str:
    """The ticket's id. Everything but what ends a ticket otherwise: answered, merged, withdrawn."""
    people(city)
    hotline, district, street, community, water = map(city.connect, (CITY, DISTRICT, STREET, COMMUNITY, WATER))
    first, repeat = file(hotline, 0), file(hotline, 30)
    assert repeat.ledger is not None
    assert isinstance(first.data, complaint.Filed)
    again = complaint.Repeat(ticket=repeat.ticket, filed=repeat.ledger.admitted)
    content, identity = first.data.narrative, first.data.identity
    assert isinstance(content, Sealed)
    assert isinstance(identity, Sealed)

    def key(to: str, of: Sealed, kind: str) -> notice.AccessReleased:
        return notice.AccessReleased(
            key_id=of.key_id, key_class=notice.KeyClass(kind), recipient=to, purpose="handling"
        )

    def until(days: int) -> datetime:
        return BEGAN + timedelta(days=days)

    granted, rejected = disposition.Decision.GRANTED, disposition.Decision.REJECTED
    suspension = disposition.Measure.SUSPENSION
    steps: list[tuple[int, hutong.Bus, hutong.EventData]] = [
        (4, hotline, disposition.Dispatched(lead=WATER, urgency=disposition.Urgency.URGENT)),
        (20, water, disposition.Declined(reason="not_our_duty", explanation=Clear("二次供水设施归物业"))),
        (35, hotline, disposition.DeclineDecided(decision=granted)),
        (36, hotline, complaint.Amended(repeat=again)),
        (40, hotline, disposition.Dispatched(lead=STREET, assistants=(WATER,), instruction=Clear("请尽快"))),
        (55, street, disposition.Declined(reason="no_capacity")),
        (70, hotline, disposition.DeclineDecided(decision=rejected)),
        (90, street, disposition.Accepted(contact=Clear("李四"))),
        (100, street, disposition.AssistRequested(units=(COMMUNITY,), request=Clear("请到现场"))),
        (160, community, disposition.AssistReported(report=Clear("已到场"))),
        (200, hotline, complaint.Amended(narrative=Clear("五天没水"))),
        (1380, hotline, disposition.Reminded(limit="answer", due=until(1))),
        (1445, hotline, disposition.Overdue(limit="answer", due=until(1))),
        (2160, hotline, disposition.Escalated(reason="overdue", instruction=Clear("限期办结"))),
        (2200, street, disposition.ExtensionRequested(until=until(3), reason="parts")),
        (2260, district, disposition.ExtensionDecided(decision=granted, until=until(3))),
        (2300, street, disposition.ExtensionRequested(measure=suspension, until=until(4), reason="winter")),
        (2400, district, disposition.Suspended(until=until(4), reason="winter")),
        (4000, district, disposition.Resumed(reason="ready")),
        (4100, street, disposition.Resolved(report=Clear("已换水泵"))),
        (4300, hotline, called(disposition.Satisfaction.DISSATISFIED)),
        (4301, hotline, disposition.Reopened(reason="dissatisfied")),
        (5000, street, disposition.Resolved(outcome=disposition.Outcome.EXPLAINED)),
        (5300, hotline, called(disposition.Satisfaction.SATISFIED)),
        (5301, hotline, disposition.Closed(reason="satisfied")),
    ]
    for minutes, bus, data in steps:
        time = BEGAN + timedelta(minutes=minutes)
        bus.submit(data, ticket=first.ticket, time=time, wait="admitted")
        if isinstance(data, complaint.Amended) and data.repeat is not None:
            merged = complaint.Merged(into=first.ticket, rule="same_place")
            hotline.submit(merged, ticket=repeat.ticket, time=time, wait="admitted")
    keeper = _custodian(city)  # from now on the city has one: authors would hand their keys over, and wait for theirs
    notices: list[hutong.EventData] = [
        *(key(to, of, kind) for to in (WATER, STREET) for of, kind in ((content, "content"), (identity, "identity"))),
        *(key(to, content, "content") for to in (DISTRICT, COMMUNITY)),
    ]
    if erased:
        notices.append(notice.Erased(key_ids=(identity.key_id,), key_class=notice.KeyClass.IDENTITY, reason="citizen"))
    for data in notices:
        keeper.submit(data, ticket=first.ticket, time=BEGAN + timedelta(minutes=6000), wait="admitted")
    return first.ticket


def _custodian(city: TwinCity) -> hutong.Bus:
    city.register("110000.custodian", rights=("custody",))
    city.take_over()  # so that admit reads the directory now
    return city.connect("110000.custodian")


def called(satisfaction: disposition.Satisfaction) -> disposition.CalledBack:
    """The citizen was reached, and said so."""
    resolved = satisfaction is disposition.Satisfaction.SATISFIED
    return disposition.CalledBack(contacted=True, resolved=resolved, satisfaction=satisfaction)
