"""Files of scores for the filter `scores`: Parquet, JSONL or CSV, plain or compressed (.gz, .zst), by id or address.

A row without a score gives none. Memory while reading: the texts of one batch, and 16 bytes a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from filters.scores import By, Scores
from pipeline.errors import UsageError
from pipeline.show import show_text

if TYPE_CHECKING:
    from filters.models.calibration import Calibration

_BATCH = 65_536  # rows
_KEYS: tuple[By, ...] = ("id", "url")


def read_calibration(path: Path) -> Calibration:
    """A calibration that another run made. UsageError says what is wrong with the file."""
    from filters.models.calibration import decoded

    try:
        return decoded(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


def read_scores(path: Path) -> Scores:
    """The scores of a file; UsageError names the file and says what is wrong with it."""
    from filters.hashing import hash_strings

    suffixes = [suffix for suffix in path.suffixes if suffix not in (".gz", ".zst")]
    kind = suffixes[-1] if suffixes else ""
    reader = {".parquet": _parquet, ".jsonl": _jsonl, ".csv": _csv}.get(kind)
    if reader is None:
        raise UsageError(f"{path}: expected a file of scores, .parquet, .jsonl or .csv")
    hashes, values, by = [np.zeros(0, np.uint64)], [np.zeros(0)], None
    try:
        for table in reader(path):
            by, names, scores = _columns(table)
            hashes.append(hash_strings(names))
            values.append(scores)
        if by is None:
            raise ValueError("no rows")
        return Scores(by, np.concatenate(hashes), np.concatenate(values))
    except (ValueError, OSError, pa.ArrowException) as error:
        raise UsageError(f"{path}: {show_text(error, 300)}") from None


def _columns(table: pa.Table) -> tuple[By, list[str], Any]:
    by = next((key for key in _KEYS if key in table.column_names), None)
    if by is None or "score" not in table.column_names:
        raise ValueError(
            f"expected the columns score, and id or url; there are {', '.join(table.column_names)}"
        )
    rows = table.select([by, "score"]).drop_null()
    scores = rows["score"].cast(pa.float64()).to_numpy()
    return by, rows[by].cast(pa.string()).to_pylist(), scores


def _parquet(path: Path) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        wanted = [name for name in (*_KEYS, "score") if name in file.schema_arrow.names]
        if not file.metadata.num_rows:
            yield file.schema_arrow.empty_table()
        for batch in file.iter_batches(batch_size=_BATCH, columns=wanted, use_threads=False):
            yield pa.Table.from_batches([batch])


def _csv(path: Path) -> Iterator[pa.Table]:
    import pyarrow.csv as csv

    # An id of digits stays the text that it is.
    kinds = csv.ConvertOptions(
        column_types={"id": pa.string(), "url": pa.string(), "score": pa.float64()}, strings_can_be_null=False
    )
    with pa.input_stream(str(path), compression="detect") as stream:
        for batch in csv.open_csv(stream, csv.ReadOptions(use_threads=False), convert_options=kinds):
            yield pa.Table.from_batches([batch])


def _jsonl(path: Path) -> Iterator[pa.Table]:
    import msgspec

    waiting: list[dict[str, Any]] = []
    with pa.input_stream(str(path), compression="detect") as stream:
        for number, line in enumerate(_lines(stream), 1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line, type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"line {number}: {error}") from None
            waiting.append({key: row.get(key) for key in (*_KEYS, "score") if key in row})
            if len(waiting) == _BATCH:
                yield _table(waiting)
                waiting = []
    if waiting:
        yield _table(waiting)


def _lines(stream: Any) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(1 << 20):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    yield rest


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    names = [name for name in (*_KEYS, "score") if any(name in row for row in rows)]
    return pa.table({name: [row.get(name) for row in rows] for name in names})
