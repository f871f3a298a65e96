"""DSIR's importance weights (Xie et al. 2023): how much more likely a page is under a target than under a raw corpus.

Both corpora are bags of hashed word n-grams: each n-gram falls into one of some 10,000 buckets, and a corpus is the
share of its n-grams in each. The log importance weight of a page is the sum of log(target / raw) over its n-grams.
The hash is our own and stable: scores agree with other implementations in what they mean, not bucket by bucket.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.models.tensors_file import TensorsError, pack, unpack
from filters.text import layout
from filters.text.token_hashes import extended, tokens

Array = np.ndarray[Any, Any]

KIND = "importance"
FLOOR = 1e-8  # added to shares before the logarithm (DSIR, RedPajama-v2)
_BATCH = 256  # texts


@dataclass(frozen=True)
class ImportanceModel:
    """Two bags of hashed n-grams, and the mean length of the texts they were counted on."""

    weights: Array  # float64 [buckets]: log target share - log raw share
    grams: int  # the longest n-gram, in words
    lower: bool
    lengths: tuple[float, float]  # characters of a text: target, raw

    def score(self, codes: Array, bounds: Array) -> tuple[Array, Array]:
        """The log importance weight (nats) and the number of n-grams of each text. Some 15 ns a character."""
        found = tokens(codes, bounds, "wordpunct", False)
        sums, counts = np.zeros(len(bounds) - 1), np.zeros(len(bounds) - 1, np.int64)
        _score(found.offsets, found.hashes, self.grams, self.weights, sums, counts)
        return sums, counts


@compiled("void(int64[::1], uint64[::1], int64, float64[::1], float64[::1], int64[::1])")
def _score(offsets: Array, hashes: Array, grams: int, weights: Array, sums: Array, counts: Array) -> None:
    buckets = np.uint64(len(weights))
    for text in range(len(offsets) - 1):
        for i in range(offsets[text], offsets[text + 1]):
            key = hashes[i]
            for size in range(grams):
                if size:
                    if i - size < offsets[text]:
                        break
                    key = extended(key, hashes[i - size])
                sums[text] += weights[np.int64(key % buckets)]
                counts[text] += 1


@compiled("void(int64[::1], uint64[::1], int64, int64[::1])")
def _count(offsets: Array, hashes: Array, grams: int, counts: Array) -> None:
    buckets = np.uint64(len(counts))
    for text in range(len(offsets) - 1):
        for i in range(offsets[text], offsets[text + 1]):
            key = hashes[i]
            for size in range(grams):
                if size:
                    if i - size < offsets[text]:
                        break
                    key = extended(key, hashes[i - size])
                counts[np.int64(key % buckets)] += 1


def train_importance(
    targets: Iterable[str], raws: Iterable[str], *, buckets: int = 10_000, grams: int = 2, lower: bool = True
) -> bytes:
    """A model file (kind `importance`) from texts of the target and of the raw corpus.

    RedPajama-v2's parameters are the defaults, but for `lower`, which is DSIR's. Memory does not grow with the
    corpora. ValueError if one of them has no word.
    """
    counted = {}
    for name, texts in (("target", targets), ("raw", raws)):
        counts = np.zeros(buckets, np.int64)
        characters = documents = 0
        for batch in _batches(texts):
            codes, bounds = layout.code_points([text.lower() for text in batch] if lower else batch)
            found = tokens(codes, bounds, "wordpunct", False)
            _count(found.offsets, found.hashes, grams, counts)
            characters += len(codes)
            documents += len(batch)
        if not counts.any():
            raise ValueError(f"the {name} texts have no word to count")
        counted[name] = counts, characters / documents, documents
    settings = {
        "kind": KIND,
        "version": 1,
        "grams": grams,
        "lower": lower,
        "lengths": [counted["target"][1], counted["raw"][1]],
        "texts": [counted["target"][2], counted["raw"][2]],
    }
    return pack(
        {name: np.log(counts / counts.sum() + FLOOR) for name, (counts, _, _) in counted.items()}, settings
    )


def _batches(texts: Iterable[str]) -> Iterable[list[str]]:
    several = iter(texts)
    while batch := list(itertools.islice(several, _BATCH)):
        yield batch


def read_importance(data: Any) -> ImportanceModel:
    """The model of a file's bytes. TensorsError says what is wrong with them."""
    arrays, settings = unpack(data, KIND)
    if set(arrays) != {"target", "raw"} or arrays["target"].shape != arrays["raw"].shape:
        raise TensorsError("an importance model has two distributions of one length, `target` and `raw`")
    if settings.get("version") != 1:
        raise TensorsError(f"an importance model of version {settings.get('version')!r}, not 1")
    weights = np.ascontiguousarray(arrays["target"] - arrays["raw"], np.float64)
    target, raw = settings["lengths"]
    if not np.isfinite(weights).all() or weights.ndim != 1 or not len(weights):
        raise TensorsError("an importance model with weights that are no numbers")
    return ImportanceModel(
        weights, int(settings["grams"]), bool(settings["lower"]), (float(target), float(raw))
    )
