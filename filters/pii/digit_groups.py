"""The compiled loop under `filters/pii/runs.py`: groups of digits close together, dates at their head left out.

It reads each code point once, some nanoseconds each, and a date two or three times.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]
GAP = 3  # separators between two groups of one run
LEAST = 7  # digits of a run


@compiled("boolean(uint32)")
def is_separator(code: int) -> bool:
    """A blank, a dash, a full stop, a slash or a bracket."""
    if code < 128:
        return code == 32 or code == 45 or code == 46 or code == 47 or code == 40 or code == 41
    dash = 0x2010 <= code <= 0x2015 or code == 0x2212
    return dash or code == 0xA0 or code == 0x2009 or code == 0x202F


@compiled("int64(uint32[::1], int64, int64)")
def _number(codes: Array, start: int, end: int) -> int:
    value = 0
    for place in range(start, end):
        value = 10 * value + codes[place] - 48
    return value


@compiled("boolean(uint32[::1], int64, int64)")
def _is_year(codes: Array, start: int, end: int) -> bool:
    return end - start == 4 and 1700 <= _number(codes, start, end) < 2100


@compiled("boolean(uint32[::1], int32[::1], int32[::1], int64)")
def _is_date(codes: Array, starts: Array, ends: Array, at: int) -> bool:
    """Whether three groups from `at` on are a date: a year at one end, day and month, one separator used twice."""
    if starts[at + 1] != ends[at] + 1 or starts[at + 2] != ends[at + 1] + 1:
        return False
    if codes[ends[at]] != codes[ends[at + 1]]:
        return False
    if _is_year(codes, starts[at], ends[at]):
        one, two = at + 1, at + 2
    elif _is_year(codes, starts[at + 2], ends[at + 2]):
        one, two = at, at + 1
    else:
        return False
    if ends[one] - starts[one] > 2 or ends[two] - starts[two] > 2:
        return False
    first, second = _number(codes, starts[one], ends[one]), _number(codes, starts[two], ends[two])
    return 1 <= min(first, second) <= 12 and 1 <= max(first, second) <= 31


@compiled("int64(uint32[::1], int32[::1], int32[::1], int64, int64)")
def _without_dates(codes: Array, starts: Array, ends: Array, first: int, last: int) -> int:
    """The first group of a run that is no date, and no pair of years; `last` if too few digits are left after it."""
    at = first
    while True:
        if at + 3 <= last and _is_date(codes, starts, ends, at):
            at += 3
        elif (
            at + 2 <= last
            and _is_year(codes, starts[at], ends[at])
            and _is_year(codes, starts[at + 1], ends[at + 1])
        ):
            at += 2
        else:
            break
    digits = 0
    for group in range(at, last):
        digits += ends[group] - starts[group]
    return at if digits >= LEAST else last


@compiled("int64(uint32[::1], int32[::1], int32[::1], int32[::1])")
def digit_groups(codes: Array, starts: Array, ends: Array, runs: Array) -> int:
    """Fills in where groups of digits lie and which run each belongs to; returns how many there are.

    The arrays hold as many values as there can be groups: half the code points, and one.
    """
    count, first, run, digits, gap = 0, 0, 0, 0, 0
    inside = False
    for place in range(len(codes) + 1):
        code = codes[place] if place < len(codes) else np.uint32(0)
        if 48 <= code <= 57:
            if not inside:
                starts[count], runs[count] = place, run
                count += 1
                inside = True
            ends[count - 1] = place + 1
            digits += 1
            gap = 0
            continue
        inside = False
        if digits == 0:
            continue
        gap += 1
        if gap <= GAP and is_separator(code):
            continue
        left = _without_dates(codes, starts, ends, first, count) if digits >= LEAST else count
        for group in range(left, count):
            starts[first], ends[first], runs[first] = starts[group], ends[group], run
            first += 1
        count, digits, gap = first, 0, 0
        run += 1
    return count
