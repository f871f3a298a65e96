"""Which rules fire on which documents, together and alone, from the stored lists of reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dashboard.documents import Documents

Array = np.ndarray[Any, Any]
_AT_ONCE = 1 << 16  # rows of the matrix that is multiplied with itself


@dataclass(frozen=True)
class Overlap:
    """Counts of the documents in a table (all, or a sample) by the rules that fire on them, in recipe order.

    `together[i, j]` is how many documents both rules fire on, `together[i, i]` how many rule i fires on; `alone[i]` of
    how many it is the only one, `screened_alone[i]` of those were screened, so that other rules were never asked;
    `alone_bytes[i]` is their extracted text.
    """

    rules: tuple[str, ...]
    together: Array
    alone: Array
    screened_alone: Array
    alone_bytes: Array


def overlap(documents: Documents, rules: Sequence[str]) -> Overlap:
    """The counts for these rules, made once for a snapshot's documents."""
    return documents.once(("overlap", tuple(rules)), lambda: _overlap(documents, tuple(rules)))


def _overlap(documents: Documents, rules: tuple[str, ...]) -> Overlap:
    rows, codes = fired(documents, rules)
    size = len(rules)
    number = np.bincount(rows, minlength=documents.rows)
    single = number[rows] == 1
    screened = documents.table["screened"].is_valid().to_numpy()
    weights = documents.bytes[rows[single]] if len(rows) else None
    together = np.zeros((size, size), np.int64)
    for start in range(0, documents.rows, _AT_ONCE):
        first, last = np.searchsorted(rows, [start, start + _AT_ONCE])
        if first == last:
            continue
        _, local = np.unique(rows[first:last], return_inverse=True)
        fires = np.zeros((int(local.max()) + 1, size), np.float32)
        fires[local, codes[first:last]] = 1
        together += np.rint(fires.T @ fires).astype(np.int64)
    counts = [
        np.bincount(codes[single], minlength=size),
        np.bincount(codes[single & screened[rows]], minlength=size),
        np.bincount(codes[single], weights=weights, minlength=size),
    ]
    return Overlap(rules, together, *(one.astype(np.int64) for one in counts))


def fired(documents: Documents, rules: Sequence[str]) -> tuple[Array, Array]:
    """Every failing rule of every document as (row, position in `rules`), by row; other rules are left out."""
    lists = documents.table["reasons"].combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], pa.list_(pa.string()))
    rows = np.asarray(pc.list_parent_indices(lists), np.int64)
    codes = pc.index_in(pc.list_flatten(lists), value_set=pa.array(list(rules), pa.string()))
    known = codes.is_valid().to_numpy(zero_copy_only=False)
    return rows[known], np.asarray(pc.fill_null(codes, -1), np.int64)[known]
