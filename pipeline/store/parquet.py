"""Parquet as every stage writes and reads it: zstd, page checksums, row groups of a fixed number of rows.

A flipped bit in a page without checksums reads back silently wrong, so checksums are written always and
verified on every read. The row count of a group is fixed, so the same rows give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store.folder import Folder

ROW_GROUP = 1024  # rows


class TableWriter:
    """Rows in, one Parquet file out; row groups do not depend on how the rows were handed over."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = 0
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", compression_level=3, write_page_checksum=True, store_schema=True
        )
        self._pending: list[pa.Table] = []
        self._pending_rows = 0

    def write(self, table: pa.Table) -> None:
        """Append rows; columns must be the schema's."""
        self._pending.append(table.cast(self.schema))
        self._pending_rows += table.num_rows
        self.rows += table.num_rows
        while self._pending_rows >= ROW_GROUP:
            waiting = pa.concat_tables(self._pending)
            self._writer.write_table(waiting.slice(0, ROW_GROUP).combine_chunks(), row_group_size=ROW_GROUP)
            self._pending = [waiting.slice(ROW_GROUP)]
            self._pending_rows -= ROW_GROUP

    def close(self) -> None:
        """Write the last, shorter row group and the footer."""
        if self._pending_rows:
            waiting = pa.concat_tables(self._pending).combine_chunks()
            self._writer.write_table(waiting, row_group_size=ROW_GROUP)
        self._pending, self._pending_rows = [], 0
        self._writer.close()


def read_table(folder: Folder, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Rows of one Parquet file in a folder, page checksums verified; raises OSError on damage."""
    with folder.open(name) as file:
        return pq.read_table(
            file,
            columns=list(columns) if columns is not None else None,
            page_checksum_verification=True,
            use_threads=False,
            pre_buffer=False,  # no threads of Arrow's: one alive at the end of a short command can abort it
        )


def read_some(folder: Folder, name: str, columns: Sequence[str]) -> pa.Table:
    """As `read_table`, of those columns that the file has."""
    with folder.open(name) as file, pq.ParquetFile(file, page_checksum_verification=True) as parquet:
        there = set(parquet.schema_arrow.names)
        return parquet.read([one for one in columns if one in there], use_threads=False)


def iterate(
    folder: Folder, name: str, columns: Sequence[str] | None = None, rows: int = ROW_GROUP
) -> Iterator[pa.Table]:
    """Tables of at most `rows` rows each, in order, in bounded memory."""
    with folder.open(name) as file:
        reader = pq.ParquetFile(file, page_checksum_verification=True)
        wanted = list(columns) if columns is not None else None
        for batch in reader.iter_batches(batch_size=rows, columns=wanted, use_threads=False):
            yield pa.Table.from_batches([batch])


def schema_of(folder: Folder, name: str) -> pa.Schema:
    """The schema of one Parquet file."""
    with folder.open(name) as file:
        return pq.read_schema(file)
