"""What Gopher's and FineWeb's quality rules count in characters, words and lines, in compiled loops."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import SPACE, Parts, traits
from filters.text.words import ALPHABETIC, SYMBOL_ONLY, Words

Array = np.ndarray[Any, Any]

_ELLIPSIS, _BULLET, _STOP, _HYPHEN, _HASH = 0x2026, 0x2022, 46, 45, 35


@compiled("void(uint32[::1], int64[::1], int64[:, ::1])", bare=True)
def _marks(codes: Array, bounds: Array, out: Array) -> None:
    for text in range(len(bounds) - 1):
        hashes, ellipses, stops = 0, 0, 0
        for i in range(bounds[text], bounds[text + 1]):
            code = codes[i]
            stops = stops + 1 if code == _STOP else 0
            if stops == 3:
                ellipses += 1
                stops = 0
            hashes += code == _HASH
            ellipses += code == _ELLIPSIS
        out[0, text], out[1, text] = hashes, ellipses


def marks(codes: Array, bounds: Array) -> tuple[Array, Array]:
    """`#`, and `...` without overlap and `…` together, of each text."""
    out = np.zeros((2, len(bounds) - 1), np.int64)
    _marks(codes, bounds, out)
    return out[0], out[1]


@compiled("void(uint32[::1], int64[::1], int64[::1], int64[::1], uint16[::1], int64[:, ::1])", bare=True)
def _line_ends(codes: Array, offsets: Array, starts: Array, ends: Array, table: Array, out: Array) -> None:
    for text in range(len(offsets) - 1):
        for line in range(offsets[text], offsets[text + 1]):
            start, end = starts[line], ends[line]
            while start < end and table[codes[start]] & SPACE:
                start += 1
            if start == end:
                continue
            while table[codes[end - 1]] & SPACE:
                end -= 1
            out[0, text] += codes[start] == _BULLET or codes[start] == _HYPHEN
            out[1, text] += codes[end - 1] == _ELLIPSIS or (
                end - start > 2
                and codes[end - 1] == _STOP
                and codes[end - 2] == _STOP
                and codes[end - 3] == _STOP
            )


def line_ends(codes: Array, lines: Parts) -> tuple[Array, Array]:
    """Lines of each text that begin with a bullet (`•` or `-`), and that end with an ellipsis; white space apart."""
    out = np.zeros((2, len(lines.offsets) - 1), np.int64)
    _line_ends(codes, lines.offsets, lines.starts, lines.ends, traits(), out)
    return out[0], out[1]


@compiled("void(int64[::1], int32[::1], int32[::1], uint8[::1], int64[::1], int64, int64[:, ::1])")
def _words(
    offsets: Array, ids: Array, lengths: Array, flags: Array, wanted: Array, kinds: int, out: Array
) -> None:
    seen = np.full(max(kinds, 1), -1, np.int64)
    for text in range(len(offsets) - 1):
        named, characters, alphabetic, stop_words = 0, 0, 0, 0
        for word in range(offsets[text], offsets[text + 1]):
            number = ids[word]
            flag = flags[number]
            if not flag & SYMBOL_ONLY:
                named += 1
                characters += lengths[number]
            if flag & ALPHABETIC:
                alphabetic += 1
            stop = wanted[number]
            if stop >= 0 and seen[stop] != text:
                seen[stop] = text
                stop_words += 1
        out[0, text], out[1, text], out[2, text], out[3, text] = named, characters, alphabetic, stop_words


def word_counts(words: Words, stop_words: tuple[str, ...]) -> Array:
    """For each text: words that are not symbols alone, their characters, words with a letter, distinct stop words.

    int64 [4, texts].
    """
    from filters.text.word_kinds import find

    out = np.zeros((4, len(words.offsets) - 1), np.int64)
    wanted = np.full(len(words.lengths) + 1, -1, np.int64)  # the last for stop words that no text has
    wanted[find(words, list(dict.fromkeys(stop_words)))] = np.arange(len(dict.fromkeys(stop_words)))
    _words(words.offsets, words.ids, words.lengths, words.flags, wanted, len(stop_words), out)
    return out


@functools.lru_cache(maxsize=16)
def _is_end(marks: frozenset[str]) -> Array:
    table = np.zeros(0x110000, np.bool_)
    table[[ord(mark) for mark in marks]] = True
    return table


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], int64[::1], uint16[::1], boolean[::1], int64, boolean[::1],"
    " int64[:, ::1])",
    bare=True,
)
def _written(
    codes: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    table: Array,
    is_end: Array,
    short: int,
    written: Array,
    out: Array,
) -> None:
    for text in range(len(offsets) - 1):
        for line in range(offsets[text], offsets[text + 1]):
            i = starts[line]
            while i < ends[line] and table[codes[i]] & SPACE:
                i += 1
            if i < ends[line]:
                written[line] = True
                out[0, text] += 1
                out[1, text] += is_end[codes[ends[line] - 1]]
                out[2, text] += ends[line] - starts[line] <= short


def written_lines(codes: Array, lines: Parts, marks: frozenset[str], short: int) -> tuple[Array, Array]:
    """Which lines are not blank, and counts of these of each text, int64 [3, texts].

    All, those whose last character is one of `marks`, and those of at most `short` characters.
    """
    out, written = np.zeros((3, len(lines.offsets) - 1), np.int64), np.zeros(len(lines.starts), np.bool_)
    _written(codes, lines.offsets, lines.starts, lines.ends, traits(), _is_end(marks), short, written, out)
    return written, out
