"""Items found in documents, each with its place and a score, and what documents are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from filters.contamination.grams import Hits
from filters.contamination.index import Index, Lookup
from filters.contamination.streams import Stream, tokens, word_hashes, words

Array = np.ndarray[Any, Any]

SHOWN = 200  # characters of a match's text that are kept with it


class Match(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of a document's text that holds (a part of) an item."""

    benchmark: str
    item: str
    kind: str  # ngram, tokens, near
    start: int  # characters
    end: int
    score: float  # in [0, 1]; see `Measured`
    text: str  # its beginning


class Measured(msgspec.Struct, frozen=True):
    """What was found in the documents of a batch.

    The score of a match: of `ngram`, the share of the windows of the item's text that stand in it; of `tokens`, the
    share of the tokens of the item's part that the document has; of `near`, see `filters/contamination/near.py`.
    """

    matches: list[list[Match]]  # by document, in order of place
    ngrams: Array  # int64, places where a window of words stands
    tokens: Array  # float64, the highest score
    near: Array  # float64, the highest score


def stored(matches: Sequence[Match]) -> str | None:
    """Matches as they are stored, None for none."""
    return msgspec.json.encode(matches).decode() if matches else None


def read(text: str | None) -> list[Match]:
    """Stored matches."""
    return msgspec.json.decode(text, type=list[Match]) if text else []


def measure(codes: Array, bounds: Array, index: Index) -> Measured:
    """What stands of an index in texts given as code points."""
    count = len(bounds) - 1
    found: list[list[Match]] = [[] for _ in range(count)]
    ngrams, shares, near = np.zeros(count, np.int64), np.zeros(count), np.zeros(count)
    if index.words is not None:
        rows = _with_words(codes, bounds, index, index.words)
        if len(rows):
            _note_words(codes, bounds, index, index.words, rows, (found, ngrams, near))
    if index.tokens is not None:
        stream = tokens(codes, bounds)
        hits = index.tokens.grams.find(stream)
        if len(hits.at):
            _note_shares(_Notes(codes, bounds, index, found), stream, hits, index.tokens, shares)
    for row in found:
        row.sort(key=lambda one: (one.start, one.end, one.kind, one.benchmark, one.item))
    return Measured(found, ngrams, shares, near)


def _with_words(codes: Array, bounds: Array, index: Index, looked_up: Lookup) -> Array:
    """The texts, int64, in which `ngram` or `near` may find something: of those alone it is asked where words stand."""
    stream = word_hashes(codes, bounds)
    hits = looked_up.grams.find(stream)
    rows = hits.document[hits.text >= index.questions]
    if index.near is not None and len(hits.at):
        close = hits.chosen(hits.text < index.questions)
        rows = np.concatenate([rows, index.near.promising(close, looked_up.grams.per_text, stream)])
    return np.unique(rows)


def _note_words(
    codes: Array,
    bounds: Array,
    index: Index,
    looked_up: Lookup,
    rows: Array,
    out: tuple[list[list[Match]], Array, Array],
) -> None:
    """Write down what `ngram` and `near` find in some of the texts."""
    found, ngrams, near = out
    sizes = bounds[rows + 1] - bounds[rows]
    few_bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    few = np.concatenate([codes[bounds[row] : bounds[row + 1]] for row in rows.tolist()])
    stream = words(few, few_bounds)
    hits = looked_up.grams.find(stream)
    note = _Notes(few, few_bounds, index, [found[row] for row in rows.tolist()])
    exact = hits.chosen(hits.text >= index.questions)
    if len(exact.at):
        places = np.unique(np.stack([exact.document, exact.at]), axis=1)[0]
        ngrams[rows] = np.bincount(places, minlength=len(rows))
        _note_runs(note, "ngram", stream, exact, looked_up)
    if index.near is not None:
        close = hits.chosen(hits.text < index.questions)
        for one in index.near.find(close, looked_up.grams.per_text, stream, few):
            row = rows[one.document]
            near[row] = max(near[row], one.score)
            place = (stream.starts[one.first], stream.ends[one.end - 1])
            note.add(one.document, one.item, "near", *place, one.score)


