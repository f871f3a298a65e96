"""Stage `members`: what the comparison of pairs needs of each document that lies in a component, sent to its part.

That is the set of its shingles, its id, its place in the policy, and which documents it already stands for. Documents
that stand for copies and lie in no component answer for them at once.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.stages.duplicates.blocks import all_of, bases, plan_blocks, read_block
from pipeline.stages.duplicates.components import ARRAYS, part_of, parts_of
from pipeline.stages.duplicates.cuts import with_cuts
from pipeline.stages.duplicates.signatures import nothing
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.store.parquet import schema_of

if TYPE_CHECKING:
    from pipeline.dedup.ragged import Ragged

MEMBER_HASHES = 16 << 20  # of one file at most, more or less: 64 MiB
_ANSWERS = "answers"  # the files of documents in no component


def plan(planning: Planning) -> list[Shard]:
    """One shard a block, which reads what `components` says of it."""
    blocks = with_cuts(planning, "members", plan_blocks(planning, "members"))
    components, found = all_of(planning, "components", "components")
    starts = bases(blocks).tolist()
    return [
        Shard(
            name=block.name,
            inputs=[*block.inputs, found],
            parameters={**block.parameters, "components": components, "block": number, "bases": starts},
        )
        for number, block in enumerate(blocks)
    ]


@dataclasses.dataclass
class Claims:
    """Documents that are removed already, ordered by the row (in this block) of the one that stands for them."""

    rows: np.ndarray  # of the survivors, ascending
    numbers: np.ndarray  # of the removed documents
    kinds: np.ndarray

    def of(self, row: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the claims on the rows from `row` on, and how many claims each of `rows` rows has."""
        bounds = np.searchsorted(self.rows, np.arange(row, row + rows + 1))
        return bounds[:-1], np.diff(bounds)


def read_claims(shard: Shard, attempt: Attempt) -> Claims:
    """The claims on documents of this block, from all blocks."""
    from pipeline.dedup.array_file import ArrayFile

    block, starts = shard.parameters["block"], shard.parameters["bases"]
    survivors, numbers, kinds = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.uint8)]
    for other, name in enumerate(shard.parameters["components"]):
        with ArrayFile(attempt.folder, name) as file:
            low, high = file.read("removed.starts", block, block + 2).tolist()
            survivors.append(file.read("removed.survivor", low, high))
            numbers.append(file.read("removed.row", low, high).astype(np.int64) + starts[other])
            kinds.append(file.read("removed.kind", low, high))
    rows = np.concatenate(survivors) - starts[block]
    order = np.argsort(rows, kind="stable")
    return Claims(rows[order], np.concatenate(numbers)[order], np.concatenate(kinds)[order])


def run(shard: Shard, attempt: Attempt) -> None:
    """Send members to their parts, and answer for those that need no comparison."""
    from pipeline.dedup.array_file import ArrayFile
    from pipeline.dedup.settings import policy_columns

    dedup = attempt.recipe.dedup
    assert dedup is not None
    claims = read_claims(shard, attempt)
    starts = np.array(shard.parameters["bases"], np.int64)
    with ArrayFile(attempt.folder, shard.parameters["components"][shard.parameters["block"]]) as file:
        rows = file.read("member.row").astype(np.int64)
        parts = part_of(file.read("member.root"), parts_of(int(starts[-1])))
    sent = _Sent(shard, attempt, claims, parts_of(int(starts[-1])))
    answers = _Answers(claims)
    there = set(schema_of(attempt.folder, shard.parameters["files"][0]).names)
    columns = [name for name in ("id", "text", "date", *policy_columns(dedup.keep)) if name in there]
    needed = len(rows) or len(claims.rows)
    for _, row, table in read_block(attempt, shard, columns) if needed else ():
        low, high = np.searchsorted(rows, [row, row + table.num_rows])
        sent.add(row, table, rows[low:high], parts[low:high])
        answers.add(row, table, rows[low:high])
    sent.flush()
    answers.write(shard, attempt, starts)
    attempt.counts.update({"members": len(rows), "claims": len(claims.rows)})


