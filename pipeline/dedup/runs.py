"""Sorted runs: 64-bit keys with small values, sorted by key, so that a reader takes one range of keys of each run.

This is the shuffle: every map task writes runs, and the reduce task of a partition reads its range of all of them.
Keys are hashes, so that ranges of equal width hold about equally many; a partition is a power of two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.dedup.array_file import ArrayFile, write_arrays
from pipeline.store import Folder

Array = np.ndarray

RUN_ENTRIES = 8 << 20  # of one run at most: 96 MiB with one value
PARTITION_ENTRIES = 4 << 20  # that a reduce task is to meet
_BUCKET = 4096  # entries that an index entry stands for


class Entries(NamedTuple):
    """Keys (n,) of uint64 and their values (n, width) of uint32."""

    keys: Array
    values: Array


def partitions(entries: int) -> int:
    """How many reduce tasks for so many entries: a power of two."""
    return 1 << ((max(entries, 1) - 1) // PARTITION_ENTRIES).bit_length()


def write_run(path: Path, entries: dict[str, Entries]) -> None:
    """Write entries of several kinds, each sorted by key; equal keys stay in the order given."""
    arrays: dict[str, Array] = {}
    for kind, (keys, values) in entries.items():
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        bits = max(0, (len(keys) // _BUCKET).bit_length())
        starts = np.searchsorted(ordered, _first_keys(bits)).astype(np.uint32)
        arrays[f"{kind}.keys"] = ordered
        arrays[f"{kind}.values"] = values[order]
        arrays[f"{kind}.starts"] = np.append(starts, np.uint32(len(keys)))
    write_arrays(path, arrays)


def _first_keys(bits: int) -> Array:
    """The least key of each of 2**bits ranges."""
    return np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits) if bits else np.zeros(1, np.uint64)


def read_part(folder: Folder, name: str, kind: str, part: int, parts: int) -> Entries:
    """The entries of a run whose keys lie in range `part` of `parts` (a power of two), sorted by key."""
    with ArrayFile(folder, name) as file:
        buckets = file.rows(f"{kind}.starts") - 1
        low, high = part * buckets // parts, -(-(part + 1) * buckets // parts)
        starts = file.read(f"{kind}.starts", low, high + 1)
        begin, end = int(starts[0]), int(starts[-1])
        keys = file.read(f"{kind}.keys", begin, end)
        values = file.read(f"{kind}.values", begin, end)
    if parts > buckets:  # a short run: its bucket holds more than the range
        ranges = keys >> np.uint64(64 - (parts.bit_length() - 1))
        first, last = np.searchsorted(ranges, np.array([part, part + 1], dtype=np.uint64))
        keys, values = keys[first:last], values[first:last]
    return Entries(keys, values)


def read_parts(
    folder: Folder, names: Sequence[str], kind: str, part: int, parts: int, width: int
) -> list[Entries]:
    """That range of many runs, in their order; runs without the kind give none."""
    empty = Entries(np.empty(0, np.uint64), np.empty((0, width), np.uint32))
    return [read_part(folder, name, kind, part, parts) for name in names] or [empty]
