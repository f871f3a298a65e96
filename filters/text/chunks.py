"""Chunks, parts of a text without white space, that only spaCy itself or a rule of our own can split.

The compiled rules (`filters/text/spacy_english`) split nearly all chunks; some per mille on real pages are left over.

One rule of spaCy's looks across chunks. Special cases such as `:)` that were broken by affix splitting are put
together again over the whole document, longest first, so that a match over the space between two chunks can
suppress one inside them. Such neighbours are rare; they are found by the pieces that meet and split together.

Splitting one chunk takes spaCy its length times its strippable marks. Chunks over `MARKS_TIMES_LENGTH` (rows of
several hundred marks) are split by a linear rule instead: runs of letters and digits, and single marks.
"""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import Any

MARKS_TIMES_LENGTH = 32_768

_RUNS = frozenset("-.~/|+^\\")  # marks that spaCy never strips one by one

Spans = list[tuple[int, int]]


class ChunkRules:
    """How chunks are split that the compiled rules leave over."""

    def __init__(self, pipeline: Any) -> None:
        from filters.text.spacy_english.tables import broken_specials

        self._pipeline = pipeline
        self._seams: dict[str, list[tuple[str, str]]] = {}  # pairs of pieces, by the two characters that meet
        for pieces in broken_specials(pipeline).values():
            for before, after in pairwise(pieces):
                self._seams.setdefault(before[-1] + after[0], []).append((before, after))

    def split(self, text: str) -> Spans:
        """Where the words are in one chunk, or in several with a space between, without tokens of white space."""
        if is_long_row(text):
            return linear_split(text)
        with self._pipeline.memory_zone():
            return [
                (token.idx, token.idx + len(token.text))
                for token in self._pipeline.tokenizer(text)
                if not token.text.isspace()
            ]

    def touch(self, left: str, right: str) -> bool:
        """Whether a special case may be matched over the space between two chunks."""
        for before, after in self._seams.get(left[-1] + right[0], ()):
            if left.endswith(before) and right.startswith(after):
                whole_before = not before[0].isalnum() or not left[: -len(before)][-1:].isalnum()
                whole_after = not after[-1].isalnum() or not right[len(after) :][:1].isalnum()
                if whole_before and whole_after:
                    return not is_long_row(left) and not is_long_row(right)
        return False


@functools.lru_cache(maxsize=4)
def chunk_rules(pipeline: Any) -> ChunkRules:
    """The rules of a blank English pipeline."""
    return ChunkRules(pipeline)


def is_long_row(chunk: str) -> bool:
    """Whether a chunk has so many strippable marks that it is split by the linear rule."""
    if len(chunk) <= 128:
        return False
    start, end = 0, len(chunk)
    while start < end and not chunk[start].isalnum():
        start += 1
    while end > start and (not chunk[end - 1].isalnum() or chunk[end - 1] in "sS"):
        end -= 1
    return len(chunk) * (len(chunk) - (end - start)) > MARKS_TIMES_LENGTH


def linear_split(chunk: str) -> Spans:
    """Runs of letters and digits, runs of one joining mark, and every other mark on its own."""
    words: Spans = []
    start = 0
    for i in range(1, len(chunk) + 1):
        if i < len(chunk):
            before, after = chunk[i - 1], chunk[i]
            if (before.isalnum() and after.isalnum()) or (before == after and before in _RUNS):
                continue
        words.append((start, i))
        start = i
    return words