class _Sent:
    """Members, written ordered by part whenever they hold many hashes."""

    def __init__(self, shard: Shard, attempt: Attempt, claims: Claims, parts: int) -> None:
        self._shard, self._attempt, self._claims, self._parts = shard, attempt, claims, parts
        self._base = shard.parameters["base"]
        self._waiting: list[tuple[dict[str, np.ndarray], dict[str, Ragged]]] = []
        self._hashes = self._files = 0

    def add(self, row: int, table: pa.Table, rows: np.ndarray, parts: np.ndarray) -> None:
        """Members among the rows of a table, the first of which is `row`."""
        from pipeline.dedup.policy import scores
        from pipeline.dedup.ragged import Ragged
        from pipeline.dedup.sign import shingle_sets

        if not len(rows):
            return
        dedup = self._attempt.recipe.dedup
        assert dedup is not None
        assert dedup.minhash is not None
        mine = table.take(pa.array(rows - row))
        shingles = shingle_sets(mine["text"].combine_chunks(), dedup.minhash)
        first, counts = (found[rows - row] for found in self._claims.of(row, table.num_rows))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        places = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], counts)
        flat = {"number": rows + self._base, "score": scores(mine, dedup.keep), "part": parts}
        ragged = {
            "hashes": Ragged(shingles.hashes, shingles.offsets),
            "id": Ragged.of_strings(mine["id"].combine_chunks()),
            "claim": Ragged(self._claims.numbers[places], offsets),
            "claim_kind": Ragged(self._claims.kinds[places], offsets),
        }
        self._waiting.append((flat, ragged))
        self._hashes += len(shingles.hashes)
        if self._hashes >= MEMBER_HASHES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        from pipeline.dedup.array_file import write_arrays
        from pipeline.dedup.ragged import joined

        if not self._waiting:
            return
        flat = {name: np.concatenate([one[name] for one, _ in self._waiting]) for name in self._waiting[0][0]}
        order = np.argsort(flat["part"], kind="stable")
        arrays: dict[str, np.ndarray] = {name: flat[name][order] for name in ("number", "score")}
        for name, example in self._waiting[0][1].items():
            whole = joined([ragged[name] for _, ragged in self._waiting], example.flat.dtype.type)
            arrays |= whole.take(order).arrays(name)
        arrays["starts"] = np.searchsorted(flat["part"][order], np.arange(self._parts + 1)).astype(np.int64)
        path = self._attempt.scratch / f"members.{self._files}"
        write_arrays(path, arrays)
        self._attempt.add_file(
            path, "members", f"{self._shard.name}.{self._files:03d}{ARRAYS}", len(flat["number"])
        )
        self._waiting.clear()
        self._files += 1
        self._hashes = 0


class _Answers:
    """What becomes of documents whose survivor lies in no component."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._found: list[
            tuple[np.ndarray, np.ndarray, pa.Array]
        ] = []  # first claim, claims, id; by survivor
        self._rows: list[np.ndarray] = []

    def add(self, row: int, table: pa.Table, members: np.ndarray) -> None:
        """Survivors among the rows of a table; `members` lie in a component and answer later."""
        first, counts = self._claims.of(row, table.num_rows)
        free = counts > 0
        free[members - row] = False
        at = np.flatnonzero(free)
        if len(at):
            self._found.append((first[at], counts[at], table["id"].combine_chunks().take(pa.array(at))))
            self._rows.append(at + row)

    def write(self, shard: Shard, attempt: Attempt, starts: np.ndarray) -> None:
        """Publish them, ordered by the number of the removed document."""
        from pipeline.stages.duplicates.answers import write_answers

        first = np.concatenate([np.empty(0, np.int64), *(one[0] for one in self._found)])
        counts = np.concatenate([np.empty(0, np.int64), *(one[1] for one in self._found)])
        ids = pa.concat_arrays([pa.array([], pa.string()), *(one[2] for one in self._found)])
        rows = np.concatenate([np.empty(0, np.int64), *self._rows])
        ends = np.cumsum(counts)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - counts), counts)
        survivor = np.repeat(np.arange(len(rows)), counts)
        kinds = self._claims.kinds[places]
        assert attempt.recipe.dedup is not None
        exact = np.array([name == "exact" for name in ("", *attempt.recipe.dedup.document_kinds)])
        write_answers(
            attempt,
            _ANSWERS,
            shard.name,
            starts,
            removed={
                "number": self._claims.numbers[places],
                "kind": kinds,
                "similarity": np.where(exact[kinds], 1.0, np.nan),
            },
            duplicate_of=ids.take(pa.array(survivor)),
            kept={"number": rows + shard.parameters["base"], "size": counts + 1},
            clusters=ids,
        )


MEMBERS = Stage(
    name="members",
    version=1,
    folders=("members", _ANSWERS),
    settings=nothing,
    plan=plan,
    run=run,
    needed=True,
    read_by=("verify", "dedup"),
)
