"""Texts as sequences of 64-bit hashes with their places: of words in a normal form, and of tokens as they stand.

The normal form is that of GPT-3 and of lm-evaluation-harness's janitor (lower case, no punctuation, white space alone
separates words), for all of Unicode and not ASCII alone: punctuation, symbols, controls and accents are deleted,
compatibility forms are taken for what they stand for (`ﬁ`, full width letters, superscripts), and each character of a
script that has no spaces between words is a word. So `don't`, `Don’t` and `**DON'T**` are one word, and a bullet or a
dash between words is none. Unlike there, marks that no word has inside (`?!;`, brackets, quotation marks, long dashes)
separate words too: pages often lack the space behind them.

Tokens are case-sensitive: a run of letters, marks, digits and underscores, or one other visible character.

One compiled pass each, linear on any text. Where words stand is only asked of texts in which something was found: the
hashes alone (`word_hashes`) take some 2 ns a character, as the pass hardly ever branches.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.hashing import START, add, mixed
from filters.text import layout
from filters.text.token_hashes import NO_SPACES

Array = np.ndarray[Any, Any]

_LIMIT = 0x110000  # entries from here on point into the list of longer forms
_SINGLE = 0x400000  # entries from here on are words by themselves
_SEPARATES = 0xFFFFFFFE
_DELETED = 0xFFFFFFFF
_BETWEEN = '?!;()[]{}<>|"“”„«»—―…¿¡。、，？！；：（）'
_ACCENTS = (0x300, 0x36F)
_SPACE, _WORD, _OTHER = 0, 1, 2


class Stream(NamedTuple):
    """Words or tokens of some texts: text `t` has those from `offsets[t]` to `offsets[t + 1]`."""

    offsets: Array  # int64 [texts + 1]
    hashes: Array  # uint64
    starts: Array  # int64, in the code points
    ends: Array  # int64
    wordlike: Array  # bool: a word, not a mark


class Forms(NamedTuple):
    """What each code point becomes in the normal form."""

    table: Array  # uint32 [0x110000]
    longer: Array  # uint32: a length, then so many code points
    letters: Array  # uint64 [0x110000]: what a letter adds to a hash, a multiple of 4; else one of the kinds


# Kinds of code points in `Forms.letters`: several letters or a word by itself is `_RARE`.
_NOTHING, _ENDS, _RARE = 1, 2, 3


@compiled("uint64(uint64)")
def _letter(form: Any) -> Any:
    """What a letter adds to a word's hash: a number of its own."""
    return mixed(add(np.uint64(START), form)) & ~np.uint64(3)


@compiled("uint64(uint64, uint64)")
def _with_letter(state: Any, letter: Any) -> Any:
    """A word's hash with one more letter: a rotation keeps their order, and takes two cycles."""
    return ((state << np.uint64(5)) | (state >> np.uint64(59))) ^ letter


@compiled("void(uint32[::1], uint64[::1])")
def _fill_letters(table: Array, out: Array) -> None:
    for code in range(len(table)):
        form = table[code]
        if form < _LIMIT:
            out[code] = _letter(np.uint64(form))
        elif form == _DELETED:
            out[code] = _NOTHING
        else:
            out[code] = _ENDS if form == _SEPARATES else _RARE


@functools.cache
def forms() -> Forms:
    """The table, built once a process in some 0.3 s."""
    traits = layout.traits()
    table = np.arange(_LIMIT, dtype=np.uint32)
    longer: list[int] = []
    deleted = layout.PUNCTUATION | layout.SYMBOL | layout.CONTROL
    table[(traits & deleted) != 0] = _DELETED
    table[_ACCENTS[0] : _ACCENTS[1] + 1] = _DELETED
    table[(traits & layout.SPACE) != 0] = _SEPARATES
    table[[ord(mark) for mark in _BETWEEN]] = _SEPARATES
    for code in np.flatnonzero(table < _LIMIT).tolist():
        lower = chr(code).lower()
        plain = unicodedata.normalize("NFKD", lower)
        if len(plain) == 1 and ord(plain) == code:
            continue
        bare = "".join(one for one in plain if not _ACCENTS[0] <= ord(one) <= _ACCENTS[1])
        kept = [ord(one) for one in unicodedata.normalize("NFC", bare) if table[ord(one)] < _SEPARATES]
        if len(kept) == 1:
            table[code] = kept[0]
        elif kept:
            table[code] = _LIMIT + len(longer)
            longer += [len(kept), *kept]
        else:
            table[code] = _DELETED
    for first, last in NO_SPACES:
        part = table[first : last + 1]
        part[part < _LIMIT] += np.uint32(_SINGLE)
    letters = np.empty(_LIMIT, np.uint64)
    _fill_letters(table, letters)
    return Forms(table, np.array(longer, np.uint32), letters)


@functools.cache
def _classes() -> Array:
    traits = layout.traits()
    table = np.full(len(traits), _OTHER, np.uint8)
    table[(traits & (layout.LETTER | layout.NUMERIC | layout.MARK)) != 0] = _WORD
    table[ord("_")] = _WORD
    table[(traits & (layout.SPACE | layout.CONTROL)) != 0] = _SPACE
    return table