class _Notes:
    """Writes matches down."""

    def __init__(self, codes: Array, bounds: Array, index: Index, found: list[list[Match]]):
        self.codes, self.bounds, self.items, self.found = codes, bounds, index.items, found

    def add(self, document: int, item: int, kind: str, start: int, end: int, score: float) -> None:
        """Add one; `start` and `end` are places in all code points."""
        text = self.codes[start : min(end, start + SHOWN)].tobytes().decode("utf-32-le", "replace")
        first, of = int(self.bounds[document]), self.items[item]
        place = (int(start) - first, int(end) - first)
        match = Match(of.benchmark, of.id, kind, *place, round(float(score), 6), text)
        self.found[document].append(match)


def _ordered(hits: Hits, windows: Lookup) -> Hits:
    """Hits by document, text and place."""
    order = np.lexsort((hits.within, hits.at, hits.text, hits.document))
    return Hits(*(one[order] for one in hits))


def _bounds(*keys: Array) -> list[int]:
    """Where a run of rows with equal keys begins, and the end."""
    size = len(keys[0])
    begins = np.zeros(size, np.bool_)
    for key in keys:
        begins[1:] |= key[1:] != key[:-1]
    begins[0] = True
    return [*np.flatnonzero(begins).tolist(), size]


def _note_runs(note: _Notes, kind: str, stream: Stream, hits: Hits, windows: Lookup) -> None:
    """A match for each stretch that windows of one text cover; a text's windows may stand in any order.

    Of several texts of one item that cover the same stretch, the one with most of its windows counts.
    """
    hits = _ordered(hits, windows)
    best: dict[tuple[int, int, int, int], float] = {}
    for start, stop in pairwise(_bounds(hits.document, hits.text)):
        at, end = hits.at[start:stop], hits.at[start:stop] + hits.length[start:stop]
        reached = np.maximum.accumulate(end)
        cuts = [0, *(np.flatnonzero(at[1:] > reached[:-1]) + 1).tolist(), stop - start]
        text = int(hits.text[start])
        for low, high in pairwise(cuts):
            distinct = len(np.unique(hits.within[start + low : start + high]))
            score = min(distinct / int(windows.grams.per_text[text]), 1.0)
            document, item = int(hits.document[start]), int(windows.item[text])
            place = (document, item, int(stream.starts[at[low]]), int(stream.ends[reached[high - 1] - 1]))
            best[place] = max(best.get(place, 0.0), score)
    for (document, item, first, last), score in _outermost(best):
        note.add(document, item, kind, first, last, score)


def _outermost(
    found: dict[tuple[int, int, int, int], float],
) -> list[tuple[tuple[int, int, int, int], float]]:
    """Stretches by document, item and place, less those that lie within another of the same item."""
    kept: list[tuple[tuple[int, int, int, int], float]] = []
    for place, score in sorted(found.items(), key=lambda one: (*one[0][:3], -one[0][3])):
        document, item, _, end = place
        if kept and kept[-1][0][:2] == (document, item) and end <= kept[-1][0][3]:
            kept[-1] = (kept[-1][0], max(kept[-1][1], score))
        else:
            kept.append((place, score))
    return kept


def _note_shares(note: _Notes, stream: Stream, hits: Hits, windows: Lookup, shares: Array) -> None:
    """A match for each text of which a document has windows, from the first to the last of them."""
    hits = _ordered(hits, windows)
    for start, stop in pairwise(_bounds(hits.document, hits.text)):
        text, document = int(hits.text[start]), int(hits.document[start])
        covered = np.zeros(int(windows.sizes[text]) + 1, np.int64)
        np.add.at(covered, hits.within[start:stop], 1)
        np.add.at(covered, hits.within[start:stop] + hits.length[start:stop], -1)
        score = np.count_nonzero(np.cumsum(covered)) / int(windows.sizes[text])
        shares[document] = max(shares[document], score)
        last = int((hits.at[start:stop] + hits.length[start:stop]).max())
        place = (int(stream.starts[hits.at[start]]), int(stream.ends[last - 1]))
        note.add(document, int(windows.item[text]), "tokens", *place, score)
