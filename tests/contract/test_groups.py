"""Groups: who reads what, from where, and what a commit is worth."""

from __future__ import annotations

import pytest

from hutong import errors
from hutong.transport import Consumer, Outgoing, Partition, Position
from tests.contract.bench import Bench, read, until


def member(bench: Bench, group: str, *topics: str, instance: str | None = None, **settings: float) -> Consumer:
    """A member of a group, not joined before its first poll."""
    consumer = bench.reader(group=group, instance=instance, **settings)
    consumer.subscribe(topics)
    return consumer


def settle(*members: Consumer, partitions: int) -> None:
    """Poll all members in turn until each has its share: disjoint, nothing left over."""

    def settled() -> bool:
        for one in members:
            one.poll(0.05)
        shares = [one.assignment() for one in members]
        return all(shares) and sum(map(len, shares)) == len(frozenset().union(*shares)) == partitions

    until(settled, "every member has its share")


def test_commit_and_go_on(bench: Bench) -> None:
    """A new member goes on where the group's last commit says, and sees its metadata."""
    topic, group = bench.topic(), bench.name("group")
    a = Partition(topic, 0)
    bench.send(topic, b"a", b"b", b"c")
    first = member(bench, group, topic)
    read(first, 3)
    assert first.committed(a) is None
    assert first.commit({a: Position(offset=2, metadata='{"n": 7}')}) is True
    assert first.committed(a) == Position(offset=2, metadata='{"n": 7}')
    assert bench.transport.groups(group) == {a: Position(offset=2, metadata='{"n": 7}')}
    first.close()
    second = member(bench, group, topic)
    assert [r.value for r in read(second, 1)] == [b"c"]


def test_unknown_group(bench: Bench) -> None:
    """A group nobody knows has no positions."""
    assert bench.transport.groups(bench.name("group")) == {}


def test_members_are_counted(bench: Bench) -> None:
    """Every group that is known, with those who share its partitions now; positions without a member count none."""
    topic, group, lonely = bench.topic(2), bench.name("group"), bench.name("group")
    one, two = member(bench, group, topic), member(bench, group, topic)
    settle(one, two, partitions=2)
    bench.reader(Partition(topic, 0), group=lonely).commit({Partition(topic, 0): Position(offset=0)})
    found = bench.transport.members()
    assert (found[group], found[lonely]) == (2, 0)
    two.close()
    settle(one, partitions=2)
    assert bench.transport.members()[group] == 1


def test_without_group(bench: Bench) -> None:
    """A consumer without a group can neither subscribe nor commit: an error of the caller."""
    a = Partition(bench.topic(), 0)
    reader = bench.reader(a)
    with pytest.raises(ValueError, match="group"):
        reader.commit({a: Position(offset=0)})
    with pytest.raises(ValueError, match="group"):
        reader.committed(a)
    with pytest.raises(ValueError, match="group"):
        reader.subscribe([a.topic])


def test_assigned_commit(bench: Bench) -> None:
    """A consumer that assigned itself partitions commits for a group without members."""
    topic, group = bench.topic(), bench.name("group")
    a = Partition(topic, 0)
    bench.send(topic, b"a")
    assert bench.reader(a, group=group).commit({a: Position(offset=1)})
    assert bench.reader(a, group=group).position(a) == 1


def test_out_of_range_commit(bench: Bench) -> None:
    """A committed position that retention has overtaken is out of range, also with start set to earliest."""
    topic, group = bench.topic(), bench.name("group")
    a = Partition(topic, 0)
    bench.send(topic, b"a", b"b", b"c")
    bench.reader(a, group=group).commit({a: Position(offset=1)})
    bench.backend.truncate(a, 2)
    with pytest.raises(errors.OutOfRange, match=topic) as raised:
        read(member(bench, group, topic), 1)
    assert (raised.value.offset, raised.value.begin, raised.value.end) == (1, 2, 3)


def test_ranges(bench: Bench) -> None:
    """Partition p of two topics of equal size comes to the same member, and all are shared."""
    ledger, refusals, group = bench.topic(3), bench.topic(3), bench.name("group")
    one = member(bench, group, ledger, refusals, instance="one")
    two = member(bench, group, ledger, refusals, instance="two")
    settle(one, two, partitions=6)
    for each in (one, two):
        numbers = {t: {p.number for p in each.assignment() if p.topic == t} for t in (ledger, refusals)}
        assert numbers[ledger] == numbers[refusals]
        assert numbers[ledger]


