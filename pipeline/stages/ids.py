"""Stage `ids`: which rows of documents bear an id that an earlier row bears, in any input. WARC files need none.

Documents are named by their ids from here on (in `duplicates/`, `dropped/`, `why`), so a repeated one is a failed row.
One shard for all files, in memory that does not grow with them but for the rows that repeat an id; files are read in
order of name, so which row comes first is settled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.inputs import InputFile
from pipeline.ledger import Input
from pipeline.stages.stage import Attempt, Planning, Shard, Stage

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

REPEATED = pa.schema([("row", pa.int64()), ("first_file", pa.string()), ("first_row", pa.int64())])
_KIND = "id"  # of keys
_RUN = 1 << 20  # ids that are sorted at once


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
    """Hash all ids, find equal ones range by range, and write for every file the rows whose id stands earlier."""
    files = shard.parameters["files"]
    bases, starts = _hashed(files, attempt)
    numbers, first = _repeated(bases, attempt)
    bounds = np.searchsorted(numbers, starts)
    for index in range(len(files)):
        mine = slice(bounds[index], bounds[index + 1])
        before = np.searchsorted(starts, first[mine], side="right") - 1
        table = {
            "row": numbers[mine] - starts[index],
            "first_file": pa.array([files[one]["name"] for one in before], pa.string()),
            "first_row": first[mine] - starts[before],
        }
        attempt.write("repeated", pa.table(table, schema=REPEATED), stem=f"{index:08d}")
    attempt.counts.update({"in": attempt.documents, "repeated": len(numbers)})


def _hashed(files: Sequence[dict[str, str]], attempt: Attempt) -> tuple[list[int], np.ndarray]:
    """Write sorted runs of the hashes of all ids; returns the number of each run's first row and of each file's.

    Rows of all files are numbered through, so that a row's number says where it stands.
    """
    from pipeline.documents import identifiers

    bases: list[int] = []
    starts = [0]
    numbers: list[int] = []
    marks = bytearray()
    for file in files:
        end = starts[-1]
        for row, id_ in identifiers(file["path"], file["kind"], attempt.recipe.id_column):
            end = starts[-1] + row + 1
            numbers.append(end - 1)
            marks += hashlib.blake2b(id_.encode(), digest_size=16).digest()
            if len(numbers) == _RUN:
                bases.append(_spill(numbers, marks, len(bases), attempt))
        starts.append(end)
    if numbers:
        bases.append(_spill(numbers, marks, len(bases), attempt))
    return bases, np.array(starts, np.int64)


def _spill(numbers: list[int], marks: bytearray, run: int, attempt: Attempt) -> int:
    """Write a run of what waits, and empty it; returns the number of the run's first row."""
    from pipeline.dedup.runs import Entries, write_run

    base = numbers[0]
    hashes = np.frombuffer(bytes(marks), "<u8").reshape(-1, 2)
    rows = (np.array(numbers) - base).astype(np.uint32)
    rest = np.ascontiguousarray(hashes[:, 1:]).view(np.uint32)
    entries = Entries(hashes[:, 0].copy(), np.concatenate([rows[:, None], rest], axis=1))
    write_run(attempt.scratch / f"run.{run}", {_KIND: entries})
    attempt.documents += len(numbers)
    attempt.report({"documents": attempt.documents})
    numbers.clear()
    marks.clear()
    return base


def _repeated(bases: Sequence[int], attempt: Attempt) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows whose id stands earlier, ascending, and where it stands first."""
    from pipeline.dedup.grouping import groups_of
    from pipeline.dedup.runs import partitions, read_parts
    from pipeline.store import open_folder

    scratch, names = open_folder(attempt.scratch), [f"run.{run}" for run in range(len(bases))]
    parts = partitions(attempt.documents)
    numbers, first = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for part in range(parts):
        groups = groups_of(read_parts(scratch, names, _KIND, part, parts, 3), bases or [0])
        leads = groups.members[groups.offsets[:-1]]
        rest = np.delete(groups.members, groups.offsets[:-1])
        numbers.append(rest)
        first.append(np.repeat(leads, np.diff(groups.offsets) - 1))
    order = np.argsort(np.concatenate(numbers), kind="stable")
    return np.concatenate(numbers)[order], np.concatenate(first)[order]


STAGE = Stage(name="ids", version=1, folders=("repeated",), settings=settings, plan=plan, run=run)
