"""What stands in the text of each block, counted in one pass: characters by class, words, their weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from pipeline.extraction.blocks.characters import (
    CAPITAL,
    DIGIT,
    IDEOGRAPH,
    LETTER,
    QUOTE,
    SMALL,
    tables,
)
from pipeline.extraction.blocks.scan import END, IS_TITLE, START, find

Array = np.ndarray[Any, Any]

_CLASSES, _SMALL = tables()
_FNV, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_TITLE_SIZE = 256  # places for the hashes of the title's words, a power of two

# Columns of the counts: 0 to 15 by character class (see `characters`), then
CHARACTERS, WORDS, WORD_CHARACTERS, LONGEST, SHORT, CAPITAL_WORDS, FIRST, LAST, YEARS, AT_SIGN, COPYRIGHT = (
    range(16, 27)
)
COLUMNS = 27
# Columns of the weights. FROM_TITLE: words that the title has, too; TITLE_COVERED: how many different ones.
SUM, LEAST, MOST, FROM_TITLE, TITLE_COVERED = range(5)


class Lexicon(NamedTuple):
    """Weights of words: log-odds of standing in main text. `keys`, `positions`: a hash table (`names.hash_table`)."""

    keys: Array
    positions: Array
    weights: Array  # float32


class Counts(NamedTuple):
    """int32[blocks, COLUMNS]; a hash of each block's letters; and of each word its hash and its block, in order."""

    counts: Array
    letters: Array  # uint64[blocks]
    words: Array  # uint64[words]
    block_of_word: Array  # int32[words]


def count(text: Array, blocks: Array) -> Counts:
    """Counts of every block of a scan. Cost: about 4 ns a byte."""
    counts = np.zeros((len(blocks), COLUMNS), np.int32)
    letters = np.zeros(len(blocks), np.uint64)
    words = np.empty(len(text) + 1, np.uint64)
    block_of_word = np.empty(len(text) + 1, np.int32)
    found = _count(text, blocks, _CLASSES, _SMALL, counts, letters, words, block_of_word)
    return Counts(counts, letters, words[:found], block_of_word[:found])


def weigh(counted: Counts, blocks: Array, lexicon: Lexicon) -> Array:
    """float32[blocks, 5]: SUM, LEAST and MOST of the weights of a block's words, and what it shares with the title."""
    weights = np.zeros((len(blocks), 5), np.float32)
    title = np.zeros(_TITLE_SIZE, np.uint64)
    is_title = blocks[:, IS_TITLE] > 0
    _weigh(counted.words, counted.block_of_word, is_title, *lexicon, title, weights)
    return weights


@compiled("int64(uint8[::1], int64)")
def code_point(text: Array, at: Any) -> Any:
    """The character of valid UTF-8 at `at` and its length: code << 3 | length."""
    first = np.int64(text[at])
    if first < 0x80:
        return first << 3 | 1
    second = np.int64(text[at + 1]) & 63
    if first < 0xE0:
        return ((first & 31) << 6 | second) << 3 | 2
    third = np.int64(text[at + 2]) & 63
    if first < 0xF0:
        return ((first & 15) << 12 | second << 6 | third) << 3 | 3
    return ((first & 7) << 18 | second << 12 | third << 6 | (np.int64(text[at + 3]) & 63)) << 3 | 4


