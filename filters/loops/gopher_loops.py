"""Compiled loops behind `gopher_dolma` and `gopher_dclm`: what words and lines look like.

Cost: nanoseconds a character, linear on every text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from filters.compiled import compiled
from filters.text import layout
from filters.text.layout import LETTER, NUMERIC, Parts

if TYPE_CHECKING:
    from filters.batch import Batch

Array = np.ndarray[Any, Any]

ELLIPSIS = 0x2026
SYMBOL, ALPHABETIC, WANTED = 1, 2, 4  # of a word: contains `#` or `…`; a letter; is in a list
_SHORT = 64  # lengths of words that are counted in place; longer ones share a place


@compiled("uint32(uint32)")
def lowered(code: int) -> int:
    """The lower case of an ASCII letter and of the Kelvin sign, whose lower case is `k`; others as they are."""
    if 65 <= code <= 90:
        return code + 32
    return 107 if code == 0x212A else code


@compiled("boolean(uint32[::1], int64, int64, uint32[::1], int64, int64, boolean)")
def matches(codes: Array, start: int, end: int, wanted: Array, first: int, last: int, fold: bool) -> bool:
    """Whether `wanted[first:last]` stands at `start` and ends by `end`; with `fold` in any case of ASCII letters."""
    if end - start < last - first:
        return False
    for i in range(last - first):
        code = lowered(codes[start + i]) if fold else codes[start + i]
        if code != wanted[first + i]:
            return False
    return True


@compiled("boolean(uint32[::1], int64, int64, uint32[::1], int64[::1], boolean)")
def listed(codes: Array, start: int, end: int, wanted: Array, bounds: Array, fold: bool) -> bool:
    """Whether the part is one of some words."""
    for word in range(len(bounds) - 1):
        if bounds[word + 1] - bounds[word] == end - start and matches(
            codes, start, end, wanted, bounds[word], bounds[word + 1], fold
        ):
            return True
    return False


@compiled(
    "void(uint32[::1], uint16[::1], int64[::1], int64[::1], int64[::1], uint32[::1], int64[::1], boolean, uint8[::1])"
)
def _word_traits(
    codes: Array,
    traits: Array,
    starts: Array,
    ends: Array,
    first: Array,
    wanted: Array,
    bounds: Array,
    fold: bool,
    out: Array,
) -> None:
    for number in range(len(first)):
        start, end = starts[first[number]], ends[first[number]]
        symbol = letter = False
        for i in range(start, end):
            code = codes[i]
            if code == 35 or code == ELLIPSIS:
                symbol = True
            elif traits[code] & LETTER:
                letter = True
        found = SYMBOL * symbol + ALPHABETIC * letter
        if listed(codes, start, end, wanted, bounds, fold):
            found += WANTED
        out[number] = found


def word_traits(codes: Array, words: Parts, first: Array, wanted: Sequence[str], fold: bool) -> Array:
    """For each distinct word (`first`: one place of each) the bits SYMBOL, ALPHABETIC and WANTED, uint8.

    `fold` compares with wanted words, given in lower case, in any case of ASCII letters.
    """
    out = np.zeros(len(first), np.uint8)
    listed_codes, bounds = layout.code_points(wanted)
    _word_traits(codes, layout.traits(), words.starts, words.ends, first, listed_codes, bounds, fold, out)
    return out


@compiled("int64(int64[::1], int64[::1])")
def _twice_median(lengths: Array, counts: Array) -> int:
    """Twice the median of lengths; `counts` of lengths below `_SHORT`, the last place for all others."""
    size = len(lengths)
    if size == 0:
        return 0
    low, high = (size - 1) // 2, size // 2
    passed, first, second = 0, -1, -1
    for length in range(_SHORT):
        passed += counts[length]
        if first < 0 and passed > low:
            first = length
        if passed > high:
            second = length
            break
    if second < 0:
        ordered = np.sort(lengths)
        return int(ordered[low] + ordered[high])
    return first + second


@compiled("void(int64[::1], int64[::1], int32[::1], uint8[::1], int64[:, ::1])")
def _word_measures(offsets: Array, lengths: Array, ids: Array, found: Array, out: Array) -> None:
    counts = np.zeros(_SHORT + 1, np.int64)
    for text in range(len(offsets) - 1):
        counts[:] = 0
        first, last = offsets[text], offsets[text + 1]
        for word in range(first, last):
            counts[min(lengths[word], _SHORT)] += 1
            bits = found[ids[word]]
            out[text, 1] += bits & 1
            out[text, 2] += (bits >> 1) & 1
            out[text, 3] += (bits >> 2) & 1
        out[text, 0] = _twice_median(lengths[first:last], counts)


def word_measures(words: Parts, ids: Array, traits: Array) -> Array:
    """Of each text: twice the median length of words, those with each of `word_traits`; int64 [texts, 4]."""
    out = np.zeros((len(words.offsets) - 1, 4), np.int64)
    _word_measures(words.offsets, words.lengths(), ids, traits, out)
    return out


@compiled("void(uint32[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64, boolean, int64[:, ::1])")
def _dolma_lines(
    codes: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    ids: Array,
    distinct: int,
    blank: bool,
    out: Array,
) -> None:
    seen = np.zeros(distinct, np.int32)
    for text in range(len(offsets) - 1):
        first, last = offsets[text], offsets[text + 1]
        # A pattern of newlines leaves an empty part at each end of the text where there is a newline.
        edges = 0
        if not blank and last - first > 1:
            edges = (starts[first] == ends[first]) + (starts[last - 1] == ends[last - 1])
        for line in range(first, last):
            seen[ids[line]] += 1
        for line in range(first, last):
            start, end = starts[line], ends[line]
            if start == end and not blank:
                continue
            out[text, 0] += 1
            if end > start:
                out[text, 1] += codes[start] == 42 or codes[start] == 45
                out[text, 2] += codes[end - 1] == ELLIPSIS
            if seen[ids[line]] > 1:
                out[text, 3] += 1
                out[text, 4] += end - start
        for line in range(first, last):
            seen[ids[line]] = 0
        out[text, 0] += edges
        out[text, 3] += edges if edges == 2 else 0


def dolma_lines(codes: Array, lines: Parts, blank: bool) -> Array:
    """Of each text: lines, those with a bullet, with an ellipsis, that repeat, their characters; int64 [texts, 5].

    Blank lines count if `blank`; else lines are the parts between runs of newlines, so that only an empty part at
    either end of the text is a line.
    """
    ids, first = layout.numbered(codes, lines)
    out = np.zeros((len(lines.offsets) - 1, 5), np.int64)
    _dolma_lines(codes, *lines, ids, len(first), blank, out)
    return out


@compiled("void(uint32[::1], int64[::1], uint16[::1], boolean, int64[:, ::1])")
def _marks(codes: Array, bounds: Array, traits: Array, ascii_runs: bool, out: Array) -> None:
    for text in range(len(bounds) - 1):
        first, last = bounds[text], bounds[text + 1]
        symbols = dots = spaced = words = after = 0
        plain, inside = True, False
        for i in range(first, last):
            code = codes[i]
            if code == 35 or code == ELLIPSIS:
                symbols += 1
            dots = dots + 1 if code == 46 else 0
            if dots == 3:
                symbols, dots = symbols + 1, 0
            if code == 46 and i >= after and i + 4 < last:
                gaps = codes[i + 1] == 32 and codes[i + 2] == 46 and codes[i + 3] == 32 and codes[i + 4] == 46
                if gaps:
                    spaced, after = spaced + 1, i + 5
            plain &= code < 128
            if ascii_runs:
                letter = 48 <= code <= 57 or 65 <= code <= 90 or 97 <= code <= 122
                words += letter and not inside
                inside = letter
            else:
                part = not (code == 32 or 9 <= code <= 13 or code == 0)
                if part and not inside:
                    words += (traits[code] & (LETTER | NUMERIC)) != 0
                inside = part
        out[text, 0], out[text, 1] = symbols + spaced, spaced
        out[text, 2], out[text, 3] = words, plain


def marks(codes: Array, bounds: Array, ascii_runs: bool) -> Array:
    """Of each text: `#`, `…`, `...` and `. . .`; the last of them alone; words; whether all is ASCII; int64 [texts, 4].

    Words are runs of ASCII letters and digits if `ascii_runs` (datamap-rs, for texts of ASCII alone), else the parts
    between ASCII white space and NUL, as fastText splits, that begin with a letter or number (DCLM).
    """
    out = np.zeros((len(bounds) - 1, 4), np.int64)
    _marks(codes, bounds, layout.traits(), ascii_runs, out)
    return out


def marks_of(batch: Batch, ascii_runs: bool) -> Array:
    """The marks of a batch's texts, counted once a batch."""
    return batch.part(("marks", ascii_runs), lambda: marks(batch.codes, batch.bounds, ascii_runs))


