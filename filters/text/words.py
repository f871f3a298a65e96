"""English words as spaCy's tokenizer splits them, found in compiled loops over a batch's code points.

datatrove's quality rules count the tokens of `spacy.blank("en")` (stripped, empty ones left out). Its rules are
tables and loops here (`filters/text/spacy_english`); some per mille of the chunks between white space are left to spaCy
itself (`filters/text/chunks.py`), and remembered. Cost: some 15 ns a character, cold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from filters.text.chunks import MARKS_TIMES_LENGTH, ChunkRules, Spans, chunk_rules

if TYPE_CHECKING:
    from filters.text.layout import Parts

Array = np.ndarray[Any, Any]

SYMBOL_ONLY = 1  # every character is a symbol: not a word to Gopher's rules
ALPHABETIC = 2  # at least one alphabetic character
SENTENCE_MARK = 4  # a token that ends a sentence
PUNCTUATION = 8  # every character is of Unicode category P

MAX_CHUNKS = 100_000  # that spaCy split and that are remembered; they are dropped and begun again beyond that


@dataclass(frozen=True)
class Words:
    """The words of a batch: text `i` has the words `offsets[i]:offsets[i + 1]`, spans `codes[starts:ends]`.

    Ids are equal exactly where words are, and index `lengths` (characters), `flags` (bits above) and `texts`. They
    mean nothing outside this object, and are found when they are asked for.
    """

    offsets: Array  # int64 [texts + 1]
    starts: Array  # int64 [words]
    ends: Array  # int64 [words]
    codes: Array  # uint32 [characters of the batch]

    @cached_property
    def _numbered(self) -> tuple[Array, Array]:
        from filters.text import numbering

        return numbering.numbered(self.codes, self.starts, self.ends)

    @property
    def ids(self) -> Array:
        """The number of each word, int32 [words]."""
        return self._numbered[0]

    @property
    def first(self) -> Array:
        """The first word of each id, int64 [vocabulary]."""
        return self._numbered[1]

    @cached_property
    def lengths(self) -> Array:
        """Characters of each id, int32 [vocabulary]."""
        return (self.ends[self.first] - self.starts[self.first]).astype(np.int32)

    @cached_property
    def flags(self) -> Array:
        """Flag bits of each id, uint8 [vocabulary]."""
        from filters.text import word_kinds

        return word_kinds.flags(self.codes, self.starts[self.first], self.ends[self.first])

    @cached_property
    def texts(self) -> list[str]:
        """The word of each id, for display and tests."""
        return [
            decoded(self.codes[start:end])
            for start, end in zip(
                self.starts[self.first].tolist(), self.ends[self.first].tolist(), strict=True
            )
        ]

    def counts(self) -> Array:
        """Words of each text."""
        return np.diff(self.offsets)

    def total(self, values: Array) -> Array:
        """Sum over each text of a value per word."""
        sums = np.concatenate([np.zeros(1, values.dtype), np.cumsum(values)])
        return sums[self.offsets[1:]] - sums[self.offsets[:-1]]


def decoded(codes: Array) -> str:
    """The text of some code points."""
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


class WordSplitter:
    """Splits texts into words and remembers what spaCy split; one per worker.

    `tokenizer` is a blank English spaCy pipeline; without one it is built at first use. Results never depend on
    what was split before.
    """

    def __init__(self, tokenizer: Any = None) -> None:
        self._pipeline = tokenizer
        self._remembered: dict[str, Spans] = {}

    @property
    def pipeline(self) -> Any:
        """The tokenizer."""
        if self._pipeline is None:
            import spacy

            self._pipeline = spacy.blank("en")
        return self._pipeline

    def split(self, texts: Sequence[str]) -> Words:
        """The words of each text."""
        from filters.text import layout

        codes, bounds = layout.code_points(texts)
        return self.split_chunks(codes, layout.chunks(codes, bounds))

    def split_chunks(self, codes: Array, chunks: Parts) -> Words:
        """The words of texts, given as code points and the parts between white space."""
        from filters.text import layout
        from filters.text.spacy_english import split, tables

        english = tables.tables(self.pipeline)
        cut = split.cut(codes, chunks, english, layout.traits(), MARKS_TIMES_LENGTH)
        if len(cut.odd):
            cut = split.replaced(cut, self._odd_words(codes, chunks, cut.odd))
        return Words(cut.first[chunks.offsets], cut.starts, cut.ends, codes)

    def _odd_words(self, codes: Array, chunks: Parts, odd: Array) -> dict[int, Spans]:
        """The words of the odd chunks and of those that depend on them, by chunk.

        Of neighbours that are split together the first has all words.
        """
        rules = chunk_rules(self.pipeline)
        found: dict[int, Spans] = {}
        borders = frozenset(chunks.offsets.tolist())
        for chunk in odd.tolist():
            if chunk in found:
                continue
            low = high = chunk
            while low not in borders and _entangled(rules, codes, chunks, low - 1):
                low -= 1
            while high + 1 not in borders and _entangled(rules, codes, chunks, high):
                high += 1
            start, end = int(chunks.starts[low]), int(chunks.ends[high])
            words = self._remember(rules, decoded(codes[start:end]))
            found.update({other: [] for other in range(low + 1, high + 1)})
            found[low] = [(start + begin, start + stop) for begin, stop in words]
        return found

    def _remember(self, rules: ChunkRules, text: str) -> Spans:
        words = self._remembered.get(text)
        if words is None:
            if len(self._remembered) >= MAX_CHUNKS:
                self._remembered.clear()
            words = self._remembered[text] = rules.split(text)
        return words


def _entangled(rules: ChunkRules, codes: Array, chunks: Parts, left: int) -> bool:
    """Whether a special case may be matched over the gap behind a chunk."""
    end, start = int(chunks.ends[left]), int(chunks.starts[left + 1])
    if start - end != 1 or codes[end] != 32:
        return False  # other white space is a token
    before, after = codes[chunks.starts[left] : end], codes[start : chunks.ends[left + 1]]
    return rules.touch(decoded(before), decoded(after))
