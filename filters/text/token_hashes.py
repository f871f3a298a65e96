"""Texts as sequences of 64-bit token hashes, made by one compiled walk: what n-gram models count and look up.

Three ways to cut a text:

- `wordpunct`: runs of letters, digits and underscores, and runs of other characters but white space (NLTK's
  WordPunctTokenizer, which DSIR and RedPajama-v2 use);
- `words`: runs of letters, marks and digits, every digit taken for 0; each other character by itself, and each
  character of a script that has no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese);
- `spaces`: the parts between ASCII white space, as they are (models of text that was tokenised before, as KenLM cuts
  it).

Where lines matter, `END` stands after every line with a token. Cost: some 4 ns a character.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.hashing import START, mixed
from filters.text import layout

Array = np.ndarray[Any, Any]
Scheme = Literal["wordpunct", "words", "spaces"]

_SPACE, _WORD, _OTHER, _SINGLE = 0, 1, 2, 3
_ASCII_SPACE = [9, 10, 11, 12, 13, 32]
NO_SPACES = (  # first and last code point
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


class Tokens(NamedTuple):
    """Token hashes of some texts: text `t` has `hashes[offsets[t]:offsets[t + 1]]`."""

    offsets: Array  # int64 [texts + 1]
    hashes: Array  # uint64 [tokens]


@compiled("uint64(uint64, uint64)")
def extended(key: Any, before: Any) -> Any:
    """The key of a sequence of tokens with one more token before it; the key of one token is its hash."""
    return mixed(key * np.uint64(0x9E3779B97F4A7C15) + before)


@functools.cache
def _classes(scheme: Scheme) -> Array:
    traits = layout.traits()
    letters = layout.LETTER | layout.NUMERIC
    table = np.full(len(traits), _SINGLE if scheme == "words" else _OTHER, np.uint8)
    if scheme == "spaces":
        table[:] = _WORD
    else:
        if scheme == "words":
            letters |= layout.MARK
        table[(traits & np.uint16(letters)) != 0] = _WORD
        table[ord("_")] = _WORD
    if scheme == "words":
        for first, last in NO_SPACES:
            table[first : last + 1] = _SINGLE
    table[_ASCII_SPACE if scheme == "spaces" else (traits & np.uint16(layout.SPACE)) != 0] = _SPACE
    return table


@compiled(
    "int64(uint32[::1], int64[::1], uint8[::1], uint16[::1], boolean, boolean, uint64, int64[::1], uint64[::1])"
)
def _hash_tokens(
    codes: Array,
    bounds: Array,
    classes: Array,
    traits: Array,
    fold: bool,
    lines: bool,
    end: Any,
    offsets: Array,
    out: Array,
) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        state, running = np.uint64(START), np.uint8(_SPACE)
        in_line = 0
        for i in range(bounds[text], bounds[text + 1]):
            code = codes[i]
            kind = classes[code]
            if running != _SPACE and (kind != running or running == _SINGLE):
                out[count] = mixed(state)
                count += 1
                in_line += 1
                state = np.uint64(START)
            running = kind
            if kind == _SPACE:
                if lines and code == 10 and in_line:
                    out[count] = end
                    count += 1
                    in_line = 0
                continue
            if fold and traits[code] & layout.DIGIT:
                code = np.uint32(48)
            state = (state ^ np.uint64(code)) * np.uint64(1099511628211)
        if running != _SPACE:
            out[count] = mixed(state)
            count += 1
            in_line += 1
        if lines and in_line:
            out[count] = end
            count += 1
        offsets[text + 1] = count
    return count


def token_hash(token: str) -> int:
    """The hash of one token as it stands: what `tokens` gives for it where it is one."""
    value, bits = START, 2**64 - 1
    for character in token:
        value = (value ^ ord(character)) * 1099511628211 & bits
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & bits
    value = (value ^ value >> 27) * 0x94D049BB133111EB & bits
    return value ^ value >> 31


BEGIN, END, UNKNOWN = map(token_hash, ("<s>", "</s>", "<unk>"))


def tokens(codes: Array, bounds: Array, scheme: Scheme, lines: bool) -> Tokens:
    """The tokens of texts given as code points (`filters.text.layout.code_points`); in lower case if they are."""
    offsets = np.zeros(len(bounds), np.int64)
    most = len(codes) + (int(np.count_nonzero(codes == 10)) + len(bounds) if lines else 0)
    out = np.empty(most, np.uint64)
    fold = scheme == "words"
    count = _hash_tokens(
        codes, bounds, _classes(scheme), layout.traits(), fold, lines, np.uint64(END), offsets, out
    )
    return Tokens(offsets, out[:count].copy())
