"""Where in a text something stands, for display: character offsets `(start, end)`, in order."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from filters.types import Span

if TYPE_CHECKING:
    from filters.text.words import WordSplitter


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


def english_words(text: str) -> list[Span]:
    """The words of a text as spaCy's English tokenizer splits them, which Gopher's and FineWeb's rules count."""
    words = english_splitter().split([text])
    return list(zip(words.starts.tolist(), words.ends.tolist(), strict=True))


@functools.cache
def english_splitter() -> WordSplitter:
    """What splits English words, one for all that is shown; spaCy is loaded when it is first asked, some seconds."""
    from filters.text.words import WordSplitter

    return WordSplitter()


def repeated_ngrams(text: str, words: Sequence[Span], n: int) -> list[Span]:
    """The n-grams of words that came before, greedily from the left and without overlap, as `text/ngrams.py` counts."""
    written = [text[start:end] for start, end in words]
    seen: set[str] = set()
    found, at = [], 0
    while at <= len(words) - n:
        joined = "".join(written[at : at + n])
        if joined in seen:
            found.append((words[at][0], words[at + n - 1][1]))
            at += n
        else:
            seen.add(joined)
            at += 1
    return found


def top_ngram(text: str, words: Sequence[Span], n: int) -> list[Span]:
    """Every occurrence of the most frequent n-gram of words, the first seen of those, as `text/ngrams.py` counts.

    If none repeats that is the text's first one: in a short text it is much of the characters that are measured.
    """
    written = [text[start:end] for start, end in words]
    counts = Counter(tuple(written[at : at + n]) for at in range(len(words) - n + 1))
    top = max(counts, key=counts.__getitem__, default=())
    return [
        (words[at][0], words[at + n - 1][1])
        for at in range(len(words) - n + 1)
        if tuple(written[at : at + n]) == top
    ]
