"""Compiled loops behind `c4_dolma`: ends and words of lines, and phrases anywhere on a page. Linear on every text."""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.loops.gopher_loops import matches
from filters.text import layout
from filters.text.layout import SPACE, Parts

Array = np.ndarray[Any, Any]


@compiled("void(uint32[::1], uint16[::1], int64[::1], int64[::1], int64, boolean[::1], boolean[::1])")
def _line_ends(
    codes: Array, traits: Array, starts: Array, ends: Array, words: int, no_end: Array, short: Array
) -> None:
    for line in range(len(starts)):
        last, count, inside = np.uint32(0), 0, False
        for i in range(ends[line] - 1, starts[line] - 1, -1):
            if traits[codes[i]] & SPACE:
                inside = False
            elif not inside:
                inside = True
                count += 1
                if count == 1:
                    last = codes[i]
            if count >= words and count > 0:
                break
        no_end[line] = not (last == 46 or last == 63 or last == 33 or last == 34)
        short[line] = count < words


def line_ends(codes: Array, lines: Parts, words: int) -> tuple[Array, Array]:
    """Of each line, whether its last visible character is no `.?!"`, and whether it has fewer words than `words`."""
    no_end, short = np.zeros(len(lines.starts), np.bool_), np.zeros(len(lines.starts), np.bool_)
    _line_ends(codes, layout.traits(), lines.starts, lines.ends, words, no_end, short)
    return no_end, short


@compiled("void(uint32[::1], int64[::1], uint16[::1], boolean, uint32[::1], int64[::1], int64[:, ::1])")
def _phrases(
    codes: Array, bounds: Array, traits: Array, whole: bool, wanted: Array, ends: Array, out: Array
) -> None:
    for text in range(len(bounds) - 1):
        first, last = bounds[text], bounds[text + 1]
        for i in range(first, last):
            code = codes[i]
            if code == 123:
                out[text, 1] = 1
            elif (code == 76 or code == 108) and matches(codes, i, last, wanted, ends[0], ends[1], True):
                out[text, 0] = 1
            elif (code == 74 or code == 106) and matches(codes, i, last, wanted, ends[1], ends[2], True):
                stop = i + ends[2] - ends[1]
                begins = i == first or traits[codes[i - 1]] & SPACE
                if not whole or (begins and (stop == last or traits[codes[stop]] & SPACE)):
                    out[text, 2] = 1


def phrases(codes: Array, bounds: Array, whole: bool) -> Array:
    """Of each text, 1 for `lorem ipsum`, for `{` and for `javascript`, which must be a word if `whole`; [texts, 3]."""
    out = np.zeros((len(bounds) - 1, 3), np.int64)
    wanted, ends = layout.code_points(("lorem ipsum", "javascript"))
    _phrases(codes, bounds, layout.traits(), whole, wanted, ends, out)
    return out
