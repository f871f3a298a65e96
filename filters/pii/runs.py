"""Runs of digits: the places of a text where numbers of seven digits or more can be, found once for all kinds."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from filters.pii.patterns import BLANKS, DASHES

SEPARATOR = rf"[{BLANKS}.{DASHES}/()]"  # as `digit_groups.is_separator`
GATE = rf"[0-9](?:{SEPARATOR}{{0,3}}[0-9]){{6}}"

_OPENING = "+("


class Run(NamedTuple):
    """Digits with at most three separators between any two, and where its groups of digits begin and end."""

    start: int  # a plus or a bracket before the first digit is part of the run
    end: int
    groups: tuple[tuple[int, int], ...]


def find(text: str) -> list[Run]:
    """The runs of a text, longest possible ones, from left to right, without the dates at their heads."""
    from filters.pii.digit_groups import digit_groups  # compiled loops take a while to load

    codes = np.frombuffer(bytearray(text.encode("utf-32-le", "surrogatepass")), np.uint32)
    starts, ends, runs = (np.empty(len(codes) // 2 + 1, np.int32) for _ in range(3))
    count = digit_groups(codes, starts, ends, runs)
    places = zip(*(column[:count].tolist() for column in (starts, ends, runs)), strict=True)
    found = []
    for _, group in groupby(places, itemgetter(2)):
        groups = tuple([(start, end) for start, end, _ in group])
        found.append(Run(opening(text, groups[0][0]), groups[-1][1], groups))
    return found


def opening(text: str, start: int) -> int:
    """Where a number that has its first digit at `start` begins: at its plus or bracket."""
    for _ in range(3):
        before = text[start - 1 : start] if start else ""
        blank = before == " " and text[start - 2 : start - 1] == "+"  # `+ 44 20`
        if not (before and before in _OPENING) and not blank:
            break
        start -= 1
    return start
