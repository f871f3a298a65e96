"""What a task found out about documents of any block, in files that the stage `dedup` reads block by block.

Of a removed document: which kind of copy it is, how similar, and of which document. Of one that stays for others: the
cluster's id and how many documents it stands for, itself included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.dedup.array_file import ArrayFile, write_arrays
from pipeline.dedup.ragged import Ragged, read_rows
from pipeline.stages.stage import Attempt
from pipeline.store import Folder

Array = np.ndarray


def write_answers(
    attempt: Attempt,
    under: str,
    name: str,
    starts: Array,
    *,
    removed: dict[str, Array],  # number int64, kind uint8, similarity float64
    duplicate_of: pa.Array,
    kept: dict[str, Array],  # number int64, size int64
    clusters: pa.Array,
) -> None:
    """Publish answers ordered by the documents' numbers; `starts` are the numbers at which blocks begin."""
    arrays: dict[str, Array] = {}
    for group, columns, text, strings in (
        ("removed", removed, "duplicate_of", duplicate_of),
        ("kept", kept, "cluster", clusters),
    ):
        order = np.argsort(columns["number"], kind="stable")
        numbers = columns["number"][order]
        arrays[f"{group}.starts"] = np.searchsorted(numbers, starts).astype(np.int64)
        arrays |= {f"{group}.{column}": values[order] for column, values in columns.items()}
        arrays |= Ragged.of_strings(strings).take(order).arrays(f"{group}.{text}")
    path = attempt.scratch / f"{under}.answers"
    write_arrays(path, arrays)
    attempt.add_file(path, under, f"{name}.arrays", len(removed["number"]))


class Answer(NamedTuple):
    """A part of what one file says about one block."""

    columns: dict[str, Array]
    strings: pa.Array


def read_answers(
    folder: Folder, names: Sequence[str], block: int, group: str, columns: Sequence[str], text: str
) -> Iterator[Answer]:
    """What files say about one block: `removed` or `kept` documents, with their column of strings."""
    for name in names:
        with ArrayFile(folder, name) as file:
            low, high = file.read(f"{group}.starts", block, block + 2).tolist()
            if high > low:
                found = {column: file.read(f"{group}.{column}", low, high) for column in columns}
                yield Answer(found, read_rows(file, f"{group}.{text}", low, high).strings())
