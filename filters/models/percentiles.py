"""Weighted distributions as short curves: what share of a sample's tokens lies below, or above, a value."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

Array = np.ndarray[Any, Any]

NODES = 1000  # of a curve; a distribution of fewer distinct values is kept exactly


class Curve(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares at rising values, and what holds before the first and after the last of them.

    Between two values the share is interpolated, so a curve tells any two of them apart.
    """

    values: tuple[float, ...]
    shares: tuple[float, ...]
    before: float
    after: float

    def __post_init__(self) -> None:
        if len(self.values) != len(self.shares):
            raise ValueError("values and shares differ in number")
        if any(high <= low for low, high in zip(self.values, self.values[1:], strict=False)):
            raise ValueError("values do not rise")

    def at(self, values: Array) -> Array:
        """The share at each value, float64. Cost: a binary search each."""
        values = np.asarray(values, np.float64)
        if not self.values:
            return np.full(len(values), self.before)
        nodes, shares = np.array(self.values), np.array(self.shares)
        right = np.searchsorted(nodes, values, "left")
        high = np.clip(right, 1, len(nodes) - 1) if len(nodes) > 1 else np.zeros(len(values), np.int64)
        low = np.maximum(high - 1, 0)
        width = nodes[high] - nodes[low]
        place = np.divide(values - nodes[low], width, out=np.zeros(len(values)), where=width > 0)
        found = shares[low] + (shares[high] - shares[low]) * np.clip(place, 0.0, 1.0)
        exact = (right < len(nodes)) & (nodes[np.minimum(right, len(nodes) - 1)] == values)
        found = np.where(exact, shares[np.minimum(right, len(nodes) - 1)], found)
        found = np.where(values < nodes[0], self.before, found)
        return np.asarray(np.where(values > nodes[-1], self.after, found), np.float64)


def below(values: Array, weights: Array) -> Curve:
    """What share of the weight lies strictly below a value."""
    distinct, at = _by_value(values, weights)
    total = float(at.sum())
    if not total:
        return Curve(values=(), shares=(), before=0.0, after=0.0)
    shares = (np.cumsum(at) - at) / total
    return _curve(distinct, shares, 0.0, 1.0)


def above(values: Array, weights: Array) -> Curve:
    """What share of the weight lies strictly above a value."""
    distinct, at = _by_value(values, weights)
    total = float(at.sum())
    if not total:
        return Curve(values=(), shares=(), before=0.0, after=0.0)
    shares = (np.cumsum(at[::-1])[::-1] - at) / total
    return _curve(distinct, shares, 1.0, 0.0)


def _by_value(values: Array, weights: Array) -> tuple[Array, Array]:
    """Distinct values that weigh something, rising, and the weight of each."""
    some = weights > 0
    distinct, which = np.unique(values[some], return_inverse=True)
    # Sums in one order: the sample comes in the order of the corpus, which no worker changes.
    return distinct, np.bincount(which, weights[some], len(distinct))


def _curve(distinct: Array, shares: Array, before: float, after: float) -> Curve:
    rows = np.arange(len(distinct))
    if len(distinct) > NODES:
        # Evenly spaced in share, whichever way it runs, with both ends.
        rising = shares if shares[0] <= shares[-1] else -shares
        wanted = np.linspace(rising[0], rising[-1], NODES)
        rows = np.unique(np.clip(np.searchsorted(rising, wanted, "left"), 0, len(distinct) - 1))
        rows = np.unique(np.concatenate([[0], rows, [len(distinct) - 1]]))
    return Curve(
        values=tuple(distinct[rows].tolist()), shares=tuple(shares[rows].tolist()), before=before, after=after
    )
