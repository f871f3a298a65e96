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
    """The index; some 0.5 s for 5,000 items."""
    items = joined(lists).items
    close = "near" in settings.kinds
    parts = parts_of(items, settings.parts) if close else Parts([], (), ())
    rows = _sequences(items, settings) if "ngram" in settings.kinds else []
    words = found = None
    if close or rows:
        texts = [*parts.texts, *(text for _, text in rows)]
        stream, codes = streams.of_texts(texts, streams.words)
        questions = len(items) if close else 0
        some = [grams.windows(stream, range(questions), settings.near_n, settings.near_n)]
        some.append(
            grams.windows(stream, range(len(parts.texts), len(texts)), settings.n, settings.min_words)
        )
        numbers = [*range(len(items)), *[-1] * (len(parts.texts) - len(items))] if close else []
        words = _lookup(stream, some, settings, texts, [*numbers, *(number for number, _ in rows)])
        if close:
            of_parts = Stream(stream.offsets[: len(parts.texts) + 1], *stream[1:])
            weights = rarity(
                Stream(of_parts.offsets, stream.hashes[: of_parts.offsets[-1]], *stream[2:]), parts
            )
            found = Near(
                stream=of_parts,
                codes=codes,
                weights=weights,
                answers=parts.answers,
                passages=parts.passages,
                short=settings.short_words,
                long=settings.long_words,
                least=settings.min_words,
            )
    tokens = None
    if "tokens" in settings.kinds:
        rows = _parts(items, settings)
        texts = [text for _, text in rows]
        stream, _ = streams.of_texts(texts, streams.tokens)
        some = [grams.windows(stream, range(len(texts)), settings.token_n, settings.token_n)]
        tokens = _lookup(stream, some, settings, texts, [number for number, _ in rows])
    return Index(items, words, len(items) if close else 0, found, tokens)


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
