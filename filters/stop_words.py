"""Stop words: how much of a text is the commonest words of its language, as running text has them and lists have not.

jusText (Pomikalek 2011) tells text from boilerplate by the share of its stop words; Gopher asks for two of eight. Here
both are measured for any of the listed languages. A word is a word of any script (`filters.text.segment`) with a
letter; capitals and the two apostrophes make no difference. Words of a list that hold several words match nothing.

Lists: those of jusText (the commonest words of 98 languages' Wikipedias, at most 500 of each), those of spaCy for 16
more, or the recipe's own (`lists:`, kind `stop_words`).

Cost: some 40 ns a word beside splitting.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.language import INSTALLED as INSTALLED_MODEL
from filters.language import asset_of, identified
from filters.language_codes import code_of
from filters.types import Count, FilterSpec, Rule, Share, Signal

Array = np.ndarray[Any, Any]

SOURCE = "stop words of jusText and spaCy; jusText (Pomikalek 2011), Gopher (Rae et al. 2021)"
INSTALLED_LISTS = ("stop_words", "more_stop_words")  # assets; the second where the first has no list


class StopWords(NamedTuple):
    """Lists by language: code to number, and the sorted hashes of list `i` at `offsets[i]:offsets[i + 1]`."""

    numbers: dict[str, int]
    offsets: Array  # int64 [lists + 1]
    hashes: Array  # uint64


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose stop words are counted, and thresholds, off by default."""

    lists: str | None = None  # an entry of `lists:`; null: the installed ones
    language: str | None = None  # null: each document's, as `model` says
    model: str = INSTALLED_MODEL  # or an entry of `models:`
    min_share: Share | None = None
    min_distinct: Count | None = None


def signals(settings: Settings) -> list[Signal]:
    """Share and number of stop words, and whether there is a list."""
    return [
        Signal("stop_words_share", "share of words", "that are stop words of the language", SOURCE),
        Signal("stop_words_distinct", "words", "different stop words of the language", SOURCE),
        Signal("stop_words_listed", "words", "in the list of the language; 0 where there is none", SOURCE),
    ]


def rules(settings: Settings) -> list[Rule]:
    """Too few of them. Documents in a language without a list have none: `unless: stop_words_listed == 0`."""
    return [
        Rule("share", "stop_words_share", "<", settings.min_share, SOURCE),
        Rule("distinct", "stop_words_distinct", "<", settings.min_distinct, SOURCE),
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """All three measures."""
    from filters.loops.stop_word_counts import count
    from filters.text.segment import unicode_parts

    lists = merged(*(assets[name] for name in _list_assets(settings)))
    if settings.language is None:
        labels, _ = identified(batch, settings.model, "none", assets)
        numbers = [lists.numbers.get(code_of(label), -1) for label in labels]
    else:
        numbers = [lists.numbers.get(code_of(settings.language), -1)] * len(batch)
    parts = unicode_parts(batch, assets["word_breaker"])
    chosen = np.array(numbers, np.int64)
    words, stops, distinct = count(batch.codes, parts, chosen, lists.offsets, lists.hashes)
    listed = np.where(chosen < 0, 0, np.append(np.diff(lists.offsets), 0)[chosen])
    return {
        "stop_words_share": ratio(stops, words),
        "stop_words_distinct": distinct,
        "stop_words_listed": listed,
    }


def hashed(lists: Mapping[str, Iterable[str]]) -> StopWords:
    """Lists of words by language, ready for counting; a language is named as any model names it."""
    from filters.loops.stop_word_counts import word_hashes

    found: dict[str, list[str]] = {}
    for name, words in lists.items():
        found.setdefault(code_of(name), []).extend(words)
    hashes = [np.unique(word_hashes(list(words))) for words in found.values()]
    offsets = np.zeros(len(found) + 1, np.int64)
    np.cumsum([len(one) for one in hashes], out=offsets[1:])
    return StopWords(
        {code: number for number, code in enumerate(found)},
        offsets,
        np.concatenate([np.zeros(0, np.uint64), *hashes]),
    )


def merged(first: StopWords, *more: StopWords) -> StopWords:
    """All lists; of a language's two the first."""
    return _merged(*map(_Whole, (first, *more))) if more else first


class _Whole:
    """Lists as a key that is the object itself."""

    def __init__(self, lists: StopWords) -> None:
        self.lists = lists

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Whole) and other.lists is self.lists

    def __hash__(self) -> int:
        return id(self.lists)


@functools.lru_cache(4)
def _merged(first: _Whole, *more: _Whole) -> StopWords:
    numbers = dict(first.lists.numbers)
    sizes, hashes = list(np.diff(first.lists.offsets)), [first.lists.hashes]
    for lists in (one.lists for one in more):
        for code, number in lists.numbers.items():
            if code not in numbers:
                numbers[code] = len(numbers)
                hashes.append(lists.hashes[lists.offsets[number] : lists.offsets[number + 1]])
                sizes.append(len(hashes[-1]))
    return StopWords(
        numbers, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), np.concatenate(hashes)
    )


def _list_assets(settings: Settings) -> tuple[str, ...]:
    return INSTALLED_LISTS if settings.lists is None else (f"lists.{settings.lists}",)


def assets(settings: Settings) -> tuple[str, ...]:
    """The lists, the word breaker, and a model where the language is each document's."""
    model = () if settings.language is not None else (asset_of(settings.model),)
    return (*_list_assets(settings), "word_breaker", *model)


SPEC = FilterSpec(
    name="stop_words",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset({"min_share", "min_distinct"}),
)
