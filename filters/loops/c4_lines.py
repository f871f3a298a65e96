"""C4's line cleaning in compiled loops: which lines of a batch are removed and why, and the text that is left.

The text that is left keeps the words that were found before: a line's words do not depend on other lines. Only
texts from which citation marks were cut are split again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from filters.batch import Batch
from filters.compiled import compiled
from filters.loops.c4_phrases import BRACKET, JAVASCRIPT, LOREM_IPSUM, POLICY, Phrases, phrases, search
from filters.text import layout
from filters.text.layout import DIGIT, Parts
from filters.text.sentences import sentence_counts
from filters.text.words import Words

Array = np.ndarray[Any, Any]

# Rows of counts; the first five are why a line is removed.
LONG_WORD, NO_END, SHORT, JAVASCRIPT_LINE, POLICY_LINE, LOREM, CURLY, WORDS_REMOVED = range(8)
# Places of the settings.
_LONGEST, _FEWEST, _CITATIONS, _ASK_END, _JAVASCRIPT, _POLICY = range(6)
_EDIT = np.array([ord(mark) for mark in "[edit]"], np.uint32)
_NEEDED = np.array([ord(mark) for mark in "[citation needed]"], np.uint32)


@dataclass(frozen=True)
class Cleaned:
    """The lines that are kept, in texts of their own, and counts."""

    source: Batch
    counts: Array  # int64 [8, texts]
    codes: Array  # uint32: the kept lines with newlines between
    bounds: Array  # int64 [texts + 1]
    lines: Parts  # the kept lines in `codes`
    origins: Array  # int64 [lines]: where each begins in the source
    cut: Array  # bool [lines]: whether citation marks were cut out of it

    @cached_property
    def words(self) -> Words:
        """The words of the kept lines."""
        found, source = Parts(*_kept_words(self)), self.source
        texts = np.zeros(len(self.bounds) - 1, np.bool_)
        texts[np.repeat(np.arange(len(texts)), self.lines.counts())[self.cut]] = True
        if not texts.any():
            return Words(found.offsets, found.starts, found.ends, self.codes)
        again = source.splitter.split_chunks(self.codes, _chunks_of(self.codes, self.bounds, texts))
        return _merged(Words(found.offsets, found.starts, found.ends, self.codes), again, texts)

    @cached_property
    def sentences(self) -> Array:
        """Sentences of each text's lines."""
        counts = sentence_counts(self.words, self.lines.starts, self.lines.ends)
        return layout.total(self.lines.offsets, counts)

    @cached_property
    def stripped(self) -> tuple[Array, Array, Words]:
        """Code points, bounds and words of the texts without white space at their ends."""
        texts = Parts(np.arange(len(self.bounds)), self.bounds[:-1], self.bounds[1:])
        inner = layout.stripped(self.codes, texts)
        if np.array_equal(inner.starts, texts.starts) and np.array_equal(inner.ends, texts.ends):
            return self.codes, self.bounds, self.words
        bounds = np.concatenate([[0], np.cumsum(inner.lengths())])
        kept = np.zeros(len(self.codes) + 1, np.int8)
        np.add.at(kept, inner.starts, 1)
        np.add.at(kept, inner.ends, -1)
        codes = self.codes[np.cumsum(kept[:-1]) > 0]
        words = self.words
        moved = np.repeat(inner.starts - bounds[:-1], words.counts())
        return codes, bounds, Words(words.offsets, words.starts - moved, words.ends - moved, codes)


@compiled("int64(uint32[::1], int64, int64, uint32[::1])", bare=True)
def _stands(codes: Array, at: int, end: int, wanted: Array) -> int:
    """The length of `wanted` if it stands at a place, else 0."""
    if at + len(wanted) > end:
        return 0
    for i in range(len(wanted)):
        if codes[at + i] != wanted[i]:
            return 0
    return len(wanted)


@compiled("int64(uint32[::1], int64, int64, uint16[::1], uint32[::1], uint32[::1])", bare=True)
def _citation(codes: Array, at: int, end: int, table: Array, edit: Array, needed: Array) -> int:
    """The length of the citation mark that begins at a bracket, or 0."""
    i = at + 1
    while i < end and table[codes[i]] & DIGIT:
        i += 1
    if i < end and codes[i] == 93:
        return i + 1 - at
    return max(_stands(codes, at, end, edit), _stands(codes, at, end, needed))


