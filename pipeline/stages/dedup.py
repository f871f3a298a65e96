"""Stages `signatures` and `dedup`: what each text hashes to, then which documents repeat an earlier one.

`signatures` is a map over shards; `dedup` is one shard that holds 4 bytes a row of every document's signature (448 for
FineWeb's settings) while it joins bands.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.stages.tables import all_in_one, one_to_one, read_batches
from pipeline.store.parquet import read_table

if TYPE_CHECKING:
    from pipeline.dedup.settings import DedupSettings
    from pipeline.recipe import Recipe

DUPLICATES = pa.schema(
    [("id", pa.string()), ("duplicate_of", pa.string()), ("kind", pa.string()), ("similarity", pa.float64())]
)


def settings(recipe: Recipe) -> object:
    """Kinds of duplicates and their parameters."""
    return msgspec.to_builtins(recipe.dedup)


def plan_signatures(planning: Planning) -> list[Shard]:
    """One shard a shard of documents."""
    return one_to_one(planning, "signatures")


def run_signatures(shard: Shard, attempt: Attempt) -> None:
    """Hash every text: 128 bits of its normal form, and its MinHash signature."""
    from pipeline.dedup.minhash import signatures
    from pipeline.dedup.normal import normal_form

    dedup = attempt.recipe.dedup
    assert dedup is not None
    width = dedup.minhash.bands * dedup.minhash.rows if dedup.minhash else 0
    for table in read_batches(attempt, shard, 1024, ["id", "text"]):
        normal = normal_form(table["text"].combine_chunks())
        # A text of symbols alone has an empty normal form: it is compared as it stands.
        texts = zip(normal.to_pylist(), table["text"].to_pylist(), strict=True)
        whole = [
            hashlib.blake2b((form or text or "").encode(), digest_size=16).digest() for form, text in texts
        ]
        rows = signatures(normal, dedup.minhash) if dedup.minhash else np.empty((len(normal), 0), np.uint32)
        columns = {
            "id": table["id"].combine_chunks(),
            "text_hash": pa.array(whole, pa.binary(16)),
            "signature": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(max(4 * width, 1)),
                len(normal),
                [None, pa.py_buffer(rows.tobytes() or bytes(len(normal)))],
            ),
        }
        attempt.write("signatures", pa.table(columns))
        attempt.counts.update({"in": table.num_rows})
        attempt.documents += table.num_rows
        attempt.report({"documents": attempt.documents})


def plan_dedup(planning: Planning) -> list[Shard]:
    """Everything at once: a duplicate may be anywhere."""
    files = [(receipt.shard, output) for receipt, output in planning.outputs("signatures", "signatures")]
    return all_in_one(planning, "all", files)


def run_dedup(shard: Shard, attempt: Attempt) -> None:
    """Find clusters, and write for every shard which of its documents repeat an earlier one."""
    from pipeline.dedup.minhash import similarity

    dedup = attempt.recipe.dedup
    assert dedup is not None
    tables = [read_table(attempt.folder, name) for name in shard.parameters["files"]]
    whole = pa.concat_tables(tables).combine_chunks() if tables else None
    rows = whole.num_rows if whole is not None else 0
    hashes, signed = _arrays(whole, dedup)
    first = _survivors(hashes, signed, dedup)
    ids = whole["id"] if whole is not None else pa.chunked_array([pa.array([], pa.string())])
    start = 0
    for name, table in zip(shard.parameters["shards"], tables, strict=True):
        numbers = np.arange(start, start + table.num_rows)
        start += table.num_rows
        repeated = numbers[first[numbers] != numbers]
        kept = first[repeated]
        exact = (hashes[repeated] == hashes[kept]).all(axis=1)
        near = (
            similarity(signed[repeated], signed[kept])
            if len(repeated) and signed.shape[1]
            else np.ones(len(repeated))
        )
        found = {
            "id": ids.take(pa.array(repeated)).combine_chunks(),
            "duplicate_of": ids.take(pa.array(kept)).combine_chunks(),
            "kind": pa.array(np.where(exact, "exact", "minhash").tolist(), pa.string()),
            "similarity": pa.array(np.where(exact, 1.0, near), pa.float64()),
        }
        attempt.write("duplicates", pa.table(found, schema=DUPLICATES), stem=name)
        attempt.count("duplicates", {"exact": int(exact.sum()), "minhash": int((~exact).sum())})
    attempt.documents = rows
    attempt.counts.update({"in": rows, "out": rows - int((first != np.arange(rows)).sum())})
    attempt.histograms = {"cluster_size": _cluster_sizes(first)}


def _arrays(table: pa.Table | None, dedup: DedupSettings) -> tuple[np.ndarray, np.ndarray]:
    """Text hashes (documents, 2) of uint64 and signatures (documents, bands x rows) of uint32."""
    width = dedup.minhash.bands * dedup.minhash.rows if dedup.minhash else 0
    if table is None or not table.num_rows:
        return np.empty((0, 2), np.uint64), np.empty((0, width), np.uint32)
    hashes = np.frombuffer(b"".join(table["text_hash"].to_pylist()), dtype="<u8").reshape(-1, 2)
    if not width:
        return hashes, np.empty((table.num_rows, 0), np.uint32)
    signed = np.frombuffer(b"".join(table["signature"].to_pylist()), dtype="<u4").reshape(-1, width)
    return hashes, signed


def _survivors(hashes: np.ndarray, signed: np.ndarray, dedup: DedupSettings) -> np.ndarray:
    from pipeline.dedup.cluster import Clusters
    from pipeline.dedup.minhash import band_keys

    clusters = Clusters(len(hashes))
    if dedup.exact and len(hashes):
        _, same = np.unique(hashes, axis=0, return_inverse=True)
        clusters.join_equal(same.astype(np.uint64).reshape(-1))
    if dedup.minhash and len(hashes):
        # All ones is the signature of a text without words: nothing to compare.
        members = np.flatnonzero((signed != 0xFFFFFFFF).any(axis=1))
        for band in range(dedup.minhash.bands):
            clusters.join_equal(band_keys(signed, band, dedup.minhash), members)
    return clusters.survivors()


def _cluster_sizes(first: np.ndarray) -> dict[str, int]:
    _, sizes = np.unique(first, return_counts=True)
    values, counts = np.unique(sizes, return_counts=True)
    return {str(value): int(count) for value, count in zip(values, counts, strict=True)}


SIGNATURES = Stage(
    name="signatures",
    version=1,
    folders=("signatures",),
    settings=settings,
    plan=plan_signatures,
    run=run_signatures,
    needed=True,
)
DEDUP = Stage(
    name="dedup",
    version=1,
    folders=("duplicates",),
    settings=settings,
    plan=plan_dedup,
    run=run_dedup,
    needed=True,
)
