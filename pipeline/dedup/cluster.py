"""Clusters of duplicates by union-find over groups that share a key; the first document of a cluster survives.

Documents are numbered in the order of the inputs, so "first" depends on the inputs' names and nothing else.
"""

from __future__ import annotations

import numpy as np
from numba import njit

Array = np.ndarray


@njit("int64(int64[::1], int64)", cache=True)
def _root(parent: Array, item: int) -> int:
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@njit("void(int64[::1], int64[::1], uint64[::1])", cache=True)
def _join(parent: Array, order: Array, keys: Array) -> None:
    for index in range(1, order.shape[0]):
        if keys[order[index]] == keys[order[index - 1]]:
            one, other = _root(parent, order[index - 1]), _root(parent, order[index])
            # The smaller number is the root, whatever the order of the joins.
            if one < other:
                parent[other] = one
            elif other < one:
                parent[one] = other


@njit("void(int64[::1])", cache=True)
def _flatten(parent: Array) -> None:
    for item in range(parent.shape[0]):
        parent[item] = _root(parent, item)


class Clusters:
    """Disjoint sets of document numbers. 8 bytes a document."""

    def __init__(self, documents: int) -> None:
        self._parent = np.arange(documents, dtype=np.int64)

    def join_equal(self, keys: Array, members: Array | None = None) -> None:
        """Join all documents (or `members`) whose 64-bit keys are equal."""
        numbers = np.arange(len(keys), dtype=np.int64) if members is None else members.astype(np.int64)
        order = numbers[np.argsort(keys[numbers], kind="stable")]
        _join(self._parent, order, np.ascontiguousarray(keys, dtype=np.uint64))

    def survivors(self) -> Array:
        """For every document the number of the first one of its cluster (itself when it survives)."""
        _flatten(self._parent)
        return self._parent.copy()
