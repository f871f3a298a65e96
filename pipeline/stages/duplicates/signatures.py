"""Stages `signatures` and `groups`: the keys by which documents may be equal, and which documents share one.

`signatures` writes for every document its id, its place in the policy of survivors, and sorted runs of its keys: one
for its address, one for its text, one for each band. `groups` reads one range of keys of all runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from pipeline.stages.duplicates.blocks import (
    all_of,
    bases,
    plan_blocks,
    read_block,
    reduce_shards,
    with_crawls,
)
from pipeline.stages.duplicates.cuts import with_cuts
from pipeline.stages.duplicates.run_writer import RUN, RunWriter
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.store.parquet import schema_of

if TYPE_CHECKING:
    from pipeline.dedup.runs import Entries
    from pipeline.dedup.settings import DedupSettings
    from pipeline.recipe import Recipe

SIGNED = pa.schema(
    [("id", pa.string()), ("score", pa.float64()), ("bytes", pa.int64()), ("year", pa.int32())]
)
WIDTHS = {"url": 3, "exact": 3, "minhash": 1}  # a row, and 64 further bits of the hash
BATCH = 1024  # documents that are hashed together; no key depends on it
_SIGNED_OF = ("order", "url", "exact", "minhash", "keep", "scope")


def settings(recipe: Recipe) -> object:
    """Kinds of duplicates and what their keys are made of; how pairs are verified comes later."""
    assert recipe.dedup is not None
    found = msgspec.to_builtins(recipe.dedup)
    kinds = {name: found[name] for name in _SIGNED_OF}
    if kinds["minhash"]:
        kinds["minhash"] = {name: value for name, value in kinds["minhash"].items() if name != "verify"}
    return kinds


def plan(planning: Planning) -> list[Shard]:
    """One shard a block, which knows the crawl of each of its shards and what lines its documents lost."""
    return with_cuts(planning, "signatures", with_crawls(planning, plan_blocks(planning, "signatures")))


def run(shard: Shard, attempt: Attempt) -> None:
    """Hash every document."""
    sign(shard, attempt, keys_of)


# Settings, crawl, rows (n,) of uint32 in the block, and those documents: to the entries of each kind, ordered by row.
Keys = Callable[["DedupSettings", str, np.ndarray, pa.Table], dict[str, "Entries"]]


def sign(shard: Shard, attempt: Attempt, keys: Keys) -> None:
    """Write what the stage publishes of a block, with keys from `keys`, which is asked batch after batch."""
    from filters.extracted import text_bytes
    from pipeline.dedup.policy import scores
    from pipeline.dedup.scope import crawl_year
    from pipeline.dedup.settings import policy_columns

    dedup = attempt.recipe.dedup
    assert dedup is not None
    widths: dict[str, int] = {kind: WIDTHS[kind] for kind in dedup.document_kinds}
    runs = RunWriter(attempt, "signatures", shard.name, widths)
    attempt.write("signatures", SIGNED.empty_table())
    wanted = ["id", "text", "url", "date", "language", "warc_file", *policy_columns(dedup.keep)]
    there = set(schema_of(attempt.folder, shard.parameters["files"][0]).names)
    missing = [name for name in policy_columns(dedup.keep) if name not in there]
    columns = [name for name in dict.fromkeys(wanted) if name in there]
    for at, row, table in read_block(attempt, shard, columns if not missing else None, BATCH):
        crawl = shard.parameters["crawls"][at]
        rows = np.arange(row, row + table.num_rows, dtype=np.uint32)
        for kind, entries in keys(dedup, crawl, rows, table).items():
            runs.add(kind, entries.keys, entries.values)
        signed = {
            "id": table["id"],
            "score": pa.array(scores(table, dedup.keep)),
            "bytes": text_bytes(table["text"]),
            "year": pa.array(crawl_year(table, crawl), pa.int32()),
        }
        attempt.write("signatures", pa.table(signed, schema=SIGNED))
        attempt.counts.update({"in": table.num_rows})
    runs.flush()


def keys_of(dedup: DedupSettings, crawl: str, rows: np.ndarray, table: pa.Table) -> dict[str, Entries]:
    """The keys of documents that stand in these rows of the block, from their texts."""
    from pipeline.dedup.runs import Entries
    from pipeline.dedup.scope import scope_keys
    from pipeline.dedup.sign import signed
    from pipeline.dedup.urls import url_hashes

    if table["text"].null_count:  # a document that lost all its lines takes no part
        valid = table["text"].is_valid()
        table, rows = table.filter(valid), rows[valid.to_numpy()]
    scopes = scope_keys(table, dedup.scope, crawl)
    entries: dict[str, Entries] = {}
    if dedup.exact or dedup.minhash:
        found = signed(table["text"].combine_chunks(), dedup)
    if dedup.url:
        hashes, valid = url_hashes(table["url"].combine_chunks(), dedup.url.variant)
        entries["url"] = _whole(hashes[valid], rows[valid], scopes[valid])
    if dedup.exact:
        entries["exact"] = _whole(found.text_hashes, rows, scopes)
    if dedup.minhash:
        there = found.has_shingles
        bands = found.band_keys[there] ^ scopes[there][:, None]
        entries["minhash"] = Entries(bands.reshape(-1), np.repeat(rows[there], bands.shape[1])[:, None])
    return entries


def _whole(hashes: np.ndarray, rows: np.ndarray, scopes: np.ndarray) -> Entries:
    """Keys and values of 128-bit hashes: half of each is the key, the other half is compared, too."""
    from pipeline.dedup.runs import Entries

    rest = np.ascontiguousarray(hashes[:, 1:]).view(np.uint32)
    return Entries(hashes[:, 0] ^ scopes, np.concatenate([rows[:, None], rest], axis=1))


def plan_groups(planning: Planning) -> list[Shard]:
    """One shard for each range of keys."""
    from pipeline.dedup.runs import partitions

    blocks = plan_blocks(planning, "signatures")
    if not blocks:
        return []
    base_of = dict(zip([block.name for block in blocks], bases(blocks).tolist(), strict=False))
    runs = [
        (output, base_of[receipt.shard])
        for receipt, output in planning.outputs("signatures", "signatures")
        if output.name.endswith(RUN)
    ]
    parameters: dict[str, Any] = {
        "runs": [output.name for output, _ in runs],
        "bases": [base for _, base in runs],
    }
    _, everything = all_of(planning, "signatures", "signatures")
    return reduce_shards(partitions(sum(output.rows for output, _ in runs)), [everything], parameters)


def run_groups(shard: Shard, attempt: Attempt) -> None:
    """Find equal keys in one range, kind by kind."""
    from pipeline.dedup.array_file import write_arrays
    from pipeline.dedup.grouping import groups_of
    from pipeline.dedup.runs import read_parts

    parameters = shard.parameters
    dedup = attempt.recipe.dedup
    assert dedup is not None
    arrays: dict[str, np.ndarray] = {}
    for kind in dedup.document_kinds:
        parts = read_parts(
            attempt.folder,
            parameters["runs"],
            kind,
            parameters["part"],
            parameters["parts"],
            WIDTHS[kind],
        )
        groups = groups_of(parts, parameters["bases"] or [0])
        arrays |= {f"{kind}.members": groups.members, f"{kind}.offsets": groups.offsets}
        attempt.count("groups", {kind: len(groups)})
        attempt.count("members", {kind: len(groups.members)})
        attempt.count("keys", {kind: sum(len(part.keys) for part in parts)})
    path = attempt.scratch / "groups"
    write_arrays(path, arrays)
    attempt.add_file(path, "groups", f"{shard.name}.arrays")


def nothing(recipe: Recipe) -> object:
    """Settings of a stage that depends on those before it alone."""
    return None


SIGNATURES = Stage(
    name="signatures",
    version=2,
    folders=("signatures",),
    settings=settings,
    plan=plan,
    run=run,
    needed=True,
    read_by=("groups", "components", "dedup"),
)
GROUPS = Stage(
    name="groups",
    version=1,
    folders=("groups",),
    settings=nothing,
    plan=plan_groups,
    run=run_groups,
    needed=True,
    reads_documents=False,
    read_by=("components",),
)
