"""Rows of files that hold documents: Parquet or JSONL (plain, .gz, .zst), read in bounded memory.

A row is what its columns hold, or what is wrong with it. What is wrong with a file as a whole comes last, as a row of
its own, after all that could be read before it.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ROWS = 1024
MAX_LINE = 64 << 20  # bytes of one JSON line

# Compressed bytes that are inflated at once: a block of zstd may hold 128 KiB in 4 bytes.
_ZSTD_STEP = 4 << 10


class Bad(msgspec.Struct, frozen=True):
    """A row that is none, or a file: which kind of failure, and why in words."""

    kind: str
    message: str


# How many bytes of the file were read so far, and a row by column or why it is none. What a Parquet file holds as a
# string or bytes and is not UTF-8 stays `bytes`.
Found = tuple[int, dict[str, Any] | Bad]


def text_columns(schema: pa.Schema) -> list[str]:
    """Names of the columns that hold strings."""
    return [name for name in schema.names if pa.types.is_string(schema.field(name).type)]


def read_rows(
    file: IO[bytes], path: str, kind: str, size: int, id_column: str, schema: pa.Schema
) -> Iterator[Found]:
    """Every row of an open file of `size` bytes; `schema` and `id_column` name the columns that are wanted."""
    if size == 0:
        yield 0, Bad("empty_file", "the file has no bytes")
        return
    found = False
    try:
        for one in _parquet_rows(file, size, id_column, schema) if kind == "parquet" else _lines(file, path):
            found = True
            yield one
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        yield size, Bad("damaged_file", f"nothing can be read from here on: {reason}")
        return
    if not found and kind != "parquet":
        yield size, Bad("empty_file", "the file has no lines, or blank ones only")


def _parquet_rows(file: IO[bytes], size: int, id_column: str, schema: pa.Schema) -> Iterator[Found]:
    import pyarrow.parquet as pq

    reader = pq.ParquetFile(file, page_checksum_verification=True)
    there = reader.schema_arrow
    types = dict(reversed([(field.name, _plain(field.type)) for field in there]))  # of two, the first counts
    if "text" not in types or not _is_text(types["text"]):
        problem = f"is {types['text']}" if "text" in types else f"is not among {there.names[:20]}"
        yield 0, Bad("no_text_column", f"column `text` {problem}")
        return
    wanted = {name for name in ("text", *text_columns(schema)) if name in types and _is_text(types[name])}
    wanted |= {name for name in ("language_score",) if name in types and _is_number(types[name])}
    wanted |= {name for name in (id_column,) if name in types and not pa.types.is_nested(types[name])}
    names, rows, done = sorted(wanted), max(reader.metadata.num_rows, 1), 0
    # Group by group: a batch that reached into a damaged group would take the rows before it along.
    batches = (
        batch
        for group in range(reader.num_row_groups)
        for batch in reader.iter_batches(ROWS, row_groups=[group], columns=names, use_threads=False)
    )
    for batch in batches:
        columns = [_values(batch.column(batch.schema.get_all_field_indices(name)[0])) for name in names]
        for values in zip(*columns, strict=True):
            done += 1
            yield min(size, size * done // rows), dict(zip(names, values, strict=True))


def _plain(type_: pa.DataType) -> pa.DataType:
    """The type of a column's values, without dictionary or extension."""
    if isinstance(type_, pa.BaseExtensionType):
        return _plain(type_.storage_type)
    return _plain(type_.value_type) if pa.types.is_dictionary(type_) else type_


def _is_text(type_: pa.DataType) -> bool:
    kinds = pa.types
    strings = kinds.is_string(type_) or kinds.is_large_string(type_) or kinds.is_string_view(type_)
    binary = kinds.is_binary(type_) or kinds.is_large_binary(type_) or kinds.is_binary_view(type_)
    return bool(strings or binary or kinds.is_fixed_size_binary(type_) or kinds.is_null(type_))


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_))


def _values(column: pa.Array) -> list[Any]:
    """The values of one column: text as str (bytes where it is not UTF-8), numbers, others as Arrow spells them."""
    while column.type != _plain(column.type):
        column = column.storage if isinstance(column, pa.ExtensionArray) else column.dictionary_decode()
    if _is_text(column.type):
        return [_decoded(value) for value in column.cast(pa.large_binary()).to_pylist()]
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return list(column.to_pylist())
    if pa.types.is_floating(column.type):
        return list(column.cast(pa.float64()).to_pylist())
    return list(column.cast(pa.string()).to_pylist())  # Python has no times of a nanosecond


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _lines(file: IO[bytes], path: str) -> Iterator[Found]:
    for line in _cut(_unpacked(file, path)):
        if len(line) > MAX_LINE:
            yield file.tell(), Bad("oversize", f"a line of more than {MAX_LINE >> 20} MiB")
        elif line.strip():
            yield file.tell(), _json_row(line)


def _json_row(line: bytes) -> dict[str, Any] | Bad:
    try:
        value = _json_value(line)
    except UnicodeDecodeError:
        return Bad("bad_encoding", "the line is not UTF-8")
    except (ValueError, RecursionError) as error:
        return Bad("bad_json", str(error))
    return value if isinstance(value, dict) else Bad("bad_json", "the line is no JSON object")


def _json_value(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        # The standard library also reads what strict parsers refuse, such as an escaped lone surrogate.
        return json.loads(line)


def _unpacked(file: IO[bytes], path: str) -> IO[bytes]:
    if path.lower().endswith(".gz"):
        return gzip.open(file, "rb")  # type: ignore[return-value]
    if path.lower().endswith(".zst"):
        return io.BufferedReader(_Zstd(file))
    return file


class _Zstd(io.RawIOBase):
    """The frames of a zstd file, one after the other; raises OSError where they are damaged or the last is cut off.

    The library's own stream reader takes the end of the file inside a frame for the end of the data.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame: Any = None
        self._packed, self._ready = b"", memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while not self._ready:
            self._packed = self._packed or self._file.read(_ZSTD_STEP)
            if not self._packed:
                if self._frame is not None:
                    raise OSError("the file ends inside a zstd frame")
                return 0
            self._ready = memoryview(self._inflate())
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._ready))
        target[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def _inflate(self) -> bytes:
        import zstandard

        if self._frame is None:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            data: bytes = self._frame.decompress(self._packed)
        except zstandard.ZstdError as error:
            raise OSError(str(error)) from error
        self._packed = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None
        return data


def _cut(file: IO[bytes]) -> Iterator[bytes]:
    # An overlong line is cut to the limit plus one byte, and its rest is skipped.
    while line := file.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE + 1)
            if not line:
                return
