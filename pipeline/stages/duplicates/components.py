"""Stage `components`: the one task that sees all documents, at 17 bytes each, and streams everything else.

It settles equal addresses and texts, joins what shares a band into components, and says for every block which of its
documents are removed and which lie in a component, and for every part of the components which groups are in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.stages.duplicates.blocks import all_of, bases, plan_blocks
from pipeline.stages.duplicates.run_writer import RUN
from pipeline.stages.duplicates.signatures import nothing
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.store.parquet import iterate

if TYPE_CHECKING:
    from pipeline.dedup.components import Fates
    from pipeline.dedup.grouping import Groups

PART_DOCUMENTS = 1 << 18  # of all, for each part of the components
ARRAYS = ".arrays"


def parts_of(documents: int) -> int:
    """Into how many parts the components of so many documents are dealt: a power of two."""
    return 1 << ((max(documents, 1) - 1) // PART_DOCUMENTS).bit_length()


def plan(planning: Planning) -> list[Shard]:
    """Everything at once: a component may reach anywhere."""
    blocks = plan_blocks(planning, "signatures")
    if not blocks:
        return []
    groups, found = all_of(planning, "groups", "groups")
    signed, signatures = all_of(planning, "signatures", "signatures")
    parameters = {
        "groups": groups,
        "signed": [name for name in signed if not name.endswith(RUN)],
        "blocks": [block.name for block in blocks],
        "bases": bases(blocks).tolist(),
    }
    return [Shard(name="all", inputs=[found, signatures], parameters=parameters)]


def run(shard: Shard, attempt: Attempt) -> None:
    """Settle, join, and write what the blocks and the parts have to know."""
    from pipeline.dedup.components import Fates

    dedup = attempt.recipe.dedup
    assert dedup is not None
    starts = np.array(shard.parameters["bases"], np.int64)
    fates = Fates(
        int(starts[-1]), None if dedup.keep == "first" else _scores(shard, attempt, int(starts[-1]))
    )
    for number, kind in enumerate(dedup.document_kinds, 1):
        for name in shard.parameters["groups"]:
            groups = _groups(attempt, name, kind)
            if kind == "minhash":
                fates.join(groups)
            else:
                fates.remove(groups, number)
        attempt.report({"documents": 0})
    fates.flatten()
    _write_blocks(fates, starts, shard, attempt)
    if "minhash" in dedup.document_kinds:
        _write_candidates(fates, parts_of(int(starts[-1])), shard, attempt)
    attempt.documents = len(fates.fate)
    attempt.counts.update({"in": len(fates.fate)})


def _groups(attempt: Attempt, name: str, kind: str) -> Groups:
    from pipeline.dedup.array_file import ArrayFile
    from pipeline.dedup.grouping import Groups

    with ArrayFile(attempt.folder, name) as file:
        return Groups(file.read(f"{kind}.members"), file.read(f"{kind}.offsets"))


def _scores(shard: Shard, attempt: Attempt, documents: int) -> np.ndarray:
    found = np.empty(documents, np.float64)
    at = 0
    for name in shard.parameters["signed"]:
        for table in iterate(attempt.folder, name, ["score"], 1 << 16):
            found[at : at + table.num_rows] = table["score"].to_numpy()
            at += table.num_rows
    assert at == documents
    return found


def _write_blocks(fates: Fates, starts: np.ndarray, shard: Shard, attempt: Attempt) -> None:
    """For every block: documents removed, by the block of the one that survives, and members of components."""
    from pipeline.dedup.array_file import write_arrays
    from pipeline.dedup.components import ALONE, MEMBER

    for number, name in enumerate(shard.parameters["blocks"]):
        base, end = starts[number], starts[number + 1]
        fate, parent = fates.fate[base:end], fates.parent[base:end]
        removed = np.flatnonzero((fate != ALONE) & (fate != MEMBER))
        removed = removed[np.argsort(parent[removed], kind="stable")]
        members = np.flatnonzero(fate == MEMBER)
        path = attempt.scratch / f"block.{number}"
        write_arrays(
            path,
            {
                "removed.survivor": parent[removed],
                "removed.row": removed.astype(np.uint32),
                "removed.kind": fate[removed],
                "removed.starts": np.searchsorted(parent[removed], starts),
                "member.row": members.astype(np.uint32),
                "member.root": parent[members],
            },
        )
        attempt.add_file(path, "components", f"{name}{ARRAYS}")
        attempt.counts.update({"removed": len(removed), "members": len(members)})


def _write_candidates(fates: Fates, parts: int, shard: Shard, attempt: Attempt) -> None:
    """The groups that are left, file by file, ordered by the part that their component falls into."""
    from pipeline.dedup.array_file import write_arrays
    from pipeline.dedup.ragged import Ragged

    for number, name in enumerate(shard.parameters["groups"]):
        groups, roots = fates.candidates(_groups(attempt, name, "minhash"))
        part = part_of(roots, parts)
        order = np.argsort(part, kind="stable")
        ordered = Ragged(groups.members, groups.offsets).take(order)
        path = attempt.scratch / f"candidates.{number}"
        starts = np.searchsorted(part[order], np.arange(parts + 1))
        write_arrays(path, {**ordered.arrays("groups"), "starts": starts.astype(np.int64)})
        attempt.add_file(path, "candidates", f"{number:06d}{ARRAYS}", len(groups))
        attempt.counts.update({"candidate_groups": len(groups)})


def part_of(roots: np.ndarray, parts: int) -> np.ndarray:
    """The part that a component of this root falls into (n,) of int64: its hash's top bits."""
    mixed = roots.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = parts.bit_length() - 1
    return (mixed >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(roots), np.int64)


COMPONENTS = Stage(
    name="components",
    version=1,
    folders=("components", "candidates"),
    settings=nothing,
    plan=plan,
    run=run,
    needed=True,
    reads_documents=False,
    read_by=("members", "verify"),
)
