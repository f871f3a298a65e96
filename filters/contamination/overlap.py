"""How much of a text stands in a stretch of another, word by word in any order, in compiled loops.

A word of the text counts where the stretch has it, once for each time it has it, or has one a few letters away near
the place where it should be: one edit for words of up to 5 characters, two for 6 to 8, three for longer ones, none for
words with digits and single characters; a word of up to 3 at most two words from its place. Cost: linear in the words,
and the misspelt ones times those left over near them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]

_LONGEST = 32  # characters of a word that may be misspelt


@compiled("int64(int64)")
def _allowed(size: int) -> int:
    """Edits that a word may be away from one of `size` characters."""
    if size < 2 or size > _LONGEST:
        return 0
    return 1 if size < 6 else 2 if size < 9 else 3


@compiled("boolean(uint32[::1], int64, int64, uint32[::1], int64, int64, uint32[::1], int64[:, ::1])")
def _alike(
    codes: Array, start: int, end: int, others: Array, first: int, last: int, table: Array, rows: Array
) -> bool:
    """Whether two words, in normal form, are few edits apart; `rows` is room for two rows of distances."""
    size, length = end - start, last - first
    most = _allowed(size)
    if abs(size - length) > most or most == 0:
        return False
    for i in range(start, end):
        if 48 <= codes[i] <= 57:
            return False
    for k in range(first, last):
        if 48 <= others[k] <= 57:
            return False
    for k in range(length + 1):
        rows[0, k] = k
    for i in range(size):
        before, now = i & 1, (i + 1) & 1
        rows[now, 0] = best = i + 1
        for k in range(length):
            other = rows[before, k] + (table[codes[start + i]] != table[others[first + k]])
            other = min(other, rows[before, k + 1] + 1, rows[now, k] + 1)
            rows[now, k + 1] = other
            best = min(best, other)
        if best > most:
            return False
    return rows[size & 1, length] <= most


@compiled("int64(uint64, uint64[::1], int64[::1])")
def _slot(key: Any, keys: Array, left: Array) -> Any:
    mask = len(keys) - 1
    slot = np.int64(key >> np.uint64(16)) & mask
    while left[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@compiled(
    "UniTuple(float64, 3)(uint64[::1], float64[::1], int64, int64, uint64[::1], int64, int64, int64[::1],"
    " boolean[::1])"
)
def _missing(
    hashes: Array,
    weights: Array,
    first: int,
    last: int,
    in_hashes: Array,
    low: int,
    high: int,
    missing: Array,
    free: Array,
) -> Any:
    """Which of the words `first:last` do not stand among `low:high`: how many, their weight, and that of all.

    Sets `free` for the others' words that are left over.
    """
    room = 16
    while room < 2 * (last - first):
        room *= 2
    keys, left = np.zeros(room, np.uint64), np.full(room, -1, np.int64)
    whole = 0.0
    for i in range(first, last):
        slot = _slot(hashes[i], keys, left)
        keys[slot], left[slot] = hashes[i], max(left[slot], 0) + 1
        whole += weights[i]
    for k in range(low, high):
        slot = _slot(in_hashes[k], keys, left)
        free[k - low] = left[slot] <= 0
        if left[slot] > 0:
            left[slot] -= 1
    lost, many = 0.0, 0
    for i in range(last - 1, first - 1, -1):
        slot = _slot(hashes[i], keys, left)
        if left[slot] > 0:
            left[slot] -= 1
            missing[many] = i
            many, lost = many + 1, lost + weights[i]
    return float(many), lost, whole


@compiled(
    "float64(uint64[::1], int64[::1], int64[::1], uint32[::1], float64[::1], int64, int64,"
    " uint64[::1], int64[::1], int64[::1], uint32[::1], int64, int64, int64, int64, uint32[::1])"
)
def weight_found(
    hashes: Array,
    starts: Array,
    ends: Array,
    codes: Array,
    weights: Array,
    first: int,
    last: int,
    in_hashes: Array,
    in_starts: Array,
    in_ends: Array,
    in_codes: Array,
    low: int,
    high: int,
    shift: int,
    near: int,
    table: Array,
) -> float:
    """The weight of the words `first:last` of one stream that stand among the words `low:high` of another.

    Word i should stand at `i + shift`; a misspelt one is looked for within `near` words of it, and only where half of
    the weight is found as it is.
    """
    missing, free = np.empty(last - first, np.int64), np.empty(max(high - low, 0), np.bool_)
    many, lost, whole = _missing(hashes, weights, first, last, in_hashes, low, high, missing, free)
    if many == 0 or 2 * lost > whole:
        return whole - lost
    rows = np.empty((2, _LONGEST + 2), np.int64)
    for m in range(np.int64(many)):
        i = missing[m]
        reach = min(near, 2) if ends[i] - starts[i] < 4 else near
        for k in range(max(low, i + shift - reach), min(high, i + shift + reach + 1)):
            if free[k - low] and _alike(
                codes, starts[i], ends[i], in_codes, in_starts[k], in_ends[k], table, rows
            ):
                free[k - low] = False
                lost -= weights[i]
                break
    return whole - max(lost, 0.0)


@compiled("void(int64[:, ::1], int64[::1], int64[::1], uint64[::1], float64[::1], uint64[::1], boolean[::1])")
def half_found(
    runs: Array, text: Array, offsets: Array, hashes: Array, weights: Array, in_hashes: Array, out: Array
) -> None:
    """Of each run, given by its stretch of words, whether half of its text stands there as it is."""
    for run in range(len(runs)):
        first, last = offsets[text[run]], offsets[text[run] + 1]
        low, high = runs[run, 0], runs[run, 1]
        missing, free = np.empty(last - first, np.int64), np.empty(high - low, np.bool_)
        _, lost, whole = _missing(hashes, weights, first, last, in_hashes, low, high, missing, free)
        out[run] = 2 * lost <= whole


@compiled("int64(int64)")
def slack_of(size: int) -> int:
    """Words that a copy of a text of `size` words may be longer than it, on either side."""
    return size // 4 if size > 16 else 4


@compiled("int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1])")
def groups(
    document: Array, at: Array, text: Array, within: Array, sizes: Array, per_text: Array, out: Array
) -> int:
    """Runs of hits of one text in one document, close enough to be one copy of it; rows first, last + 1.

    Hits are sorted by document, text, place. A run with less than a sixth of the text's windows is none.
    """
    count, i = 0, 0
    while i < len(at):
        size = sizes[text[i]]
        end = at[i] - within[i] + size + slack_of(size)
        k, distinct = i + 1, 1
        while k < len(at) and document[k] == document[i] and text[k] == text[i] and at[k] < end:
            distinct += at[k] != at[k - 1]
            k += 1
        if 6 * distinct >= per_text[text[i]]:
            out[count, 0], out[count, 1] = i, k
            count += 1
        i = k
    return count
