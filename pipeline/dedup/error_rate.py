"""How often locality-sensitive hashing is wrong: pairs that it proposes falsely and pairs that it misses, estimated.

Documents are sampled by a hash of their number, all with the same probability q (Poisson sampling), and their
candidate pairs are measured. A pair is met from either end, so each meeting weighs 1 / (2 q): sums over the sample
are unbiased for sums over all pairs, a document that is in many pairs being as likely to be sampled as any other.

False pairs are candidates under the threshold. Missed pairs are never seen, but their number follows from those that
were found: a pair of Jaccard s is found with probability p = 1 - (1 - s^rows)^bands, so it stands for 1 / p pairs, of
which (1 - p) / p were missed (D. G. Horvitz and D. J. Thompson, A generalization of sampling without replacement from
a finite universe, 1952). The variance of that estimate is the sum of (1 - p) / p over all pairs, itself estimated by
the sum of (1 - p) / p^2 over those found. A pair with a tiny p that is found by luck stands for very many: where the
threshold lies far under what the bands find (or is one of containment, whatever the Jaccard) the estimate is unstable,
and its interval wide. It takes pairs as found independently of each other, which pairs of one document are not quite.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from pipeline.dedup.grouping import Groups
from pipeline.dedup.pair_rates import ErrorSums
from pipeline.dedup.settings import MinHashSettings, VerifySettings
from pipeline.dedup.verify import Members, canonical, mix, pair_similarity

Array = np.ndarray

SAMPLE = 2_000  # documents of a partition that are looked at, on average
PARTNERS = 64  # documents of one group that a sampled one is compared with
_RAREST = 1e-12  # a pair stands for at most 10^12: sums stay finite
_HASHES = "Array(uint32, 1, 'C', readonly=True)"
_WHOLE = "Array(int64, 1, 'C', readonly=True)"


@njit(f"int64[::1](int64, {_WHOLE})", cache=True)
def _count(members: int, flat: Array) -> Array:
    starts = np.zeros(members + 1, dtype=np.int64)
    for member in flat:
        starts[member + 1] += 1
    return np.cumsum(starts)


@njit(f"int64[::1]({_WHOLE}, {_WHOLE}, {_WHOLE})", cache=True)
def _groups_of(flat: Array, offsets: Array, starts: Array) -> Array:
    # The groups of every member, ascending: of member i `out[starts[i]:starts[i + 1]]`.
    out = np.empty(flat.shape[0], dtype=np.int64)
    place = starts.copy()
    for group in range(offsets.shape[0] - 1):
        for index in range(offsets[group], offsets[group + 1]):
            member = flat[index]
            out[place[member]] = group
            place[member] += 1
    return out


@njit(f"int64({_WHOLE}, {_WHOLE}, int64, int64)", cache=True)
def _shared(groups: Array, starts: Array, one: int, two: int) -> int:
    # In how many groups both members are.
    left, right, count = starts[one], starts[two], 0
    while left < starts[one + 1] and right < starts[two + 1]:
        first, second = groups[left], groups[right]
        count += first == second
        left += first <= second
        right += second <= first
    return count


@njit("float64(float64, int64, int64)", cache=True)
def _found(jaccard: float, bands: int, rows: int) -> float:
    # Probability that two documents share a band; with logarithms, since tiny ones would be rounded to 0.
    hit = jaccard**rows
    return 1.0 if hit >= 1.0 else max(_RAREST, -math.expm1(bands * math.log1p(-hit)))


@njit("void(float64[::1], float64, float64, float64)", cache=True)
def _add(sums: Array, pairs: float, true: float, missed: float) -> None:
    # One document's pairs, in the order of ErrorSums.
    false = pairs - true
    sums[2] += pairs
    sums[3] += false
    sums[4] += true
    sums[5] += missed
    sums[7] += pairs * pairs
    sums[8] += pairs * false
    sums[9] += false * false
    sums[10] += true * true
    sums[11] += true * missed
    sums[12] += missed * missed


@njit(
    f"void({_HASHES}, {_WHOLE}, boolean, float64, int64, int64, {_WHOLE}, {_WHOLE}, {_WHOLE}, {_WHOLE}, "
    f"{_WHOLE}, boolean[::1], float64, int64, float64[::1])",
    cache=True,
)
def _measure(
    hashes: Array,
    offsets: Array,
    contain: bool,
    threshold: float,
    bands: int,
    rows: int,
    numbers: Array,
    flat: Array,
    group_offsets: Array,
    groups: Array,
    starts: Array,
    sampled: Array,
    weight: float,
    partners: int,
    sums: Array,
) -> None:
    for member in range(sampled.shape[0]):
        if not sampled[member]:
            continue
        sums[0] += 1
        pairs, true, missed = 0.0, 0.0, 0.0
        for index in range(starts[member], starts[member + 1]):
            group = groups[index]
            first, size = group_offsets[group], group_offsets[group + 1] - group_offsets[group]
            all_of_them = size - 1 <= partners
            state = mix(np.uint64(numbers[member]), np.uint64(numbers[flat[first]]))
            for turn in range(size if all_of_them else partners):
                # Of a large group members are drawn, with replacement, each standing for as many as it must.
                if all_of_them:
                    other = flat[first + turn]
                    share = 1.0
                    if other == member:
                        continue
                else:
                    state = mix(state, np.uint64(turn))
                    place = first + np.int64(state % np.uint64(size - 1))
                    other = flat[place] if flat[place] < member else flat[place + 1]
                    share = (size - 1) / partners
                # A pair that shares several groups is met in each of them.
                share /= _shared(groups, starts, member, other)
                pairs += share
                sums[1] += (share if all_of_them else share * partners / (size - 1)) / (1 + sampled[other])
                if pair_similarity(hashes, offsets, member, other, contain, threshold) < 0:
                    continue
                jaccard = pair_similarity(hashes, offsets, member, other, False, 0.0)
                found = _found(jaccard, bands, rows)
                true += share
                missed += share * (1 - found) / found
                sums[6] += weight * share * (1 - found) / found / found
        _add(sums, pairs * weight, true * weight, missed * weight)


def chosen(numbers: Array, sample: int) -> tuple[Array, float]:
    """Which documents are sampled (bool), by a hash of their numbers, and with what probability."""
    probability = min(1.0, sample / max(1, len(numbers)))
    if probability == 1.0:
        return np.ones(len(numbers), dtype=np.bool_), 1.0
    state = np.ascontiguousarray(numbers, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64's finalizer
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    state ^= state >> np.uint64(31)
    return (state >> np.uint64(11)) < np.uint64(probability * (1 << 53)), probability


def error_sums(
    members: Members,
    groups: Groups,
    minhash: MinHashSettings,
    sample: int = SAMPLE,
    partners: int = PARTNERS,
) -> ErrorSums:
    """The sums of one partition (see `settle`), on about `sample` of its documents.

    The threshold is that of `minhash.verify`, or its default where that is null. Of a group of more than `partners`
    others that many are drawn, by a hash, for each document.
    """
    verify = minhash.verify or VerifySettings()
    tidy = canonical(groups)
    count = len(members.numbers)
    starts = _count(count, tidy.members)
    sampled, probability = chosen(members.numbers, sample)
    sums = np.zeros(len(ErrorSums._fields), dtype=np.float64)
    _measure(
        np.ascontiguousarray(np.asarray(members.hashes), dtype=np.uint32),
        np.ascontiguousarray(members.offsets, dtype=np.int64),
        verify.measure == "containment",
        verify.threshold,
        minhash.bands,
        minhash.rows,
        np.ascontiguousarray(members.numbers, dtype=np.int64),
        tidy.members,
        tidy.offsets,
        _groups_of(tidy.members, tidy.offsets, starts),
        starts,
        sampled,
        1 / (2 * probability),
        partners,
        sums,
    )
    return ErrorSums(*sums.tolist())
