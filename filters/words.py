"""English words as spaCy's tokenizer splits them, each distinct chunk split once.

datatrove's quality rules count the tokens of `spacy.blank("en")` (stripped, empty ones left out). That tokenizer
works on the chunks between white space, one by one, so a chunk's tokens can be remembered: a batch is a lookup per
chunk. Chunks of letters with plain punctuation around them, nine in ten of the distinct ones, are split here by
the same rules without calling spaCy, which takes 25 us a chunk.

One rule of spaCy's looks across chunks. Special cases such as `:)` that were broken by affix splitting are put
together again over the whole document, longest first, so that a match over a chunk's edge can suppress one inside
it. Texts with such an edge are rare; they are found by the characters at the edge and split whole.

Splitting one chunk costs its length times its strippable marks. Chunks over `MARKS_TIMES_LENGTH` (rows of several
hundred marks) are split by a linear rule instead: runs of letters and digits, and single marks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np

from filters.punctuation import SENTENCE_END, SYMBOLS

Array = np.ndarray[Any, Any]

SYMBOL_ONLY = 1  # every character is a symbol: not a word to Gopher's rules
ALPHABETIC = 2  # at least one alphabetic character
SENTENCE_MARK = 4  # a token that ends a sentence
PUNCTUATION = 8  # every character is of Unicode category P

MARKS_TIMES_LENGTH = 32_768
MAX_CHUNKS = 400_000  # about 100 MB of tables; they are dropped and begun again beyond that

_OPEN = frozenset('("“[')
_CLOSE = frozenset('.,;:?!)"”]')
_NUMERIC = frozenset("0123456789.,/:")
_RUNS = frozenset("-.~/|+^\\")  # marks that spaCy never strips one by one


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
        starts, counts, flat, sensitive = [], [], [], []
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


class ChunkRules:
    """How one chunk is split: the tokenizer's special cases, the plain forms, spaCy for the rest."""

    def __init__(self, pipeline: Any) -> None:
        from spacy.attrs import ORTH

        self._pipeline = pipeline
        tokenizer = pipeline.tokenizer
        self._special = {
            chunk: [str(piece[ORTH]) for piece in pieces] for chunk, pieces in tokenizer.rules.items()
        }
        self._rejoined, self._seams = _rejoined_cases(tokenizer, list(self._special))
        self._rejoined_lengths = sorted({len(special) for special in self._rejoined})
        self._stop_after: dict[str, bool] = {}

    def split_all(self, chunks: list[str]) -> list[tuple[list[str], bool]]:
        """The words of each chunk, and whether its split may depend on its neighbours."""
        with self._pipeline.memory_zone():
            return [self._split(chunk) for chunk in chunks]

    def split_whole(self, line: str) -> list[str]:
        """The words of a line by spaCy itself, without tokens of white space."""
        with self._pipeline.memory_zone():
            words = [token.text for token in self._pipeline.tokenizer(line)]
        return [word for word in words if not word.isspace()]

    def _split(self, chunk: str) -> tuple[list[str], bool]:
        if chunk == " ":
            return [chunk], False
        words = self._plain(chunk)
        if words is not None:
            return words, False
        if len(chunk) > 128 and len(chunk) * _strippable(chunk) > MARKS_TIMES_LENGTH:
            return _linear_split(chunk), False
        words = [token.text for token in self._pipeline.tokenizer(chunk)]
        return words, self._has_rejoined(chunk, words)

    def _has_rejoined(self, chunk: str, words: list[str]) -> bool:
        """Whether some adjacent words make a special case that is put together after affix splitting."""
        starts = [0]
        for word in words:
            starts.append(starts[-1] + len(word))
        ends = set(starts)
        for start in starts:
            for length in self._rejoined_lengths:
                if (
                    start + length in ends
                    and length < len(chunk)
                    and chunk[start : start + length] in self._rejoined
                ):
                    return True
        return False

    def touch(self, left: str, right: str) -> bool:
        """Whether a special case may be matched over the edge between two chunks."""
        for before, after in self._seams.get(left[-1] + right[0], ()):
            if left.endswith(before) and right.startswith(after):
                whole_before = not before[0].isalnum() or not left[: -len(before)][-1:].isalnum()
                whole_after = not after[-1].isalnum() or not right[len(after) :][:1].isalnum()
                if whole_before and whole_after:
                    return True
        return False

    def _plain(self, chunk: str) -> list[str] | None:
        """The words of a chunk of plain form: a word, with an opening mark before and closing marks after it."""
        special = self._special
        words = special.get(chunk)
        if words is not None or chunk.isalpha():
            return words if words is not None else [chunk]
        start, end = int(chunk[0] in _OPEN), len(chunk)
        while end > start and chunk[end - 1] in _CLOSE and end > len(chunk) - 2:
            end -= 1
        core, marks = chunk[start:end], chunk[end:]
        if not core or not self._marks_are_plain(core, marks):
            return None
        for part in (chunk[start:], chunk[:end], *(chunk[start : end + i] for i in range(1, len(marks)))):
            if part in special and part != core:
                return None
        inner = self._core(core, marks)
        if inner is None:
            return None
        return [*chunk[:start], *inner, *marks]

    def _core(self, core: str, marks: str) -> list[str] | None:
        special = self._special.get(core)
        if special is not None:
            return (
                None if marks and (not core.isalpha() or special[-1] + marks[0] in self._special) else special
            )
        if core.isalpha():
            return [core] if len(core) > 1 else None
        if not core.isascii():
            return self._possessive(core)
        if _NUMERIC.issuperset(core):
            return [core] if core[0].isdigit() and core[-1].isdigit() and ".." not in core else None
        if core[-2:] == "'s":
            return self._possessive(core)
        parts = core.split("-")
        if len(parts) > 1 and all(map(str.isalpha, parts)) and len(parts[-1]) > 1:
            if marks and parts[-1] + marks[0] in self._special:
                return None
            return [word for part in parts for word in (part, "-")][:-1]
        return None

    def _possessive(self, core: str) -> list[str] | None:
        owner = core[:-2]
        if core[-2:] in ("'s", "’s") and owner.isalpha() and len(owner) > 1 and owner not in self._special:
            return [owner, core[-2:]]
        return None

    def _marks_are_plain(self, core: str, marks: str) -> bool:
        """Whether each mark is stripped on its own: no ellipsis, no emoticon, and a full stop only where it ends."""
        if not marks:
            return True
        if len(marks) > 1 and (marks[0] == marks[1] or marks[0] in ":;" or marks[1] in ":;"):
            return False
        if marks[0] == ".":
            return core[-1].isdigit() or self._full_stop_after(core)
        return True

    def _full_stop_after(self, core: str) -> bool:
        last = core[-1]
        if last not in self._stop_after:
            self._stop_after[last] = (
                last.isalpha() and self._pipeline.tokenizer.find_suffix("b" + last + ".") == 1
            )
        return self._stop_after[last]


