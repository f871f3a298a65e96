"""Disjoint sets as an array of parents (Tarjan 1975): an item whose parent is itself is the root of its set."""

from __future__ import annotations

import numpy as np
from numba import njit

Array = np.ndarray


@njit("int64(int64[::1], int64)", cache=True)
def root(parent: Array, item: int) -> int:
    """The root of an item's set; halves the path to it on the way."""
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item
