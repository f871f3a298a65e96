"""Texts again from code points, for filters that edit in compiled loops: only what changed is made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from filters.batch import Batch

Array = np.ndarray[Any, Any]


def texts(codes: Array, starts: Array, ends: Array) -> list[str]:
    """The texts `codes[starts[i]:ends[i]]`."""
    stored = codes.astype("<u4", copy=False).tobytes()
    return [
        stored[4 * start : 4 * end].decode("utf-32-le", "surrogatepass")
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def without_lines(batch: Batch, drop: Array) -> list[str]:
    """The batch's texts without some of `batch.lines`, each removed with its newline; `drop` is a boolean a line."""
    from filters.text import layout

    removed = layout.total(batch.lines.offsets, drop)
    found = list(batch.texts)
    for row in np.flatnonzero(removed).tolist():
        lines = batch.texts[row].split("\n")
        marks = drop[batch.lines.offsets[row] : batch.lines.offsets[row + 1]].tolist()
        last = len(lines) - 1
        found[row] = "".join(
            line if i == last else line + "\n"
            for i, (line, gone) in enumerate(zip(lines, marks, strict=True))
            if not gone
        )
    return found
