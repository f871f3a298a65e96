"""Stage `ids`: which rows of documents bear an id that an earlier row bears, in any input. WARC files need none.

Documents are named by their ids from here on (in `duplicates/`, `dropped/`, `why`), so a repeated one is a failed row.
One shard for all files, 24 bytes a document; files are read in order of name, so which row comes first is settled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.inputs import InputFile
from pipeline.ledger import Input
from pipeline.stages.stage import Attempt, Planning, Shard, Stage

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

REPEATED = pa.schema([("row", pa.int64()), ("first_file", pa.string()), ("first_row", pa.int64())])
_BATCH = 1 << 16


def settings(recipe: Recipe) -> object:
    """The column of the ids."""
    return {"id_column": recipe.id_column}


def documents_of(files: Sequence[InputFile]) -> list[InputFile]:
    """The inputs whose ids somebody else gave."""
    return [file for file in files if file.kind != "warc" and file.size >= 0]


def plan(planning: Planning) -> list[Shard]:
    """Everything at once: an id may be repeated anywhere."""
    files = documents_of(planning.files)
    parameters = {"files": [{"path": file.path, "kind": file.kind, "name": file.name} for file in files]}
    inputs = [Input(name=file.name, digest=file.digest) for file in files]
    return [Shard(name="all", inputs=inputs, parameters=parameters)] if files else []


def run(shard: Shard, attempt: Attempt) -> None:
    """Hash all ids, sort, and write for every file the rows whose id stands earlier."""
    from pipeline.documents import identifiers

    files = shard.parameters["files"]
    rows, marks = [], []
    for file in files:
        found = list(_hashed(identifiers(file["path"], file["kind"], attempt.recipe.id_column)))
        rows.append(np.concatenate([batch[0] for batch in found]) if found else np.empty(0, np.int64))
        marks.append(np.concatenate([batch[1] for batch in found]) if found else np.empty((0, 2), np.uint64))
        attempt.documents += len(rows[-1])
        attempt.report({"documents": attempt.documents})
    numbers = np.arange(attempt.documents)
    first = _first(np.concatenate(marks))
    starts = np.cumsum([0, *map(len, rows)])
    every = np.concatenate(rows)
    for index in range(len(files)):
        mine = numbers[starts[index] : starts[index + 1]]
        mine = mine[first[mine] != mine]
        before = np.searchsorted(starts, first[mine], side="right") - 1
        table = {
            "row": every[mine],
            "first_file": pa.array([files[one]["name"] for one in before], pa.string()),
            "first_row": every[first[mine]],
        }
        attempt.write("repeated", pa.table(table, schema=REPEATED), stem=f"{index:08d}")
    attempt.counts.update({"in": len(numbers), "repeated": int((first != numbers).sum())})


def _hashed(ids: Iterator[tuple[int, str]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and 128-bit hashes of their ids, (documents,) of int64 and (documents, 2) of uint64, in batches."""
    rows: list[int] = []
    marks = bytearray()
    for row, id_ in ids:
        rows.append(row)
        marks += hashlib.blake2b(id_.encode(), digest_size=16).digest()
        if len(rows) == _BATCH:
            yield np.array(rows), np.frombuffer(bytes(marks), "<u8").reshape(-1, 2)
            rows, marks = [], bytearray()
    if rows:
        yield np.array(rows), np.frombuffer(bytes(marks), "<u8").reshape(-1, 2)


def _first(marks: np.ndarray) -> np.ndarray:
    """For every document the number of the first one of its hash."""
    order = np.lexsort((marks[:, 1], marks[:, 0]))  # stable: equal ones stay in order
    ordered = marks[order]
    begins = np.ones(len(order), bool)
    begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first = np.empty(len(order), np.int64)
    first[order] = order[begins][np.cumsum(begins) - 1]
    return first


STAGE = Stage(name="ids", version=1, folders=("repeated",), settings=settings, plan=plan, run=run)
