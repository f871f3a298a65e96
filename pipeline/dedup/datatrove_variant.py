"""datatrove 0.10's MinHash of English text, exactly: its simplified text, its tokens, its hashed n-grams.

For corpora that are compared with signatures made there. Its defaults hold but for what the recipe says: numbers to
`0`, punctuation to spaces, no accents; tokens of spaCy's English rules, whatever the text's language; XXH64 of the
n-gram's tokens joined by spaces. A text shorter than one n-gram has no shingle. Unlike there, a text's shingles beyond
`longest` are not looked at.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.punctuation import MARKS
from filters.text.words import WordSplitter
from pipeline.dedup.forms import put
from pipeline.dedup.hashes import xxh64

Array = np.ndarray[Any, Any]

# Decimal digits of Unicode 17 that Python's own tables may not know yet.
_NEW_DIGITS = (
    (0x10D40, 0x10D49),
    (0x116D0, 0x116E3),
    (0x11BF0, 0x11BF9),
    (0x11DE0, 0x11DE9),
    (0x11F50, 0x11F59),
    (0x16130, 0x16139),
    (0x16D70, 0x16D79),
    (0x1CCF0, 0x1CCF9),
    (0x1E4F0, 0x1E4F9),
    (0x1E5F1, 0x1E5FA),
)
_DIGIT = rf"[\d{''.join(f'{chr(first)}-{chr(last)}' for first, last in _NEW_DIGITS)}]"
_NUMBER = re.compile(rf"{_DIGIT}+(?:[.,،٫⎖⎗⎘]{_DIGIT}+)?")
_ASCII_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_SPACES = frozenset(MARKS)
_FEW = 64


@functools.cache
def _numerals() -> frozenset[str]:
    """What may be in a number beside ASCII: a text without them needs the simpler expression."""
    new = itertools.chain.from_iterable(range(first, last + 1) for first, last in _NEW_DIGITS)
    known = (code for code in range(0x80, 0x20000) if chr(code).isdecimal())
    return frozenset(map(chr, (*new, *known))) | frozenset("،٫⎖⎗⎘")


@functools.cache
def _nonspacing() -> frozenset[str]:
    """Every nonspacing mark."""
    return frozenset(chr(code) for code in range(0x300, 0xE01F0) if unicodedata.category(chr(code)) == "Mn")


def _replaced(text: str, marks: set[str], by: str) -> str:
    # Most texts have few of them, and replacing one at a time is faster than a table of all.
    if len(marks) > _FEW:
        return text.translate(dict.fromkeys(map(ord, marks), by))
    for mark in marks:
        text = text.replace(mark, by)
    return text


def simplified(text: str) -> str:
    """datatrove's `simplify_text` with its defaults."""
    text = text.lower()
    found = set(text)
    text = (_ASCII_NUMBER if found.isdisjoint(_numerals()) else _NUMBER).sub("0", text)
    text = " ".join(_replaced(text, found & _SPACES, " ").split())
    if text.isascii():
        return text
    text = unicodedata.normalize("NFD", text)
    return _replaced(text, set(text) & _nonspacing(), "").strip()


@functools.cache
def _splitter() -> WordSplitter:
    from pipeline import assets

    return WordSplitter(assets.load("english_tokenizer"))


@compiled("int64(uint32[::1], int64[::1], int64[::1], int64[::1], int64, int64, uint64[::1], int64[::1])")
def _hash_ngrams(
    codes: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    ngram: int,
    longest: int,
    out: Array,
    bounds: Array,
) -> int:
    """XXH64 of the first `longest` n-grams of each text; returns how many there are."""
    most, words = 0, 0
    for text in range(len(offsets) - 1):
        first, last = offsets[text], offsets[text + 1]
        if last > first:
            words = max(words, last - first)
            most = max(most, 4 * (ends[last - 1] - starts[first]) + last - first)
    joined = np.empty(most, np.uint8)
    begins = np.empty(words + 1, np.int64)
    count = 0
    for text in range(len(offsets) - 1):
        first = offsets[text]
        tokens = min(offsets[text + 1] - first, longest + ngram - 1)
        size = 0
        for token in range(tokens):
            begins[token] = size
            for i in range(starts[first + token], ends[first + token]):
                size = put(joined, size, np.int64(codes[i]))
            joined[size] = 32
            size += 1
        begins[tokens] = size
        for token in range(tokens - ngram + 1):
            out[count] = xxh64(joined, begins[token], begins[token + ngram] - 1)
            count += 1
        bounds[text + 1] = count
    return count


def shingles(texts: Sequence[str], ngram: int, longest: int) -> tuple[Array, Array]:
    """The shingles of each text, uint64, and their bounds, int64 [texts + 1]."""
    words = _splitter().split(list(map(simplified, texts)))
    out = np.empty(len(words.starts), np.uint64)
    bounds = np.zeros(len(texts) + 1, np.int64)
    count = _hash_ngrams(words.codes, words.offsets, words.starts, words.ends, ngram, longest, out, bounds)
    return out[:count], bounds