@compiled("void(uint32[::1], int64[::1], int64[::1], int64[::1], boolean, int64[:, ::1])")
def _line_marks(codes: Array, offsets: Array, starts: Array, ends: Array, rust: bool, out: Array) -> None:
    for text in range(len(offsets) - 1):
        for line in range(offsets[text], offsets[text + 1]):
            start, end = starts[line], ends[line]
            out[text, 0] += rust or end > start
            if end > start:
                code = codes[start]
                out[text, 1] += code == 42 or code == 45 or code == 0x2022 or code == 0x25CF
            if rust and line + 1 < offsets[text + 1] and end > start and codes[end - 1] == 13:
                end -= 1  # Rust's lines end with either newline
            if end == start:
                continue
            out[text, 2] += 1
            if codes[end - 1] == ELLIPSIS:
                out[text, 3] += 1
            elif end - start >= 3 and codes[end - 1] == 46:
                three = codes[end - 2] == 46 and codes[end - 3] == 46
                if not three and end - start >= 5:
                    three = codes[end - 2] == 32 and codes[end - 3] == 46 and codes[end - 4] == 32
                    three = three and codes[end - 5] == 46
                out[text, 3] += three


def line_marks(codes: Array, lines: Parts, rust: bool) -> Array:
    """Of each text: lines, those with a bullet, lines that are not empty, those with an ellipsis; int64 [texts, 4].

    Empty lines count among the first only if `rust`, which also takes a carriage return off a line's end.
    """
    out = np.zeros((len(lines.offsets) - 1, 4), np.int64)
    _line_marks(codes, *lines, rust, out)
    return out
