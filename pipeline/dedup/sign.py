"""Text to what deduplication compares: 128 bits of the normal form, and keys of MinHash bands."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.dedup import minhash
from pipeline.dedup.normal import normal_form

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.dedup.settings import DedupSettings, MinHashSettings

Array = np.ndarray


class Signed(NamedTuple):
    """Hashes of texts."""

    text_hashes: Array  # (documents, 2) uint64
    band_keys: Array  # (documents, bands) uint64
    has_shingles: Array  # (documents,) bool


def signed(texts: pa.Array, settings: DedupSettings) -> Signed:
    """Hashes of a batch of texts."""
    forms = normal_form(texts)
    pairs = zip(forms.to_pylist(), texts.to_pylist(), strict=True)
    whole = b"".join(hashlib.blake2b((f or t or "").encode(), digest_size=16).digest() for f, t in pairs)
    hashes = np.frombuffer(whole, dtype="<u8").reshape(-1, 2)
    if settings.minhash is None:
        return Signed(hashes, np.empty((len(texts), 0), np.uint64), np.zeros(len(texts), bool))
    rows = minhash.signatures(forms, settings.minhash)
    keys = np.stack(
        [minhash.band_keys(rows, band, settings.minhash) for band in range(settings.minhash.bands)], axis=1
    )
    return Signed(hashes, keys, (rows != 0xFFFFFFFF).any(axis=1))


class Shingles(NamedTuple):
    """Sets of shingle hashes, of document i hashes[offsets[i]:offsets[i + 1]], sorted."""

    hashes: Array
    offsets: Array


def shingle_sets(texts: pa.Array, settings: MinHashSettings) -> Shingles:
    """Sets of shingles."""
    sets = []
    for form in normal_form(texts).to_pylist():
        words = np.empty(len(form) // 2 + 1, np.uint64)
        data = np.frombuffer(bytearray(form.encode()), np.uint8)
        count = minhash._hash_words(data, 0, len(data), words)
        sets.append(np.unique(minhash._hash_ngrams(words, count, settings.ngram)))
    lengths = np.array([len(one) for one in sets], np.int64)
    flat = np.concatenate(sets) if sets else np.empty(0, np.uint32)
    return Shingles(flat.astype(np.uint32), np.cumsum([0, *lengths], dtype=np.int64))
