"""Compiled loops behind `madlad`: sentences of a page and what makes one questionable. Linear on every text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from filters.compiled import compiled
from filters.text import layout
from filters.text.layout import SPACE, UPPER, Parts

if TYPE_CHECKING:
    from filters.madlad import Settings

Array = np.ndarray[Any, Any]

_GROUPS = 9  # of 1, 3 or 4 characters, with a space before each
_ITEMS = 4  # items of two characters with a comma after each
# Cursed at the very end of a sentence, perhaps before white space; the first is a table's edge.
ENDINGS = ("|", " г.", " кг.")
LAST = " nr."  # cursed at the very end


@compiled("int64(uint32[::1], int64[::1], uint16[::1], int64[::1], int64[::1], int64[::1])")
def _sentences(codes: Array, bounds: Array, traits: Array, offsets: Array, starts: Array, ends: Array) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        last, i = bounds[text + 1], bounds[text]
        start, blank = i, True
        while i < last:
            code = codes[i]
            if code == 46 or code == 33 or code == 63:
                mark = i
                while i < last and (codes[i] == 46 or codes[i] == 33 or codes[i] == 63):
                    i += 1
                if i < last and traits[codes[i]] & SPACE:
                    if not blank:
                        starts[count], ends[count] = start, mark
                        count += 1
                    while i < last and traits[codes[i]] & SPACE:
                        i += 1
                    start, blank = i, True
                else:
                    blank = False
                continue
            if not traits[code] & SPACE:
                blank = False
            i += 1
        if not blank:
            starts[count], ends[count] = start, last
            count += 1
        offsets[text + 1] = count
    return count


def sentences(codes: Array, bounds: Array) -> Parts:
    """The parts between end marks that white space follows, those without any visible character left out."""
    offsets = np.zeros(len(bounds), np.int64)
    most = len(codes) // 3 + len(bounds)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    count = _sentences(codes, bounds, layout.traits(), offsets, starts, ends)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy())


@compiled("boolean(uint32[::1], int64, int64, uint32[::1], int64, int64)")
def _here(codes: Array, start: int, end: int, wanted: Array, first: int, last: int) -> bool:
    if end - start < last - first:
        return False
    i = 0
    while i < last - first and codes[start + i] == wanted[first + i]:
        i += 1
    return i == last - first


@compiled("boolean(uint32[::1], int64, int64, int64)")
def _spaced(codes: Array, start: int, end: int, width: int) -> bool:
    """Whether nine groups of `width` characters stand at `start`, each after a space.

    A single character is any but a space. Three or four are any on one line, spaces too: the published patterns have
    dots there that are not escaped.
    """
    if end - start < _GROUPS * (width + 1):
        return False
    for group in range(_GROUPS):
        at = start + group * (width + 1)
        if codes[at] != 32:
            return False
        for i in range(at + 1, at + 1 + width):
            if codes[i] == (32 if width == 1 else 10):
                return False
    return True


@compiled("boolean(uint32[::1], int64, int64)")
def _enumerated(codes: Array, start: int, end: int) -> bool:
    """Whether `, ab, cd, ef, gh,` stands at `start`: any two characters, one or two commas after each."""
    i = start + 1
    for item in range(_ITEMS):
        if i + 3 >= end or codes[i] != 32 or codes[i + 3] != 44:
            return False
        i += 4
        if item < _ITEMS - 1 and i < end and codes[i] == 44:
            i += 1
    return True


@compiled("boolean(uint32[::1], uint16[::1], int64, int64, uint32[::1], int64[::1])")
def _cursed_end(codes: Array, traits: Array, start: int, end: int, wanted: Array, bounds: Array) -> bool:
    final = len(bounds) - 2
    size = bounds[final + 1] - bounds[final]
    if end - size >= start and _here(codes, end - size, end, wanted, bounds[final], bounds[final + 1]):
        return True
    while end > start and traits[codes[end - 1]] & SPACE:
        end -= 1
    for ending in range(final):
        at = end - (bounds[ending + 1] - bounds[ending])
        if at >= start and _here(codes, at, end, wanted, bounds[ending], bounds[ending + 1]):
            return True
    return False


@compiled("boolean(uint32[::1], int64, int64, uint32[::1], int64[::1], uint8[::1])")
def _cursed(codes: Array, start: int, end: int, wanted: Array, bounds: Array, begins: Array) -> bool:
    """Whether a string of the list or a pattern stands anywhere; `begins`: see `_by_first_character`."""
    for i in range(start, end):
        code = codes[i]
        if code == 32:
            for width in (1, 3, 4):
                if i + width + 1 < end and codes[i + width + 1] == 32 and _spaced(codes, i, end, width):
                    return True
            continue
        if code == 44 and _enumerated(codes, i, end):
            return True
        word = np.int64(begins[code]) - 1 if code < 0x10000 else -1
        while 0 <= word < len(bounds) - 1:
            first = bounds[word]
            spaced = wanted[first] == 32
            if wanted[first + spaced] != code:
                break
            word += 1
            at = i - spaced
            if at < start or (spaced and codes[at] != 32) or end - at < bounds[word] - first:
                continue
            second = first + spaced + 1
            if second < bounds[word] and codes[i + 1] != wanted[second]:
                continue
            if _here(codes, at, end, wanted, first, bounds[word]):
                return True
    return False


def _by_first_character(strings: Sequence[str]) -> tuple[Array, Array, Array]:
    """Strings as code points and bounds, ordered by their first character, that after a space if one comes first.

    The third array says for each such character, one more than the place of the first string that it begins.
    """
    ordered = sorted(strings, key=lambda string: string.removeprefix(" "))
    begins = np.zeros(0x10000, np.uint8)
    for place in range(len(ordered) - 1, -1, -1):
        begins[ord(ordered[place].removeprefix(" ")[0])] = place + 1
    return (*layout.code_points(ordered), begins)


@compiled(
    "void(uint32[::1], uint16[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], uint32[::1],"
    "int64[::1], uint8[::1], uint32[::1], int64[::1], boolean[:, ::1])"
)
def _judge(
    codes: Array,
    traits: Array,
    starts: Array,
    ends: Array,
    word_starts: Array,
    whole: Array,
    shares: Array,
    wanted: Array,
    bounds: Array,
    begins: Array,
    endings: Array,
    ending_bounds: Array,
    out: Array,
) -> None:
    """`whole`: least words, least and most characters; `shares`: most capitals and technical characters."""
    word = 0
    for sentence in range(len(starts)):
        start, end = starts[sentence], ends[sentence]
        while word < len(word_starts) and word_starts[word] < start:
            word += 1
        words = capitals = technical = 0
        while word < len(word_starts) and word_starts[word] < end:
            words += 1
            capitals += (traits[codes[word_starts[word]]] & UPPER) != 0
            word += 1
        for i in range(start, end):
            code = codes[i]
            if code < 128:
                mark = code == 40 or code == 41 or code == 43 or code == 62 or code == 123 or code == 125
                technical += mark or 47 <= code <= 57
        out[0, sentence] = words >= whole[0] and capitals > words * shares[0]
        out[1, sentence] = end - start < whole[1] or end - start > whole[2]
        out[2, sentence] = technical > (end - start) * shares[1]
        out[3, sentence] = _cursed(codes, start, end, wanted, bounds, begins) or _cursed_end(
            codes, traits, start, end, endings, ending_bounds
        )


def judged(
    codes: Array, parts: Parts, words: Parts, settings: Settings, cursed: Sequence[str]
) -> dict[str, Array]:
    """Of each sentence whether the rules 2 to 5 apply, by the columns' names."""
    out = np.zeros((4, len(parts.starts)), np.bool_)
    wanted, bounds, begins = _by_first_character(cursed)
    whole = np.array([settings.min_case_words, settings.min_characters, settings.max_characters], np.int64)
    shares = np.array([settings.max_capitals, settings.max_technical], np.float64)
    endings = layout.code_points((*ENDINGS, LAST))
    _judge(
        codes,
        layout.traits(),
        parts.starts,
        parts.ends,
        words.starts,
        whole,
        shares,
        wanted,
        bounds,
        begins,
        *endings,
        out,
    )
    return dict(zip(("list_case", "abnormal_length", "technical", "cursed"), out, strict=True))
