"""Trains n-gram models with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999, section 3).

As KenLM estimates them (Heafield et al. 2013): the top order counts occurrences, lower orders count the different
tokens before an n-gram (but occurrences where it begins with `<s>`), unigrams are interpolated with the uniform
distribution over the vocabulary, `<unk>` included, and discounts fall back to 0.5, 1 and 1.5 where a corpus is too
small to estimate them. N-grams of the top order that occur `prune` times or less are left out; their share goes to the
shorter ones, so that probabilities still add up to one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.models.ngram_model import MOST, NgramModel, Ngrams, make_model
from filters.text import layout
from filters.text.token_hashes import BEGIN, END, UNKNOWN, extended, tokens

Array = np.ndarray[Any, Any]

_BATCH = 256  # texts
_FALLBACK = (0.5, 1.0, 1.5)


class _Types(NamedTuple):
    """The different n-grams of one order, by key."""

    keys: Array  # uint64, sorted
    suffixes: Array  # uint64: keys without the first token
    contexts: Array  # uint64: keys without the last token
    begins: Array  # bool: the first token is `<s>`
    counts: Array  # int64: occurrences


def train_ngrams(
    texts: Iterable[str], *, order: int = 3, max_tokens: int = 5_000_000, prune: int = 1
) -> bytes:
    """A model file (kind `ngrams`, scheme `words`) from the first `max_tokens` tokens of texts.

    Deterministic. Memory is some 100 bytes a token and order, at most 1.5 GB by default; a million tokens take 3 s.
    ValueError if there is no token.
    """
    return estimated(texts, order=order, max_tokens=max_tokens, prune=prune).file()


def estimated(texts: Iterable[str], *, order: int, max_tokens: int, prune: int) -> NgramModel:
    """The model that `train_ngrams` writes."""
    if not 1 <= order <= MOST:
        raise ValueError(f"expected an order from 1 to {MOST}, got {order}")
    hashes = _stream(texts, max_tokens)
    if not len(hashes):
        raise ValueError("the texts have no token to count")
    places = np.zeros(len(hashes), np.int64)
    _places(hashes, np.uint64(END), places)
    types = [_types(hashes, places, size) for size in range(1, order + 1)]
    found: list[Ngrams] = []
    lower: Array = np.zeros(0)  # probabilities of the order below, by type
    for size, one in enumerate(types, 1):
        counts = one.counts if size == order else _adjusted(one, types[size])
        kept = one.counts > prune if size == order and size > 1 else np.ones(len(one.keys), np.bool_)
        discounted = np.where(kept, counts - _discounts(counts)[np.minimum(counts, 3)], 0.0)
        if size == 1:
            left = 1 - discounted.sum() / counts.sum()
            uniform = left / (len(one.keys) + 1)  # with <unk>
            lower = discounted / counts.sum() + uniform
            found.append(_unigrams(one.keys, lower, uniform))
            continue
        contexts, at = np.unique(one.contexts, return_inverse=True)
        totals = np.bincount(at, counts)
        weights = 1 - np.bincount(at, discounted) / totals
        found[-1] = _with_backoffs(found[-1], contexts, weights)
        shorter = np.searchsorted(types[size - 2].keys, one.suffixes)
        lower = discounted / totals[at] + weights[at] * lower[shorter]
        found.append(Ngrams(one.keys[kept], _log10(lower[kept]), np.zeros(int(kept.sum()), np.float32)))
    return make_model(found, "words")


def _stream(texts: Iterable[str], most: int) -> Array:
    """The token hashes of texts, cut after `most`, whole lines with their `END`."""
    several, found, count = iter(texts), [], 0
    while count < most and (batch := list(itertools.islice(several, _BATCH))):
        one = tokens(*layout.code_points([text.lower() for text in batch]), "words", True).hashes
        found.append(one[: most - count])
        count += len(found[-1])
    hashes = np.concatenate([*found, np.zeros(0, np.uint64)])
    ends = np.flatnonzero(hashes == np.uint64(END))
    return hashes[: ends[-1] + 1] if len(ends) else hashes[:0]


@compiled("void(uint64[::1], uint64, int64[::1])")
def _places(hashes: Array, end: Any, places: Array) -> None:
    """The number of tokens before each on its line."""
    place = 0
    for i in range(len(hashes)):
        places[i] = place
        place = 0 if hashes[i] == end else place + 1


@compiled(
    "int64(uint64[::1], int64[::1], int64, uint64, uint64[::1], uint64[::1], uint64[::1], boolean[::1])"
)
def _keys(
    hashes: Array,
    places: Array,
    size: int,
    begin: Any,
    keys: Array,
    suffixes: Array,
    contexts: Array,
    begins: Array,
) -> int:
    count = 0
    for i in range(len(hashes)):
        if places[i] + 2 < size or (size == 1 and places[i] + 1 < size):
            continue
        from_begin = places[i] + 2 == size
        last = size - 1 if from_begin else size
        key = hashes[i]
        suffix = key
        for back in range(1, last):
            suffix = key
            key = extended(key, hashes[i - back])
        if from_begin:
            suffix = key
            key = extended(key, begin)
        context = begin
        if size > 1 and last > 1:
            context = hashes[i - 1]
            for back in range(2, last):
                context = extended(context, hashes[i - back])
            if from_begin:
                context = extended(context, begin)
        keys[count], suffixes[count], contexts[count] = key, suffix, context
        begins[count] = from_begin
        count += 1
    return count


def _types(hashes: Array, places: Array, size: int) -> _Types:
    keys, suffixes, contexts = (np.empty(len(hashes), np.uint64) for _ in range(3))
    begins = np.empty(len(hashes), np.bool_)
    count = _keys(hashes, places, size, np.uint64(BEGIN), keys, suffixes, contexts, begins)
    distinct, first, counts = np.unique(keys[:count], return_index=True, return_counts=True)
    return _Types(distinct, suffixes[first], contexts[first], begins[first], counts.astype(np.int64))


def _adjusted(types: _Types, longer: _Types) -> Array:
    """How many different tokens stand before each n-gram; its occurrences if it begins with `<s>`."""
    suffixes, counts = np.unique(longer.suffixes, return_counts=True)
    at = np.minimum(np.searchsorted(suffixes, types.keys), len(suffixes) - 1)
    before = np.where(suffixes[at] == types.keys, counts[at], 0)
    return np.where(types.begins, types.counts, before).astype(np.int64)


def _discounts(counts: Array) -> Array:
    """What is taken from counts of 0, 1, 2 and more (Chen and Goodman 1999, equation 26)."""
    of = [int(np.count_nonzero(counts == size)) for size in range(5)]
    fallback = np.array([0.0, *_FALLBACK])
    if not all(of[1:]):
        return fallback
    share = of[1] / (of[1] + 2 * of[2])
    found = np.array([0.0, *(size - (size + 1) * share * of[size + 1] / of[size] for size in (1, 2, 3))])
    sound = (found[1:] > 0).all() and (
        found[1:] <= [1, 2, 3]
    ).all()  # with 0 a word could have no probability
    return found if sound else fallback


def _log10(values: Array) -> Array:
    return np.log10(np.maximum(values, 1e-99)).astype(np.float32)


def _unigrams(keys: Array, probabilities: Array, uniform: float) -> Ngrams:
    """The unigrams with `<unk>`, and `<s>` that is only a context."""
    special = np.array([UNKNOWN, BEGIN], np.uint64)
    log10 = np.concatenate([_log10(probabilities), _log10(np.array([uniform, 1e-99]))])
    return Ngrams(np.concatenate([keys, special]), log10, np.zeros(len(log10), np.float32))


def _with_backoffs(ngrams: Ngrams, contexts: Array, weights: Array) -> Ngrams:
    at = np.minimum(np.searchsorted(contexts, ngrams.keys), len(contexts) - 1)
    backoff = np.where(contexts[at] == ngrams.keys, _log10(weights[at]), np.float32(0))
    return ngrams._replace(backoff=backoff)
