"""Blocks: consecutive shards of documents that one map task of deduplication takes, and the numbers of documents.

Every map task writes for every reduce task, so their number is bounded: a run of 100,000 shards has 2,048 blocks or
fewer. A document's number is its place in the order of the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.ledger import Input
from pipeline.stages.duplicates.cuts import read_cuts
from pipeline.stages.stage import Attempt, Planning, Shard
from pipeline.stages.tables import as_input
from pipeline.store.digest import combine
from pipeline.store.parquet import iterate

MOST = 2048  # blocks of a run


def plan_blocks(planning: Planning, stage: str, most: int = MOST) -> list[Shard]:
    """Shards over all documents that `stage` is given: one for each block, named after the first shard in it.

    Parameters: `shards`, `files` and `rows` of the block, shard by shard, and `base`, the number of the first document.
    """
    source, under = planning.documents(stage)
    every = [(receipt.shard, output) for receipt, output in planning.outputs(source, under)]
    size = max(1, -(-len(every) // most))
    found, base = [], 0
    for start in range(0, len(every), size):
        members = every[start : start + size]
        rows = [output.rows for _, output in members]
        found.append(
            Shard(
                name=members[0][0],
                inputs=[as_input(output) for _, output in members],
                parameters={
                    "shards": [shard for shard, _ in members],
                    "files": [output.name for _, output in members],
                    "rows": rows,
                    "base": base,
                },
            )
        )
        base += sum(rows)
    return found


def with_crawls(planning: Planning, blocks: Sequence[Shard]) -> list[Shard]:
    """Blocks with the crawl of each of their shards, as parameter `crawls`."""
    from pipeline.dedup.scope import shard_labels

    labels = shard_labels(planning.ledger.closed("extract"), planning.files)
    found = []
    for block in blocks:
        crawls = [labels[name] for name in block.parameters["shards"]]
        inputs = [*block.inputs, Input(name="crawls", digest=combine(crawls))]
        parameters = {**block.parameters, "crawls": crawls}
        found.append(Shard(name=block.name, inputs=inputs, parameters=parameters))
    return found


def bases(blocks: Sequence[Shard]) -> np.ndarray:
    """Number of the first document of each block and, last, of all documents (blocks + 1,) of int64."""
    rows = [sum(block.parameters["rows"]) for block in blocks]
    return np.cumsum([0, *rows], dtype=np.int64)


def read_block(
    attempt: Attempt, shard: Shard, columns: Sequence[str] | None, rows: int = 1024
) -> Iterator[tuple[int, int, pa.Table]]:
    """The documents of a block in batches: which of its shards, the row (in the block) of the first one, the rows.

    Lines that an earlier stage cut are gone; a document that it emptied has the text null, and takes no part.
    """
    row = 0
    for at, name in enumerate(shard.parameters["files"]):
        cut = read_cuts(attempt, shard, at)
        for table in iterate(attempt.folder, name, columns, rows):
            yield at, row, cut(table)
            row += table.num_rows
            attempt.documents += table.num_rows
            attempt.report({"documents": attempt.documents})


def all_of(planning: Planning, stage: str, under: str) -> tuple[list[str], Input]:
    """The files that a closed stage published in a folder, in plan order, and one input for all of them."""
    outputs = [output for _, output in planning.outputs(stage, under)]
    return [output.name for output in outputs], Input(
        name=under, digest=combine(output.sha256 for output in outputs)
    )


def reduce_shards(count: int, inputs: list[Input], parameters: dict[str, Any]) -> list[Shard]:
    """One shard for each of `count` ranges; all share the inputs, and the parameters but for `part`."""
    return [
        Shard(
            name=f"{part:06d}-of-{count:06d}",
            inputs=inputs,
            parameters={**parameters, "part": part, "parts": count},
        )
        for part in range(count)
    ]