@compiled("boolean(uint32[::1], int64, int64, boolean[::1])", bare=True)
def _has_end(codes: Array, start: int, end: int, is_end: Array) -> bool:
    if end == start or codes[end - 1] >= len(is_end) or not is_end[codes[end - 1]]:
        return False
    return not (end - start > 2 and codes[end - 1] == 46 and codes[end - 2] == 46 and codes[end - 3] == 46)


@compiled(
    "int64(uint32[::1], int64, int64, uint16[::1], uint32[::1], uint32[::1], boolean, uint32[::1], int64)",
    bare=True,
)
def _copy(
    codes: Array,
    start: int,
    end: int,
    table: Array,
    edit: Array,
    needed: Array,
    citations: bool,
    out: Array,
    place: int,
) -> int:
    """Writes a line without citation marks to `out`; where it ends there."""
    i = start
    while i < end:
        if citations and codes[i] == 91:
            size = _citation(codes, i, end, table, edit, needed)
            if size:
                i += size
                continue
        out[place] = codes[i]
        place += 1
        i += 1
    return place


@compiled(
    "int64(uint32[::1], int64, int64, boolean[::1], int64[::1], int64, int64, uint8[::1], int16[:, ::1], uint8[::1],"
    " int64[:, ::1], int64)",
    bare=True,
)
def _reason(
    out: Array,
    start: int,
    end: int,
    is_end: Array,
    asked: Array,
    words: int,
    longest: int,
    letters: Array,
    states: Array,
    found: Array,
    counts: Array,
    text: int,
) -> int:
    """Why the line `out[start:end]` is removed, -1 if it is kept; counts the marks that drop the page."""
    if longest > asked[_LONGEST]:
        return LONG_WORD
    if asked[_ASK_END] and not _has_end(out, start, end, is_end):
        return NO_END
    if words < asked[_FEWEST]:
        return SHORT
    bits = search(out, start, end, letters, states, found)
    if bits & LOREM_IPSUM:
        counts[LOREM, text] += 1
    if asked[_JAVASCRIPT] and bits & JAVASCRIPT:
        return JAVASCRIPT_LINE
    if bits & BRACKET:
        counts[CURLY, text] += 1
    if asked[_POLICY] and bits & POLICY:
        return POLICY_LINE
    return -1


@compiled(
    "int64(uint32[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], uint16[::1], boolean[::1],"
    " int64[::1], uint32[::1], uint32[::1], uint8[::1], int16[:, ::1], uint8[::1], int64[:, ::1], uint32[::1],"
    " int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1])",
    bare=True,
)
def _clean(
    codes: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    chunk_starts: Array,
    chunk_ends: Array,
    table: Array,
    is_end: Array,
    asked: Array,
    edit: Array,
    needed: Array,
    letters: Array,
    states: Array,
    found: Array,
    counts: Array,
    out: Array,
    bounds: Array,
    kept_offsets: Array,
    kept_starts: Array,
    kept_ends: Array,
    origins: Array,
    cut: Array,
) -> int:
    place, kept, chunk = 0, 0, 0
    for text in range(len(offsets) - 1):
        first = kept
        for line in range(offsets[text], offsets[text + 1]):
            words, longest, start, end = 0, np.int64(0), starts[line], starts[line]
            while chunk < len(chunk_starts) and chunk_starts[chunk] < ends[line]:
                start = chunk_starts[chunk] if words == 0 else start
                end = chunk_ends[chunk]
                longest = max(longest, end - chunk_starts[chunk])
                words += 1
                chunk += 1
            begin = place + 1 if kept > first else place
            stop = _copy(codes, start, end, table, edit, needed, asked[_CITATIONS] != 0, out, begin)
            reason = _reason(
                out, begin, stop, is_end, asked, words, longest, letters, states, found, counts, text
            )
            if reason >= 0:
                counts[reason, text] += 1
                counts[WORDS_REMOVED, text] += words
                continue
            if kept > first:
                out[place] = 10
            kept_starts[kept], kept_ends[kept], origins[kept] = begin, stop, start
            cut[kept] = stop - begin != end - start
            place = stop
            kept += 1
        bounds[text + 1], kept_offsets[text + 1] = place, kept
    return kept


