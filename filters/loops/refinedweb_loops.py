"""Compiled loops behind `refinedweb_lines`: one text's lines as spans of a copy of its code points.

A step drops lines from the list, or takes characters out of a line by moving what follows it within its span, so no
step copies the text; the last one writes the lines that are left. Cost: some ten passes of a nanosecond a character.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.loops.gopher_loops import listed, lowered
from filters.text import layout
from filters.text.layout import LETTER, NUMERIC, SPACE, UPPER

if TYPE_CHECKING:
    from filters.batch import Batch
    from filters.refinedweb import Settings

Array = np.ndarray[Any, Any]

COUNTED = (
    "likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes", "downvotes", "downloads",
    "views", "followers",
)  # fmt: skip
PHRASES = ("items in cart", "read more", "sign-in", "Read more", "Sign-in")
ANY_DIGIT, DECIMAL = 1, 2  # str.isdigit and str.isdecimal
# Causes, columns of `Corrected.counts`.
NEWLINES, UPPERCASE, DIGITS, COUNTERS, SHORT, CART, READ_MORE, SIGN_IN = range(8)


class Corrected(NamedTuple):
    """The corrected texts as code points, one after the other, and what was removed from each, by cause."""

    codes: Array  # uint32
    bounds: Array  # int64 [texts + 1]
    counts: Array  # int64 [texts, 8]


@functools.cache
def _digits() -> Array:
    """For every code point the bits ANY_DIGIT and DECIMAL, uint8."""
    table = np.zeros(0x110000, np.uint8)
    for code in np.flatnonzero(layout.traits() & NUMERIC).tolist():
        table[code] = ANY_DIGIT * chr(code).isdigit() + DECIMAL * chr(code).isdecimal()
    return table


@compiled("uint32(uint32)")
def _folded(code: int) -> int:
    """Lower case as a pattern that ignores case compares: ASCII, and the letters that are equal to ASCII ones."""
    if 65 <= code <= 90:
        return code + 32
    if code == 0x130 or code == 0x131:
        return 105
    if code == 0x17F:
        return 115
    return 107 if code == 0x212A else code


@compiled("boolean(uint32[::1], int64, int64, uint32[::1], int64, int64, boolean)")
def _stands(codes: Array, start: int, end: int, wanted: Array, first: int, last: int, fold: bool) -> bool:
    if end - start < last - first:
        return False
    for i in range(last - first):
        code = _folded(codes[start + i]) if fold else codes[start + i]
        if code != wanted[first + i]:
            return False
    return True


@compiled("boolean(uint32[::1], int64, int64, uint16[::1], uint8[::1], uint32[::1], int64[::1])")
def _is_counter(
    codes: Array, start: int, end: int, traits: Array, digits: Array, wanted: Array, bounds: Array
) -> bool:
    """Whether a line is a number, perhaps with K, M or B, and one of the wanted words, between other characters."""
    i = start
    while i < end and not (traits[codes[i]] & (LETTER | NUMERIC) or codes[i] == 95):
        i += 1
    if i == end or not digits[codes[i]] & DECIMAL:
        return False
    while i < end and (digits[codes[i]] & DECIMAL or codes[i] == 44 or codes[i] == 46):
        i += 1
    if i < end:
        unit = lowered(codes[i])
        if unit == 107 or unit == 109 or unit == 98:
            i += 1
    blank = i
    while i < end and traits[codes[i]] & SPACE:
        i += 1
    word = i
    while i < end and (traits[codes[i]] & (LETTER | NUMERIC) or codes[i] == 95):
        i += 1
    if blank == word or not listed(codes, word, i, wanted, bounds, True):
        return False
    while i < end:
        if traits[codes[i]] & (LETTER | NUMERIC) or codes[i] == 95:
            return False
        i += 1
    return True


@compiled("boolean(uint32[::1], int64, int64, uint16[::1], int64)")
def _has_words(codes: Array, start: int, end: int, traits: Array, wanted: int) -> bool:
    """Whether a line has at least so many words between white space."""
    count, inside = 0, False
    if wanted <= 0:
        return True
    for i in range(start, end):
        if traits[codes[i]] & SPACE:
            inside = False
        elif not inside:
            inside = True
            count += 1
            if count >= wanted:
                return True
    return False


@compiled("int64(uint32[::1], uint16[::1], int64[:, ::1], int64)")
def _strip(codes: Array, traits: Array, lines: Array, count: int) -> int:
    """Takes white space off both ends of the text; returns how many lines are left."""
    first = 0
    while first < count:
        while lines[first, 0] < lines[first, 1] and traits[codes[lines[first, 0]]] & SPACE:
            lines[first, 0] += 1
        if lines[first, 0] < lines[first, 1]:
            break
        first += 1
    while count > first:
        while lines[count - 1, 1] > lines[count - 1, 0] and traits[codes[lines[count - 1, 1] - 1]] & SPACE:
            lines[count - 1, 1] -= 1
        if lines[count - 1, 1] > lines[count - 1, 0]:
            break
        count -= 1
    if first:
        for i in range(first, count):
            lines[i - first] = lines[i]
    return count - first


@compiled("int64(uint32[::1], int64, int64, int64, int64[:, ::1], int64[::1])")
def _split(codes: Array, first: int, last: int, most: int, lines: Array, counts: Array) -> int:
    """The text's lines, with at most so many newlines in a row; returns how many."""
    count, start, run = 0, first, 0
    for i in range(first, last):
        if codes[i] != 10:
            run = 0
            continue
        run += 1
        if run <= most:
            lines[count, 0], lines[count, 1] = start, i
            count += 1
        else:
            counts[NEWLINES] += 1
        start = i + 1
    lines[count, 0], lines[count, 1] = start, last
    return count + 1


