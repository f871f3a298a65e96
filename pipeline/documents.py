"""Documents that are text already: Parquet or JSONL (plain, .gz, .zst), as other tools write them.

Columns of the Document schema are taken when they are there, `text` must be. The id comes from the recipe's id column,
else from the file's name and the row. A damaged line, a row without text and a repeated id fail alone, by kind.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterator
from typing import IO, Any

import msgspec
import pyarrow as pa

from filters.document import SCHEMA
from pipeline.errors import UserError
from pipeline.extract import FAILED_SCHEMA, Part, Tally
from pipeline.inputs import open_input

ROWS = 1024
MAX_LINE = 64 << 20  # bytes of one JSON line

_TEXT_COLUMNS = [name for name in SCHEMA.names if pa.types.is_string(SCHEMA.field(name).type)]


def missing(path: str, tally: Tally) -> Iterator[Part]:
    """An input that is not there: one failed record."""
    name = os.path.basename(path)  # noqa: PTH119 (may be a URL)
    yield from _Batch(name, tally).failed(0, "missing", "no such file").flush()


class _Batch:
    """Rows on their way into one Part."""

    def __init__(self, name: str, tally: Tally) -> None:
        self.name, self.tally = name, tally
        self.rows: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        self.seen: set[bytes] = set()

    def failed(self, row: int, kind: str, message: str, id_: str | None = None) -> _Batch:
        self.tally.records += 1
        self.tally.failed[kind] = self.tally.failed.get(kind, 0) + 1
        self.failures.append(
            {
                "id": id_ or f"{self.name}#{row}",
                "kind": kind,
                "warc_file": self.name,
                "message": message[:500],
            }
        )
        return self

    def add(self, row: int, value: dict[str, Any], id_column: str) -> None:
        given = value.get(id_column)
        id_ = str(given) if given not in (None, "") else f"{self.name}#{row}"
        text = value.get("text")
        if not isinstance(text, str):
            self.failed(row, "no_text", "no column `text` that is a string", id_)
            return
        mark = hashlib.blake2b(id_.encode(errors="replace"), digest_size=12).digest()
        if mark in self.seen:
            self.failed(row, "duplicate_id", "this id stands in the file twice", id_)
            return
        self.seen.add(mark)
        kept = {name: value[name] for name in _TEXT_COLUMNS if isinstance(value.get(name), str)}
        kept = {name: _valid(part) for name, part in kept.items()}
        score = value.get("language_score")
        if isinstance(score, int | float):
            kept["language_score"] = float(score)
        self.rows.append({**kept, "id": _valid(id_), "text": _valid(text)})
        self.tally.records += 1
        self.tally.responses += 1
        self.tally.documents += 1

    def flush(self) -> Iterator[Part]:
        if self.rows or self.failures:
            yield Part(
                documents=pa.Table.from_pylist(self.rows, schema=SCHEMA),
                failed=pa.Table.from_pylist(self.failures, schema=FAILED_SCHEMA),
            )
        self.rows, self.failures = [], []


def _valid(text: str) -> str:
    # Arrow holds valid UTF-8 only; JSON can spell lone surrogates.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def read(path: str, kind: str, id_column: str, tally: Tally) -> Iterator[Part]:
    """The documents of one file in bounded batches; `tally` counts what became of every row."""
    name = os.path.basename(path)  # noqa: PTH119 (may be a URL)
    with open_input(path) as file:
        tally.bytes_in = file.seek(0, os.SEEK_END)
        file.seek(0)
        batch = _Batch(name, tally)
        rows = _parquet_rows(file) if kind == "parquet" else _json_rows(file, path)
        row = -1
        try:
            for row, value in enumerate(rows):
                if isinstance(value, _Bad):
                    batch.failed(row, value.kind, value.message)
                else:
                    batch.add(row, value, id_column)
                if len(batch.rows) + len(batch.failures) >= ROWS:
                    yield from batch.flush()
        except (OSError, EOFError, pa.ArrowException) as error:
            batch.failed(row + 1, "damaged_file", f"nothing can be read from here on: {error}")
        yield from batch.flush()


class _Bad(msgspec.Struct):
    kind: str
    message: str


def _parquet_rows(file: IO[bytes]) -> Iterator[dict[str, Any] | _Bad]:
    import pyarrow.parquet as pq

    reader = pq.ParquetFile(file, page_checksum_verification=True)
    if "text" not in reader.schema_arrow.names:
        raise UserError(
            f"{getattr(file, 'name', 'input')}: no column `text` (columns: {reader.schema_arrow.names[:20]})"
        )
    for batch in reader.iter_batches(batch_size=ROWS, use_threads=False):
        yield from batch.to_pylist()


def _json_rows(file: IO[bytes], path: str) -> Iterator[dict[str, Any] | _Bad]:
    for line in _lines(_unpacked(file, path)):
        if len(line) > MAX_LINE:
            yield _Bad("oversize", f"a line of more than {MAX_LINE >> 20} MiB")
            continue
        if not line.strip():
            continue
        try:
            value = _json_value(line)
        except (ValueError, RecursionError) as error:
            yield _Bad("bad_json", str(error))
            continue
        yield value if isinstance(value, dict) else _Bad("bad_json", "the line is no JSON object")


def _json_value(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        # The standard library also reads what strict parsers refuse, such as an escaped lone surrogate.
        return json.loads(line)


def _unpacked(file: IO[bytes], path: str) -> IO[bytes]:
    if path.endswith(".gz"):
        return gzip.open(file, "rb")  # type: ignore[return-value]
    if path.endswith(".zst"):
        import zstandard

        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
    return file


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    # An overlong line is cut to the limit plus one byte, and its rest is skipped.
    while line := file.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE + 1)
            if not line:
                return
