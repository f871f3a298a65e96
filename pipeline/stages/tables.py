"""How stages that work on documents plan and read: one shard for each shard of the stage before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from filters.cascade import REASON
from pipeline.ledger import Input, Output
from pipeline.stages.stage import Attempt, Planning, Shard
from pipeline.store.parquet import iterate


def as_input(output: Output) -> Input:
    """A published file as an input: its digest is what counts, its name says where it is."""
    return Input(name=output.folder, digest=output.sha256)


def one_to_one(planning: Planning, stage: str) -> list[Shard]:
    """One shard for each file of documents of the stage before."""
    source, under = planning.documents(stage)
    return [
        Shard(name=receipt.shard, inputs=[as_input(output)], parameters={"file": output.name})
        for receipt, output in planning.outputs(source, under)
    ]


def all_in_one(planning: Planning, name: str, files: Sequence[tuple[str, Output]]) -> list[Shard]:
    """A single shard that reads everything: (shard before, file) pairs in plan order."""
    return [
        Shard(
            name=name,
            inputs=[as_input(output) for _, output in files],
            parameters={
                "files": [output.name for _, output in files],
                "shards": [shard for shard, _ in files],
            },
        )
    ]


def read_batches(
    attempt: Attempt, shard: Shard, rows: int, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The documents of a one-to-one shard; one empty table when there are none, so that schemas are always written."""
    found = False
    for table in iterate(attempt.folder, shard.parameters["file"], columns, rows):
        found = True
        yield table
    if not found:
        from pipeline.store.parquet import schema_of

        schema = schema_of(attempt.folder, shard.parameters["file"])
        yield (
            schema if columns is None else pa.schema([schema.field(name) for name in columns])
        ).empty_table()


def screened(documents: pa.Table) -> pa.Array:
    """The rule that the cascade screened each document by, null where there is none."""
    if REASON in documents.column_names:
        return documents[REASON].combine_chunks()
    return pa.nulls(documents.num_rows, pa.string())
