"""Shares that are told from some draws, with the interval in which the whole one lies."""

from __future__ import annotations

import math

import msgspec

Z = 1.959963984540054  # of a 95 % interval


class Rate(msgspec.Struct, frozen=True):
    """A share and its 95 % interval, from `low` to `high`."""

    share: float
    low: float
    high: float


def wilson(share: float, count: float) -> Rate:
    """The interval of E. B. Wilson (1927) for a share seen among `count` draws."""
    middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z / (1 + Z * Z / count) * math.sqrt(share * (1 - share) / count + (Z / (2 * count)) ** 2)
    return Rate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def estimate(found: int, draws: int) -> Rate:
    """The share of which `found` of so many draws speak, with Wilson's interval; of no draw nothing is known: 0..1."""
    return wilson(found / draws, draws) if draws else Rate(0.0, 0.0, 1.0)
