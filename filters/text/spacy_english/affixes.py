"""What spaCy's English rules cut off at the ends of a span, and inside it.

Each function is one of the tokenizer's patterns (`prefix_search`, `suffix_search`, `infix_finditer`), written over
classes of characters (`tables`). A span is `codes[start:end]`; nothing outside it is looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.spacy_english.strings import LONGEST, find
from filters.text.spacy_english.tables import (
    BEFORE_STOP,
    CUT,
    LETTER,
    PREFIX,
    STOP_LEFT,
    STOP_RIGHT,
    SUFFIX,
    UNIT_END,
    UNITS,
    UPPER,
)

Array = np.ndarray[Any, Any]

_STOP, _PLUS, _HYPHEN, _TILDE, _COMMA, _DOLLAR = 46, 43, 45, 126, 44, 36
_DASH, _LONG_DASH, _ELLIPSIS, _APOSTROPHE, _QUOTE, _DEGREE = 0x2013, 0x2014, 0x2026, 39, 0x2019, 0xB0


@compiled("int64(uint32[::1], int64, int64, uint16[::1])", bare=True)
def prefix(codes: Array, start: int, end: int, classes: Array) -> int:
    """How many characters are cut off at the beginning."""
    code = codes[start]
    if classes[code] & PREFIX:
        return 1
    if code == _STOP:
        i = start + 1
        while i < end and codes[i] == _STOP:
            i += 1
        return i - start if i - start > 1 else 0
    if code == _PLUS:
        return 0 if start + 1 < end and 48 <= codes[start + 1] <= 57 else 1
    if (code == 67 or code == 65) and start + 1 < end and codes[start + 1] == _DOLLAR:
        return 2
    if code == 85 and start + 2 < end and codes[start + 1] == 83 and codes[start + 2] == _DOLLAR:
        return 3
    return 0


@compiled("int64(uint32[::1], int64, int64, uint16[::1])", bare=True)
def _full_stop(codes: Array, start: int, end: int, classes: Array) -> int:
    """How many full stops are cut off at the end, where one stands."""
    i = end - 1
    while i > start and codes[i - 1] == _STOP:
        i -= 1
    if end - i > 1:
        return end - i
    if end - start < 2:
        return 0
    before = codes[end - 2]
    if classes[before] & BEFORE_STOP:
        return 1
    if end - start > 2:
        if classes[before] & UPPER and classes[codes[end - 3]] & UPPER:
            return 1
        if codes[end - 3] == _DEGREE and (before | 32) in (99, 102, 107):
            return 1
    return 0


@compiled("int64(uint32[::1], int64, int64, uint16[::1], int64[::1])", bare=True)
def suffix(codes: Array, start: int, end: int, classes: Array, rules: Array) -> int:
    """How many characters are cut off at the end."""
    if end <= start:
        return 0
    code = codes[end - 1]
    found = 1 if classes[code] & SUFFIX else 0
    if code == _STOP:
        return _full_stop(codes, start, end, classes)
    if end - start < 2:
        return found
    before = codes[end - 2]
    if (code | 32) == 115 and (before == _APOSTROPHE or before == _QUOTE):
        return 2
    if code == _ELLIPSIS and before == _ELLIPSIS:
        return 2
    if code == _PLUS and 48 <= before <= 57:
        return 1
    if classes[code] & UNIT_END:
        i, units = end - 1, rules[UNITS]
        while i > start and end - i <= rules[units + LONGEST] and not 48 <= codes[i - 1] <= 57:
            i -= 1
        if i > start and 48 <= codes[i - 1] <= 57 and find(codes, i, end, rules, units) >= 0:
            return max(found, end - i)
    return found


@compiled("int64(uint32[::1], int64, int64, int64, uint16[::1])", bare=True)
def infix(codes: Array, start: int, at: int, end: int, classes: Array) -> int:
    """How many characters are cut out at the position `at` of the span."""
    code = codes[at]
    if classes[code] & CUT:
        return 1
    after = classes[codes[at + 1]] if at + 1 < end else np.uint16(0)
    if code == _STOP:
        i = at + 1
        while i < end and codes[i] == _STOP:
            i += 1
        if i - at > 1:
            return i - at
        return 1 if at > start and classes[codes[at - 1]] & STOP_LEFT and after & STOP_RIGHT else 0
    if at == start or at + 1 >= end:
        return 0
    before = codes[at - 1]
    digit = 48 <= before <= 57
    between_digits = digit and (48 <= codes[at + 1] <= 57 or codes[at + 1] == _HYPHEN)
    if between_digits and (code == _PLUS or code == _HYPHEN or code == 42 or code == 94):
        return 1
    if not digit and not classes[before] & LETTER:
        return 0
    if code == _COMMA:
        return 1 if not digit and after & LETTER else 0
    if code == 58 or code == 60 or code == 61 or code == 62 or code == 47 or code == _DASH or code == _TILDE:
        return 1 if after & LETTER else 0
    if code == _HYPHEN or code == _LONG_DASH:
        most = 3 if code == _HYPHEN else 2
        i = at + 1
        while i < end and i - at < most and codes[i] == code:
            i += 1
        return i - at if i < end and classes[codes[i]] & LETTER else 0
    return 0
