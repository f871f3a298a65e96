"""Documents that are text already: Parquet or JSONL (plain, .gz, .zst), as other tools write them.

Columns of the Document schema are taken when they are there, no others are read, and `text` must be. The id comes from
the recipe's id column where that holds a plain value, else from the file's name and the row. Text may be stored as
strings, as bytes of UTF-8 or dictionary-encoded. A damaged line and a row without text fail alone, by kind; a file that
is empty, damaged or without `text` is one failed record, after the rows that could be read. That an id stands in no
other row of any input is for the stage `ids` to find out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from filters.document import SCHEMA
from pipeline.extract import FAILED_SCHEMA, Part, Tally
from pipeline.inputs import name_of, open_input, size_of
from pipeline.rows import ROWS, Bad, Found, read_rows, text_columns

LABELLED = SCHEMA.append(pa.field("domain", pa.string()))
FILE_FAILURES = (
    "missing",
    "empty_file",
    "damaged_file",
    "no_text_column",
)  # kinds that are about a whole file
_TEXT_ALONE = pa.schema([SCHEMA.field("text")])


def missing(path: str, tally: Tally) -> Iterator[Part]:
    """An input that is not there: one failed record."""
    batch = _Batch(_name(path), tally, SCHEMA)
    batch.failed(0, Bad("missing", "no such file"))
    yield from batch.flush()


def read(
    path: str, kind: str, id_column: str, tally: Tally, repeated: Mapping[int, str] | None = None
) -> Iterator[Part]:
    """The documents of one file in bounded batches; `tally` counts what became of every row.

    `repeated` names, by row, where the id of that row stands already: these rows fail as `duplicate_id`.
    `tally.bytes_in` is what was read of the file so far, and its size at the end. Raises OSError where the file cannot
    be opened.
    """
    return _read(path, kind, id_column, tally, SCHEMA, repeated or {})


def labelled(path: str, kind: str, tally: Tally) -> Iterator[Part]:
    """As `read`, with the further column `domain` (null where there is none) and ids by file and row alone."""
    return _read(path, kind, "", tally, LABELLED, {})


def identifiers(path: str, kind: str, id_column: str) -> Iterator[tuple[int, str]]:
    """Row and id of every row that is a document. Raises OSError where the file cannot be opened."""
    for row, (_, value) in enumerate(_rows(path, kind, id_column, _TEXT_ALONE)):
        if not isinstance(value, Bad) and isinstance(value.get("text"), str):
            yield row, _identifier(value, id_column, _name(path), row)


def _name(path: str) -> str:
    return name_of(path)


def _rows(path: str, kind: str, id_column: str, schema: pa.Schema) -> Iterator[Found]:
    with open_input(path) as file:
        yield from read_rows(file, path, kind, size_of(path), id_column, schema)


def _read(
    path: str, kind: str, id_column: str, tally: Tally, schema: pa.Schema, repeated: Mapping[int, str]
) -> Iterator[Part]:
    batch = _Batch(_name(path), tally, schema)
    for row, (reached, value) in enumerate(_rows(path, kind, id_column, schema)):
        if isinstance(value, Bad):
            batch.failed(row, value)
        else:
            batch.add(row, value, id_column, repeated)
        if len(batch.rows) + len(batch.failures) >= ROWS:
            tally.bytes_in = reached
            yield from batch.flush()
    tally.bytes_in = size_of(path)
    yield from batch.flush()


class _Batch:
    """Rows on their way into one Part."""

    def __init__(self, name: str, tally: Tally, schema: pa.Schema) -> None:
        self.name, self.tally, self.schema = name, tally, schema
        self.texts = text_columns(schema)
        self.rows: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []

    def failed(self, row: int, why: Bad, id_: str | None = None) -> None:
        """Row `row` is no document."""
        self.tally.records += 1
        self.tally.failed[why.kind] = self.tally.failed.get(why.kind, 0) + 1
        self.failures.append(
            {
                "id": id_ or _valid(f"{self.name}#{row}"),
                "kind": why.kind,
                "warc_file": _valid(self.name),
                "message": _valid(why.message[:500]),
            }
        )

    def add(self, row: int, value: dict[str, Any], id_column: str, repeated: Mapping[int, str]) -> None:
        """Row `row` is a document, or fails alone."""
        id_ = _identifier(value, id_column, self.name, row)
        text = value.get("text")
        if isinstance(text, bytes):
            self.failed(row, Bad("bad_encoding", "the text is not UTF-8"), id_)
        elif not isinstance(text, str):
            self.failed(row, Bad("no_text", "no column `text` that is a string"), id_)
        elif row in repeated:
            self.failed(row, Bad("duplicate_id", f"this id stands in {repeated[row]} already"), id_)
        else:
            kept = {
                name: _valid(value[name]) for name in self.texts if isinstance(value.get(name), str | bytes)
            }
            score = _score(value.get("language_score"))
            self.rows.append({**kept, "language_score": score, "id": id_, "text": _valid(text)})
            self.tally.records += 1
            self.tally.responses += 1
            self.tally.documents += 1

    def flush(self) -> Iterator[Part]:
        """What was collected, if anything was."""
        if self.rows or self.failures:
            yield Part(
                documents=pa.Table.from_pylist(self.rows, schema=self.schema),
                failed=pa.Table.from_pylist(self.failures, schema=FAILED_SCHEMA),
            )
        self.rows, self.failures = [], []


def _valid(text: str | bytes) -> str:
    # Arrow holds valid UTF-8 only; JSON can spell lone surrogates, and Parquet can hold any bytes as a string.
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _identifier(value: dict[str, Any], id_column: str, name: str, row: int) -> str:
    given = _plain(value.get(id_column)) if id_column else None
    return _valid(given or f"{name}#{row}")


def _plain(given: Any) -> str | None:
    if isinstance(given, bytes):
        return given.hex() or None
    if given is None or isinstance(given, dict | list):
        return None
    try:
        return str(given) or None
    except ValueError:  # an integer of thousands of digits
        return None


def _score(given: Any) -> float | None:
    if not isinstance(given, int | float) or isinstance(given, bool):
        return None
    try:
        score = float(given)
    except OverflowError:
        return None
    return score if math.isfinite(score) else None
