"""What the reader of a range leaves for the reader of the next one."""

from __future__ import annotations

import io
from typing import Any

import pytest

from pipeline import warc
from pipeline.warc import Reached, read_records
from tests.pipeline.test_warc import block, member, record, urls


def test_the_next_range_starts_where_the_last_one_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [member(record(number, block(number, 30))) for number in range(6)]
    data, third = b"".join(parts), len(parts[0]) + len(parts[1])
    reached = Reached()
    assert urls(list(read_records(io.BytesIO(data), 0, third - 5, reached=reached))) == [0, 1]
    assert (reached.end, reached.offset) == (third - 5, third)
    calls: list[int] = []
    find = warc._Chained.find

    def counted(self: Any, offset: int, stop: int | None = None) -> int | None:
        calls.append(offset)
        return find(self, offset, stop)

    monkeypatch.setattr("pipeline.warc._Chained.find", counted)
    assert urls(list(read_records(io.BytesIO(data), third - 5, len(data), reached=reached))) == [2, 3, 4, 5]
    assert calls == [third]
    # What is known of another file, or is wrong, is not believed.
    wrong = Reached(third - 5, third + 1)
    assert urls(list(read_records(io.BytesIO(data), third - 5, len(data), reached=wrong))) == [2, 3, 4, 5]
