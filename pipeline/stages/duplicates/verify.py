"""Stage `verify`: within one part of the components, compare the pairs that MinHash proposes, and settle them.

The sets of shingles lie in a scratch file that is mapped into memory, so a part may be larger than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.stages.duplicates.answers import write_answers
from pipeline.stages.duplicates.blocks import all_of, bases, plan_blocks, reduce_shards
from pipeline.stages.duplicates.components import parts_of
from pipeline.stages.stage import Attempt, Planning, Shard, Stage

if TYPE_CHECKING:
    from pipeline.dedup.grouping import Groups
    from pipeline.dedup.ragged import Ragged
    from pipeline.dedup.verify import Members, Settled
    from pipeline.recipe import Recipe


def settings(recipe: Recipe) -> object:
    """How pairs are verified."""
    minhash = recipe.dedup.minhash if recipe.dedup else None
    return msgspec.to_builtins(minhash.verify) if minhash else None


def plan(planning: Planning) -> list[Shard]:
    """One shard for each part."""
    blocks = plan_blocks(planning, "verify")
    dedup = planning.recipe.dedup
    assert dedup is not None
    if not blocks or "minhash" not in dedup.document_kinds:
        return []
    members, sent = all_of(planning, "members", "members")
    candidates, proposed = all_of(planning, "components", "candidates")
    starts = bases(blocks).tolist()
    parameters = {"members": members, "candidates": candidates, "bases": starts}
    return reduce_shards(parts_of(starts[-1]), [sent, proposed], parameters)


class _Part:
    """Everything about the members of one part, in the order of their numbers."""

    def __init__(self, shard: Shard, attempt: Attempt) -> None:
        from pipeline.dedup.ragged import joined

        pieces = list(_read(shard, attempt))
        self.numbers = np.concatenate([np.empty(0, np.int64), *(one["number"] for one, _ in pieces)])
        self.scores = np.concatenate([np.empty(0, np.float64), *(one["score"] for one, _ in pieces)])
        assert (np.diff(self.numbers) > 0).all()
        self.ids = joined([ragged["id"] for _, ragged in pieces], np.uint8).strings()
        self.claims = joined([ragged["claim"] for _, ragged in pieces], np.int64)
        self.claim_kinds = joined([ragged["claim_kind"] for _, ragged in pieces], np.uint8)
        lengths = [np.diff(one["hash_offsets"]) for one, _ in pieces]
        self.offsets = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum()

    def members(self, attempt: Attempt) -> Members:
        from pipeline.dedup.verify import Members

        path = _hash_file(attempt)
        size = path.stat().st_size // 4
        hashes = np.memmap(path, np.uint32, "r", shape=(size,)) if size else np.empty(0, np.uint32)
        return Members(self.numbers, self.scores, hashes, self.offsets)


def _hash_file(attempt: Attempt) -> Path:
    return attempt.scratch / "hashes"


def _read(shard: Shard, attempt: Attempt) -> Iterator[tuple[dict[str, np.ndarray], dict[str, Ragged]]]:
    """What each file holds of a part; hashes go to the scratch file."""
    from pipeline.dedup.array_file import ArrayFile
    from pipeline.dedup.ragged import read_rows

    part = shard.parameters["part"]
    with open(_hash_file(attempt), "wb") as hashes:
        for name in shard.parameters["members"]:
            with ArrayFile(attempt.folder, name) as file:
                low, high = file.read("starts", part, part + 2).tolist()
                if low == high:
                    continue
                flat = {column: file.read(column, low, high) for column in ("number", "score")}
                offsets = file.read("hashes.offsets", low, high + 1)
                hashes.write(file.read("hashes.flat", int(offsets[0]), int(offsets[-1])).tobytes())
                flat["hash_offsets"] = offsets
                ragged = {
                    column: read_rows(file, column, low, high) for column in ("id", "claim", "claim_kind")
                }
                yield flat, ragged


def _groups(shard: Shard, attempt: Attempt, numbers: np.ndarray) -> Groups:
    """The candidate groups of a part, as positions in `numbers`."""
    from pipeline.dedup.array_file import ArrayFile
    from pipeline.dedup.grouping import Groups
    from pipeline.dedup.ragged import joined, read_rows

    part = shard.parameters["part"]
    found = []
    for name in shard.parameters["candidates"]:
        with ArrayFile(attempt.folder, name) as file:
            low, high = file.read("starts", part, part + 2).tolist()
            found.append(read_rows(file, "groups", low, high))
    whole = joined(found, np.int64)
    return Groups(np.searchsorted(numbers, whole.flat), whole.offsets)


def run(shard: Shard, attempt: Attempt) -> None:
    """Compare, settle, and answer for every document that is removed or stands for others."""
    from pipeline.dedup.error_rate import error_sums
    from pipeline.dedup.verify import settle

    dedup = attempt.recipe.dedup
    assert dedup is not None
    assert dedup.minhash is not None
    part = _Part(shard, attempt)
    members = part.members(attempt)
    groups = _groups(shard, attempt, part.numbers)
    settled = settle(members, groups, dedup.minhash.verify)
    _answer(shard, attempt, part, settled)
    attempt.documents = len(part.numbers)
    attempt.counts.update({"members": len(part.numbers), "groups": len(groups.offsets) - 1})
    attempt.counts.update(
        {"compared": settled.compared, "rejected": settled.rejected, "capped": settled.capped}
    )
    attempt.values = {"pair_errors": error_sums(members, groups, dedup.minhash)._asdict()}


def _answer(shard: Shard, attempt: Attempt, part: _Part, settled: Settled) -> None:
    assert attempt.recipe.dedup is not None
    kinds = attempt.recipe.dedup.document_kinds
    mine = np.arange(len(part.numbers))
    removed = np.flatnonzero(settled.survivor != mine)
    # A copy of a document that is removed itself is a copy of what survives.
    owners = np.repeat(mine, np.diff(part.claims.offsets))
    exact = part.claim_kinds.flat == (kinds.index("exact") + 1 if "exact" in kinds else 0)
    ends = np.concatenate([settled.survivor[removed], settled.survivor[owners]])
    near = np.full(len(removed), kinds.index("minhash") + 1, np.uint8)
    sizes = np.bincount(settled.survivor, minlength=len(mine)) + np.bincount(
        settled.survivor[owners], minlength=len(mine)
    )
    # One that stands for no other may still lie in a cluster whose members are too far from each other.
    clustered = np.bincount(settled.cluster, minlength=len(mine))[settled.cluster] > 1
    kept = np.flatnonzero((settled.survivor == mine) & ((sizes > 1) | clustered))
    import pyarrow as pa

    write_answers(
        attempt,
        "verified",
        shard.name,
        np.array(shard.parameters["bases"], np.int64),
        removed={
            "number": np.concatenate([part.numbers[removed], part.claims.flat]),
            "kind": np.concatenate([near, part.claim_kinds.flat]),
            "similarity": np.concatenate(
                [settled.similarity[removed], np.where(exact, settled.similarity[owners], np.nan)]
            ),
        },
        duplicate_of=part.ids.take(pa.array(ends)),
        kept={"number": part.numbers[kept], "size": sizes[kept]},
        clusters=part.ids.take(pa.array(settled.cluster[kept])),
    )


VERIFY = Stage(
    name="verify",
    version=1,
    folders=("verified",),
    settings=settings,
    plan=plan,
    run=run,
    needed=True,
    reads_documents=False,
    read_by=("dedup",),
)
