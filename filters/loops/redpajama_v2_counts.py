"""Compiled counts behind RedPajama-v2's signals: characters, raw words, sentences and lines of each text.

A raw word is what the regular expression `\\w+|[^\\w\\s]+` finds (NLTK's WordPunctTokenizer): a run of letters, numbers
and underscores, or a run of anything else that is no white space. All loops are linear, a nanosecond or so a character.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import LETTER, LOWER, NUMERIC, SPACE, UPPER
from filters.text.word_sets import among, hash_codes

Array = np.ndarray[Any, Any]

# Columns of `text_counts`.
WORDS, CAPITALS, NO_LATIN, STOP_WORDS, CURLY, SYMBOLS, SENTENCES = range(7)
# Columns of `line_counts`.
LINES, CHARACTERS, ELLIPSIS, TERMINAL, BULLET, UPPERCASE = range(6)
# Columns of `normalised_line_counts`.
JAVASCRIPT, JAVASCRIPT_LINES, NORMALISED_WORDS, NORMALISED_CHARACTERS, NUMERIC_CHARACTERS = range(5)

BULLETS = np.array([ord(mark) for mark in "•‣▶◀◦■□▪▫–"], np.uint32)
_ELLIPSIS = 0x2026


@compiled("boolean(uint32)")
def _is_title(code: int) -> bool:
    """Whether the code point is of category Lt, which is neither upper nor lower case."""
    if code < 0x1F2 + 1:
        return code == 0x1C5 or code == 0x1C8 or code == 0x1CB or code == 0x1F2
    if code < 0x1F88:
        return False
    if code < 0x1FB0:
        return code & 15 >= 8
    return code == 0x1FBC or code == 0x1FCC or code == 0x1FFC


@compiled("void(uint32[::1], int64[::1], uint16[::1], uint64[::1], int64[:, ::1])")
def text_counts(codes: Array, bounds: Array, table: Array, stop_words: Array, out: Array) -> None:
    """Counts of each text's raw words, marks and sentences, int64 [texts, 7].

    A sentence is a match of `\\b[^.!?]+[.!?]*`: it begins at a letter, number or underscore and ends after the next
    run of full stops, exclamation and question marks.
    """
    for text in range(len(bounds) - 1):
        row = out[text]
        in_sentence, ended, dots = False, False, 0
        kind, start, upper, other_case, latin = 0, 0, False, False, False
        for i in range(bounds[text], bounds[text + 1] + 1):
            inside = i < bounds[text + 1]
            code = codes[i] if inside else np.uint32(32)
            bits = table[code]
            word = (bits & (LETTER | NUMERIC)) != 0 or code == 95
            now = 0 if bits & SPACE else (1 if word else 2)
            if now != kind:
                if kind:
                    row[WORDS] += 1
                    row[CAPITALS] += upper and not other_case
                    row[NO_LATIN] += not latin
                    if kind == 1 and among(stop_words, hash_codes(codes, start, i)):
                        row[STOP_WORDS] += 1
                kind, start, upper, other_case, latin = now, i, False, False, False
            if not inside:
                break
            if bits & UPPER:
                upper = True
            elif bits & LOWER or (0x1C5 <= code <= 0x1FFC and _is_title(code)):
                other_case = True
            if 65 <= code <= 90 or 97 <= code <= 122:
                latin = True
            stop = code == 46 or code == 33 or code == 63
            if in_sentence:
                if stop:
                    ended = True
                elif ended:
                    in_sentence, ended = False, False
            if not in_sentence and word:
                in_sentence = True
                row[SENTENCES] += 1
            dots = dots + 1 if code == 46 else 0
            row[SYMBOLS] += code == 35 or code == _ELLIPSIS or (dots > 0 and dots % 3 == 0)
            row[CURLY] += code == 123 or code == 125


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], int64[::1], uint16[::1], uint32[::1], int64[:, ::1],"
    " float64[::1])"
)
def line_counts(
    codes: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    table: Array,
    bullets: Array,
    out: Array,
    uppercase: Array,
) -> None:
    """Counts over each text's lines, int64 [texts, 6], and the sum of the lines' shares of capitals.

    A line has its newline as a character; what is empty after the last newline is no line.
    """
    for text in range(len(offsets) - 1):
        row = out[text]
        for line in range(offsets[text], offsets[text + 1]):
            start, end = starts[line], ends[line]
            final = line == offsets[text + 1] - 1
            if final and start == end:
                continue
            size = end - start + (0 if final else 1)
            row[LINES] += 1
            row[CHARACTERS] += size
            capitals = 0
            for i in range(start, end):
                capitals += (table[codes[i]] & UPPER) != 0
            row[UPPERCASE] += capitals
            uppercase[text] += capitals / size
            while start < end and table[codes[start]] & SPACE:
                start += 1
            while end > start and table[codes[end - 1]] & SPACE:
                end -= 1
            if start == end:
                continue
            last = codes[end - 1]
            dots = end - start >= 3 and last == 46 and codes[end - 2] == 46 and codes[end - 3] == 46
            row[ELLIPSIS] += last == _ELLIPSIS or dots
            row[TERMINAL] += last == 46 or last == 33 or last == 63 or last == 0x201D
            for bullet in bullets:
                if codes[start] == bullet:
                    row[BULLET] += 1
                    break


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], int64[::1], int64[::1], uint16[::1], uint32[::1],"
    " int64[:, ::1], float64[::1])"
)
def normalised_line_counts(
    codes: Array,
    lines: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    table: Array,
    javascript: Array,
    out: Array,
    numeric: Array,
) -> None:
    """Counts over each text's normalised lines, int64 [texts, 5], and the sum of the lines' shares of numerals.

    `lines` are the texts' lines, `offsets` the lines' words; words of a line are one space apart.
    """
    for text in range(len(lines) - 1):
        row = out[text]
        for line in range(lines[text], lines[text + 1]):
            words = offsets[line + 1] - offsets[line]
            if words == 0:
                continue
            size, numerals, scripts = words - 1, 0, 0
            for word in range(offsets[line], offsets[line + 1]):
                start, end = starts[word], ends[word]
                size += end - start
                same = end - start == len(javascript)
                for i in range(start, end):
                    numerals += (table[codes[i]] & NUMERIC) != 0
                    same = same and codes[i] == javascript[i - start]
                scripts += same
            row[JAVASCRIPT] += scripts
            row[JAVASCRIPT_LINES] += scripts > 0
            row[NORMALISED_WORDS] += words
            row[NORMALISED_CHARACTERS] += size
            row[NUMERIC_CHARACTERS] += numerals
            numeric[text] += numerals / size


@compiled("void(int64[::1], int32[::1], int64, int64[::1], float64[::1])")
def vocabulary(offsets: Array, ids: Array, distinct: int, unique: Array, entropy: Array) -> None:
    """Distinct words of each text, and the entropy of their distribution in nats."""
    counts = np.zeros(distinct + 1, np.int64)
    for text in range(len(offsets) - 1):
        total = offsets[text + 1] - offsets[text]
        for i in range(offsets[text], offsets[text + 1]):
            counts[ids[i]] += 1
        for i in range(offsets[text], offsets[text + 1]):
            if counts[ids[i]]:
                share = counts[ids[i]] / total
                unique[text] += 1
                entropy[text] -= share * np.log(share)
                counts[ids[i]] = 0


@compiled("void(uint32[::1], int64[::1], int64[::1], int64[::1], uint32[::1], uint32[::1], int64[::1])")
def pairs(
    codes: Array, offsets: Array, starts: Array, ends: Array, first: Array, second: Array, out: Array
) -> None:
    """How often in each text a word that ends with `first` is followed by one that begins with `second`."""
    for text in range(len(offsets) - 1):
        for word in range(offsets[text], offsets[text + 1] - 1):
            if ends[word] - starts[word] < len(first) or ends[word + 1] - starts[word + 1] < len(second):
                continue
            same = True
            for i in range(len(first)):
                same = same and codes[ends[word] - len(first) + i] == first[i]
            for i in range(len(second)):
                same = same and codes[starts[word + 1] + i] == second[i]
            out[text] += same
