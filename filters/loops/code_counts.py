"""Compiled loops behind the rules for sources of code: runs of encoded data, and what each line looks like."""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import LETTER, NUMERIC, SPACE
from filters.text.word_sets import among, hash_codes

Array = np.ndarray[Any, Any]

# Columns of `line_counts`.
LINES, LONGEST, SAID, CODE, COMMENTS = range(5)
# Columns of `encoded`.
ALPHANUMERIC, ALPHABETIC, ENCODED, LONGEST_RUN = range(4)

_MIN_BASE64 = 64  # characters of a run (StarCoder2)
_MIN_ITEMS = 8  # bytes or code units in hexadecimal (StarCoder2)
_MIN_ENCODED_LINE = 60  # encoders break lines at 64 or 76; a menu has shorter ones


@compiled("boolean(uint32)")
def _base64(code: int) -> bool:
    return 97 <= code <= 122 or 65 <= code <= 90 or 47 <= code <= 57 or code == 43


@compiled("boolean(uint32)")
def _hexadecimal(code: int) -> bool:
    return 48 <= code <= 57 or 65 <= code <= 70 or 97 <= code <= 102


@compiled("int64(uint32[::1], int64, int64)")
def _base64_end(codes: Array, start: int, end: int) -> int:
    """Where the run of base64 ends; a newline joins lines of at least 60 characters to the next.

    Equals signs belong to a run only as its end, two at most.
    """
    at, line = start, start
    while at < end:
        if codes[at] == 10 and at - line >= _MIN_ENCODED_LINE and at + 1 < end and _base64(codes[at + 1]):
            line = at + 1
        elif not _base64(codes[at]):
            break
        at += 1
    padded = at
    while padded < min(at + 2, end) and codes[padded] == 61:
        padded += 1
    return padded


@compiled("int64(uint32[::1], int64, int64)")
def _item_end(codes: Array, start: int, end: int) -> int:
    """Where one item of hexadecimal ends: `4f`, `0x4f`, `\\x4f` or `\\u004f`; `start` where there is none."""
    at, digits = start, 2
    if at + 1 < end and codes[at] == 48 and codes[at + 1] == 120:
        at += 2
    elif at + 1 < end and codes[at] == 92 and (codes[at + 1] == 120 or codes[at + 1] == 117):
        digits = 2 if codes[at + 1] == 120 else 4
        at += 2
    if at + digits > end:
        return start
    for i in range(at, at + digits):
        if not _hexadecimal(codes[i]):
            return start
    at += digits
    return start if at < end and codes[at] != 92 and _base64(codes[at]) else at


@compiled("int64(uint32[::1], int64, int64, int64[::1])")
def _items_end(codes: Array, start: int, end: int, items: Array) -> int:
    """Where a list of hexadecimal items ends; `items[0]` tells how many it has, 0 if it may be decimal numbers."""
    items[0] = 0
    at, last, decimal = start, start, True
    while at < end:
        after = _item_end(codes, at, end)
        if after == at:
            break
        items[0] += 1
        for i in range(at, after):
            decimal = decimal and 48 <= codes[i] <= 57
        last = after
        at = after
        while at < end and (codes[at] == 44 or codes[at] == 32 or 9 <= codes[at] <= 13):
            at += 1
    if decimal:
        items[0] = 0
    return last


@compiled("void(uint32[::1], int64[::1], uint16[::1], int64[:, ::1])")
def encoded(codes: Array, bounds: Array, table: Array, out: Array) -> None:
    """Letters, letters and numbers, and characters in runs of encoded data of each text, int64 [texts, 4]."""
    items = np.zeros(1, np.int64)
    for text in range(len(bounds) - 1):
        row, end, done = out[text], bounds[text + 1], bounds[text]
        for i in range(bounds[text], end):
            bits = table[codes[i]]
            row[ALPHANUMERIC] += (bits & (LETTER | NUMERIC)) != 0
            row[ALPHABETIC] += (bits & LETTER) != 0
            if i < done or not (_base64(codes[i]) or codes[i] == 92):
                continue
            plain, listed = _base64_end(codes, i, end), _items_end(codes, i, end, items)
            size = 0
            if plain - i >= _MIN_BASE64:
                size = plain - i
            if items[0] >= _MIN_ITEMS:
                size = max(size, listed - i)
            row[ENCODED] += size
            row[LONGEST_RUN] = max(row[LONGEST_RUN], size)
            done = max(plain, listed, i + 1)


@compiled("boolean(uint32, uint16)")
def _in_name(code: int, bits: int) -> bool:
    return (bits & (LETTER | NUMERIC)) != 0 or code == 95


