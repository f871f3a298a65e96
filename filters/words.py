"""English words as spaCy's tokenizer splits them, each distinct chunk split once.

datatrove's quality rules count the tokens of `spacy.blank("en")` (stripped, empty ones left out). That tokenizer
works on the chunks between white space, one by one, so a chunk's tokens can be remembered: a batch is a lookup per
chunk. `filters/chunks.py` says how a new chunk is split, and when chunks depend on each other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from filters.chunks import ChunkRules
from filters.punctuation import SENTENCE_END, SYMBOLS

Array = np.ndarray[Any, Any]

SYMBOL_ONLY = 1  # every character is a symbol: not a word to Gopher's rules
ALPHABETIC = 2  # at least one alphabetic character
SENTENCE_MARK = 4  # a token that ends a sentence
PUNCTUATION = 8  # every character is of Unicode category P

MAX_CHUNKS = 400_000  # about 100 MB of tables; they are dropped and begun again beyond that


@dataclass(frozen=True)
class Words:
    """The words of a sequence of texts: text `i` has the ids `ids[offsets[i]:offsets[i + 1]]`.

    Ids are equal exactly where words are, and index `lengths` (characters), `flags` (bits above) and `texts`. They
    mean nothing outside this object.
    """

    offsets: Array  # int64 [texts + 1]
    ids: Array  # int32 [words]
    lengths: Array  # int32 [vocabulary]
    flags: Array  # uint8 [vocabulary]
    texts: list[str]  # [vocabulary]
    numbers: dict[str, int]  # word to id

    def counts(self) -> Array:
        """Words of each text."""
        return np.diff(self.offsets)

    def total(self, values: Array) -> Array:
        """Sum over each text of a value per word."""
        sums = np.concatenate([np.zeros(1, values.dtype), np.cumsum(values)])
        return sums[self.offsets[1:]] - sums[self.offsets[:-1]]


class _Numbering(dict[str, int]):
    """Numbers strings in order of first use and remembers which are new."""

    def __init__(self) -> None:
        self.new: list[str] = []

    def __missing__(self, key: str) -> int:
        number = self[key] = len(self)
        self.new.append(key)
        return number


class _Column:
    """A numpy array that grows at its end; views taken earlier stay valid."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self._data = np.zeros(1024, dtype)
        self._size = 0

    def extend(self, values: Sequence[int]) -> None:
        needed = self._size + len(values)
        if needed > len(self._data):
            grown = np.zeros(max(needed, 2 * len(self._data)), self._data.dtype)
            grown[: self._size] = self._data[: self._size]
            self._data = grown
        self._data[self._size : needed] = values
        self._size = needed

    def view(self) -> Array:
        return self._data[: self._size]


