"""Which documents are removed outright, and which ones may be near duplicates: union-find over all documents.

Equal addresses and equal texts are settled here, in the recipe's order. What MinHash proposes makes components, whose
pairs are compared afterwards. Union-find (Tarjan 1975) has no rounds that could end too early: its result is the same
for any order of the groups, and `check` proves it on the groups themselves.

Memory: 17 bytes a document, 8 of which only a policy other than `first` needs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from pipeline.dedup.grouping import NONE, Groups
from pipeline.dedup.union_find import root

Array = np.ndarray

ALONE, MEMBER = 0, 255  # fates of documents; others are the numbers of kinds


@njit("void(int64[::1], int64[::1], int64[::1], uint8[::1], float64[::1], uint8)", cache=True)
def _remove(members: Array, offsets: Array, parent: Array, fate: Array, scores: Array, kind: int) -> None:
    for group in range(offsets.shape[0] - 1):
        best = -1
        for position in range(offsets[group], offsets[group + 1]):
            one = members[position]
            # Members ascend, so that of equal scores the first one stays.
            if fate[one] == 0 and (best < 0 or (scores.shape[0] > 0 and scores[one] < scores[best])):
                best = one
        for position in range(offsets[group], offsets[group + 1]):
            one = members[position]
            if fate[one] == 0 and one != best:
                fate[one] = kind
                parent[one] = best


@njit("void(int64[::1], int64[::1], int64[::1], uint8[::1])", cache=True)
def _join(members: Array, offsets: Array, parent: Array, fate: Array) -> None:
    for group in range(offsets.shape[0] - 1):
        before = -1
        for position in range(offsets[group], offsets[group + 1]):
            here = members[position]
            if fate[here] != 0 and fate[here] != 255:
                continue
            if before >= 0:
                fate[before] = 255
                fate[here] = 255
                one, other = root(parent, before), root(parent, here)
                # The smaller number is the root, whatever the order of the joins.
                if one < other:
                    parent[other] = one
                elif other < one:
                    parent[one] = other
            before = here


@njit("void(int64[::1], uint8[::1])", cache=True)
def _flatten(parent: Array, fate: Array) -> None:
    for item in range(parent.shape[0]):
        if fate[item] == 255:
            parent[item] = root(parent, item)
    for item in range(parent.shape[0]):
        if fate[item] != 255:
            # The copy of a copy is a copy of what stays.
            while fate[parent[item]] != 0 and fate[parent[item]] != 255:
                parent[item] = parent[parent[item]]


@njit("int64(int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1])", cache=True)
def _candidates(
    members: Array, offsets: Array, parent: Array, fate: Array, out: Array, bounds: Array, roots: Array
) -> int:
    groups = 0
    filled = 0
    for group in range(offsets.shape[0] - 1):
        start = filled
        for position in range(offsets[group], offsets[group + 1]):
            if fate[members[position]] == 255:
                out[filled] = members[position]
                filled += 1
        if filled - start < 2:
            filled = start
            continue
        roots[groups] = parent[out[start]]
        for position in range(start, filled):
            if parent[out[position]] != roots[groups]:
                return -1
        groups += 1
        bounds[groups] = filled
    return groups


class Candidates(NamedTuple):
    """Groups that are left to be compared, and the root of the component that each one lies in."""

    groups: Groups
    roots: Array  # (groups,) int64


class Fates:
    """What becomes of every document: `ALONE`, a `MEMBER` of a component, or removed for a kind (its number).

    `parent` holds the component's root for a member, the document that survives in place of a removed one, and the
    document itself otherwise; it is right once `flatten` was called.
    """

    def __init__(self, documents: int, scores: Array | None = None) -> None:
        self.parent = np.arange(documents, dtype=np.int64)
        self.fate = np.zeros(documents, dtype=np.uint8)
        self._scores = np.empty(0, np.float64) if scores is None else scores

    def remove(self, groups: Groups, kind: int) -> None:
        """Of every group the document of the lowest score stays, the first one of equals."""
        _remove(groups.members, groups.offsets, self.parent, self.fate, self._scores, kind)

    def join(self, groups: Groups) -> None:
        """Documents of a group that are still in belong to one component."""
        _join(groups.members, groups.offsets, self.parent, self.fate)

    def flatten(self) -> None:
        """Let every document point at its root or survivor itself."""
        _flatten(self.parent, self.fate)

    def candidates(self, groups: Groups) -> Candidates:
        """What is left of groups that were joined; raises RuntimeError where one lies in two components."""
        if not len(groups):
            return Candidates(NONE, np.empty(0, np.int64))
        out = np.empty(len(groups.members), np.int64)
        bounds = np.zeros(len(groups) + 1, np.int64)
        roots = np.empty(len(groups), np.int64)
        count = _candidates(groups.members, groups.offsets, self.parent, self.fate, out, bounds, roots)
        if count < 0:
            raise RuntimeError("components have not converged: a group of candidates lies in two of them")
        return Candidates(Groups(out[: bounds[count]].copy(), bounds[: count + 1].copy()), roots[:count])
