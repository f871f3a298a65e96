"""The piece of a text that is shown: cut around the first place that matters, masked, with those places marked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from filters.types import Span
from pipeline.report.samples import masked

LIMIT = 900  # characters that are shown
LEAD = 180  # of them before the first place
_MARGIN = (
    300  # characters around them in which personal data is looked for: an address at the edge is seen whole
)


class ExcerptPiece(msgspec.Struct, frozen=True):
    """A part of a text, `marked` where a rule fired or the words searched for stand."""

    text: str
    marked: bool


class Excerpt(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a text, in `pieces`: `before` and `after` are the characters that are not shown, `places` how many were
    marked in all.

    E-mail and IP addresses and telephone numbers are masked, whatever the recipe says.
    """

    pieces: list[ExcerptPiece]
    before: int
    after: int
    places: int


def excerpt(text: str, spans: Sequence[Span], limit: int = LIMIT) -> Excerpt:
    """At most about `limit` characters of a text, from a little before the first span on."""
    spans = merged(spans)
    begin = _begin(text, spans[0][0]) if spans else 0
    end = min(len(text), begin + limit)
    low, high = max(0, begin - _MARGIN), min(len(text), end + _MARGIN)
    marks = bytearray(high - low)
    for start, stop in spans:
        if start < high and stop > low:
            first, last = max(start, low) - low, min(stop, high) - low
            marks[first:last] = b"\x01" * (last - first)
    shown = _masked(text[low:high], marks, begin - low, end - low)
    pieces = [
        ExcerptPiece("".join(char for char, _ in group), marked)
        for marked, group in groupby(shown, key=lambda one: one[1])
    ]
    whole = "".join(piece.text for piece in pieces)
    # A mask can make its surroundings look like something else: what is still found is masked, without marks.
    if (again := masked([whole])[0]) != whole:
        pieces = [ExcerptPiece(again, False)]
    return Excerpt(pieces=pieces, before=begin, after=len(text) - end, places=len(spans))


def merged(spans: Sequence[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch joined."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif start < end:
            found.append((start, end))
    return found


def _begin(text: str, first: int) -> int:
    """Where to begin: at a line's beginning a little before the first place, or at a word's."""
    if first <= LEAD:
        return 0
    low = first - LEAD
    line = text.find("\n", low, first)
    word = text.find(" ", low, first)
    return (line if line >= 0 else word if word >= 0 else low - 1) + 1


def _masked(text: str, marks: bytearray, begin: int, end: int) -> list[tuple[str, bool]]:
    """The characters from `begin` to `end` and whether each is marked; a mask is if any of what it hides was."""
    from filters import pii

    found: list[tuple[str, bool]] = []
    at = 0
    for one in pii.find(text, ("emails", "phones", "ips")):
        found += [(text[i], bool(marks[i])) for i in range(max(at, begin), min(one.start, end))]
        if one.start < end and one.end > begin:
            marked = any(marks[one.start : one.end])
            found += [(char, marked) for char in pii.replacement(one.kind, "fineweb", one.detail)]
        at = one.end
    found += [(text[i], bool(marks[i])) for i in range(max(at, begin), end)]
    return found
