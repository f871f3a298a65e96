"""Whether a span is what spaCy's rules take for a web or mail address, which infixes do not cut.

The pattern (`spacy.lang.tokenizer_exceptions.URL_PATTERN`) is: optionally a scheme and `://`, optionally anything
and `@`, a host name or an IPv4 address, optionally a port, optionally `/`, `?` or `#` and anything. A host name never
contains the mark that ends it, so every place where one can begin is read once: linear time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.spacy_english.tables import DECIMAL, HOST, LOWER, SCHEME

Array = np.ndarray[Any, Any]

NO, YES, UNSURE = 0, 1, 2  # unsure: four numbers, which only the pattern itself tells from other addresses


@compiled("int64(uint32[::1], int64, int64, uint16[::1])", bare=True)
def _host(codes: Array, start: int, end: int, classes: Array) -> int:
    """Whether the span is a host name; unsure if it is digits and full stops alone."""
    part, stops, numeric = start, 0, True
    for i in range(start, end):
        kind = classes[codes[i]]
        if codes[i] == 46:
            size = i - part
            if size < 1 or size > 64 or not classes[codes[i - 1]] & HOST or not classes[codes[part]] & HOST:
                return NO
            stops += 1
            part = i + 1
        elif not kind & HOST and codes[i] != 45 and codes[i] != 95 and not kind & LOWER:
            return NO
        elif not kind & DECIMAL:
            numeric = False
    if numeric and stops == 3:
        return UNSURE
    if stops == 0 or end - part < 2 or end - part > 63:
        return NO
    for i in range(part, end):
        if not classes[codes[i]] & LOWER:
            return NO
    for i in range(
        start, part
    ):  # a lower-case letter beyond the host names' range is allowed in the last part alone
        if not classes[codes[i]] & HOST and codes[i] != 45 and codes[i] != 95 and codes[i] != 46:
            return NO
    return YES


@compiled("int64(uint32[::1], int64, int64, uint16[::1])", bare=True)
def _from_host(codes: Array, start: int, end: int, classes: Array) -> int:
    """Whether the span is an address without scheme and user."""
    stop = start
    while stop < end:
        code = codes[stop]
        if code == 47 or code == 63 or code == 35 or code == 58:
            break
        if code == 64:  # no part of a host name
            return NO
        stop += 1
    if stop == start:
        return NO
    if stop < end and codes[stop] == 58:
        i = stop + 1
        while i < end and i - stop < 7 and classes[codes[i]] & DECIMAL:
            i += 1
        if i - stop < 3 or i - stop > 6:
            return NO
        if i < end and codes[i] != 47 and codes[i] != 63 and codes[i] != 35:
            return NO
    return _host(codes, start, stop, classes)


@compiled("int64(uint32[::1], int64, int64, uint16[::1])", bare=True)
def address(codes: Array, start: int, end: int, classes: Array) -> int:
    """YES, NO or UNSURE for a span."""
    i = start
    while i < end and codes[i] != 46:
        i += 1
    if i == end:
        return NO
    found = _from_host(codes, start, end, classes)
    if found != NO:
        return found
    i = start
    while i < end and classes[codes[i]] & SCHEME:
        i += 1
    if i - start >= 2 and i + 2 < end and codes[i] == 58 and codes[i + 1] == 47 and codes[i + 2] == 47:
        found = _from_host(codes, i + 3, end, classes)
        if found != NO:
            return found
    for i in range(start + 1, end - 1):
        if codes[i] == 64:
            found = _from_host(codes, i + 1, end, classes)
            if found != NO:
                return found
    return NO
