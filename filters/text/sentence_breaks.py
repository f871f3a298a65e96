"""Where sentences end in any script: the default sentence boundaries of Unicode Standard Annex 29.

A line end ends a sentence. So does a mark that is only ever a sentence's last one (`! ? 。 । ። ۔ ។ ...`), with the
brackets and quotes that close after it. A full stop does not between a letter and a capital (`U.S.`), before a digit,
or where the next letter is a small one.

Two scripts need more than the annex. Thai and Lao have no marks: a space between two of their letters ends a clause,
which is counted as a sentence, except after the repetition mark. Tibetan's shad ends one too.

Cost: some 5 ns a character, linear.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import Parts, traits
from filters.text.punctuation import TERMINAL

Array = np.ndarray[Any, Any]

OTHER, SPACE, LINE_END, FINAL, STOP, CLOSE, LOWER, UPPER, LETTER, DIGIT, CONTINUE, MARK, CLAUSAL = range(13)

_STOPS = ".\u2024\ufe52\uff0e"  # may also stand in a number or after an abbreviation
_TIBETAN = "\u0f0d\u0f0e\u0f0f\u0f10\u0f11"
_CONTINUE = (
    ",-:;\u037e\u055d\u060c\u07f8\u1802\u1808\u2013\u2014\u3001\ufe10\ufe11\ufe13\ufe31\ufe50\ufe51"
    "\ufe55\ufe58\ufe63\uff0c\uff0d\uff1a\uff64"
)
_CLAUSAL = ((0xE01, 0xE3A), (0xE40, 0xE45), (0xE47, 0xE4E), (0xE81, 0xEC5), (0xEC8, 0xECE), (0xEDC, 0xEDF))
_LINE_ENDS = "\n\r\x85\u2028\u2029"


@functools.cache
def classes() -> Array:
    """For every code point its class, uint8 [0x110000]; built once a process in some 0.1 s."""
    known = traits()
    table = np.zeros(0x110000, np.uint8)
    for bits, kind in ((4, LETTER), (8, DIGIT), (16, UPPER), (32, LOWER), (1024, MARK), (1, SPACE)):
        table[known & bits != 0] = kind
    for code in np.flatnonzero(known & (64 | 256)).tolist():
        category = unicodedata.category(chr(code))
        if category in ("Ps", "Pe", "Pi", "Pf"):
            table[code] = CLOSE
        elif category == "Cf":
            table[code] = MARK
    table[0x10D0:0x1100][table[0x10D0:0x1100] == LOWER] = (
        LETTER  # Georgian begins its sentences with small letters
    )
    for first, last in _CLAUSAL:
        table[first : last + 1] = CLAUSAL
    named = (("\"'", CLOSE), (_CONTINUE, CONTINUE), ("".join(TERMINAL) + _TIBETAN, FINAL), (_STOPS, STOP))
    for characters, kind in (*named, (_LINE_ENDS, LINE_END)):
        for character in characters:
            table[ord(character)] = kind
    return table


@compiled("boolean(uint32[::1], uint8[::1], int64, int64)")
def _small_letter_next(codes: Array, table: Array, at: Any, end: Any) -> Any:
    """Whether the next letter is a small one, before any sentence mark or line end."""
    while at < end:
        kind = table[codes[at]]
        if kind == LOWER:
            return True
        if kind in (UPPER, LETTER, CLAUSAL, FINAL, STOP, LINE_END):
            return False
        at += 1
    return False


@compiled("int64(uint32[::1], uint8[::1], int64, int64, int64)")
def _after_mark(codes: Array, table: Array, begin: Any, at: Any, end: Any) -> Any:
    """Where the next sentence begins if one ends with the mark at `at`, else -1."""
    kind = table[codes[at]]
    after = at + 1
    while after < end and table[codes[after]] == MARK:
        after += 1
    if kind == STOP and after < end:
        following = table[codes[after]]
        before = at - 1
        while before > begin and table[codes[before]] == MARK:
            before -= 1
        cased = before >= begin and (table[codes[before]] == UPPER or table[codes[before]] == LOWER)
        if following == DIGIT or (following == UPPER and cased):
            return -1
    while after < end and (table[codes[after]] == CLOSE or table[codes[after]] == MARK):
        after += 1
    while after < end and table[codes[after]] == SPACE:
        after += 1
    if after < end and table[codes[after]] in (CONTINUE, FINAL, STOP):
        return -1
    if kind == STOP and _small_letter_next(codes, table, after, end):
        return -1
    return after


@compiled("int64(uint32[::1], uint8[::1], int64, int64, int64)")
def _after_clause(codes: Array, table: Array, begin: Any, at: Any, end: Any) -> Any:
    """Where the next clause begins if the space at `at` stands between letters of Thai or Lao, else -1."""
    if at == begin or table[codes[at - 1]] != CLAUSAL:
        return -1
    after = at
    while after < end and table[codes[after]] == SPACE:
        after += 1
    return after if after < end and table[codes[after]] == CLAUSAL else -1


@compiled("int64(uint32[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1])")
def _sentences(codes: Array, bounds: Array, table: Array, offsets: Array, starts: Array, ends: Array) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        begin, at, end = bounds[text], bounds[text], bounds[text + 1]
        said = False  # a letter or a digit
        while at <= end:
            following = np.int64(-1)
            if at == end:
                following = at
            else:
                kind = table[codes[at]]
                said = said or LOWER <= kind <= DIGIT or kind == CLAUSAL
                if kind == LINE_END:
                    following = at + 1
                elif kind == FINAL or kind == STOP:
                    following = _after_mark(codes, table, begin, at, end)
                elif kind == SPACE:
                    following = _after_clause(codes, table, begin, at, end)
            if following < 0:
                at += 1
                continue
            if said:
                first, last = begin, following
                while table[codes[first]] == SPACE:
                    first += 1
                while table[codes[last - 1]] == SPACE or table[codes[last - 1]] == LINE_END:
                    last -= 1
                starts[count], ends[count] = first, last
                count += 1
            begin, said = following, False
            at = following if at < end else end + 1
        offsets[text + 1] = count
    return count


def sentence_parts(codes: Array, bounds: Array) -> Parts:
    """The sentences of each text, without white space around them; what has no letter and no digit is none."""
    offsets = np.zeros(len(bounds), np.int64)
    starts, ends = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    count = _sentences(codes, bounds, classes(), offsets, starts, ends)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy())
