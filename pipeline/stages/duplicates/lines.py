"""Stages `line_keys`, `repeated_lines` and `cut_lines`: lines and paragraphs of which one copy is kept.

`line_keys` writes sorted runs of the keys of all lines; `repeated_lines` reads one range of keys of all runs and says
which copies go; `cut_lines` publishes for every shard of documents what its documents lose (`cut/`), and those that
have too little left (in `duplicates/`), which count as such. Whoever reads the documents later cuts as it reads
(`pipeline.stages.duplicates.cuts`).

They stand before the filters, before the search for other duplicates or after it: see `pipeline.road.order_of`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stages.duplicates.blocks import all_of, plan_blocks, read_block, reduce_shards, with_crawls
from pipeline.stages.duplicates.cuts import by_shard, dropped_by_filters, with_lists
from pipeline.stages.duplicates.dedup import DUPLICATES
from pipeline.stages.duplicates.run_writer import RunWriter
from pipeline.stages.duplicates.signatures import nothing
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.store.parquet import iterate, read_table

if TYPE_CHECKING:
    from pipeline.dedup.settings import DedupSettings, LinesSettings
    from pipeline.recipe import Recipe

KIND = "lines"
WIDTHS = {"c4": 4, "ccnet": 2}  # row and line; and for c4 a rank of 64 bits
_COLUMNS = ("id", "url", "language", "warc_file", "text")


def _settings(recipe: Recipe) -> tuple[DedupSettings, LinesSettings]:
    assert recipe.dedup is not None
    assert recipe.dedup.lines is not None
    return recipe.dedup, recipe.dedup.lines


def key_settings(recipe: Recipe) -> object:
    """What is compared, among which documents."""
    dedup, lines = _settings(recipe)
    return {"variant": lines.variant, "unit": lines.unit, "scope": dedup.scope}


def plan_keys(planning: Planning) -> list[Shard]:
    """One shard a block; documents that were removed as duplicates take no part."""
    return _without_removed(planning, with_crawls(planning, plan_blocks(planning, "line_keys")))


def _without_removed(planning: Planning, blocks: list[Shard]) -> list[Shard]:
    before = planning.active[: planning.active.index("line_keys")]
    if "dedup" not in before:
        return blocks
    return with_lists(blocks, by_shard(planning, "dedup", "duplicates"), "removed")


def run_keys(shard: Shard, attempt: Attempt) -> None:
    """Hash every line of a block."""
    from pipeline.dedup.lines import part_keys, ranks
    from pipeline.dedup.scope import scope_keys

    dedup, lines = _settings(attempt.recipe)
    runs = RunWriter(attempt, "line_keys", shard.name, {KIND: WIDTHS[lines.variant]})
    for crawl, first, table in _taking_part(shard, attempt):
        texts = [text or "" for text in table["text"].to_pylist()]
        found = part_keys(texts, lines.variant, lines.unit)
        counts = np.diff(found.offsets)
        columns = [np.repeat(first, counts), found.lines]
        if lines.variant == "c4":
            rank = np.repeat(ranks(table["url"].to_pylist(), table["id"].to_pylist()), counts)
            columns += [rank >> np.uint64(32), rank & np.uint64(0xFFFFFFFF)]
        keys = found.keys ^ np.repeat(scope_keys(table, dedup.scope, crawl), counts)
        runs.add(KIND, keys, np.stack([column.astype(np.uint32) for column in columns], axis=1))
        attempt.counts.update({"in": table.num_rows, "lines": len(keys)})
    runs.flush()


def _taking_part(shard: Shard, attempt: Attempt) -> Iterator[tuple[str, np.ndarray, pa.Table]]:
    """The documents of a block in batches: the crawl of their input, the row of each in the block, the documents."""
    lists = shard.parameters.get("removed")
    removed, listed = pa.array([], pa.string()), -1
    for number, at, table in read_block(attempt, shard, _COLUMNS):
        if lists and number != listed:
            removed = read_table(attempt.folder, lists[number], ["id"])["id"].combine_chunks()
            listed = number
        rows = np.arange(at, at + table.num_rows)
        if len(removed):
            kept = pc.invert(pc.is_in(table["id"], value_set=removed)).to_numpy()
            table, rows = table.filter(pa.array(kept)), rows[kept]
        yield shard.parameters["crawls"][number], rows, table


def plan_repeated(planning: Planning) -> list[Shard]:
    """One shard for each range of keys."""
    from pipeline.dedup.runs import partitions

    number_of = {block.name: number for number, block in enumerate(plan_blocks(planning, "line_keys"))}
    runs = planning.outputs("line_keys", "line_keys")
    _, everything = all_of(planning, "line_keys", "line_keys")
    parameters: dict[str, Any] = {
        "runs": [output.name for _, output in runs],
        "blocks": [number_of[receipt.shard] for receipt, _ in runs],
        "count": len(number_of),
    }
    return reduce_shards(partitions(sum(output.rows for _, output in runs)), [everything], parameters)


def run_repeated(shard: Shard, attempt: Attempt) -> None:
    """Find all copies but the kept ones in one range, and list them by block."""
    from pipeline.dedup.array_file import write_arrays
    from pipeline.dedup.lines import repeated
    from pipeline.dedup.runs import read_parts

    parameters = shard.parameters
    width = WIDTHS[_settings(attempt.recipe)[1].variant]
    part, parts = parameters["part"], parameters["parts"]
    entries = read_parts(attempt.folder, parameters["runs"], KIND, part, parts, width)
    block, row, line = repeated(entries, parameters["blocks"] or [0])
    path = attempt.scratch / "repeated"
    starts = np.searchsorted(block, np.arange(parameters["count"] + 1)).astype(np.int64)
    write_arrays(path, {"starts": starts, "rows": row, "lines": line})
    attempt.add_file(path, "repeated_lines", f"{shard.name}.arrays", len(row))
    attempt.counts.update({"lines": sum(len(one.keys) for one in entries), "repeated": len(row)})


def cut_settings(recipe: Recipe) -> object:
    """How much has to be left of a document, and what counts sentences."""
    fewest = _settings(recipe)[1].fewest
    return {"min_sentences": fewest, "version": version("spacy") if fewest else None}


def plan_cut(planning: Planning) -> list[Shard]:
    """One shard a block, with the copies found in all ranges of keys."""
    files, everything = all_of(planning, "repeated_lines", "repeated_lines")
    return [
        Shard(
            name=block.name,
            inputs=[*block.inputs, everything],
            parameters={**block.parameters, "block": number, "repeated": files},
        )
        for number, block in enumerate(plan_blocks(planning, "cut_lines"))
    ]


def run_cut(shard: Shard, attempt: Attempt) -> None:
    """Write for every shard of documents which lines go, and which documents with them."""
    from filters.text.words import WordSplitter

    rows, lines = _repeated_of(shard, attempt)
    splitter = WordSplitter()
    emptied_are_listed = not dropped_by_filters(attempt.recipe)
    base = 0
    for name, file in zip(shard.parameters["shards"], shard.parameters["files"], strict=True):
        at = base
        attempt.write("cut", _schema().empty_table(), stem=name)
        if emptied_are_listed:
            attempt.write("duplicates", DUPLICATES.empty_table(), stem=name)
        for table in iterate(attempt.folder, file, ["id", "text"]):
            low, high = np.searchsorted(rows, (at, at + table.num_rows))
            if high > low:
                mine = rows[low:high] - at
                found = _cuts(table, mine, lines[low:high], attempt, splitter, emptied_are_listed)
                numbers = pa.array(found["row"].to_numpy() + (at - base))
                found = found.set_column(1, "row", numbers)
                attempt.write("cut", found, stem=name)
                if emptied_are_listed:
                    _list_emptied(found, attempt, name)
            at += table.num_rows
            attempt.documents += table.num_rows
            attempt.report({"documents": attempt.documents})
        base = at
    attempt.counts.update({"in": base})


def _schema() -> pa.Schema:
    from pipeline.dedup.cut_lines import CUTS

    return CUTS


def _repeated_of(shard: Shard, attempt: Attempt) -> tuple[np.ndarray, np.ndarray]:
    """Rows in the block and line numbers of the parts that go, sorted."""
    from pipeline.dedup.array_file import ArrayFile

    block = shard.parameters["block"]
    found = [np.empty((0, 2), np.int64)]
    for name in shard.parameters["repeated"]:
        with ArrayFile(attempt.folder, name) as file:
            start, stop = file.read("starts", block, block + 2).tolist()
            columns = [file.read(column, start, stop).astype(np.int64) for column in ("rows", "lines")]
        found.append(np.stack(columns, axis=1))
    rows, lines = np.concatenate(found).T
    order = np.lexsort((lines, rows))
    return rows[order], lines[order]


def _cuts(
    table: pa.Table, rows: np.ndarray, firsts: np.ndarray, attempt: Attempt, splitter: Any, listed: bool
) -> pa.Table:
    """The cuts of one batch, in rows of the batch; `listed`: emptied documents count as duplicates."""
    from pipeline.dedup.cut_lines import CUTS, emptied, lines_to_cut, without

    settings = _settings(attempt.recipe)[1]
    touched, starts = np.unique(rows, return_index=True)
    column = table["text"].take(pa.array(touched))
    texts = column.to_pylist()
    cuts, left, characters = [], [], []
    for text, mine in zip(texts, np.split(firsts, starts[1:]), strict=True):
        lines = text.split("\n")
        cut = lines_to_cut(lines, mine.tolist(), settings.unit)
        cuts.append(cut)
        left.append(without(lines, cut))
        characters.append(sum(len(lines[number]) for number in cut))
    gone = emptied(left, settings.fewest, splitter)
    attempt.counts.update(
        {
            "lines_cut": len(firsts),
            "characters_cut": sum(characters),
            "documents_touched": len(touched),
            "documents_emptied": sum(gone),
        }
    )
    _count_bytes(attempt, column, left, gone, listed)
    columns = [table["id"].take(pa.array(touched)).combine_chunks(), touched, cuts, characters, gone]
    return pa.table([pa.array(column) for column in columns], names=CUTS.names).cast(CUTS)


def _count_bytes(
    attempt: Attempt, before: pa.ChunkedArray, left: list[str], gone: list[bool], listed: bool
) -> None:
    """Bytes that go, newlines with them: `duplicate_bytes` with documents that do, `bytes_cut` out of the others."""
    from filters.extracted import text_bytes

    emptied = np.array(gone, np.bool_)
    after = np.where(emptied, 0, text_bytes(pa.chunked_array([pa.array(left, pa.large_string())])).to_numpy())
    lost = text_bytes(before).to_numpy() - after
    removed = int(lost[emptied].sum()) if listed else 0
    attempt.counts.update({"bytes_cut": int(lost.sum()) - removed})
    if listed:
        attempt.count("duplicate_bytes", {KIND: removed})


def _list_emptied(cuts: pa.Table, attempt: Attempt, name: str) -> None:
    """Emptied documents as duplicates: of no one document, and not near any."""
    ids = cuts.filter(cuts["emptied"])["id"].combine_chunks()
    rows = len(ids)
    columns = [
        ids,
        pa.nulls(rows, pa.string()),
        pa.array([KIND] * rows, pa.string()),
        pa.nulls(rows, pa.float64()),
    ]
    attempt.write("duplicates", pa.table(columns, schema=DUPLICATES), stem=name)
    attempt.count("duplicates", {KIND: rows})


LINE_KEYS = Stage(
    name="line_keys",
    version=1,
    folders=("line_keys",),
    settings=key_settings,
    plan=plan_keys,
    run=run_keys,
    needed=True,
    read_by=("repeated_lines",),
)
REPEATED_LINES = Stage(
    name="repeated_lines",
    version=1,
    folders=("repeated_lines",),
    settings=nothing,
    plan=plan_repeated,
    run=run_repeated,
    needed=True,
    reads_documents=False,
    read_by=("cut_lines",),
)
CUT_LINES = Stage(
    name="cut_lines",
    version=2,
    folders=("cut", "duplicates"),
    settings=cut_settings,
    plan=plan_cut,
    run=run_cut,
    needed=True,
)
