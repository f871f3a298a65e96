"""Token shards of a few small documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mixes.shards import write_shard

VOCAB, EOS = 300, 0


def _documents(first: int, count: int) -> tuple[pa.Table, list[np.ndarray]]:
    """Documents `first` to `first + count`: domains c, a and b in turn, every fifth held out."""
    numbers = range(first, first + count)
    tokens = [np.arange(1, 2 + (n * 7) % 23) + n % 200 for n in numbers]
    table = pa.table(
        {
            "id": [f"doc@{n}" for n in numbers],
            "domain": ["cab"[n % 3] for n in numbers],
            "split": ["heldout" if n % 5 == 0 else "train" for n in numbers],
            "bytes": pa.array([3 * len(ids) for ids in tokens], pa.int64()),
            "quality": [n / 10 for n in numbers],
        }
    )
    return table, tokens


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, int, int], tuple[Path, Path]]:
    """Writes documents `first` to `first + count` as the shard of a name."""

    def written(name: str, first: int, count: int) -> tuple[Path, Path]:
        table, tokens = _documents(first, count)
        return write_shard(tmp_path / name, table, tokens, vocab_size=VOCAB, eos=EOS)

    return written


@pytest.fixture
def pairs(write: Callable[[str, int, int], tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Three shards of 60, 1 and 40 documents."""
    return [write("one", 0, 60), write("two", 60, 1), write("three", 61, 40)]


@pytest.fixture
def documents() -> Callable[[int, int], tuple[pa.Table, list[np.ndarray]]]:
    """Makes documents `first` to `first + count` as a table and their tokens."""
    return _documents
