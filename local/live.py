"""What the demo shows while it plays: tickets by state, events per second, the last events."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hutong.codec import Codec
from hutong.rules.lifecycle import Lifecycle, Ticket
from hutong.transport import Partition, Record, Transport
from hutong.wire.envelope import parse_time
from hutong.wire.stamps import LedgerStamp
from local.cities import City

LAST = 8
RATE_SECONDS = 5.0


class Follower:
    """Follows the ledger and keeps each ticket's state, by the lifecycle table alone: no signature is checked here."""

    def __init__(self, transport: Transport, city: City, lifecycle: Lifecycle, codec: Codec) -> None:
        self.tickets: dict[str, Ticket] = {}
        self.events = 0
        self.refused = 0
        self.last: deque[tuple[str, str, str, str]] = deque(maxlen=LAST)
        self.moved = time.monotonic()
        self._lifecycle = lifecycle
        self._codec = codec
        self._city = city
        self._recent: deque[float] = deque()
        self._consumer = transport.consumer(client_id="demo.live")
        places = [Partition(topic, n) for topic in ("ledger", "refusals") for n in range(city.partitions)]
        self._consumer.assign(places)
        for place in places:
            self._consumer.seek(place, 0)

    def read(self, timeout: float) -> None:
        """Take what came within ``timeout`` seconds."""
        for partition, records in self._consumer.poll(timeout, 2000).items():
            self.moved = time.monotonic()
            if partition.topic == "refusals":
                self.refused += len(records)
                continue
            for record in records:
                self._take(record)

    def _take(self, record: Record) -> None:
        headers = dict(record.headers)
        ticket, type_ = (record.key or b"").decode(), headers["ce_type"].decode()
        self.tickets[ticket] = self._lifecycle.follow(
            self.tickets.get(ticket),
            self._codec.decode(record.value or b"")[1],
            subject=ticket,
            author=headers["ce_source"].decode(),
            at_ms=LedgerStamp.from_bytes(headers["ledger"]).admitted_ms,
        )
        self.events += 1
        self._recent.append(self.moved)
        at = parse_time(headers["ce_time"].decode()).astimezone(self._city.time_zone)
        self.last.append((f"{at:%m-%d %H:%M:%S}", type_, ticket, headers["ce_source"].decode()))

    def by_state(self) -> Mapping[str, int]:
        """Tickets in each state."""
        return Counter(ticket.state for ticket in self.tickets.values())

    def ended(self) -> int:
        """Tickets that need no further step."""
        return sum(count for state, count in self.by_state().items() if self._lifecycle.ended(state))

    def rate(self) -> float:
        """Ledger events per second, of the last seconds."""
        now = time.monotonic()
        while self._recent and self._recent[0] < now - RATE_SECONDS:
            self._recent.popleft()
        return len(self._recent) / RATE_SECONDS

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


class Screen:
    """The live screen; without a terminal it stays silent."""

    def __init__(self, console: Console, city: City, lifecycle: Lifecycle, expected: int) -> None:
        self._city = city
        self._lifecycle = lifecycle
        self._expected = expected
        self._shown = console.is_terminal
        self._live = Live(console=console, refresh_per_second=4, transient=False)

    def update(self, follower: Follower) -> None:
        """Draw what the follower knows."""
        if self._shown:
            self._live.update(self.draw(follower))

    def draw(self, follower: Follower) -> Panel:
        """The screen as it is now."""
        name = self._city.organisations[self._city.id].names.get("zh", self._city.id)
        ended = follower.ended()
        head = Text.assemble(
            ("工单 tickets ", "dim"), (f"{len(follower.tickets)}/{self._expected}", "bold"), "   ",
            ("办结 ended ", "dim"), (f"{ended}", "bold green"), "   ",
            ("拒收 refused ", "dim"), (f"{follower.refused}", "bold red" if follower.refused else "dim"), "   ",
            ("台账 ledger ", "dim"), (f"{follower.events}", "bold"), "   ",
            (f"{follower.rate():.0f} events/s", "cyan"),
        )  # fmt: skip
        bar = ProgressBar(total=max(self._expected, 1), completed=ended, width=60)
        return Panel(Group(head, bar, Text(), self._states(follower), Text(), self._last(follower)),
                     title=f"互通 Hutong · {name}", border_style="blue", padding=(1, 2))  # fmt: skip

    def _states(self, follower: Follower) -> Table:
        table = Table.grid(padding=(0, 2))
        counts = follower.by_state()
        row: list[Text] = []
        for state, described in self._lifecycle.table.states.items():
            count = counts.get(state, 0)
            style = "dim" if not count else "green" if described.ended else "yellow"
            row.append(Text(f"{described.zh} {count}", style))
        half = (len(row) + 1) // 2
        for part in (row[:half], row[half:]):
            table.add_row(*part)
        return table

    def _last(self, follower: Follower) -> Table:
        table = Table.grid(padding=(0, 2))
        if not follower.last:
            table.add_row(Text("the services are starting …", "dim"))
        for at, type_, ticket, source in follower.last:
            organisation = self._city.organisations.get(source)
            who = organisation.names.get("zh", source) if organisation else source
            step = f"{self._lifecycle.table.events[type_].zh} {type_.split('.')[1]}"
            table.add_row(Text(at, "dim"), Text(step, "cyan"), Text(ticket), Text(who, "dim"))
        return table

    def __enter__(self) -> Screen:
        if self._shown:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._shown:
            self._live.stop()