@compiled(
    "int64(uint32[::1], int64[::1], uint32[::1], uint32[::1], int64[::1], uint64[::1], int64[::1], int64[::1])"
)
def _words(
    codes: Array,
    bounds: Array,
    table: Array,
    longer: Array,
    offsets: Array,
    hashes: Array,
    starts: Array,
    ends: Array,
) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        state, inside, end = np.uint64(START), False, bounds[text]
        for i in range(bounds[text], bounds[text + 1]):
            form = table[codes[i]]
            if form < _SINGLE:
                if not inside:
                    starts[count], inside = i, True
                end = i + 1
                if form < _LIMIT:
                    state = _with_letter(state, _letter(np.uint64(form)))
                else:
                    first = np.int64(form) - _LIMIT
                    for k in range(first + 1, first + 1 + np.int64(longer[first])):
                        state = _with_letter(state, _letter(np.uint64(longer[k])))
            elif form != _DELETED:
                if inside:
                    hashes[count], ends[count] = mixed(state), end
                    count += 1
                    state, inside = np.uint64(START), False
                if form != _SEPARATES:
                    hashes[count] = mixed(_with_letter(state, _letter(np.uint64(form - _SINGLE))))
                    starts[count], ends[count] = i, i + 1
                    count += 1
        if inside:
            hashes[count], ends[count] = mixed(state), end
            count += 1
        offsets[text + 1] = count
    return count


@compiled(
    "int64(uint32[::1], int64[::1], uint64[::1], uint32[::1], uint32[::1], int64[::1], uint64[::1])",
    bare=True,
)
def _word_hashes(
    codes: Array, bounds: Array, letters: Array, table: Array, longer: Array, offsets: Array, hashes: Array
) -> Any:
    count, no, one = (
        np.uint64(0),
        np.uint64(0),
        np.uint64(1),
    )  # unsigned: an index that needs no check of its sign
    for text in range(len(bounds) - 1):
        state, inside = np.uint64(START), no
        for code in codes[bounds[text] : bounds[text + 1]]:
            value = letters[code]
            kind = value & np.uint64(3)
            if kind == np.uint64(_RARE):
                form = np.int64(table[code])
                if form < _SINGLE:
                    for k in range(form - _LIMIT + 1, form - _LIMIT + 1 + np.int64(longer[form - _LIMIT])):
                        state = _with_letter(state, _letter(np.uint64(longer[k])))
                    inside = one
                    continue
                hashes[count] = state
                count += inside
                hashes[count] = _with_letter(np.uint64(START), _letter(np.uint64(form - _SINGLE)))
                count += one
                state, inside = np.uint64(START), no
                continue
            # Written whether or not a word ends here: a branch that cannot be foreseen costs more.
            hashes[count] = state
            ends, goes_on = kind == np.uint64(_ENDS), kind == no
            count += inside if ends else no
            extended, kept = _with_letter(state, value), np.uint64(START) if ends else state
            state = extended if goes_on else kept
            inside = one if goes_on else (no if ends else inside)
        hashes[count] = state
        count += inside
        offsets[text + 1] = count
    for k in range(np.int64(count)):
        hashes[k] = mixed(hashes[k])
    return np.int64(count)


def word_hashes(codes: Array, bounds: Array) -> Stream:
    """The stream that `words` gives without places: `starts`, `ends` and `wordlike` are empty."""
    offsets, hashes = np.zeros(len(bounds), np.int64), np.empty(len(codes) + 1, np.uint64)
    rules = forms()
    count = _word_hashes(codes, bounds, rules.letters, rules.table, rules.longer, offsets, hashes)
    none = np.zeros(0, np.int64)
    return Stream(offsets, hashes[:count], none, none, none.astype(np.bool_))


@compiled(
    "int64(uint32[::1], int64[::1], uint8[::1], int64[::1], uint64[::1], int64[::1], int64[::1], boolean[::1])"
)
def _tokens(
    codes: Array,
    bounds: Array,
    classes: Array,
    offsets: Array,
    hashes: Array,
    starts: Array,
    ends: Array,
    wordlike: Array,
) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        state, inside = np.uint64(START), False
        for i in range(bounds[text], bounds[text + 1]):
            kind = classes[codes[i]]
            if kind == _WORD:
                if not inside:
                    starts[count], inside = i, True
                state = add(state, np.uint64(codes[i]))
                continue
            if inside:
                hashes[count], ends[count], wordlike[count] = mixed(state), i, True
                count += 1
                state, inside = np.uint64(START), False
            if kind == _OTHER:
                hashes[count] = mixed(add(state, np.uint64(codes[i])))
                starts[count], ends[count], wordlike[count] = i, i + 1, False
                count += 1
        if inside:
            hashes[count], ends[count], wordlike[count] = mixed(state), bounds[text + 1], True
            count += 1
        offsets[text + 1] = count
    return count


def words(codes: Array, bounds: Array) -> Stream:
    """The words of texts given as code points (`filters.text.layout.code_points`), in normal form."""
    offsets, room = np.zeros(len(bounds), np.int64), len(codes)
    hashes, starts, ends = np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int64)
    count = _words(codes, bounds, *forms()[:2], offsets, hashes, starts, ends)
    return Stream(offsets, hashes[:count], starts[:count], ends[:count], np.ones(count, np.bool_))


def tokens(codes: Array, bounds: Array) -> Stream:
    """The tokens of texts, as they stand."""
    offsets, room = np.zeros(len(bounds), np.int64), len(codes)
    hashes, starts, ends = np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int64)
    wordlike = np.empty(room, np.bool_)
    count = _tokens(codes, bounds, _classes(), offsets, hashes, starts, ends, wordlike)
    return Stream(offsets, hashes[:count], starts[:count], ends[:count], wordlike[:count])


def of_texts(texts: list[str], kind: Any) -> tuple[Stream, Array]:
    """The stream of some texts by `words` or `tokens`, and their code points."""
    codes, bounds = layout.code_points(texts)
    found: Stream = kind(codes, bounds)
    return found, codes