def _rejoined_cases(
    tokenizer: Any, specials: list[str]
) -> tuple[frozenset[str], dict[str, list[tuple[str, str]]]]:
    """The special cases that affix splitting breaks, and the pairs of pieces at which it breaks them.

    The pairs are keyed by the two characters that meet.
    """
    from spacy.tokenizer import Tokenizer

    bare = Tokenizer(
        tokenizer.vocab,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        token_match=tokenizer.token_match,
        url_match=tokenizer.url_match,
    )
    rejoined: set[str] = set()
    seams: dict[str, list[tuple[str, str]]] = {}
    for special in specials:
        pieces = [token.text for token in bare(special)]
        if len(pieces) > 1 and not any(map(str.isspace, special)):
            rejoined.add(special)
            for before, after in pairwise(pieces):
                seams.setdefault(before[-1] + after[0], []).append((before, after))
    return frozenset(rejoined), seams


def _strippable(chunk: str) -> int:
    """An upper bound on how many affixes can be stripped from a chunk."""
    start, end = 0, len(chunk)
    while start < end and not chunk[start].isalnum():
        start += 1
    while end > start and (not chunk[end - 1].isalnum() or chunk[end - 1] in "sS"):
        end -= 1
    return len(chunk) - (end - start)


def _linear_split(chunk: str) -> list[str]:
    """Runs of letters and digits, runs of one joining mark, and every other mark on its own."""
    words: list[str] = []
    start = 0
    for i in range(1, len(chunk) + 1):
        if i < len(chunk):
            before, after = chunk[i - 1], chunk[i]
            if (before.isalnum() and after.isalnum()) or (before == after and before in _RUNS):
                continue
        words.append(chunk[start:i])
        start = i
    return words
