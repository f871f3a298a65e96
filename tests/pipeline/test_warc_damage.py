"""Random damage to WARC files: what it does not touch is read."""

from __future__ import annotations

import random

import pytest

from pipeline.record import Record
from tests.pipeline.test_warc import block, member, read, record


@pytest.mark.parametrize("layout", ["members", "plain"])
def test_random_damage_loses_no_record_that_it_does_not_touch(layout: str) -> None:
    """A flipped bit, 30 or 3,000 zero bytes, once or twice, in files of 3 to 40 records without digests."""
    for seed in range(400):
        draw = random.Random(seed)
        records = [
            record(number, block(number, draw.randrange(10, 1500))) for number in range(draw.randrange(3, 40))
        ]
        pieces = [member(one, draw.choice([0, 6])) for one in records] if layout == "members" else records
        starts = [sum(map(len, pieces[:number])) for number in range(len(pieces) + 1)]
        data, touched = bytearray(b"".join(pieces)), set()
        for _ in range(draw.choice([1, 1, 2])):
            at = draw.randrange(len(data))
            size = min(draw.choice([1, 30, 3000]), len(data) - at)
            data[at : at + size] = bytes([data[at] ^ 1 << draw.randrange(8)]) if size == 1 else bytes(size)
            touched |= {n for n in range(len(pieces)) if starts[n] < at + size and at < starts[n + 1]}
        found = {event.body for event in read(bytes(data)) if isinstance(event, Record)}
        for number in set(range(len(pieces))) - touched:
            assert records[number].partition(b"\r\n\r\n")[2][:-4] in found, (seed, number)
