"""Rows of different lengths as one flat array and offsets: sets of hashes, identifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from pipeline.dedup.array_file import ArrayFile

Array = np.ndarray


class Ragged(NamedTuple):
    """Row i is flat[offsets[i]:offsets[i + 1]]."""

    flat: Array
    offsets: Array  # (rows + 1,) int64, from 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of_strings(cls, strings: pa.Array) -> Self:
        """The UTF-8 bytes of an Arrow array of strings without nulls."""
        large = pa.concat_arrays([strings.cast(pa.large_string())])
        _, offsets, data = large.buffers()
        bounds = np.frombuffer(offsets, np.int64)[large.offset : large.offset + len(large) + 1]
        if not len(large):
            return cls(np.empty(0, np.uint8), np.zeros(1, np.int64))
        flat = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        return cls(flat[bounds[0] : bounds[-1]], bounds - bounds[0])

    def strings(self) -> pa.Array:
        """An Arrow array of large strings from UTF-8 bytes."""
        buffers = [None, pa.py_buffer(self.offsets.tobytes()), pa.py_buffer(self.flat.tobytes())]
        return pa.LargeStringArray.from_buffers(len(self), *buffers[1:])

    def take(self, rows: Array) -> Ragged:
        """These rows, in this order."""
        lengths = (self.offsets[1:] - self.offsets[:-1])[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        # Position of every number taken: its place in the row, from where the row begins.
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][rows] - offsets[:-1], lengths)
        return Ragged(self.flat[places], offsets)

    def arrays(self, name: str) -> dict[str, Array]:
        """As named arrays for a file."""
        return {f"{name}.flat": self.flat, f"{name}.offsets": self.offsets}


def joined(parts: Sequence[Ragged], dtype: type) -> Ragged:
    """Rows of several, one after the other."""
    lengths = [part.offsets[1:] - part.offsets[:-1] for part in parts]
    offsets = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum()
    return Ragged(np.concatenate([np.empty(0, dtype), *(part.flat for part in parts)]), offsets)


def read_rows(file: ArrayFile, name: str, start: int, stop: int) -> Ragged:
    """Rows `start` to `stop` of what `Ragged.arrays` named."""
    offsets = file.read(f"{name}.offsets", start, stop + 1)
    flat = file.read(f"{name}.flat", int(offsets[0]), int(offsets[-1]))
    return Ragged(flat, offsets - offsets[0])