class WordSplitter:
    """Splits texts into words and remembers chunks; one per worker.

    `tokenizer` is a blank English spaCy pipeline; without one it is built at first use. Results never depend on
    what was split before.
    """

    def __init__(self, tokenizer: Any = None) -> None:
        self._pipeline = tokenizer
        self._chunk_rules: ChunkRules | None = None
        self._begin()

    def _begin(self) -> None:
        self._chunks = _Numbering()
        self._words = _Numbering()
        self._texts: list[str] = []
        self._starts, self._counts = _Column(np.int64), _Column(np.int32)
        self._flat = _Column(np.int32)
        self._sensitive = _Column(np.bool_)
        self._lengths, self._flags = _Column(np.int32), _Column(np.uint8)

    @property
    def rules(self) -> ChunkRules:
        """The rules for one chunk, from the tokenizer."""
        if self._chunk_rules is None:
            if self._pipeline is None:
                import spacy

                self._pipeline = spacy.blank("en")
            self._chunk_rules = ChunkRules(self._pipeline)
        return self._chunk_rules

    def split(self, texts: Sequence[str]) -> Words:
        """The words of each text."""
        return self.split_chunks([text.split() for text in texts], texts)

    def split_chunks(self, sequences: Sequence[list[str]], texts: Sequence[str] | None = None) -> Words:
        """The words of each sequence of chunks: parts without white space, or one space for a token of white space.

        `texts` are what the chunks were taken from, where lines matter; default the chunks with spaces between.
        """
        if len(self._chunks) > MAX_CHUNKS:
            self._begin()
        sizes = np.fromiter(map(len, sequences), np.int64, len(sequences))
        numbers = np.fromiter(
            map(self._chunks.__getitem__, chain.from_iterable(sequences)), np.int64, int(sizes.sum())
        )
        self._learn()
        counts = self._counts.view()[numbers].astype(np.int64)
        ids = self._gather(numbers, counts)
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        word_bounds = np.concatenate([[0], np.cumsum(counts)])
        offsets = word_bounds[bounds]
        entangled = self._entangled(sequences, numbers, bounds)
        if entangled:
            sources = {row: texts[row] if texts else " ".join(sequences[row]) for row in entangled}
            offsets, ids = self._split_again(sources, offsets, ids)
        return Words(offsets, ids, self._lengths.view(), self._flags.view(), self._texts, self._words)

    def _gather(self, numbers: Array, counts: Array) -> Array:
        starts = self._starts.view()[numbers]
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        positions = np.arange(total) + np.repeat(starts - (ends - counts), counts)
        return self._flat.view()[positions]

    def _learn(self) -> None:
        """Split the chunks that were seen for the first time."""
        new, self._chunks.new = self._chunks.new, []
        if not new:
            return
        rules, number = self.rules, self._words.__getitem__
        starts: list[int] = []
        counts: list[int] = []
        flat: list[int] = []
        sensitive: list[bool] = []
        position = len(self._flat.view())
        for words, is_sensitive in rules.split_all(new):
            starts.append(position)
            counts.append(len(words))
            flat += map(number, words)
            sensitive.append(is_sensitive)
            position += len(words)
        self._starts.extend(starts)
        self._counts.extend(counts)
        self._flat.extend(flat)
        self._sensitive.extend(sensitive)
        self._describe_new_words()

    def _describe_new_words(self) -> None:
        words, self._words.new = self._words.new, []
        self._texts += words
        self._lengths.extend(list(map(len, words)))
        self._flags.extend(list(map(word_flags, words)))

    def _entangled(self, sequences: Sequence[list[str]], numbers: Array, bounds: Array) -> list[int]:
        """Which sequences have a chunk whose split may depend on its neighbours."""
        found: dict[int, None] = {}
        for position in np.flatnonzero(self._sensitive.view()[numbers]).tolist():
            row = int(np.searchsorted(bounds, position, side="right")) - 1
            if self._depends(sequences[row], position - int(bounds[row])):
                found[row] = None
        return list(found)

    def _depends(self, chunks: list[str], at: int) -> bool:
        touch = self.rules.touch
        return (at > 0 and touch(chunks[at - 1], chunks[at])) or (
            at + 1 < len(chunks) and touch(chunks[at], chunks[at + 1])
        )

    def _split_again(self, sources: dict[int, str], offsets: Array, ids: Array) -> tuple[Array, Array]:
        """Replace the words of some rows, whose texts are given, by those of whole lines."""
        parts = [ids[offsets[i] : offsets[i + 1]] for i in range(len(offsets) - 1)]
        for row, text in sources.items():
            lines = [self._line(line) for line in text.split("\n")]
            parts[row] = np.concatenate(lines).astype(np.int32)
        self._describe_new_words()
        lengths = np.fromiter(map(len, parts), np.int64, len(parts))
        return np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(parts)

    def _line(self, line: str) -> Array:
        """The word ids of a line whose chunks are known, split whole where a special case may cross an edge.

        Line ends stop such cases, so that lines can be split on their own.
        """
        chunks = line.split()
        numbers = np.fromiter(map(self._chunks.__getitem__, chunks), np.int64, len(chunks))
        if any(self._depends(chunks, at) for at in np.flatnonzero(self._sensitive.view()[numbers]).tolist()):
            words = self.rules.split_whole(line)
            return np.fromiter(map(self._words.__getitem__, words), np.int64, len(words))
        return self._gather(numbers, self._counts.view()[numbers].astype(np.int64))


def word_flags(word: str) -> int:
    """The flag bits of one word."""
    alphabetic = word.isalpha() or any(map(str.isalpha, word))
    flags = ALPHABETIC if alphabetic else 0
    if SYMBOLS.issuperset(word):
        flags |= SYMBOL_ONLY
    if word in SENTENCE_END:
        flags |= SENTENCE_MARK
    if not alphabetic and all(unicodedata.category(character)[0] == "P" for character in word):
        flags |= PUNCTUATION
    return flags
