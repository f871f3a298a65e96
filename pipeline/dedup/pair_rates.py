"""Rates of false and missed pairs with their intervals, from the sums that `error_rate` takes of a sample."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from pipeline.interval import Rate, Z, wilson


class ErrorSums(NamedTuple):
    """What one partition says about errors; `total` adds partitions up. Squares are sums over sampled documents."""

    sampled: float = 0.0  # documents looked at
    looked: float = 0.0  # distinct pairs looked at
    pairs: float = 0.0  # candidate pairs (estimated, as all that follows)
    false: float = 0.0  # of these, under the threshold
    true: float = 0.0  # of these, at or above it
    missed: float = 0.0  # pairs at or above the threshold that are no candidates
    missed_variance: float = 0.0  # of `missed`, from the luck of hashing
    pairs_pairs: float = 0.0
    pairs_false: float = 0.0
    false_false: float = 0.0
    true_true: float = 0.0
    true_missed: float = 0.0
    missed_missed: float = 0.0


class ErrorRates(msgspec.Struct, frozen=True):
    """The rates of a run; null where there were no pairs to tell it from."""

    false: Rate | None  # false candidate pairs of all candidate pairs
    missed: Rate | None  # missed pairs of all pairs at or above the threshold


def total(parts: Iterable[ErrorSums]) -> ErrorSums:
    """The sums of several partitions, the same in any order."""
    return (
        ErrorSums(*(math.fsum(column) for column in zip(*parts, strict=True)))
        if (parts := list(parts))
        else ErrorSums()
    )


def rates(sums: ErrorSums) -> ErrorRates:
    """The rates of false and missed pairs, each with a 95 % interval.

    False: Wilson's, with as many draws as the sample is worth: pairs of one document go along, so their number is
    divided by the design effect (L. Kish, Survey Sampling, 1965), the variance of the ratio over sampled documents
    relative to that of independent pairs. Missed: normal for the number of missed pairs to one found, by its variance
    over sampled documents plus that of hashing, cut at 0; a share of 0..1 follows from it.
    """
    return ErrorRates(_false(sums), _missed(sums))


def _false(sums: ErrorSums) -> Rate | None:
    if sums.pairs <= 0:
        return None
    share = min(1.0, max(0.0, sums.false / sums.pairs))
    draws = min(sums.looked, sums.pairs * sums.pairs / sums.pairs_pairs)
    spread = sums.false_false - 2 * share * sums.pairs_false + share * share * sums.pairs_pairs
    if 0 < share < 1 and spread > 0:
        draws = min(sums.looked, share * (1 - share) * sums.pairs * sums.pairs / spread)
    return wilson(share, draws)


def _missed(sums: ErrorSums) -> Rate | None:
    if sums.true <= 0:
        return None
    odds = sums.missed / sums.true
    spread = sums.missed_missed - 2 * odds * sums.true_missed + odds * odds * sums.true_true
    half = Z * math.sqrt(max(0.0, spread) + sums.missed_variance) / sums.true
    low, high = max(0.0, odds - half), odds + half
    return Rate(odds / (1 + odds), low / (1 + low), high / (1 + high))
