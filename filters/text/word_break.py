"""Words as Unicode's default word boundaries cut them (UAX #29, section 4.1), in a compiled loop over code points.

DCLM counts repeated n-grams over these words (uniseg), Dolma 3 counts nearly everything over them (Rust's
unicode-segmentation). Of all parts between boundaries only words are wanted: those that begin with a letter or
number (`first`, DCLM), or have one anywhere (`any`, Rust's `unicode_words`).

The Word_Break property comes from what Python knows of a code point (`unicodedata`), with the exceptions that the
standard lists; no data file is needed. Approximations: the dependent vowels that are letters by other means than
their category, and scripts that later versions of Unicode added, follow the installed Python; symbols from U+2190 to
U+2BFF and from U+1F000 to U+1FAFF count as pictographs, which matters only right after a zero-width joiner.
Cost: linear, some 3 ns a character.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from filters.compiled import compiled
from filters.text import layout
from filters.text.layout import LETTER, NUMERIC, Parts

if TYPE_CHECKING:
    from filters.batch import Batch

Array = np.ndarray[Any, Any]
Wanted = Literal["first", "any"]

# Values of Word_Break. A letter's value is 1, so that the loop's usual case is one comparison.
OTHER, A_LETTER, HEBREW, DIGITS, KATAKANA, CONNECTOR, MID_LETTER, MID_NUMBER, MID_BOTH = range(9)
SINGLE_QUOTE, DOUBLE_QUOTE, EXTEND, JOINER, FORMAT, FLAG, BLANK, CARRIAGE, LINE_FEED, NEWLINE = range(9, 19)
PICTOGRAPH = 64  # a bit beside the value

Ranges = tuple[tuple[int, int], ...]

# Letters of scripts that are written without spaces have no boundary rules (Line_Break SA, Ideographic, Hiragana).
_NO_SPACES: Ranges = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0xA9E0, 0xA9FF),
    (0xAA60, 0xAADF), (0x11700, 0x1174F), (0x2E80, 0x2FDF), (0x3006, 0x3007), (0x3021, 0x3029), (0x3038, 0x303A),
    (0x3041, 0x309F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x16FE4, 0x16FE4),
    (0x17000, 0x18DFF), (0x1B001, 0x1B11F), (0x1B132, 0x1B132), (0x1B150, 0x1B152), (0x1B170, 0x1B2FF),
    (0x1F200, 0x1F200), (0x20000, 0x3FFFF),
)  # fmt: skip
_HEBREW: Ranges = ((0x05D0, 0x05F2), (0xFB1D, 0xFB1D), (0xFB1F, 0xFB28), (0xFB2A, 0xFB4F))
_KATAKANA: Ranges = (
    (0x3031, 0x3035), (0x309B, 0x309C), (0x30A0, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0x32D0, 0x32FE),
    (0x3300, 0x3357), (0xFF66, 0xFF9D), (0x1AFF0, 0x1AFFE), (0x1B000, 0x1B000), (0x1B120, 0x1B122),
    (0x1B155, 0x1B155), (0x1B164, 0x1B167),
)  # fmt: skip
# What the standard adds to the letters by name.
_MORE_LETTERS: Ranges = (
    (0x02C2, 0x02C5), (0x02D2, 0x02D7), (0x02DE, 0x02DF), (0x02E5, 0x02EB), (0x02ED, 0x02ED), (0x02EF, 0x02FF),
    (0x055A, 0x055C), (0x055E, 0x055E), (0x058A, 0x058A), (0x05F3, 0x05F3), (0x070F, 0x070F), (0x24B6, 0x24E9),
    (0xA708, 0xA716), (0xA720, 0xA721), (0xA789, 0xA78A), (0xAB5B, 0xAB5B), (0x1F130, 0x1F149),
    (0x1F150, 0x1F169), (0x1F170, 0x1F189),
)  # fmt: skip
_SINGLE = {
    MID_LETTER: ":\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a",
    MID_NUMBER: ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe50\ufe54\uff0c\uff1b",
    MID_BOTH: ".\u2018\u2019\u2024\ufe52\uff07\uff0e",
    SINGLE_QUOTE: "'",
    DOUBLE_QUOTE: '"',
    DIGITS: "\u066b",
    CONNECTOR: "\u202f",
    EXTEND: "\u200c\uff9e\uff9f",
    JOINER: "\u200d",
    CARRIAGE: "\r",
    LINE_FEED: "\n",
    NEWLINE: "\x0b\x0c\x85\u2028\u2029",
}
_NOT_BLANK = "\xa0\u2007"  # no line breaks at them; U+202F is a connector
_NUMBER_SIGNS: Ranges = ((0x0600, 0x0605), (0x06DD, 0x06DD), (0x0890, 0x0891), (0x08E2, 0x08E2), (0x110BD, 0x110BD),
                         (0x110CD, 0x110CD))  # fmt: skip


@functools.cache
def table() -> Array:
    """Word_Break of every code point, uint8 [0x110000], with the bit `PICTOGRAPH`; built once a process in 20 ms."""
    traits = layout.traits()
    found = np.zeros(0x110000, np.uint8)
    for trait, value in ((LETTER, A_LETTER), (layout.DIGIT, DIGITS), (layout.MARK, EXTEND)):
        found[(traits & trait) != 0] = value
    by_category = {"Cf": FORMAT, "Pc": CONNECTOR, "Zs": BLANK, "Nl": A_LETTER}
    unclear = layout.CONTROL | layout.PUNCTUATION | layout.SPACE | NUMERIC
    for code in np.flatnonzero(((traits & unclear) != 0) & (found == OTHER)).tolist():
        if code < 0x33480 or 0xE0000 <= code < 0xE01F0:
            found[code] = by_category.get(unicodedata.category(chr(code)), OTHER)
    for ranges, value in ((_NO_SPACES, OTHER), (_HEBREW, HEBREW), (_KATAKANA, KATAKANA)):
        for first, last in ranges:
            part = found[first : last + 1]
            wanted = (part == A_LETTER) if value != KATAKANA else part != EXTEND
            part[wanted] = value
    for first, last in _MORE_LETTERS:
        found[first : last + 1] = A_LETTER
    for first, last in _NUMBER_SIGNS:
        found[first : last + 1] = DIGITS
    for value, characters in _SINGLE.items():
        for character in characters:
            found[ord(character)] = value
    found[[ord(character) for character in _NOT_BLANK + "\u200b"]] = OTHER
    found[0x1F1E6:0x1F200] = FLAG
    found[0x1F3FB:0x1F400] = EXTEND
    found[0xE0020:0xE0080] = EXTEND
    found[0x19DA] = DIGITS
    for first, last in ((0x2190, 0x2C00), (0x1F000, 0x1FB00)):
        part = found[first:last]
        part[part == OTHER] |= PICTOGRAPH
    return found


@compiled("boolean(uint32[::1], uint8[::1], int64, int64, int64, int64, int64, int64)")
def _cuts(
    codes: Array, values: Array, i: int, last: int, before: int, previous: int, value: int, flags: int
) -> bool:
    """Whether there is a boundary before code point `i` by the rules that look through ignored ones (WB5 to WB16)."""
    letter, was_letter = A_LETTER <= value <= HEBREW, A_LETTER <= previous <= HEBREW
    if (was_letter or previous == DIGITS) and (letter or value == DIGITS):
        return False  # WB5, WB8, WB9, WB10
    if value == CONNECTOR and (was_letter or DIGITS <= previous <= CONNECTOR):
        return False  # WB13a
    if previous == CONNECTOR and (letter or DIGITS <= value <= KATAKANA):
        return False  # WB13b
    if value == KATAKANA and previous == KATAKANA:
        return False  # WB13
    if value == FLAG and previous == FLAG and flags & 1:
        return False  # WB15, WB16
    if previous == HEBREW and value == SINGLE_QUOTE:
        return False  # WB7a
    joins_letters = value == MID_LETTER or value == MID_BOTH or value == SINGLE_QUOTE
    joins_numbers = value == MID_NUMBER or value == MID_BOTH or value == SINGLE_QUOTE
    quotes = previous == HEBREW and value == DOUBLE_QUOTE
    if (was_letter and joins_letters) or (previous == DIGITS and joins_numbers) or quotes:
        after: Any = np.int64(OTHER)
        for k in range(i + 1, last):
            after = np.int64(values[codes[k]]) & (PICTOGRAPH - 1)
            if not EXTEND <= after <= FORMAT:
                break
        if quotes:
            return after != HEBREW  # WB7b
        if was_letter:
            return not A_LETTER <= after <= HEBREW  # WB6
        return after != DIGITS  # WB12
    if letter and A_LETTER <= before <= HEBREW:
        quoted = previous == DOUBLE_QUOTE and before == HEBREW and value == HEBREW
        joined = previous == MID_LETTER or previous == MID_BOTH or previous == SINGLE_QUOTE
        return not (joined or quoted)  # WB7, WB7c
    if value == DIGITS and before == DIGITS:
        return not (previous == MID_NUMBER or previous == MID_BOTH or previous == SINGLE_QUOTE)  # WB11
    return True


@compiled(
    "int64(uint32[::1], int64[::1], uint8[::1], uint16[::1], boolean, int64[::1], int64[::1], int64[::1])"
)
def _words(
    codes: Array,
    bounds: Array,
    values: Array,
    traits: Array,
    anywhere: bool,
    offsets: Array,
    starts: Array,
    ends: Array,
) -> int:
    """Finds the words; returns how many."""
    count = 0
    for text in range(len(bounds) - 1):
        first, last = bounds[text], bounds[text + 1]
        start, wanted, raw = first, False, OTHER
        before, previous, flags = OTHER, OTHER, 0  # values of the last two code points that are not ignored
        for i in range(first, last):
            value: Any = np.int64(values[codes[i]])
            if raw == A_LETTER and value == A_LETTER and (wanted or not anywhere):
                before, previous, flags = previous, A_LETTER, 0  # inside a word: WB5
                continue
            picture = value & PICTOGRAPH
            value &= PICTOGRAPH - 1
            ignored = EXTEND <= value <= FORMAT
            if i == first:
                cut = True
            elif raw >= CARRIAGE or value >= CARRIAGE:
                cut = not (raw == CARRIAGE and value == LINE_FEED)
                before, previous = OTHER, OTHER
            elif (raw == JOINER and picture) or (raw == BLANK and value == BLANK) or ignored:
                cut = False
            elif previous == OTHER or previous == BLANK or value == OTHER or value == BLANK:
                cut = True
            else:
                cut = _cuts(codes, values, i, last, before, previous, value, flags)
            if cut:
                if wanted:
                    starts[count], ends[count] = start, i
                    count += 1
                start, wanted = i, (traits[codes[i]] & (LETTER | NUMERIC)) != 0
            elif anywhere and not wanted:
                wanted = (traits[codes[i]] & (LETTER | NUMERIC)) != 0
            if not (ignored and i > first and raw < CARRIAGE):
                flags = flags + 1 if value == FLAG else 0
                before, previous = previous, value
            raw = value
        if wanted:
            starts[count], ends[count] = start, last
            count += 1
        offsets[text + 1] = count
    return count


def words(codes: Array, bounds: Array, wanted: Wanted = "first") -> Parts:
    """The words of each text, as spans: those that have a letter or number first, or anywhere."""
    offsets = np.zeros(len(bounds), np.int64)
    starts, ends = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    count = _words(codes, bounds, table(), layout.traits(), wanted == "any", offsets, starts, ends)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy())


def of(batch: Batch, wanted: Wanted) -> Parts:
    """The words of a batch's texts, found once a batch."""
    return batch.part(("unicode words", wanted), lambda: words(batch.codes, batch.bounds, wanted))