def test_rebalance(bench: Bench) -> None:
    """A newcomer raises the others' generation; what one member gave up, the next reads on from the commit."""
    topic, group = bench.topic(2), bench.name("group")
    a, b = Partition(topic, 0), Partition(topic, 1)
    bench.send(topic, b"a0", b"a1", partition=0)
    bench.send(topic, b"b0", b"b1", partition=1)
    one = member(bench, group, topic)
    read(one, 4)
    assert one.commit({a: Position(offset=1), b: Position(offset=1)})
    generation = one.generation
    two = member(bench, group, topic)
    reread: list[bytes | None] = []

    def shared() -> bool:
        one.poll(0.05)
        reread.extend(r.value for records in two.poll(0.05).values() for r in records)
        return len(one.assignment()) == len(two.assignment()) == 1 and len(reread) == 1

    until(shared, "one partition each")
    assert one.generation > generation
    assert one.assignment() | two.assignment() == {a, b}
    assert reread == [b"a1" if a in two.assignment() else b"b1"]


def test_brief_polls(bench: Bench) -> None:
    """Members that poll briefly and seldom get their partitions too, though joining finishes between two polls."""
    topic, group = bench.topic(2), bench.name("group")
    idle = bench.reader(Partition(topic, 0))
    members = [member(bench, group, topic, instance=name) for name in ("one", "two")]

    def settled() -> bool:
        for one in members:
            one.poll(0.002)
            idle.poll(0.05)
        return all(len(one.assignment()) == 1 for one in members)

    until(settled, "one partition each")


def test_moot_commit(bench: Bench) -> None:
    """A member that was away too long commits in vain: False, no error, and the position stands as its heir left it."""
    topic, group = bench.topic(2), bench.name("group")
    a = Partition(topic, 0)
    one = member(bench, group, topic, max_poll_interval=2.0)
    settle(one, partitions=2)
    assert one.commit({a: Position(offset=0, metadata="first")})
    two = member(bench, group, topic)
    until(lambda: not two.poll(0.05) and bool(two.assignment()), "the second member's share")
    assert one.commit({a: Position(offset=0, metadata="late")}) is False
    assert two.committed(a) == Position(offset=0, metadata="first")

    def back() -> bool:
        two.poll(0.05)
        one.poll(0.05)
        return any(one.commit({p: Position(offset=0)}) for p in one.assignment())

    until(back, "the first member commits again")


def test_commit_amid_a_rebalance(real: Bench) -> None:
    """Whose partitions were taken and not yet given back commits in vain at once: it does not wait for the others, of
    whom one never joins again."""
    topic, group = real.topic(2), real.name("group")
    one, two = member(real, group, topic), member(real, group, topic)
    settle(one, two, partitions=2)
    newcomer = member(real, group, topic)

    def moot() -> bool:
        newcomer.poll(0.05)
        one.poll(0.05)
        return not one.commit({p: Position(offset=0) for p in one.assignment()})

    until(moot, "a commit in vain")


def test_leaving(bench: Bench) -> None:
    """A member without a static id gives its partitions back when it closes."""
    topic, group = bench.topic(2), bench.name("group")
    one, two = member(bench, group, topic), member(bench, group, topic)
    settle(one, two, partitions=2)
    two.close()
    settle(one, partitions=2)


def test_static_restart(bench: Bench) -> None:
    """A static member that is closed and started again gets its partitions back, and nobody else notices."""
    topic, group = bench.topic(2), bench.name("group")
    one, two = member(bench, group, topic, instance="one"), member(bench, group, topic, instance="two")
    settle(one, two, partitions=2)
    share, generation = two.assignment(), one.generation
    two.close()
    again = member(bench, group, topic, instance="two")
    settle(one, again, partitions=2)
    assert again.assignment() == share
    assert one.generation == generation


def test_static_id_taken(bench: Bench) -> None:
    """Of two processes under one static id the former is fenced, at its next commit at the latest."""
    topic, group = bench.topic(), bench.name("group")
    a = Partition(topic, 0)
    former = member(bench, group, topic, instance="same")
    settle(former, partitions=1)
    latter = member(bench, group, topic, instance="same")
    settle(latter, partitions=1)
    with pytest.raises(errors.Fenced):
        former.commit({a: Position(offset=0)})
    assert latter.commit({a: Position(offset=0)})


def test_fenced_reader_sees_it(bench: Bench) -> None:
    """A fenced member that only polls, on a busy topic too, is told within a few heartbeats."""
    topic, group = bench.topic(), bench.name("group")
    former = member(bench, group, topic, instance="same")
    settle(former, partitions=1)
    settle(member(bench, group, topic, instance="same"), partitions=1)
    producer = bench.opened(bench.transport.producer(client_id="test"))

    def told() -> bool:
        producer.send([Outgoing(topic=topic, key=b"k", value=b"v")], timeout=10)
        try:
            former.poll(0.05)
        except errors.Fenced:
            return True
        return False

    until(told, "Fenced")


def test_instances_apart(bench: Bench) -> None:
    """The same static id in two groups is two members."""
    topic = bench.topic()
    one = member(bench, bench.name("group"), topic, instance="same")
    two = member(bench, bench.name("group"), topic, instance="same")
    settle(one, partitions=1)
    settle(two, partitions=1)
    assert one.commit({Partition(topic, 0): Position(offset=0)})
