"""A sample of judged documents, kept and dropped: one in `SAMPLED`, the same ones whatever the recipe decides.

A page that asks what a threshold would do has to read the signals of all documents, kept and dropped. Up to a million
it does so, from `documents/` and `dropped/`, and its answers are exact. Beyond, that is too slow to answer while a
slider moves: it reads `signals/` and tells shares with an interval (`pipeline.interval.estimate`). Whether a document
is in the sample depends on its id alone, so two recipes over the same pages are compared on the same documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FOLDER = "signals"
SAMPLED = 64  # documents to one in the sample
_PURPOSE = "signals"
_OF_DROPPED = ("reason", "reasons")


def is_sampled(ids: Sequence[str], fewer: int = 1) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each document is in the sample: a 64-bit hash of its id lies in the lowest 1/64 of its range.

    With `fewer` the same for a smaller sample, one in 64 times as many, which is part of the whole one.

    The hash is `filters.models.draw.ranks` for the purpose `signals`: FNV-1a over `signals <id>` in UTF-8, mixed as by
    SplitMix64 (`filters.hashing`).
    """
    from filters.models.draw import below, cut

    return below(ids, _PURPOSE, cut(1 / (SAMPLED * fewer)))


def sample_of(judged: pa.Table, keep: pa.Array) -> pa.Table:
    """The sampled ones of judged documents, in their order: with `kept`, and without reasons where it is true."""
    chosen = pa.array(is_sampled([id_ or "" for id_ in judged["id"].to_pylist()]))
    sample, kept = judged.filter(chosen), keep.filter(chosen)
    for name in _OF_DROPPED:
        column = sample[name]
        there = pc.if_else(kept, pa.scalar(None, column.type), column)
        sample = sample.set_column(sample.schema.get_field_index(name), name, there)
    return sample.append_column("kept", kept)
