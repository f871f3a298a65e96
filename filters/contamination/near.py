"""Items that stand in a document with slips: other case and marks, words misspelt, swapped, left out or put between.

After Dolma 3's Decon. Four words in a row of a question that a document has say where a copy of it may be; hits of one
question that lie close together make a span. Of the span and some words around it, the overlap is the share of the
question's words that are found there (`filters/contamination/overlap.py`), weighted by how rare they are among the
items: ln((1 + items) / items with the word).

The question comes first. If it alone is not enough, its answer is looked for near it (the right answer, or all choices
as a list), then the passage too, and their words count together with the question's; where less than 70 % of the
question's weight is found, nothing else is asked. From `long` words on, an overlap of .8 is enough; the shorter the
evidence the more it takes, up to all words at `short` words. So that one threshold says so, the score is
(overlap - f) / (1 - f), where f runs from 0 at `long` words to 1 at `short`: it reaches .8 exactly where the overlap
reaches 1 - (1 - f) * .2. Evidence of fewer than `least` words scores 0, and so does a question of which less than half
is there.

What differs from Decon: every word of a document is looked at, not every tenth; four words in a row say where, not
five, as a slip in every tenth word leaves too few short questions five whole ones; overlaps are of words and not of
n-grams, of which one wrong letter takes five; and words count instead of a tokenizer's tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from filters.contamination import streams
from filters.contamination.grams import Hits
from filters.contamination.items import Item
from filters.contamination.overlap import groups, half_found, slack_of, weight_found
from filters.contamination.streams import Stream

Array = np.ndarray[Any, Any]
Range = tuple[int, int]  # words of the documents' stream, the last one not included

_QUESTION = 0.7  # of the question's weight: less, and neither answer nor passage is looked for
_AROUND = 32  # words between question and answer, such as an instruction or the letters of choices
_NEAR = 16  # words that a misspelt word may be away from its place, at most


class Found(NamedTuple):
    """A copy of an item: the document, the first word of the span in the stream, and the word behind it."""

    document: int
    item: int
    first: int
    end: int
    score: float


class _Runs(NamedTuple):
    """Where copies of questions may be, an entry each: int64, ranges in two columns."""

    document: Array
    item: Array
    first: Array  # words of the stream
    end: Array
    inner: Array  # from the first window that is there to the end of the last
    bounds: Array  # of the document


@dataclass(frozen=True)
class Near:
    """All parts of all items in one stream; the questions are its first texts, in the order of the items."""

    stream: Stream
    codes: Array
    weights: Array  # float64, a word of the stream
    answers: tuple[tuple[int, ...], ...]  # texts of the stream, by item
    passages: tuple[int | None, ...]
    short: int
    long: int
    least: int

    def promising(self, hits: Hits, per_text: Array, document: Stream) -> Array:
        """The documents, int64, of which half of a question may stand in a stretch; asks for no places of words."""
        runs = self._runs(hits, per_text, document)
        slack = np.array(
            [slack_of(int(size)) for size in np.diff(self.stream.offsets)[runs.item].tolist()], np.int64
        )
        low = np.maximum(runs.first - slack, runs.bounds[:, 0])
        high = np.minimum(runs.end + slack, runs.bounds[:, 1])
        out = np.zeros(len(runs.item), np.bool_)
        stretch = np.ascontiguousarray(np.stack([low, high], axis=1))
        parts = (self.stream.offsets, self.stream.hashes, self.weights)
        half_found(stretch, runs.item, *parts, document.hashes, out)
        return runs.document[out]

    def find(self, hits: Hits, per_text: Array, document: Stream, codes: Array) -> Iterator[Found]:
        """Copies with a score above 0, by document, item and place, from hits of the questions' windows.

        `per_text` are the windows that are looked for, of each question.
        """
        runs = self._runs(hits, per_text, document)
        columns = (runs.document, runs.item, runs.first, runs.end, runs.inner, runs.bounds)
        for of, item, first, end, inner, bounds in zip(*(one.tolist() for one in columns), strict=True):
            score = self._score(document, codes, item, (first, end), inner, bounds)
            if score > 0:
                yield Found(of, item, first, end, score)

    def _runs(self, hits: Hits, per_text: Array, document: Stream) -> _Runs:
        order = np.lexsort((hits.within, hits.at, hits.text, hits.document))
        of, at, text, within = (one[order] for one in (hits.document, hits.at, hits.text, hits.within))
        found = np.empty((len(at), 2), np.int64)
        sizes = np.diff(self.stream.offsets)
        start, stop = found[: groups(of, at, text, within, sizes, per_text, found)].T
        item, many = text[start], hits.length[0] if len(at) else 0
        bounds = np.stack([document.offsets[of[start]], document.offsets[of[start] + 1]], axis=1)
        last = at[stop - 1] + many
        end = np.minimum(at[stop - 1] - within[stop - 1] + sizes[item], bounds[:, 1])
        return _Runs(
            document=of[start],
            item=item,
            first=np.maximum(at[start] - within[start], bounds[:, 0]),
            end=np.maximum(end, last),
            inner=np.stack([at[start], last], axis=1),
            bounds=bounds,
        )

    def _score(
        self, document: Stream, codes: Array, item: int, span: Range, inner: Range, bounds: Range
    ) -> float:
        """The score of an item whose question may stand at the words of `span`, and does so at both ends of `inner`."""
        first, end = span

        def found(text: int, low: int, high: int, near: int | None = None) -> float:
            low, high = max(low, bounds[0]), min(high, bounds[1])
            if high <= low:
                return 0.0
            begin, stop = self.stream.offsets[text], self.stream.offsets[text + 1]
            shift = (first if near is not None else low) - begin
            parts = (self.stream.hashes, self.stream.starts, self.stream.ends, self.codes, self.weights)
            there = (document.hashes, document.starts, document.ends, codes)
            reach = near if near is not None else high - low + stop - begin
            table = streams.forms().table
            return float(weight_found(*parts, begin, stop, *there, low, high, shift, reach, table))

        size, whole = self._size(item)
        slack = int(slack_of(size))
        weight = found(item, first - slack, end + slack, min(slack, _NEAR))
        if 2 * weight < whole or whole <= 0:
            return 0.0
        best = self._adjusted(weight / whole, size)
        if weight < _QUESTION * whole or best == 1:
            return best
        around: list[tuple[float, int, float]] = []
        for text in self.answers[item]:
            words, of_all = self._size(text)
            reach = _AROUND + 2 * words
            around.append(
                (max(found(text, inner[1], end + reach), found(text, first - reach, inner[0])), words, of_all)
            )
        answer = max(around, key=lambda one: one[0] / max(one[2], 1e-9), default=(0.0, 0, 0.0))
        best = max(best, self._adjusted((weight + answer[0]) / (whole + answer[2]), size + answer[1]))
        passage = self.passages[item]
        if passage is not None:
            words, of_all = self._size(passage)
            reach = _AROUND + words + words // 4
            one = max(found(passage, inner[1], end + reach), found(passage, first - reach, inner[0]))
            total = whole + answer[2] + of_all
            best = max(best, self._adjusted((weight + answer[0] + one) / total, size + answer[1] + words))
        return best

    def _size(self, text: int) -> tuple[int, float]:
        """Words of a text, and their weight."""
        begin, stop = int(self.stream.offsets[text]), int(self.stream.offsets[text + 1])
        return stop - begin, float(self.weights[begin:stop].sum())

    def _adjusted(self, overlap: float, words: int) -> float:
        if words < self.least:
            return 0.0
        overlap = min(1.0, round(overlap, 9))  # sums of weights
        missing = min(max((self.long - words) / max(self.long - self.short, 1), 0.0), 1.0)
        if overlap == 1 or missing == 1:
            return float(overlap == 1)
        return max(0.0, round((overlap - missing) / (1 - missing), 6))


class Parts(NamedTuple):
    """The texts of all parts of items, the questions first, and which texts are whose."""

    texts: list[str]
    answers: tuple[tuple[int, ...], ...]
    passages: tuple[int | None, ...]


def parts_of(items: Sequence[Item], wanted: Sequence[str]) -> Parts:
    """The parts that are wanted; a question that is not is empty."""
    texts = [item.question if "question" in wanted else "" for item in items]
    answers: list[tuple[int, ...]] = []
    passages: list[int | None] = []
    for item in items:
        given = (*item.answers, "\n".join(item.choices)) if "answer" in wanted else ()
        filled = [text for text in given if text.strip()]
        answers.append(tuple(range(len(texts), len(texts) + len(filled))))
        texts += filled
        has_passage = "passage" in wanted and item.passage.strip()
        passages.append(len(texts) if has_passage else None)
        texts += [item.passage] if has_passage else []
    return Parts(texts, tuple(answers), tuple(passages))


def rarity(stream: Stream, parts: Parts) -> Array:
    """ln((1 + items) / items with the word) of each word of the parts' stream."""
    count = len(parts.answers)
    item_of = np.zeros(len(parts.texts), np.int64)
    for item, (given, passage) in enumerate(zip(parts.answers, parts.passages, strict=True)):
        item_of[[item, *given, *([passage] if passage is not None else [])]] = item
    _, word = np.unique(stream.hashes, return_inverse=True)
    pairs = np.unique(word * count + np.repeat(item_of, np.diff(stream.offsets)))
    with_word = np.bincount(pairs // max(count, 1), minlength=1)
    return np.log((1 + count) / with_word[word]) if len(word) else np.zeros(0)
