"""What is looked for: the windows and questions of all items, made once for a list and its settings."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filters.contamination import grams, streams
from filters.contamination.grams import Grams, Windows
from filters.contamination.items import Benchmarks, Item, joined
from filters.contamination.near import Near, Parts, parts_of, rarity
from filters.contamination.spec import Settings
from filters.contamination.streams import Stream

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Lookup:
    """Windows of some texts, and whose text each is."""

    grams: Grams
    item: Array  # int64, by text
    sizes: Array  # int64, words of each text


@dataclass(frozen=True)
class Index:
    """Everything that is looked for; None what a recipe does not ask for.

    `words` has the windows of the questions for `near` (texts 0 to `questions`) and those for `ngram` (the texts
    behind all parts of the items).
    """

    items: tuple[Item, ...]
    words: Lookup | None
    questions: int
    near: Near | None
    tokens: Lookup | None


@functools.lru_cache(maxsize=4)
def index_of(lists: tuple[Benchmarks, ...], settings: Settings) -> Index:
    """The index; some 0.8 s for 5,000 items."""
    items = joined(lists).items
    words, close = _of_words(items, settings)
    tokens = _of_tokens(items, settings) if "tokens" in settings.kinds else None
    return Index(items, words, len(items) if close is not None else 0, close, tokens)


def _of_words(items: tuple[Item, ...], settings: Settings) -> tuple[Lookup | None, Near | None]:
    """One stream for `near` and `ngram`, so that a document's words are walked once: all parts, then the sequences."""
    close, exact = ("near" in settings.kinds), ("ngram" in settings.kinds)
    if not (close or exact):
        return None, None
    parts = parts_of(items, settings.parts) if close else Parts([], (), ())
    rows = _sequences(items, settings) if exact else []
    texts = [*parts.texts, *(text for _, text in rows)]
    stream, codes = streams.of_texts(texts, streams.words)
    of_parts, questions = len(parts.texts), len(items) if close else 0
    some = [
        grams.windows(stream, range(questions), settings.near_n, settings.near_n),
        grams.windows(stream, range(of_parts, len(texts)), settings.n, settings.min_words),
    ]
    numbers = [*range(questions), *[-1] * (of_parts - questions), *(number for number, _ in rows)]
    words = _lookup(stream, some, settings, texts, numbers)
    return words, _near(stream, codes, parts, settings) if close else None


def _near(stream: Stream, codes: Array, parts: Parts, settings: Settings) -> Near:
    offsets = stream.offsets[: len(parts.texts) + 1]
    own = Stream(offsets, *(one[: offsets[-1]] for one in stream[1:]))
    return Near(
        stream=own,
        codes=codes,
        weights=rarity(own, parts),
        answers=parts.answers,
        passages=parts.passages,
        short=settings.short_words,
        long=settings.long_words,
        least=settings.min_words,
    )


def _of_tokens(items: Sequence[Item], settings: Settings) -> Lookup:
    rows = _parts(items, settings)
    texts = [text for _, text in rows]
    stream, _ = streams.of_texts(texts, streams.tokens)
    some = [grams.windows(stream, range(len(texts)), settings.token_n, settings.token_n)]
    return _lookup(stream, some, settings, texts, [number for number, _ in rows])


def _lookup(
    stream: Stream, some: Sequence[Windows], settings: Settings, texts: Sequence[str], numbers: Sequence[int]
) -> Lookup:
    index = grams.build(stream, some, settings.max_items, texts)
    return Lookup(index, np.array(numbers, np.int64), np.diff(stream.offsets))


def _sequences(items: Sequence[Item], settings: Settings) -> list[tuple[int, str]]:
    """For n-grams of words: a question with each right answer, a question alone, a passage, by number of the item."""
    found = []
    for number, item in enumerate(items):
        question = item.question if "question" in settings.parts else ""
        answers = item.answers if "answer" in settings.parts else ()
        found += [(number, f"{question}\n{answer}") for answer in answers]
        if not answers or question:
            found.append((number, question))
        if "passage" in settings.parts:
            found.append((number, item.passage))
    return found


def _parts(items: Sequence[Item], settings: Settings) -> list[tuple[int, str]]:
    """For n-grams of tokens: each part by itself."""
    found = []
    for number, item in enumerate(items):
        if "question" in settings.parts:
            found.append((number, item.question))
        if "answer" in settings.parts:
            found += [(number, answer) for answer in item.answers]
        if "passage" in settings.parts:
            found.append((number, item.passage))
    return found