@compiled(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1],"
    " int64[::1])",
    bare=True,
)
def _shift(
    offsets: Array,
    starts: Array,
    ends: Array,
    origins: Array,
    word_starts: Array,
    word_ends: Array,
    new_offsets: Array,
    new_starts: Array,
    new_ends: Array,
) -> None:
    count, word = 0, 0
    for text in range(len(offsets) - 1):
        for line in range(offsets[text], offsets[text + 1]):
            origin = origins[line]
            size = ends[line] - starts[line]
            while word < len(word_starts) and word_starts[word] < origin:
                word += 1
            while word < len(word_starts) and word_starts[word] < origin + size:
                new_starts[count] = word_starts[word] - origin + starts[line]
                new_ends[count] = word_ends[word] - origin + starts[line]
                count += 1
                word += 1
        new_offsets[text + 1] = count


def _kept_words(cleaned: Cleaned) -> tuple[Array, Array, Array]:
    """Offsets, starts and ends of the words of kept lines; of lines that were cut they mean nothing."""
    words, lines = cleaned.source.words, cleaned.lines
    offsets = np.zeros(len(cleaned.bounds), np.int64)
    starts, ends = np.empty(len(words.starts), np.int64), np.empty(len(words.starts), np.int64)
    _shift(
        lines.offsets,
        lines.starts,
        lines.ends,
        cleaned.origins,
        words.starts,
        words.ends,
        offsets,
        starts,
        ends,
    )
    return offsets, starts[: offsets[-1]], ends[: offsets[-1]]


def _chunks_of(codes: Array, bounds: Array, texts: Array) -> Parts:
    """The parts between white space of some of the texts; the others have none."""
    rows = np.flatnonzero(texts)
    counts, starts, ends = np.zeros(len(texts), np.int64), [], []
    for row in rows.tolist():
        begin, end = bounds[row], bounds[row + 1]
        found = layout.chunks(codes[begin:end], np.array([0, end - begin]))
        counts[row] = len(found.starts)
        starts.append(found.starts + begin)
        ends.append(found.ends + begin)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return Parts(offsets, np.concatenate(starts), np.concatenate(ends))


def _merged(words: Words, again: Words, texts: Array) -> Words:
    """The words of all texts, of some from a second split."""
    counts = np.where(texts, again.counts(), words.counts())
    offsets = np.concatenate([[0], np.cumsum(counts)])
    starts, ends = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.int64)
    second = np.repeat(texts, counts)
    for target, here, there in ((starts, words.starts, again.starts), (ends, words.ends, again.ends)):
        target[second] = there
        target[~second] = here[~np.repeat(texts, words.counts())]
    return Words(offsets, starts, ends, words.codes)


def _is_end(marks: frozenset[str]) -> Array:
    table = np.zeros(max(map(ord, marks), default=0) + 1, np.bool_)
    table[[ord(mark) for mark in marks]] = True
    return table


def clean(
    batch: Batch,
    longest: int | None,
    fewest: int,
    citations: bool,
    ends: frozenset[str] | None,
    javascript: bool,
    policy: tuple[str, ...],
) -> Cleaned:
    """Cleans the lines of a batch, as `str.splitlines` finds them.

    A line is removed if it has a chunk of more than `longest` characters, if `ends` is given and it ends with none of
    them, if it has fewer than `fewest` chunks, or if it mentions javascript (if asked for) or one of the `policy`
    phrases; `citations`: citation marks are cut out before the last character and the phrases are looked at.
    """
    lines, chunks, texts = batch.split_lines, batch.chunks, len(batch)
    asked = np.zeros(6, np.int64)
    asked[_LONGEST] = np.iinfo(np.int64).max if longest is None else longest
    asked[_FEWEST], asked[_CITATIONS], asked[_ASK_END] = fewest, citations, ends is not None
    asked[_JAVASCRIPT], asked[_POLICY] = javascript, bool(policy)
    automaton: Phrases = phrases(policy)
    counts = np.zeros((8, texts), np.int64)
    out = np.empty(len(batch.codes) + len(lines.starts) + 1, np.uint32)
    bounds, offsets = np.zeros(texts + 1, np.int64), np.zeros(texts + 1, np.int64)
    starts, stops, origins = (np.empty(len(lines.starts), np.int64) for _ in range(3))
    cut = np.zeros(len(lines.starts), np.bool_)
    kept = _clean(
        batch.codes,
        *lines,
        chunks.starts,
        chunks.ends,
        layout.traits(),
        _is_end(ends or frozenset()),
        asked,
        _EDIT,
        _NEEDED,
        *automaton,
        counts,
        out,
        bounds,
        offsets,
        starts,
        stops,
        origins,
        cut,
    )
    parts = Parts(offsets, starts[:kept], stops[:kept])
    return Cleaned(batch, counts, out[: bounds[-1]], bounds, parts, origins[:kept], cut[:kept])
