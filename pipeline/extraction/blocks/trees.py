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
    for tree in range(len(roots)):
        for row in range(len(rows)):
            node = np.int64(roots[tree])
            while node >= 0:
                right = rows[row, features[node]] > thresholds[node]
                node = np.int64(children[node, np.int64(right)])
            total[row] += leaves[-1 - node]
