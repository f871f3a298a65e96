"""MinHash signatures (Broder 1997) of sets of hashes, and the keys of their bands.

The permutations are those of datasketch 2 (`affine32`, `legacy`) and of datatrove 0.10: given the same hashes the
signatures equal theirs (tested). Bands of rows make the locality-sensitive hash: two documents with Jaccard s meet with
probability 1 - (1 - s^rows)^bands. datatrove's and the legacy arithmetic wraps around at 2^64 before it is taken
modulo the Mersenne prime 2^61 - 1, so that is what is done here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from filters.compiled import compiled
from pipeline.dedup.hashes import mix32, mix64
from pipeline.dedup.settings import MinHashSettings

Array = np.ndarray[Any, Any]

_POLYNOMIAL = np.uint64(0x9E3779B97F4A7C15)
_MERSENNE = np.uint64((1 << 61) - 1)
_WORD = np.uint64(0xFFFFFFFF)


@lru_cache
def permutations(count: int, seed: int, variant: str) -> tuple[Array, Array]:
    """Multipliers and offsets of `count` permutations as the library of the variant draws them; uint32 or uint64."""
    draw = np.random.RandomState(seed)  # as they do
    prime = int(_MERSENNE)
    if variant == "affine32":
        multipliers = draw.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
        return multipliers, draw.randint(0, 1 << 32, count, dtype=np.uint32)
    if variant == "datatrove":
        multipliers = draw.randint(1, prime, count, dtype=np.uint64)
        return multipliers, draw.randint(0, prime, count, dtype=np.uint64)
    pairs = [[draw.randint(low, prime, dtype=np.uint64) for low in (1, 0)] for _ in range(count)]
    return tuple(np.array(pairs, np.uint64).T.copy())


@compiled("void(uint32[::1], int64[::1], uint32[::1], uint32[::1], uint32[:, ::1])")
def _minima32(hashes: Array, bounds: Array, multipliers: Array, offsets: Array, out: Array) -> None:
    longest = 0
    for document in range(len(bounds) - 1):
        longest = max(longest, bounds[document + 1] - bounds[document])
    mixed = np.empty(longest, np.uint32)
    for document in range(len(bounds) - 1):
        start, count = bounds[document], bounds[document + 1] - bounds[document]
        for index in range(count):
            mixed[index] = mix32(hashes[start + index])
        # A row at a time, so that the loop over the hashes becomes one of vectors.
        for row in range(len(multipliers)):
            multiplier, offset = multipliers[row], offsets[row]
            least = np.uint32(0xFFFFFFFF)
            for index in range(count):
                least = min(least, np.uint32(multiplier * mixed[index] + offset))
            out[document, row] = least


@compiled("void(uint64[::1], int64[::1], uint64[::1], uint64[::1], uint64, uint64[:, ::1])")
def _minima64(
    hashes: Array, bounds: Array, multipliers: Array, offsets: Array, kept: Any, out: Array
) -> None:
    for document in range(len(bounds) - 1):
        for row in range(len(multipliers)):
            multiplier, offset = multipliers[row], offsets[row]
            least = kept
            for index in range(bounds[document], bounds[document + 1]):
                value = multiplier * hashes[index] + offset
                value = (value & _MERSENNE) + (value >> np.uint64(61))
                value = value - _MERSENNE if value >= _MERSENNE else value
                least = min(least, value & kept)
            out[document, row] = least


def minima(hashes: Array, bounds: Array, settings: MinHashSettings) -> Array:
    """Signatures [sets, bands x rows] of the sets `hashes[bounds[i]:bounds[i + 1]]`; all ones for an empty set.

    `affine32` takes uint32 and gives uint32, `legacy` takes 32-bit hashes, `datatrove` uint64, and both give uint64.
    """
    multipliers, offsets = permutations(settings.bands * settings.rows, settings.seed, settings.variant)
    narrow = settings.variant == "affine32"
    out = np.empty((len(bounds) - 1, len(multipliers)), multipliers.dtype)
    values = np.require(hashes, multipliers.dtype, ["C", "W"])
    if narrow:
        _minima32(values, bounds, multipliers, offsets, out)
    else:
        kept = _WORD if settings.variant == "legacy" else np.uint64(2**64 - 1)
        _minima64(values, bounds, multipliers, offsets, kept, out)
    return out


def signature_of_hashes(hashes: Array, settings: MinHashSettings) -> Array:
    """Signature [bands x rows] of one set of hashes; see `minima`."""
    return np.asarray(minima(hashes, np.array([0, len(hashes)], np.int64), settings)[0])


@compiled("void(uint64[:, ::1], int64, uint64[:, ::1])")
def _band_keys(signatures: Array, rows: int, out: Array) -> None:
    for document in range(out.shape[0]):
        for band in range(out.shape[1]):
            key = np.uint64(band)
            for row in range(band * rows, (band + 1) * rows):
                key = mix64(key * _POLYNOMIAL + signatures[document, row])
            out[document, band] = key


def band_keys(signatures: Array, settings: MinHashSettings) -> Array:
    """A key for every band, uint64 [documents, bands]: equal exactly where the band's rows are, up to 2^-64."""
    out = np.empty((len(signatures), settings.bands), np.uint64)
    _band_keys(np.array(signatures, np.uint64, order="C"), settings.rows, out)
    return out