@compiled("int64(uint32[::1], uint16[::1], uint8[::1], int64[:, ::1], int64, int64, float64, boolean)")
def _drop_by_share(
    codes: Array, traits: Array, digits: Array, lines: Array, count: int, cause: int, most: float, rust: bool
) -> int:
    """Drops lines with too large a share of upper case letters or of digits; returns how many are left."""
    kept = 0
    for line in range(count):
        start, end = lines[line, 0], lines[line, 1]
        found, size = 0, end - start
        for i in range(start, end):
            code = codes[i]
            if cause == UPPERCASE:
                found += (traits[code] & UPPER) != 0
            elif rust:
                found += 48 <= code <= 57
            else:
                found += digits[code] & ANY_DIGIT
            if rust:
                size += (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
            elif cause == DIGITS and i - start + 1 - found > size * (1 - most) + 1:
                break  # so many others that the share is below the limit whatever follows
        if end == start or not found / size > most:
            lines[kept] = lines[line]
            kept += 1
    return kept


@compiled("int64(uint32[::1], uint16[::1], uint8[::1], int64[:, ::1], int64, uint32[::1], int64[::1])")
def _drop_counters(
    codes: Array, traits: Array, digits: Array, lines: Array, count: int, wanted: Array, bounds: Array
) -> int:
    kept = 0
    for line in range(count):
        if not _is_counter(codes, lines[line, 0], lines[line, 1], traits, digits, wanted, bounds):
            lines[kept] = lines[line]
            kept += 1
    return kept


@compiled("int64(uint32[::1], uint16[::1], int64[:, ::1], int64, int64, boolean, int64[::1])")
def _drop_short(
    codes: Array, traits: Array, lines: Array, count: int, least: int, rust: bool, words: Array
) -> int:
    """Drops lines, not empty, of fewer words than `least`; `words` are the beginnings of Unicode words, in order."""
    kept, word = 0, 0
    if rust and count:
        word = np.searchsorted(words, lines[0, 0])
    for line in range(count):
        start, end = lines[line, 0], lines[line, 1]
        if rust:
            while word < len(words) and words[word] < start:
                word += 1
            before = word
            while word < len(words) and words[word] < end:
                word += 1
            enough = word - before >= least
        else:
            enough = _has_words(codes, start, end, traits, least)
        if enough or start == end:
            lines[kept] = lines[line]
            kept += 1
    return kept


@compiled(
    "int64(uint32[::1], uint16[::1], int64, int64, uint32[::1], int64[::1], int64, boolean, int64[::1])"
)
def _without_phrase(
    codes: Array,
    traits: Array,
    start: int,
    end: int,
    wanted: Array,
    bounds: Array,
    cause: int,
    rust: bool,
    span: Array,
) -> int:
    """Takes a phrase out of one line, whose new span is written to `span`; returns how often it stood there."""
    span[0], span[1] = start, end
    phrase = 0 if cause == CART else cause - READ_MORE + (3 if rust else 1)
    first, last = bounds[phrase], bounds[phrase + 1]
    size, fold = last - first, not rust
    if cause == SIGN_IN:
        if not _stands(codes, start, end, wanted, first, last, fold):
            return 0
        start += size
        span[0] = start + (start < end and (traits[codes[start]] & SPACE) != 0)
        return 1
    if cause == READ_MORE:
        at = end - size - 3  # three more characters, whichever
        if at < start or not _stands(codes, at, end, wanted, first, last, fold):
            return 0
        span[1] = at - (at > start and (traits[codes[at - 1]] & SPACE) != 0)
        return 1
    found, write, i = 0, start, start
    while i < end:
        blank = (traits[codes[i]] & SPACE) != 0 and _stands(codes, i + 1, end, wanted, first, last, fold)
        if blank or _stands(codes, i, end, wanted, first, last, fold):
            found += 1
            i += size + blank
            if rust:
                i += i < end and (traits[codes[i]] & SPACE) != 0
                codes[write] = 32
                write += 1
            continue
        codes[write] = codes[i]
        write += 1
        i += 1
    span[1] = write
    return found


@compiled(
    "int64(uint32[::1], uint16[::1], int64[:, ::1], int64, uint32[::1], int64[::1], int64, int64, boolean, int64[::1])"
)
def _drop_phrases(
    codes: Array,
    traits: Array,
    lines: Array,
    count: int,
    wanted: Array,
    bounds: Array,
    cause: int,
    most: int,
    rust: bool,
    counts: Array,
) -> int:
    """Takes a phrase out of lines of at most `most` words and drops lines on which only white space is left."""
    span = np.zeros(2, np.int64)
    # Rust's lines end with a newline rather than begin after one.
    ended = rust and count > 1 and lines[count - 1, 0] == lines[count - 1, 1]
    count -= ended
    kept = 0
    for line in range(count):
        start, end = lines[line, 0], lines[line, 1]
        if rust and (ended or line + 1 < count) and end > start and codes[end - 1] == 13:
            end -= 1
        if end > start and (rust or not _has_words(codes, start, end, traits, most + 1)):
            counts[cause] += _without_phrase(codes, traits, start, end, wanted, bounds, cause, rust, span)
            start, end = span[0], span[1]
            blank = True
            for i in range(start, end):
                if not traits[codes[i]] & SPACE:
                    blank = False
                    break
            if blank:
                continue
        lines[kept, 0], lines[kept, 1] = start, end
        kept += 1
    return kept


@compiled("int64(uint32[::1], int64[:, ::1], int64, int64, uint32[::1], int64, int64[::1])")
def _write(codes: Array, lines: Array, count: int, most: int, out: Array, at: int, counts: Array) -> int:
    """Joins the lines, with at most so many newlines in a row; returns where the next text begins."""
    run = 0
    for line in range(count):
        if line:
            run += 1
            if run <= most:
                out[at] = 10
                at += 1
            else:
                counts[NEWLINES] += 1
        for i in range(lines[line, 0], lines[line, 1]):
            out[at] = codes[i]
            at += 1
        if lines[line, 1] > lines[line, 0]:
            run = 0
    return at


@compiled(
    "void(uint32[::1], int64[::1], uint16[::1], uint8[::1], int64[::1], uint32[::1], int64[::1], uint32[::1],"
    "int64[::1], int64[::1], float64, boolean, uint32[::1], int64[::1], int64[:, ::1])"
)
def _correct(
    codes: Array,
    bounds: Array,
    traits: Array,
    digits: Array,
    words: Array,
    counted: Array,
    counted_bounds: Array,
    phrases: Array,
    phrase_bounds: Array,
    numbers: Array,
    uppercase: float,
    rust: bool,
    out: Array,
    out_bounds: Array,
    counts: Array,
) -> None:
    """Corrects all texts; `codes` are changed.

    `numbers`: newlines in a row, words of a line, words of a line with a phrase, whether digits and counters go.
    """
    newlines, least, most = numbers[0], numbers[1], numbers[2]
    longest = 0
    for text in range(len(bounds) - 1):
        longest = max(longest, bounds[text + 1] - bounds[text])
    lines = np.zeros((longest + 1, 2), np.int64)
    for text in range(len(bounds) - 1):
        found = counts[text]
        left = _split(codes, bounds[text], bounds[text + 1], newlines, lines, found)
        for cause in (UPPERCASE, DIGITS, COUNTERS, SHORT):
            before = left
            if cause == UPPERCASE:
                left = _drop_by_share(codes, traits, digits, lines, left, cause, uppercase, rust)
            elif cause == DIGITS and numbers[3]:
                left = _drop_by_share(codes, traits, digits, lines, left, cause, 0.999999, rust)
            elif cause == COUNTERS and numbers[4]:
                left = _drop_counters(codes, traits, digits, lines, left, counted, counted_bounds)
            elif cause == SHORT:
                left = _drop_short(codes, traits, lines, left, least, rust, words)
            found[cause] = before - left
            if not rust and cause != SHORT:
                left = _strip(codes, traits, lines, left)
        for cause in (CART, READ_MORE, SIGN_IN):
            left = _drop_phrases(codes, traits, lines, left, phrases, phrase_bounds, cause, most, rust, found)
            if not rust:
                left = _strip(codes, traits, lines, left)
        again = newlines if rust else longest
        out_bounds[text + 1] = _write(codes, lines, left, again, out, out_bounds[text], found)


def correct(batch: Batch, settings: Settings) -> Corrected:
    """The corrected texts of a batch."""
    from filters.text import word_break

    rust = settings.variant == "dolma3"
    words = word_break.of(batch, "any").starts if rust else np.zeros(0, np.int64)
    never = np.iinfo(np.int64).max - 1
    newlines = never if settings.max_newlines is None else settings.max_newlines
    numbers = (newlines, settings.min_words_per_line, settings.phrase_line_words)
    switches = (settings.remove_numeric, settings.remove_counters)
    limit = 2.0 if settings.max_uppercase is None else settings.max_uppercase
    out, bounds = np.empty(len(batch.codes), np.uint32), np.zeros(len(batch) + 1, np.int64)
    counts = np.zeros((len(batch), 8), np.int64)
    _correct(
        batch.codes.copy(),
        batch.bounds,
        layout.traits(),
        _digits(),
        words,
        *layout.code_points(COUNTED),
        *layout.code_points(PHRASES),
        np.array([*numbers, *switches], np.int64),
        limit,
        rust,
        out,
        bounds,
        counts,
    )
    return Corrected(out[: bounds[-1]].copy(), bounds, counts)
