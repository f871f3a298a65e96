"""Telephone numbers: candidates by their shape or by a word beside them, then the numbering plans of the world.

Without a word, a number must have a shape that nothing else has, and digits that fit a plan: the international form
(valid, or at least of a possible length and written in groups), the North American form, a leading zero with groups as
the country that it is valid in writes them, an area code in brackets, and a few national forms (`8 (495) 504-37-01`,
`138-1234-5678`, `1300 123 456`). With a word (`phone_cues.py`), any 7 to 15 digits that are no date and no amount.

At most `ASKED` numbers of a text are looked up in the metadata; after those shape alone decides, so that the cost of
any text stays low.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from filters.pii import phone_cues as cues
from filters.pii.kinds import Found
from filters.pii.patterns import compiled, digits
from filters.pii.phone_shapes import Shapes, alone_after, alone_before, extension, is_amount, is_date
from filters.pii.runs import Run, opening

ASKED = 1000
_JOINED = (
    r"(?i)\)?(?:[ \t\x{a0}]*(?:[,;/&|]|\r?\n)[ \t\x{a0}]*(?:or|and|&)?| (?:or|and|oder|und|ou|et|y|o|e|ó) )"
    r"(?:on |at )?[ \t]*\z"
)


def find(text: str, runs: Iterable[Run]) -> Iterator[Found]:
    """The telephone numbers among the runs of digits of a text, in order."""
    shapes = Shapes(ASKED)
    previous = -1
    for run in runs:
        index = 0
        while index < len(run.groups):
            start = opening(text, run.groups[index][0])
            joined = 0 <= previous <= start and start - previous < 12 and _joined(text, previous, start)
            end = _end(text, run, index, start, joined, shapes)
            if end < 0:
                index += 1
                continue
            end = extension(text, end)
            index = _after(run, index, end)
            if text[start] == "(" and text[end - 1] == ")" and "(" not in text[start + 1 : end]:
                start, end = start + 1, end - 1  # `(+44 20 7946 0958)`: the brackets are the sentence's
            yield Found("phones", start, end, text[start:end])
            previous = end


def _after(run: Run, index: int, end: int) -> int:
    """The first group of a run from `index` on that begins at `end` or later."""
    while index < len(run.groups) and run.groups[index][0] < end:
        index += 1
    return index


def _joined(text: str, previous: int, start: int) -> bool:
    """Whether a number continues a list that a telephone number began: `... or 9472 7916`."""
    return compiled(_JOINED).match(text[previous:start]) is not None


def _end(text: str, run: Run, index: int, start: int, joined: bool, shapes: Shapes) -> int:
    """Where the telephone number that begins at `start` ends, -1 if none does."""
    sizes = tuple([last - first for first, last in run.groups[index : index + 16]])
    left = sum(sizes)
    if left < 7 or max(sizes[:5]) == 1 or not (joined or alone_before(text, start)):
        return -1
    cued = index == 0 and cues.before(text, start)
    end = shapes.end(text, start, sizes[:5], cued or joined)
    if end >= 0:
        sure = cued or text[start] == "+"
        return -1 if (cues.book(text, start) if sure else cues.against(text, start)) else end
    if (cued or joined) and not cues.book(text, start):
        return _announced(text, run, index, start, joined and not cued)
    if left <= 13 and cues.after(text, run.end) and not cues.against(text, start):
        return run.end if _plausible(text, start, run.end) else -1
    return -1


def _announced(text: str, run: Run, index: int, start: int, bare: bool) -> int:
    """The longest part of a run that a word announces and that can be a telephone number."""
    total, ends = 0, []
    for first, last in run.groups[index : index + 16]:
        total += last - first
        if total > 15:
            break
        gap = text[last : last + 1]
        if total >= 7 and (last == run.end or gap in " /\xa0("):
            ends.append((total, last))
    for count, end in reversed(ends):
        if (count <= 13 or end == run.end) and _plausible(text, start, end):
            if bare and (count < 8 or not _grouped(text[start:end])):
                continue  # what only stands beside a telephone number must look like one
            return end
    return -1


def _grouped(number: str) -> bool:
    return any(not character.isdigit() for character in number.strip("+()"))


def _plausible(text: str, start: int, end: int) -> bool:
    number = text[start:end]
    if number.count("(") != number.count(")") or not alone_after(text, end):
        return False
    return not is_date(number) and not is_amount(text, start, end) and len(set(digits(number))) > 1
