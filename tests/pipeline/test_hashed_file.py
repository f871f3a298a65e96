"""The hash of a range of a file, however the range is read."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import pytest

from pipeline.extract import ExtractSettings, Tally, extract_range
from pipeline.hashed_file import HashedFile

DATA = random.Random(1).randbytes(1000)


class Counted(io.BytesIO):
    """Bytes that know how many of them were read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize(
    "reads",
    [
        [],
        [(0, 1000)],
        [(200, 100), (300, 400), (700, 300)],
        [(100, 150), (240, 10), (251, 50), (245, 600)],
        [(900, 50), (0, 10), (400, 5)],
        [(200, -1)],
        [(1000, 5), (200, 0)],
    ],
)
def test_any_order_of_reads_gives_the_hash_of_the_range(reads: list[tuple[int, int]]) -> None:
    file = HashedFile(io.BytesIO(DATA), 200, 800)
    for offset, size in reads:
        assert file.seek(offset) == offset == file.tell()
        assert file.read(size) == DATA[offset : offset + size if size >= 0 else None]
    assert file.digest() == hashlib.sha256(DATA[200:800]).hexdigest()
    assert file.digest() == file.digest()


def test_what_was_read_in_order_is_not_read_again() -> None:
    source = Counted(DATA)
    file = HashedFile(source, 200, 800)
    file.seek(100)
    file.read(650)
    file.digest()
    assert source.count == 700


def test_a_range_that_ends_behind_the_file() -> None:
    file = HashedFile(io.BytesIO(DATA), 900, 2000)
    assert file.digest() == hashlib.sha256(DATA[900:]).hexdigest()


def test_extraction_hashes_what_it_reads(sample: Path) -> None:
    data = sample.read_bytes()
    middle = len(data) // 2
    for start, end in ((0, middle), (middle, len(data)), (0, None)):
        tally = Tally()
        settings = ExtractSettings(extractor="resiliparse")
        assert sum(
            part.documents.num_rows for part in extract_range(str(sample), start, end, settings, tally)
        )
        assert tally.sha256 == hashlib.sha256(data[start:end]).hexdigest()
