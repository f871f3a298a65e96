"""Where in a text something stands, for display: character offsets `(start, end)`, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from filters.types import Span


def occurrences(text: str, needles: Sequence[str]) -> list[Span]:
    """Every occurrence of every needle, without overlap of one needle with itself."""
    found = []
    for needle in needles:
        position = text.find(needle)
        while position >= 0:
            found.append((position, position + len(needle)))
            position = text.find(needle, position + len(needle))
    return sorted(found)


def line_spans(text: str, wanted: Callable[[str], bool]) -> list[Span]:
    """The lines for which `wanted` is true, without their line ends."""
    found, position = [], 0
    for whole in text.splitlines(keepends=True):
        line = whole.splitlines()[0]
        if wanted(line):
            found.append((position, position + len(line)))
        position += len(whole)
    return found