@compiled("boolean(uint32[::1], int64, int64)")
def _is_comment(codes: Array, start: int, end: int) -> bool:
    """Whether a stripped line begins as a comment does in one of the common languages."""
    first, size = codes[start], end - start
    second = codes[start + 1] if size > 1 else np.uint32(32)
    third = codes[start + 2] if size > 2 else np.uint32(32)
    if first == 47:  # // and /*
        return second == 47 or second == 42
    if first == 35:  # `# `, `##` and `#!`
        return size > 1 and (second == 32 or second == 35 or second == 33)
    if first == 45:  # `-- `
        return size > 2 and second == 45 and third == 32
    if first == 60:  # <!--
        return second == 33 and third == 45
    return (first == 34 or first == 39) and second == first and third == first


@compiled("boolean(uint32, uint32, uint32, uint32, uint16[::1])")
def _is_operator(before: int, here: int, after: int, beyond: int, table: Array) -> bool:
    """Whether the character `here`, with its neighbours, is an operator or a call such as prose does not have."""
    if here == 61:  # `==`, `=>`
        return before != 61 and ((after == 61 and beyond != 61) or after == 62)
    if here == 33 or here == 43:  # `!=`, `+=`
        return after == 61 and beyond != 61
    if here == 38:  # `&&`
        return after == 38 and beyond != 38
    if here == 60:  # `</`
        return after == 47 and beyond != 32
    if here == 47:  # `/>`
        return after == 62
    named = _in_name(before, table[before])
    if here == 40:  # `f()`
        return after == 41 and named
    if here == 58:  # `a::b`, `:=`
        return (after == 61 and beyond != 61) or (after == 58 and named and _in_name(beyond, table[beyond]))
    return here == 45 and after == 62 and named and _in_name(beyond, table[beyond])  # `a->b`


@compiled("boolean(uint32[::1], int64, int64, uint16[::1])")
def _has_operator(codes: Array, start: int, end: int, table: Array) -> bool:
    """Whether a line has an operator, or an equals sign after its first one to three words."""
    chunks = 1
    for i in range(start, end - 1):
        here = codes[i]
        if here > 61 or (48 <= here <= 57):
            continue
        before = codes[i - 1] if i > start else np.uint32(32)
        if here == 32:
            chunks += before != 32
            continue
        after = codes[i + 1]
        if here == 61 and after == 32 and before == 32 and 1 < chunks <= 4:
            name = codes[i - 2]
            if (name > 57 and _in_name(name, table[name])) or name == 93:
                return True
        if _is_operator(before, here, after, codes[i + 2] if i + 2 < end else np.uint32(32), table):
            return True
    return False


@compiled("boolean(uint32[::1], int64, int64, uint16[::1])")
def _has_call(codes: Array, start: int, end: int, table: Array) -> bool:
    """Whether a bracket or an equals sign follows a name at once, as in `f(x)`, `a[i]`, `x=1`."""
    for i in range(start + 1, end):
        opens = codes[i] == 40 or codes[i] == 91 or codes[i] == 61
        if opens and (table[codes[i - 1]] & LETTER or codes[i - 1] == 95):
            return True
    return False


@compiled("boolean(uint32[::1], int64, int64, uint16[::1], uint64[::1])")
def _is_code(codes: Array, start: int, end: int, table: Array, keywords: Array) -> bool:
    """Whether a stripped line looks like code: how it ends, its operators, or a keyword and a call or a colon."""
    last = codes[end - 1]
    if last == 123 or last == 125:
        return True
    if codes[start] != 45 and _is_comment(codes, start, end):
        return True
    if _has_operator(codes, start, end, table):
        return True
    call = _has_call(codes, start, end, table)
    if last == 59:
        return call or end - start < 12
    first = start
    while first < end and (_in_name(codes[first], table[codes[first]]) or codes[first] == 35):
        first += 1
    if not among(keywords, hash_codes(codes, start, first)):
        return False
    return call or last == 58 or last == 41 or codes[start] == 35


@compiled("void(uint32[::1], int64[::1], int64[::1], int64[::1], uint16[::1], uint64[::1], int64[:, ::1])")
def line_counts(
    codes: Array, offsets: Array, starts: Array, ends: Array, table: Array, keywords: Array, out: Array
) -> None:
    """Counts over each text's lines, int64 [texts, 5]; code and comments among those that are not blank."""
    for text in range(len(offsets) - 1):
        row, block = out[text], False
        for line in range(offsets[text], offsets[text + 1]):
            start, end = starts[line], ends[line]
            row[LINES] += 1
            row[LONGEST] = max(row[LONGEST], end - start)
            while start < end and table[codes[start]] & SPACE:
                start += 1
            while end > start and table[codes[end - 1]] & SPACE:
                end -= 1
            if start < end:
                starred = block and codes[start] == 42
                row[SAID] += 1
                row[CODE] += starred or _is_code(codes, start, end, table, keywords)
                row[COMMENTS] += starred or _is_comment(codes, start, end)
                if end - start > 1:
                    closed = codes[end - 2] == 42 and codes[end - 1] == 47
                    opened = codes[start] == 47 and codes[start + 1] == 42
                    block = not closed and (block or opened)
