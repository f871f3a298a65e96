"""Orders that are computed, not stored: a keyed permutation of any size, and which domain an index belongs to.

`permute` is a balanced Feistel network on the next even number of bits, walked until it lands inside the domain
(cycle walking, Black and Rogaway 2002, "Ciphers with arbitrary finite domains"). It is a bijection of [0, n) for
every key, needs no memory, and any place can be asked on its own. The round function is the SplitMix64 finaliser;
this shuffles training data, it keeps no secrets.

`shares` says how many of the first n indices belong to each of K weighted domains: the apportionment of Webster and
Sainte-Lague, which gives index after index to the domain with the smallest (2 * count + 1) / weight. It is house
monotone (a domain never loses an index as n grows, which differences of rounded cumulative shares do once a share
of a block is below one), exact whenever every n * w / W is an integer, and off by at most 1/2 + (w / W) * K / 2 for
every n. It is evaluated at any n in O(K log K) with integers only: from
    count >= (n - K / 2) * w / W - 1 / 2
at most K indices are left to hand out.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

ROUNDS = 8
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


def round_keys(*parts: int | str) -> np.ndarray:
    """Keys of the Feistel rounds from a seed and names: uint64 [ROUNDS]. Different parts give unrelated keys."""
    whole = hashlib.blake2b(digest_size=8 * ROUNDS, person=b"sluice-order")
    for part in parts:
        data = str(part).encode("utf-8")
        whole.update(len(data).to_bytes(8, "big") + data)
    return np.frombuffer(whole.digest(), dtype="<u8").astype(np.uint64)


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return x ^ (x >> np.uint64(31))


def _feistel(x: np.ndarray, half: int, keys: np.ndarray) -> np.ndarray:
    bits = np.uint64(half)
    mask = np.uint64((1 << half) - 1)
    left, right = x >> bits, x & mask
    for key in keys:
        left, right = right, left ^ (_mix(right + key) & mask)
    return (left << bits) | right


def permute(indices: np.ndarray, size: int, keys: np.ndarray) -> np.ndarray:
    """Where the permutation of [0, size) under `keys` sends each index: int64, same shape.

    Costs a few passes over the indices (under four walks a value on average). Raises ValueError for an index outside.
    """
    places = np.asarray(indices, dtype=np.int64)
    if size < 1 or (places.size and (places.min() < 0 or places.max() >= size)):
        raise ValueError(f"indices must lie in [0, {size})")
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    flat = _feistel(places.reshape(-1).astype(np.uint64), half, keys)
    outside = np.flatnonzero(flat >= np.uint64(size))
    while outside.size:
        flat[outside] = _feistel(flat[outside], half, keys)
        outside = outside[flat[outside] >= np.uint64(size)]
    return flat.astype(np.int64).reshape(places.shape)


def shares(n: int, weights: Sequence[int]) -> list[int]:
    """How many of the first `n` indices belong to each domain: integers that sum to n, none for weight zero.

    `weights` are non-negative integers with a positive sum. Ties go to the domain that comes first.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be non-negative integers with a positive sum")
    count_domains = len(weights)
    counts = [max(0, -((total - (2 * n - count_domains) * w) // (2 * total))) for w in weights]
    left = n - sum(counts)
    queue = [(Fraction(2 * c + 1, w), k) for k, (c, w) in enumerate(zip(counts, weights, strict=True)) if w]
    heapq.heapify(queue)
    for _ in range(left):
        k = queue[0][1]
        counts[k] += 1
        heapq.heapreplace(queue, (Fraction(2 * counts[k] + 1, weights[k]), k))
    return counts


def integer_weights(weights: Sequence[float]) -> list[int]:
    """Whole numbers in exactly the proportion that the weights have as written in decimal (0.1 is one tenth)."""
    exact = [Fraction(repr(float(w))) for w in weights]
    denominator = math.lcm(*(w.denominator for w in exact))
    whole = [int(w * denominator) for w in exact]
    divisor = math.gcd(*whole) or 1
    return [w // divisor for w in whole]
