"""Did each system handle exactly the deliveries there were, each once, in order? And how long did that take?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from tests.checker.deliveries import Content, Line
from tests.checker.history import Handled, History
from tests.checker.parked import Letters
from tests.checker.verdict import Findings


def check_handled(
    handled: Sequence[Handled],
    lines: Mapping[Line, Sequence[Content]],
    organisations: Iterable[str],
    findings: Findings,
    *,
    letters: Letters,
    done: Collection[str],
    joined_late: Collection[str] = (),
    restarted: Collection[str] = (),
) -> None:
    """Hold the journals' handled lines against the deliveries.

    ``done`` names systems (``<org>.<system>``) that must have handled everything; ``joined_late`` those that started
    at "now", whose first number is where they begin; ``restarted`` those that were killed, so that they rightly
    handled again what they had not yet committed. What has a letter in ``letters`` need not be handled (yet).
    """
    doors = sorted(organisations, key=len, reverse=True)
    found: dict[str, dict[tuple[str, int], list[Handled]]] = {system: {} for system in done}
    for line in handled:
        found.setdefault(line.system, {}).setdefault((line.stream, line.partition), []).append(line)
    for system, streams in found.items():
        organisation = next((name for name in doors if system.startswith(f"{name}.")), "")
        wanted = {
            (stream, partition): contents
            for (name, stream, partition), contents in lines.items()
            if name == organisation and (system in done or (stream, partition) in streams)
        }
        for place in sorted(streams.keys() | wanted.keys()):
            _check_line(
                f"{system} from {place[0]}/{place[1]}",
                streams.get(place, []),
                wanted.get(place, ()),
                findings,
                excused=letters.excused(system, *place),
                done=system in done,
                late=system in joined_late,
                restarted=system in restarted,
            )


def _check_line(
    name: str,
    handled: Sequence[Handled],
    contents: Sequence[Content],
    findings: Findings,
    *,
    excused: Collection[int],
    done: bool,
    late: bool,
    restarted: bool,
) -> None:
    findings.look("phantom", "handled_twice", "handled_order", count=len(handled))
    seen: set[int] = set()
    last = 0
    for line in handled:
        content = contents[line.n - 1] if 0 < line.n <= len(contents) else None
        what = f"number {line.n} of {name} ({line.fingerprint.hex()[:16]}…)"
        if content is None or content.fingerprint != line.fingerprint:
            findings.violated("phantom", f"{what}: {'that is ' + content.name if content else 'there is none'}")
            continue
        if line.n in seen:
            if not restarted:
                findings.violated("handled_twice", f"{what}: {content.name}")
        elif line.n < last and not line.letter:
            findings.violated("handled_order", f"{what} after {last}: {content.name}")
        seen.add(line.n)
        if not line.letter:
            last = max(last, line.n)
    begin = handled[0].n if late and handled else 1
    end = len(contents) if done and not (late and not handled) else last
    findings.look("unhandled", count=max(0, end - begin + 1))
    for n in range(begin, end + 1):
        if n not in seen and n not in excused:
            findings.violated("unhandled", f"number {n} of {name}: {contents[n - 1].name}")


def latencies(history: History, systems: Collection[str], types: Collection[str] | None = None) -> list[float]:
    """Milliseconds from *sent* in the author's journal to *handled* in that of one of ``systems``, for every event its
    program was given; ``types`` keeps only these CloudEvents types."""
    sent: dict[bytes, int] = {}
    kinds: dict[bytes, str] = defaultdict(str)
    for line in history.journals.sent:
        sent[line.fingerprint] = min(line.at_ms, sent.get(line.fingerprint, line.at_ms))
        kinds[line.fingerprint] = line.type
    return [
        float(line.at_ms - sent[line.fingerprint])
        for line in history.journals.handled
        if line.given
        and line.stream == "ledger"
        and line.system in systems
        and line.fingerprint in sent
        and (types is None or kinds[line.fingerprint] in types)
    ]
