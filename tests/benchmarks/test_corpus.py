"""What the benchmarks feed to admit: all of it is admitted, and the peers' work finds all of it good."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.exceptions import InvalidSignature

from benchmarks.corpus import BATCH, STEPS, Corpus, size_of
from benchmarks.peers.work import Seen, Work
from hutong.transport import Outgoing
from hutong.wire.signing import Signature
from tests.cities import CITY, TwinCity

LEADS = ("110000.water", "110000.gas")
EVENTS = 2 * BATCH * STEPS


def _corpus(city: TwinCity, *, batched: bool) -> Corpus:
    for lead in LEADS:
        city.register(lead, level="utility")
    return Corpus(CITY, ZoneInfo("Asia/Shanghai"), city.keys, LEADS, batched=batched)


def _signatures(records: Sequence[Outgoing]) -> list[Signature]:
    return [Signature.from_bytes(dict(record.headers)["signature"]) for record in records]


@pytest.mark.parametrize("batched", [False, True])
def test_every_event_is_admitted_and_delivered_to_its_participants(tmp_path: Path, batched: bool) -> None:
    with TwinCity(tmp_path, lively=False) as city:
        lives = _corpus(city, batched=batched).lives(EVENTS - 1)
        city.take_over()
        city.transport.producer(client_id="bench").send(lives, timeout=10.0)
        city.pump()
        told = [len(list(city.connect(org).replay(source="deliveries"))) for org in (CITY, *LEADS)]
        ledger = list(city.connect(CITY, "ledger").replay())
    assert len(lives) == EVENTS
    assert len(ledger) == EVENTS
    assert told == [EVENTS, EVENTS // 2, EVENTS // 2]


def test_a_batch_is_32_events_of_one_author_and_a_single_event_stands_alone(tmp_path: Path) -> None:
    with TwinCity(tmp_path, lively=False) as city:
        alone = _corpus(city, batched=False).lives(EVENTS)
        together = Corpus(CITY, ZoneInfo("Asia/Shanghai"), city.keys, LEADS, batched=True).lives(EVENTS)
    assert {signature.size for signature in _signatures(alone)} == {1}
    assert Counter(signature.signature for signature in _signatures(together)).most_common()[-1][1] == BATCH
    assert [dict(r.headers)["ce_type"] for r in alone] == [dict(r.headers)["ce_type"] for r in together]
    assert 400 < sum(map(size_of, alone)) / EVENTS < 600


@pytest.mark.parametrize("batched", [False, True])
def test_the_peers_work_takes_good_events_alone_and_each_id_once(tmp_path: Path, batched: bool) -> None:
    with TwinCity(tmp_path, lively=False) as city:
        corpus = _corpus(city, batched=batched)
        lives = corpus.lives(EVENTS)
        (tmp_path / "authors.json").write_text(json.dumps(corpus.keys()))
    work, seen = Work(tmp_path / "authors.json"), Seen(tmp_path)
    ids = [work.do(record.key or b"", record.value or b"", record.headers) for record in lives]
    assert all(map(seen.is_new, ids))
    assert not any(map(seen.is_new, ids))
    altered = replace(lives[0], key=b"110000-20260131-0000000000")
    with pytest.raises(InvalidSignature):
        work.do(altered.key or b"", altered.value or b"", altered.headers)
