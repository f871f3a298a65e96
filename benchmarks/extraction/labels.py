"""Which blocks of a page its gold text holds: an alignment of tokens that prefers unbroken runs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from benchmarks.extraction.gold import GoldPage, tokens
from pipeline.extraction.blocks.counts import Counts, count
from pipeline.extraction.blocks.scan import END, IS_TITLE, START, Scan, scan
from pipeline.extraction.blocks.tree import serialised

Array = np.ndarray[Any, Any]

_MOST_CELLS = 1_200_000_000  # of the alignment's table, a byte each


class Labelled(NamedTuple):
    """A page with, per block, its number of tokens and how many of them the gold text has."""

    page: GoldPage
    scan: Scan
    counted: Counts
    tokens: Array
    hits: Array
    gold: int  # tokens


def label(page: GoldPage) -> Labelled | None:
    """Aligns one page; None where page and gold are too long for it."""
    found = scan(serialised(page.html))
    text = found.text.tobytes()
    numbers: dict[str, int] = {}
    ours: list[int] = []
    block_of: list[int] = []
    for block in np.flatnonzero(found.blocks[:, IS_TITLE] == 0).tolist():
        own = tokens(text[found.blocks[block, START] : found.blocks[block, END]].decode())
        ours += [numbers.setdefault(token, len(numbers)) for token in own]
        block_of += [block] * len(own)
    gold = [numbers.setdefault(token, len(numbers)) for token in tokens(page.text)]
    if len(ours) * len(gold) > _MOST_CELLS:
        return None
    hit = _align(np.array(ours, np.int32), np.array(gold, np.int32))
    places, blocks = np.array(block_of, np.int64), len(found.blocks)
    return Labelled(
        page=page,
        scan=found,
        counted=count(found.text, found.blocks),
        tokens=np.bincount(places, minlength=blocks),
        hits=np.bincount(places, hit, minlength=blocks),
        gold=len(gold),
    )


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _align(ours: Array, gold: Array) -> Array:
    """Which of our tokens a longest common subsequence takes, a match counting double right after a match."""
    rows, columns = len(ours), len(gold)
    moves = np.zeros(
        (rows + 1, columns + 1), np.uint8
    )  # 0 up, 1 left, 2 match; 4: the match goes on from one
    best = np.zeros(columns + 1, np.int32)
    matched = np.full(columns + 1, -1, np.int32)
    for row in range(1, rows + 1):
        corner, corner_matched, left = best[0], matched[0], 0
        for column in range(1, columns + 1):
            up, up_matched = best[column], matched[column]
            here, goes_on = -1, 0
            if ours[row - 1] == gold[column - 1]:
                here = corner + 1
                if corner_matched >= 0 and corner_matched + 2 > here:
                    here, goes_on = corner_matched + 2, 4
            most, move = up, 0
            if left > most:
                most, move = left, 1
            if here >= most and here > 0:
                most, move = here, 2
            moves[row, column] = move | goes_on
            corner, corner_matched = up, up_matched
            best[column], matched[column], left = most, here, most
    taken = np.zeros(rows, np.bool_)
    row, column, within = rows, columns, False
    while row > 0 and column > 0:
        move = moves[row, column]
        if not within and move & 3 == 0:
            row -= 1
        elif not within and move & 3 == 1:
            column -= 1
        else:
            taken[row - 1] = True
            within = bool(move & 4)
            row -= 1
            column -= 1
    return taken
