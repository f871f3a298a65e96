"""Groups: documents that share a key. What a reduce task of the shuffle finds in its range of keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from pipeline.dedup.runs import Entries

Array = np.ndarray


class Groups(NamedTuple):
    """Members of groups, one after the other: group i is members[offsets[i]:offsets[i + 1]], in ascending order."""

    members: Array  # int64
    offsets: Array  # (groups + 1,) int64

    def __len__(self) -> int:
        return len(self.offsets) - 1


NONE = Groups(np.empty(0, np.int64), np.zeros(1, np.int64))


@njit("int64(uint64[::1], uint32[:,::1], int64[::1], int64[::1], int64[::1], int64[::1])", cache=True)
def _gather(
    keys: Array, values: Array, documents: Array, order: Array, members: Array, offsets: Array
) -> int:
    """Groups of two or more with equal keys and equal values beyond the first column; returns how many."""
    groups = 0
    filled = 0
    start = 0
    total = order.shape[0]
    width = values.shape[1]
    while start < total:
        one = order[start]
        end = start + 1
        while end < total and keys[order[end]] == keys[one]:
            other = order[end]
            same = True
            for column in range(1, width):
                same = same and values[other, column] == values[one, column]
            if not same:
                break
            end += 1
        if end - start > 1:
            for position in range(start, end):
                # A document may bear a key twice (two lines of it, say): once is enough.
                number = documents[order[position]]
                if filled == offsets[groups] or members[filled - 1] != number:
                    members[filled] = number
                    filled += 1
            if filled - offsets[groups] > 1:
                groups += 1
                offsets[groups] = filled
            else:
                filled = offsets[groups]
        start = end
    return groups


def groups_of(parts: Sequence[Entries], bases: Sequence[int]) -> Groups:
    """Groups among the entries of several runs, ordered by key.

    The first value of an entry is a row, to which the base of its run is added; entries are equal if their keys and
    their other values are. At most the entries are held: about 50 bytes each.
    """
    keys = np.concatenate([part.keys for part in parts])
    values = np.ascontiguousarray(np.concatenate([part.values for part in parts]))
    documents = np.concatenate(
        [part.values[:, 0].astype(np.int64) + base for part, base in zip(parts, bases, strict=True)]
    )
    # The documents of a run ascend in equal keys, and runs come in the order of their bases.
    if values.shape[1] == 1:
        order = np.argsort(keys, kind="stable")
    else:
        order = np.lexsort((documents, *values.T[:0:-1], keys))
    members = np.empty(len(keys), np.int64)
    offsets = np.zeros(len(keys) // 2 + 2, np.int64)
    count = _gather(keys, values, documents, order, members, offsets)
    return Groups(members[: offsets[count]].copy(), offsets[: count + 1].copy())
