"""Runs of digits: the places of a text where numbers of seven digits or more can be, found once for all kinds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from filters.pii.patterns import BLANKS, DASHES, compiled

SEPARATOR = rf"[{BLANKS}.{DASHES}/()]"
GATE = rf"[0-9](?:{SEPARATOR}{{0,3}}[0-9]){{6}}"

_RUN = rf"[0-9](?:{SEPARATOR}{{0,3}}[0-9]){{6,}}"
_OPENING = "+("
_YEAR_AT: dict[tuple[int, ...], int] = {
    (4, 2, 2): 0,
    (4, 1, 2): 0,
    (4, 2, 1): 0,
    (4, 1, 1): 0,
    (2, 2, 4): 2,
    (1, 2, 4): 2,
    (2, 1, 4): 2,
    (1, 1, 4): 2,
}
"""Where the year is in a date, by the digits of its three groups."""


class Run(NamedTuple):
    """Digits with at most three separators between any two, and where its groups of digits begin and end."""

    start: int  # a plus or a bracket before the first digit is part of the run
    end: int
    groups: tuple[tuple[int, int], ...]


def find(text: str) -> Iterator[Run]:
    """The runs of a text, longest possible ones, from left to right."""
    for match in compiled(_RUN).finditer(text):
        start, end = match.span()
        groups = _without_dates(text, _groups(text, start, end))
        if groups:
            yield Run(opening(text, groups[0][0]), groups[-1][1], tuple(groups))


def opening(text: str, start: int) -> int:
    """Where a number that has its first digit at `start` begins: at its plus or bracket."""
    for _ in range(3):
        before = text[start - 1 : start] if start else ""
        blank = before == " " and text[start - 2 : start - 1] == "+"  # `+ 44 20`
        if not (before and before in _OPENING) and not blank:
            break
        start -= 1
    return start


def _groups(text: str, start: int, end: int) -> list[tuple[int, int]]:
    found, first = [], -1
    for place in range(start, end):
        digit = "0" <= text[place] <= "9"
        if digit and first < 0:
            first = place
        elif not digit and first >= 0:
            found.append((first, place))
            first = -1
    found.append((first, end))
    return found


def _without_dates(text: str, groups: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The groups after the dates and times that a run begins with; none if fewer than seven digits are left."""
    at = 0
    while True:
        sizes = tuple(end - start for start, end in groups[at : at + 3])
        year = _YEAR_AT.get(sizes)
        if (
            year is not None
            and _is_year(text, groups[at + year])
            and _day_and_month(text, groups[at : at + 3], year)
        ):
            at += 3
        elif sizes == (4, 4) and all(_is_year(text, group) for group in groups[at : at + 2]):
            at += 2
        else:
            break
    left = groups[at:]
    return left if sum(end - start for start, end in left) >= 7 else []


def _is_year(text: str, group: tuple[int, int]) -> bool:
    return text[group[0] : group[0] + 2] in ("17", "18", "19", "20")


def _day_and_month(text: str, groups: list[tuple[int, int]], year: int) -> bool:
    numbers = [int(text[start:end]) for i, (start, end) in enumerate(groups) if i != year]
    gaps = {text[one[1] : two[0]] for one, two in pairwise(groups)}
    return 1 <= min(numbers) <= 12 and max(numbers) <= 31 and len(gaps) == 1
