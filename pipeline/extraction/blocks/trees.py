"""Gradient-boosted trees (Friedman 2001) as flat arrays, evaluated in a compiled loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]


class Trees(NamedTuple):
    """Inner nodes of all trees after one another; `children` below 0 are leaves, -1 - their place in `leaves`.

    A row goes left where its feature is at most the threshold. `roots` holds each tree's first node.
    """

    roots: Array  # int32[trees]
    features: Array  # int16[nodes]
    thresholds: Array  # float32[nodes]
    children: Array  # int32[nodes, 2]
    leaves: Array  # float32[leaves]


def probability(trees: Trees, rows: Array) -> Array:
    """float64[rows]: the logistic function of the sum of the leaves that each row of float32 features falls into."""
    total = np.zeros(len(rows))
    _add_up(*trees, np.ascontiguousarray(rows, np.float32), total)
    return 1.0 / (1.0 + np.exp(-total))


@compiled(
    "void(int32[::1], int16[::1], float32[::1], int32[:, ::1], float32[::1], float32[:, ::1], float64[::1])"
)
def _add_up(
    roots: Array,
    features: Array,
    thresholds: Array,
    children: Array,
    leaves: Array,
    rows: Array,
    total: Array,
) -> None:
    # Four rows at a time: each step of one waits for memory, and the others' steps fill the wait. Twice as fast.
    whole = len(rows) - len(rows) % 4
    for tree in range(len(roots)):
        root = np.int64(roots[tree])
        for row in range(0, whole, 4):
            a = b = c = d = root
            while a >= 0 or b >= 0 or c >= 0 or d >= 0:
                if a >= 0:
                    a = np.int64(children[a, np.int64(rows[row, features[a]] > thresholds[a])])
                if b >= 0:
                    b = np.int64(children[b, np.int64(rows[row + 1, features[b]] > thresholds[b])])
                if c >= 0:
                    c = np.int64(children[c, np.int64(rows[row + 2, features[c]] > thresholds[c])])
                if d >= 0:
                    d = np.int64(children[d, np.int64(rows[row + 3, features[d]] > thresholds[d])])
            total[row] += leaves[-1 - a]
            total[row + 1] += leaves[-1 - b]
            total[row + 2] += leaves[-1 - c]
            total[row + 3] += leaves[-1 - d]
        for row in range(whole, len(rows)):
            node = root
            while node >= 0:
                node = np.int64(children[node, np.int64(rows[row, features[node]] > thresholds[node])])
            total[row] += leaves[-1 - node]
