"""Single documents in the files of a run: found by id or URL, reading as little as there is to read.

Every stage keeps a document in the shard in which it was extracted, and an id `<basename>@<offset>` names that shard,
as shards are ranges of a file. So of thousands of files a few are opened, of those the ids are read, and only row
groups that hold a wanted id are read whole. Any other key is looked for in the ids and URLs of all files.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.ledger import Ledger, Receipt
from pipeline.store import Folder

if TYPE_CHECKING:
    from pipeline.report.run import Run

# Stage and folder in which a document's rows can lie, from the last stage to the first.
PLACES = (
    ("corpus", "corpus"),
    ("dedup", "duplicates"),
    ("dedup", "clusters"),
    ("cut_lines", "duplicates"),
    ("cut_lines", "cut"),
    ("filter", "dropped"),
    ("filter", "documents"),
    ("extract", "extracted"),
    ("extract", "failed"),
    ("tokens", "tokens"),
)
_FIRST = PLACES[7:9]  # one of these has every document, where the files are still there
Row = dict[str, Any]
Receipts = Callable[[str, Collection[str] | None], Iterable[Receipt]]


@dataclass(frozen=True)
class Files:
    """The published files of a run.

    `receipts(stage, shards)` gives those of some shards, or of all for None; `shards(stage)` names what there is.
    """

    folder: Folder
    receipts: Receipts
    shards: Callable[[str], Iterable[str]]

    def of(self, stage: str, under: str, shards: Collection[str] | None) -> Iterator[tuple[str, str]]:
        """(shard, file name) of the tables in one public folder that have rows and are still there."""
        for receipt in self.receipts(stage, shards):
            for output in receipt.outputs:
                table = output.folder == under and output.rows and output.name.endswith(".parquet")
                if table and self.folder.exists(output.name):
                    yield receipt.shard, output.name


def closed_files(ledger: Ledger) -> Files:
    """The files of the closed stages. Only receipts that are asked for are read."""

    @functools.cache
    def names(stage: str) -> list[str]:
        manifest = ledger.manifest(stage)
        return manifest.receipts if manifest else []

    def receipts(stage: str, shards: Collection[str] | None) -> Iterator[Receipt]:
        for name in names(stage):
            if shards is None or _shard_of(name) in shards:
                yield ledger.receipt(stage, name)

    return Files(ledger.folder, receipts, lambda stage: map(_shard_of, names(stage)))


def _shard_of(receipt_name: str) -> str:
    """The shard in a receipt's file name `<shard>-<key>.json`."""
    return receipt_name.rpartition("-")[0]


def files_of(run: Run) -> Files:
    """The files of a run that was read, also those of stages that are not closed."""

    def receipts(stage: str, shards: Collection[str] | None) -> Iterator[Receipt]:
        return (one for one in run.closed[stage] if shards is None or one.shard in shards)

    return Files(run.folder, receipts, lambda stage: (one.shard for one in run.closed[stage]))


def shard_named(id_: str, shards: Iterable[str]) -> str | None:
    """Which of these shards has the record `<basename>@<offset>`, or `<basename>#<row>`; None for other ids.

    Where offsets are those of the decompressed file the answer may be wrong: then the document is not in it.
    """
    mark = "@" if "@" in id_ else "#"
    name, _, place = id_.rpartition(mark)
    if not name or not (place.isascii() and place.isdecimal()):
        return None
    best: tuple[int, str] | None = None
    for shard in shards:
        base, _, start = shard.rpartition("-")
        if base == name and start.isdecimal() and (mark == "#" or int(start) <= int(place)):
            best = max(best or (-1, ""), (int(start), shard))
    return best[1] if best else None


def rows_where(
    folder: Folder, name: str, column: str, wanted: Collection[str], columns: Sequence[str] | None = None
) -> list[Row]:
    """The rows of one table whose `column` is one of `wanted`, in order; `columns` that it has not are left out."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows: list[Row] = []
    values = pa.array(list(wanted), pa.string())
    with folder.open(name) as file:
        reader = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
        there = reader.schema_arrow.names
        if column not in there:
            return []
        chosen = None if columns is None else [one for one in columns if one in there]
        for group in range(reader.num_row_groups):
            keys = reader.read_row_group(group, columns=[column], use_threads=False)[column]
            match = pc.is_in(keys.cast(pa.string()), value_set=values)
            if pc.any(match).as_py():
                table = reader.read_row_group(group, columns=chosen, use_threads=False)
                rows += table.filter(match).to_pylist()
    return rows


def places_of(files: Files, key: str) -> dict[str, set[str]]:
    """Ids of the documents with this id or URL, and the shards that they are in. May read the keys of all files."""
    return place_of(files, key) or _search(files, key, None, ("id", "url"))


def place_of(files: Files, id_: str) -> dict[str, set[str]]:
    """The document of this id, and its shard, if the id names it. Reads the keys of a few files."""
    shard = shard_named(id_, {shard for stage in dict(PLACES) for shard in files.shards(stage)})
    return _search(files, id_, {shard}, ("id",)) if shard is not None else {}


def _search(
    files: Files, key: str, shards: Collection[str] | None, columns: Sequence[str]
) -> dict[str, set[str]]:
    """First where every document is; the rest only where those files are gone, or the stage left none."""
    found: dict[str, set[str]] = {}
    first = [one for one in _FIRST if _whole(files, *one, shards)]
    for stage, under in first if _FIRST[0] in first else PLACES:
        for shard, name in files.of(stage, under, shards):
            for column in columns:
                for row in rows_where(files.folder, name, column, [key], ["id"]):
                    found.setdefault(row["id"], set()).add(shard)
    return found


def _whole(files: Files, stage: str, under: str, shards: Collection[str] | None) -> bool:
    """Whether a folder holds all that its receipts say, of one receipt at least."""
    count = 0
    for receipt in files.receipts(stage, shards):
        count += 1
        for output in receipt.outputs:
            if output.folder == under and output.rows and not files.folder.exists(output.name):
                return False
    return count > 0


def rows_of(files: Files, id_: str, shards: Collection[str]) -> dict[str, tuple[str, Row]]:
    """By public folder, what these shards hold of a document: the shard and the row."""
    found: dict[str, tuple[str, Row]] = {}
    for stage, under in PLACES:
        for shard, name in files.of(stage, under, shards):
            for row in rows_where(files.folder, name, "id", [id_]):
                found[under] = shard, row
    return found
