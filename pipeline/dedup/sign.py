"""From texts to what duplicates are found by: hashes of the whole form, keys of MinHash bands, sets of shingles."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from filters.compiled import compiled
from pipeline.dedup.forms import column, forms
from pipeline.dedup.minhash import band_keys, minima, signature_of_hashes
from pipeline.dedup.settings import DedupSettings, MinHashSettings

Array = np.ndarray[Any, Any]
Texts: TypeAlias = pa.Array | pa.ChunkedArray  # string or large_string; may be slices, may hold nulls

__all__ = ["Shingles", "Signed", "shingle_sets", "signature_of_hashes", "signatures", "signed"]


class Signed(NamedTuple):
    """What each of some texts hashes to."""

    text_hashes: (
        Array  # uint64 [documents, 2]: of the normal form, of the text itself where the form is empty
    )
    band_keys: (
        Array  # uint64 [documents, bands]: equal keys mean equal rows of that band; no bands without minhash
    )
    has_shingles: Array  # bool [documents]: a text without any takes no part in minhash


class Shingles(NamedTuple):
    """The sets of shingles of some texts: of text `i` the `hashes[offsets[i]:offsets[i + 1]]`, sorted, each once."""

    hashes: Array  # uint32
    offsets: Array  # int64 [documents + 1]


def signed(texts: Texts, settings: DedupSettings) -> Signed:
    """Text hashes and band keys. Linear in the texts, at most `longest` shingles of each are looked at.

    Of `variant: datatrove` text hashes are zero where exact duplicates are not looked for.
    """
    minhash = settings.minhash
    if minhash is None:
        hashes = forms(texts, "words", 1, 0).text_hashes
        return Signed(hashes, np.empty((len(texts), 0), np.uint64), np.zeros(len(texts), np.bool_))
    if minhash.variant == "datatrove":
        # Its own form is another; this one is made for exact duplicates alone.
        exact = settings.exact
        hashes = forms(texts, "words", 1, 0).text_hashes if exact else np.zeros((len(texts), 2), np.uint64)
        values, bounds = _shingles(texts, minhash)
    else:
        hashes, values, bounds = forms(texts, minhash.unit, minhash.ngram, minhash.longest)
    keys = band_keys(minima(values, bounds, minhash), minhash)
    return Signed(hashes, keys, np.diff(bounds) > 0)


def signatures(texts: Texts, settings: MinHashSettings) -> Array:
    """MinHash signatures [documents, bands x rows], uint32 or (`legacy`, `datatrove`) uint64; all ones: no shingles."""
    return minima(*_shingles(texts, settings), settings)


def shingle_sets(texts: Texts, settings: MinHashSettings) -> Shingles:
    """The sets of 32-bit shingle hashes by which true similarity is measured."""
    values, bounds = _shingles(texts, settings)
    if values.dtype == np.uint64:
        values = (values >> np.uint64(32)).astype(np.uint32)
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        values[start:end].sort()
    offsets = np.zeros_like(bounds)
    count = _unique(values, bounds, offsets)
    return Shingles(values[:count].copy(), offsets)


def _shingles(texts: Texts, settings: MinHashSettings) -> tuple[Array, Array]:
    if settings.variant == "datatrove":
        from pipeline.dedup.datatrove_variant import shingles

        return shingles(column(texts)[0].to_pylist(), settings.ngram, settings.longest)
    return forms(texts, settings.unit, settings.ngram, settings.longest)[1:]


@compiled("int64(uint32[::1], int64[::1], int64[::1])")
def _unique(values: Array, bounds: Array, offsets: Array) -> int:
    """Move the different values of each sorted part together, in place."""
    count = 0
    for part in range(len(bounds) - 1):
        for at in range(bounds[part], bounds[part + 1]):
            if at == bounds[part] or values[at] != values[count - 1]:
                values[count] = values[at]
                count += 1
        offsets[part + 1] = count
    return count
