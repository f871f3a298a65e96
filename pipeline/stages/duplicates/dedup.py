"""Stage `dedup`: for every shard of documents, which of them are removed and which stand for others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.stages.duplicates.answers import read_answers
from pipeline.stages.duplicates.blocks import all_of, plan_blocks
from pipeline.stages.duplicates.run_writer import RUN
from pipeline.stages.duplicates.signatures import nothing
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.store.parquet import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

DUPLICATES = pa.schema(
    [("id", pa.string()), ("duplicate_of", pa.string()), ("kind", pa.string()), ("similarity", pa.float64())]
)
CLUSTERS = pa.schema([("id", pa.string()), ("cluster", pa.string()), ("size", pa.int64())])


def plan(planning: Planning) -> list[Shard]:
    """One shard a block."""
    blocks = plan_blocks(planning, "dedup")
    answers, direct = all_of(planning, "members", "answers")
    verified, compared = all_of(planning, "verify", "verified")
    signed = {
        receipt.shard: output
        for receipt, output in planning.outputs("signatures", "signatures")
        if not output.name.endswith(RUN)
    }
    return [
        Shard(
            name=block.name,
            inputs=[direct, compared],
            parameters={
                "shards": block.parameters["shards"],
                "rows": block.parameters["rows"],
                "base": block.parameters["base"],
                "block": number,
                "signed": signed[block.name].name,
                "answers": [*answers, *verified],
            },
        )
        for number, block in enumerate(blocks)
    ]


def run(shard: Shard, attempt: Attempt) -> None:
    """Gather what is said of this block's documents, and write it shard by shard."""
    assert attempt.recipe.dedup is not None
    kinds = attempt.recipe.dedup.document_kinds
    signed = read_table(attempt.folder, shard.parameters["signed"]).combine_chunks()
    removed, found = _gathered(shard, attempt, "removed", ["number", "kind", "similarity"], "duplicate_of")
    kept, clusters = _gathered(shard, attempt, "kept", ["number", "size"], "cluster")
    names = np.array(["", *kinds])[removed["kind"].astype(np.int64)]
    duplicates = pa.table(
        {
            "id": signed["id"].take(pa.array(removed["number"])),
            "duplicate_of": found.cast(pa.string()),
            "kind": pa.array(names.tolist(), pa.string()),
            "similarity": pa.array(removed["similarity"], pa.float64(), from_pandas=True),
        },
        schema=DUPLICATES,
    )
    stands = pa.table(
        {
            "id": signed["id"].take(pa.array(kept["number"])),
            "cluster": clusters.cast(pa.string()),
            "size": kept["size"].astype(np.int64),
        },
        schema=CLUSTERS,
    )
    first = 0
    for name, rows in zip(shard.parameters["shards"], shard.parameters["rows"], strict=True):
        for under, table, numbers in (
            ("duplicates", duplicates, removed["number"]),
            ("clusters", stands, kept["number"]),
        ):
            low, high = np.searchsorted(numbers, [first, first + rows])
            attempt.write(under, table.slice(low, high - low), stem=name)
        first += rows
    attempt.count("duplicates", Counter(names.tolist()))
    _count_bytes(attempt, signed, removed["number"], names)
    sizes, times = np.unique(kept["size"].astype(np.int64), return_counts=True)
    alone = signed.num_rows - duplicates.num_rows - stands.num_rows
    by_size = Counter({1: alone}) + Counter(dict(zip(sizes.tolist(), times.tolist(), strict=True)))
    attempt.histograms = {"cluster_size": {str(size): by_size[size] for size in sorted(by_size)}}
    attempt.documents = signed.num_rows
    attempt.counts.update({"in": signed.num_rows, "out": signed.num_rows - duplicates.num_rows})


def _gathered(
    shard: Shard, attempt: Attempt, group: str, columns: Sequence[str], text: str
) -> tuple[dict[str, np.ndarray], pa.Array]:
    """Answers about one block in the order of its rows, `number` being the row in the block."""
    parameters = shard.parameters
    found = list(
        read_answers(attempt.folder, parameters["answers"], parameters["block"], group, columns, text)
    )
    flat = {
        column: np.concatenate([np.empty(0, np.int64), *(one.columns[column] for one in found)])
        for column in columns
    }
    strings = pa.concat_arrays([pa.array([], pa.large_string()), *(one.strings for one in found)])
    order = np.argsort(flat["number"], kind="stable")
    flat = {column: values[order] for column, values in flat.items()}
    flat["number"] = flat["number"] - parameters["base"]
    assert (np.diff(flat["number"]) > 0).all(), "a document has two fates"
    return flat, strings.take(pa.array(order))


def _count_bytes(attempt: Attempt, signed: pa.Table, removed: np.ndarray, kinds: np.ndarray) -> None:
    """Bytes of text by the crawl's year, of all documents and of those removed, and of these by kind."""
    lost = signed.take(pa.array(removed)).append_column("kind", pa.array(kinds.tolist(), pa.string()))
    for name, table, key in (
        ("bytes_by_year", signed, "year"),
        ("lost_bytes_by_year", lost, "year"),
        ("duplicate_bytes", lost, "kind"),
    ):
        grouped = table.group_by(key).aggregate([("bytes", "sum")])
        attempt.count(name, {str(row[key]): row["bytes_sum"] for row in grouped.to_pylist()})


DEDUP = Stage(
    name="dedup",
    version=3,
    folders=("duplicates", "clusters"),
    settings=nothing,
    plan=plan,
    run=run,
    needed=True,
    reads_documents=False,
)
