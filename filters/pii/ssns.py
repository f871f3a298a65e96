"""United States social security numbers: three, two and four digits.

No area 000, 666 or 900 to 999, no group 00, no serial 0000 (Social Security Administration). With hyphens they need no
word; with spaces, or as nine digits, a word must say what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from filters.pii.kinds import Found
from filters.pii.patterns import said_before, stands_alone
from filters.pii.runs import Run

_SIZES = (3, 2, 4)
_CUE = r"(?i)(?:\bss[n#]|\bsocial[ \-]?security|\bsoc\.? sec|\bsocial\b|\btax(?:payer)? id)"
_OTHER = (
    r"(?i)\b(?:isbn|issn|part|model|sku|item|serial|order|invoice|ref|reference|case|docket|patent|cas|ean|upc|phone|tel|fax"
    r"|cat|catalog|stock|product|lot)(?:[ \-]?(?:no|nr|number|num|code))?[.:# ]{0,3}\z"
)
_FAMOUS = ("078051120", "219099999")  # printed in advertisements, and void


def find(text: str, runs: Iterable[Run]) -> Iterator[Found]:
    """The social security numbers among the runs of digits of a text."""
    for run in runs:
        if text[run.start] == "+":
            continue  # a telephone number
        for index, (first, last) in enumerate(run.groups):
            three = run.groups[index : index + 3]
            if tuple(end - start for start, end in three) == _SIZES:
                end = three[-1][1]
                gaps = {text[a[1] : b[0]] for a, b in pairwise(three)}
                gap = gaps.pop() if len(gaps) == 1 else ""
                number = "".join(text[a:b] for a, b in three)
            elif last - first == 9:
                end, gap, number = last, "", text[first:last]
            else:
                continue
            if _issued(number) and _alone(text, first, end) and _meant(text, first, gap):
                yield Found("ssns", first, end, text[first:end])


def _issued(number: str) -> bool:
    area, group, serial = number[:3], number[3:5], number[5:]
    return (
        area not in ("000", "666")
        and area[0] != "9"
        and group != "00"
        and serial != "0000"
        and number not in _FAMOUS
    )


def _meant(text: str, start: int, gap: str) -> bool:
    if gap == "" and text.startswith("123456789", start):
        return False
    if said_before(text, start, _CUE):
        return gap in ("", " ", "-", ".", "–", "‑")
    return gap in ("-", "‑") and not said_before(text, start, _OTHER, 24)


def _alone(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before[-1:] in ("-", ".", "/", "+", "(", "$") or (
        after[:1] in ("-", ".", "/") and after[1:].isalnum()
    ):
        return False
    return stands_alone(text, start, end, "_@=/")