@compiled("int64(uint64, uint64[::1], boolean)")
def _in_title(word: Any, title: Array, add: Any) -> Any:
    """Place of a word among the title's, or -1; adds it where asked and half of the places are free."""
    mask = np.uint64(len(title) - 1)
    at = word & mask
    for _ in range(len(title) // 2):
        if title[at] == word:
            return np.int64(at)
        if title[at] == 0:
            if add:
                title[at] = word
            return np.int64(-1)
        at = (at + np.uint64(1)) & mask
    return np.int64(-1)


@compiled(
    "void(uint64[::1], int32[::1], boolean[::1], uint64[::1], int32[::1], float32[::1], uint64[::1], float32[:, ::1])"
)
def _weigh(
    words: Array,
    block_of_word: Array,
    is_title: Array,
    keys: Array,
    positions: Array,
    weights: Array,
    title: Array,
    out: Array,
) -> None:
    covered = np.full(len(title), -1, np.int32)  # the last block that had this word of the title
    for i in range(len(words)):
        block = block_of_word[i]
        position = find(words[i], keys, positions)
        if position >= 0:
            weight = weights[position]
            out[block, SUM] += weight
            out[block, LEAST] = min(out[block, LEAST], weight)
            out[block, MOST] = max(out[block, MOST], weight)
        place = _in_title(words[i], title, is_title[block])
        if place >= 0:
            out[block, FROM_TITLE] += 1
            if covered[place] != block:
                covered[place] = block
                out[block, TITLE_COVERED] += 1


@compiled("int64(uint64, int64, int64, int64, uint64[::1], int32[::1], int64, int32[::1])")
def _word(
    word: Any,
    length: Any,
    first: Any,
    block: Any,
    words: Array,
    block_of_word: Array,
    found: Any,
    counts: Array,
) -> Any:
    """Counts one word of a block."""
    words[found], block_of_word[found] = word, block
    counts[WORDS] += 1
    counts[WORD_CHARACTERS] += length
    counts[LONGEST] = max(counts[LONGEST], length)
    counts[SHORT] += length <= 3
    counts[CAPITAL_WORDS] += first == CAPITAL
    return found + 1


@compiled(
    "int64(uint8[::1], int32[:, ::1], uint8[::1], uint16[::1], int32[:, ::1], uint64[::1], uint64[::1], int32[::1])"
)
def _count(
    text: Array,
    blocks: Array,
    classes: Array,
    small: Array,
    counts: Array,
    letters: Array,
    words: Array,
    block_of_word: Array,
) -> Any:
    found = 0
    for block in range(len(blocks)):
        row, at, end, whole = counts[block], blocks[block, START], np.int64(blocks[block, END]), _FNV
        word, length, first, digits, number, last = _FNV, 0, 0, 0, 0, 0
        row[FIRST] = -1
        while at <= end:
            kind: Any = 0
            code: Any = 32
            if at < end:
                packed = code_point(text, at)
                code = packed >> 3
                at += packed & 7
                kind = np.int64(classes[code]) if code < 65536 else (LETTER if code < 0x20000 else IDEOGRAPH)
            else:
                at += 1
            letter = kind == SMALL or kind == CAPITAL or kind == LETTER
            if length and not letter:
                found = _word(word, length, first, block, words, block_of_word, found, row)
                word, length = _FNV, 0
            if digits and kind != DIGIT:
                row[YEARS] += digits == 4 and (number // 100 == 19 or number // 100 == 20)
                digits = number = 0
            if code == 32 or code == 10:
                continue
            row[CHARACTERS] += 1
            row[kind] += 1
            row[AT_SIGN] += code == 64
            row[COPYRIGHT] += code == 169
            row[FIRST] = kind if row[FIRST] < 0 else row[FIRST]
            last = kind if kind != QUOTE and code != 41 else last
            lower = np.uint64(small[code]) if code < 65536 else np.uint64(code)
            if letter:
                first = first if length else kind
                word = (word ^ lower) * _PRIME
                length += 1
                whole = (whole ^ lower) * _PRIME
            elif kind == DIGIT:
                digits, number = digits + 1, number * 10 + code % 16 if digits < 4 else 0
            elif kind == IDEOGRAPH:
                alone = (_FNV ^ lower) * _PRIME
                found = _word(alone, 1, kind, block, words, block_of_word, found, row)
                whole = (whole ^ lower) * _PRIME
        row[LAST] = last
        letters[block] = whole
    return found


@compiled("int32[::1](uint64[::1])")
def groups(hashes: Array) -> Array:
    """Numbers equal hashes alike, from 0 in order of first occurrence."""
    size = 16
    while size < 2 * len(hashes):
        size *= 2
    places = np.full(size, -1, np.int32)
    found = np.empty(len(hashes), np.int32)
    firsts = np.empty(len(hashes), np.uint64)
    count = 0
    for i in range(len(hashes)):
        at = np.int64((hashes[i] * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (size - 1)
        while places[at] >= 0 and firsts[places[at]] != hashes[i]:
            at = (at + 1) & (size - 1)
        if places[at] < 0:
            places[at] = count
            firsts[count] = hashes[i]
            count += 1
        found[i] = places[at]
    return found
