"""Lines joined to parts of a least length, as spans: what is long enough for a model to judge."""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.batch import Batch
from filters.compiled import compiled
from filters.text.layout import Parts, stripped

Array = np.ndarray[Any, Any]


@compiled("int64(int64[::1], int64[::1], int64[::1], int64, int64[::1], int64[::1], int64[::1])")
def _joined(
    offsets: Array, starts: Array, ends: Array, least: Any, new: Array, new_starts: Array, new_ends: Array
) -> int:
    count = 0
    for text in range(len(offsets) - 1):
        first, size = count, 0  # of the open part, 0 where none is open
        for line in range(offsets[text], offsets[text + 1]):
            length = ends[line] - starts[line]
            if not length:
                continue
            if not size:
                new_starts[count] = starts[line]
            size += length
            new_ends[count] = ends[line]
            if size >= least:
                count += 1
                size = 0
        if size and count > first:
            new_ends[count - 1] = new_ends[count]
        elif size:
            count += 1
        new[text + 1] = count
    return count


def joined_lines(batch: Batch, least: int) -> Parts:
    """Lines that are not blank, joined with the ones after them up to `least` characters.

    What is left at a text's end belongs to its last part; a shorter text is one part.
    """
    lines = stripped(batch.codes, batch.lines)
    offsets = np.zeros(len(batch) + 1, np.int64)
    starts, ends = np.empty(len(lines.starts) + 1, np.int64), np.empty(len(lines.starts) + 1, np.int64)
    count = _joined(lines.offsets, lines.starts, lines.ends, least, offsets, starts, ends)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy())
