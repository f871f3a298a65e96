"""A few documents as the filters left them, read from the files that hold them and no further than they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.report.run import Run
    from pipeline.store import Folder


def originals(run: Run, shards: Mapping[str, str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Columns of documents by id, given the shard of each; a column that a file lacks is null.

    Reads one file a shard, of it the ids and the row groups that hold what was asked for. A document whose file is gone
    (texts that a recipe does not keep) is left out.
    """
    stage, under = ("filter", "documents") if run.closed["filter"] else ("extract", "extracted")
    wanted: dict[str, list[str]] = {}
    for id_, shard in shards.items():
        wanted.setdefault(shard, []).append(id_)
    found: dict[str, dict[str, Any]] = {}
    for receipt in run.closed[stage]:
        for output in receipt.outputs if receipt.shard in wanted else ():
            if output.folder == under and output.rows and run.folder.exists(output.name):
                found |= _rows(run.folder, output.name, wanted[receipt.shard], columns)
    return found


def _rows(folder: Folder, name: str, ids: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: dict[str, dict[str, Any]] = {}
    with folder.open(name) as file:
        reader = pq.ParquetFile(file, page_checksum_verification=True)
        there = [column for column in columns if column in reader.schema_arrow.names]
        for group in range(reader.num_row_groups):
            if len(found) == len(ids):
                break
            keys = reader.read_row_group(group, columns=["id"], use_threads=False)["id"]
            match = pc.is_in(keys, value_set=pa.array(ids, pa.string()))
            if not pc.any(match).as_py():
                continue
            table = reader.read_row_group(group, columns=["id", *there], use_threads=False).filter(match)
            found |= {row["id"]: dict.fromkeys(columns) | row for row in table.to_pylist()}
    return found
