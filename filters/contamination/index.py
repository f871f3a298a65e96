"""What is looked for: the windows and questions of all items, made once for a list and its settings."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filters.contamination import grams, near, streams
from filters.contamination.items import Benchmarks, Item, joined
from filters.contamination.spec import Settings

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Windows:
    """Windows of some texts, and whose text each is."""

    index: grams.Grams
    item: Array  # int64, by text
    sizes: Array  # int64, words of each text


@dataclass(frozen=True)
class Index:
    """Everything that is looked for; None what a recipe does not ask for."""

    items: tuple[Item, ...]
    ngram: Windows | None
    tokens: Windows | None
    near: near.Near | None


@functools.lru_cache(maxsize=4)
def index_of(lists: tuple[Benchmarks, ...], settings: Settings) -> Index:
    """The index; some 0.5 s for 5,000 items."""
    items = joined(lists).items
    return Index(
        items=items,
        ngram=_windows(
            _sequences(items, settings), streams.words, settings.n, settings.min_words, settings.max_items
        )
        if "ngram" in settings.kinds
        else None,
        tokens=_windows(
            _parts(items, settings), streams.tokens, settings.token_n, settings.token_n, settings.max_items
        )
        if "tokens" in settings.kinds
        else None,
        near=near.build(
            items,
            settings.parts,
            settings.max_items,
            settings.short_words,
            settings.long_words,
            settings.min_words,
        )
        if "near" in settings.kinds
        else None,
    )


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


def _windows(texts: Sequence[tuple[int, str]], kind: Any, n: int, least: int, most: int | None) -> Windows:
    whole = [text for _, text in texts]
    numbers = {text: number for number, text in enumerate(dict.fromkeys(whole))}
    stream, _ = streams.of_texts(whole, kind)
    index = grams.build(stream, n, least, most, [numbers[text] for text in whole], kind is streams.words)
    return Windows(index, np.array([number for number, _ in texts], np.int64), np.diff(stream.offsets))
