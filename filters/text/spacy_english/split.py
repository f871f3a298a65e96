"""Cuts every chunk of a batch, a part between white space, into words as spaCy's English tokenizer does.

The loop is that of the tokenizer's `_split_affixes`: a prefix and a suffix are cut off at a time, until the rest is a
special case or has neither; what is left is a special case, an address, or cut at its infixes. Every step costs the
characters that it cuts off, so time is linear in characters for every text.

Chunks that the compiled loop leaves alone are `odd`: a pair of words may be put together again (`tables.joints`), four
numbers may be an IPv4 address, or the chunk is a row of marks too long for spaCy (`marks_times_length`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.text.layout import LETTER, NUMERIC, Parts
from filters.text.spacy_english.addresses import UNSURE, YES, address
from filters.text.spacy_english.affixes import infix, prefix, suffix
from filters.text.spacy_english.strings import find, maybe
from filters.text.spacy_english.tables import (
    JOINT_CUTS,
    JOINT_MARKS,
    JOINTS,
    PIECE_ENDS,
    PIECES,
    PLAIN,
    SPECIALS,
    Tables,
)

Array = np.ndarray[Any, Any]

_ODD = -1
_ALPHANUMERIC = LETTER | NUMERIC


class Cut(NamedTuple):
    """Words of all chunks but the odd ones, which have none."""

    first: Array  # int64 [chunks + 1]: chunk `c` has the words `first[c]:first[c + 1]`
    starts: Array  # int64 [words]
    ends: Array  # int64 [words]
    odd: Array  # int64: the chunks without words


@compiled("int64(uint32[::1], int64, int64, uint16[::1], int64[::1], int64[::1], int64)", bare=True)
def _middle(
    codes: Array, start: int, end: int, classes: Array, starts: Array, ends: Array, count: int
) -> int:
    """Adds the words of a rest without affixes, cut at its infixes; the new number of words, or _ODD."""
    begin, i, cut = start, start, False
    while i < end:
        if classes[codes[i]] & PLAIN:
            i += 1
            continue
        size = infix(codes, start, i, end, classes)
        if size == 0 or i == start:
            i += max(size, 1)
            continue
        if not cut:
            cut = True
            found = address(codes, start, end, classes)
            if found == UNSURE:
                return _ODD
            if found == YES:
                break
        if i > begin:
            starts[count], ends[count] = begin, i
            count += 1
        starts[count], ends[count] = i, i + size
        count += 1
        i += size
        begin = i
    if begin < end:
        starts[count], ends[count] = begin, end
        count += 1
    return count


@compiled("int64(int64, int64, int64[::1], int64[::1], int64[::1], int64)", bare=True)
def _special(start: int, special: int, rules: Array, starts: Array, ends: Array, count: int) -> int:
    """Adds the pieces of a special case; the new number of words."""
    begin, pieces = start, rules[PIECES] + special
    for piece in range(rules[pieces], rules[pieces + 1]):
        starts[count] = begin
        begin = ends[count] = start + rules[rules[PIECE_ENDS] + piece]
        count += 1
    return count


@compiled(
    "int64(uint32[::1], int64, int64, uint16[::1], int64[::1], int64[::1], int64[::1], int64, int64[::1])",
    bare=True,
)
def _chunk(
    codes: Array,
    start: int,
    end: int,
    classes: Array,
    rules: Array,
    starts: Array,
    ends: Array,
    count: int,
    stack: Array,
) -> int:
    """Adds the words of one chunk; the new number of words, or _ODD."""
    size, depth, special, specials = -1, 0, -1, rules[SPECIALS]
    while start < end and end - start != size:
        special = find(codes, start, end, rules, specials)
        if special >= 0:
            break
        size = end - start
        before = prefix(codes, start, end, classes)
        if before:
            special = find(codes, start + before, end, rules, specials)
            if special >= 0:
                starts[count], ends[count] = start, start + before
                count += 1
                start += before
                break
        after = suffix(codes, start + before, end, classes, rules)
        if after:
            special = find(codes, start, end - after, rules, specials)
            if special >= 0:
                stack[depth] = end
                depth += 1
                end -= after
                break
            stack[depth] = end
            depth += 1
            end -= after
        if before:
            starts[count], ends[count] = start, start + before
            count += 1
            start += before
    if start < end:
        if special >= 0:
            count = _special(start, special, rules, starts, ends, count)
        else:
            count = _middle(codes, start, end, classes, starts, ends, count)
            if count == _ODD:
                return _ODD
    while depth > 0:
        depth -= 1
        starts[count], ends[count] = end, stack[depth]
        end = stack[depth]
        count += 1
    return count


@compiled("boolean(uint32[::1], int64[::1], int64[::1], int64, int64, int64[::1])", bare=True)
def _joined(codes: Array, starts: Array, ends: Array, first: int, count: int, rules: Array) -> bool:
    """Whether two neighbours of the words `first:count` are the first pieces of a special case."""
    for word in range(first + 1, count):
        bit = (np.int64(codes[starts[word] - 1]) * 61 + np.int64(codes[starts[word]])) & 4095
        if (rules[rules[JOINT_MARKS] + (bit >> 6)] >> (bit & 63)) & 1:
            found = find(codes, starts[word - 1], ends[word], rules, rules[JOINTS])
            if found >= 0:
                cut = rules[rules[JOINT_CUTS] + found]
                if cut == 0 or cut == ends[word - 1] - starts[word - 1]:
                    return True
    return False


@compiled("int64(uint32[::1], int64, int64, uint16[::1])", bare=True)
def _strippable(codes: Array, start: int, end: int, traits: Array) -> int:
    """An upper bound on how many affixes can be cut off: marks at the ends, and the letter s at the end."""
    size = end - start
    while start < end and not traits[codes[start]] & _ALPHANUMERIC:
        start += 1
    while end > start and (not traits[codes[end - 1]] & _ALPHANUMERIC or (codes[end - 1] | 32) == 115):
        end -= 1
    return size - (end - start)


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], uint16[::1], int64[::1], uint16[::1], int64, int64[::1], int64[::1],"
    " int64[::1], boolean[::1], int64[::1])",
    bare=True,
)
def _all(
    codes: Array,
    chunk_starts: Array,
    chunk_ends: Array,
    classes: Array,
    rules: Array,
    traits: Array,
    most: int,
    first: Array,
    starts: Array,
    ends: Array,
    odd: Array,
    stack: Array,
) -> None:
    """Fills `first`, `starts`, `ends` and `odd`; `stack` has room for the suffixes of the longest chunk."""
    count = np.int64(0)
    for chunk in range(len(chunk_starts)):
        start, end = chunk_starts[chunk], chunk_ends[chunk]
        first[chunk] = count
        kinds = np.uint16(PLAIN)
        for i in range(start, end):
            kinds &= classes[codes[i]]
        if kinds and not maybe(codes, start, end, rules, rules[SPECIALS]):
            starts[count], ends[count] = start, end
            count += 1
            continue
        size = end - start
        if size > 128 and not kinds and size * _strippable(codes, start, end, traits) > most:
            odd[chunk] = True
            continue
        found = _chunk(codes, start, end, classes, rules, starts, ends, count, stack)
        if found == _ODD or (found > count + 1 and _joined(codes, starts, ends, count, found, rules)):
            odd[chunk] = True
        else:
            count = found
    first[len(chunk_starts)] = count


def cut(codes: Array, chunks: Parts, tables: Tables, traits: Array, marks_times_length: int) -> Cut:
    """The words of all chunks; `traits` is the table of `filters.text.layout`."""
    size = len(chunks.starts)
    first, odd = np.zeros(size + 1, np.int64), np.zeros(size, np.bool_)
    starts, ends = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    stack = np.empty(int(chunks.lengths().max(initial=0)), np.int64)
    places = (first, starts, ends, odd, stack)
    _all(codes, chunks.starts, chunks.ends, *tables, traits, marks_times_length, *places)
    count = int(first[size])
    return Cut(first, starts[:count], ends[:count], np.flatnonzero(odd))


@compiled(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1], int64[::1], int64[::1],"
    " int64[::1])",
    bare=True,
)
def _replace(
    first: Array,
    starts: Array,
    ends: Array,
    chunks: Array,
    sizes: Array,
    spans: Array,
    new_first: Array,
    new_starts: Array,
    new_ends: Array,
) -> int:
    count, at, span = 0, 0, 0
    for chunk in range(len(first) - 1):
        new_first[chunk] = count
        if at < len(chunks) and chunks[at] == chunk:
            for _ in range(sizes[at]):
                new_starts[count], new_ends[count] = spans[span, 0], spans[span, 1]
                count += 1
                span += 1
            at += 1
        else:
            for word in range(first[chunk], first[chunk + 1]):
                new_starts[count], new_ends[count] = starts[word], ends[word]
                count += 1
    new_first[len(first) - 1] = count
    return count


def replaced(cut: Cut, words: dict[int, list[tuple[int, int]]]) -> Cut:
    """The words with those of some chunks replaced by others; no chunk is odd any more."""
    chunks = sorted(words)
    sizes = np.array([len(words[chunk]) for chunk in chunks], np.int64)
    spans = np.array([span for chunk in chunks for span in words[chunk]], np.int64).reshape(-1, 2)
    first = np.empty_like(cut.first)
    starts, ends = (np.empty(len(cut.starts) + len(spans), np.int64) for _ in range(2))
    count = _replace(
        cut.first, cut.starts, cut.ends, np.array(chunks, np.int64), sizes, spans, first, starts, ends
    )
    return Cut(first, starts[:count], ends[:count], np.zeros(0, np.int64))
