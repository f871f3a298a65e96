"""Rows of JSONL, JSON and Parquet files of benchmarks, each with its place for messages and names."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.lists import ListError
from pipeline.show import show_text

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".parquet")

Row = tuple[int, dict[str, Any]]  # its number from 1, of a JSONL file that of the line


def is_data(path: Path) -> bool:
    """Whether a file of this name holds rows."""
    return path.name.lower().endswith(SUFFIXES)


def stem_of(path: Path) -> str:
    """The file's name without the ending."""
    name = path.name
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


def read_rows(path: Path, key: str | None = None) -> Iterator[Row]:
    """The rows of a file; `key` names the list in a JSON file that is an object. ListError names file and line."""
    name = show_text(str(path))
    try:
        if path.name.lower().endswith(".parquet"):
            yield from _parquet(path)
        else:
            data = (
                gzip.decompress(path.read_bytes()) if path.name.lower().endswith(".gz") else path.read_bytes()
            )
            text = data.decode("utf-8-sig")
            yield from _json(text, name, key) if path.name.lower().endswith(".json") else _lines(text, name)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ListError(f"{name}:{line}: a file of items is UTF-8 text, this is not") from None
    except (OSError, EOFError, zlib.error) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ListError(f"{name}: cannot be read: {show_text(said)}") from None


def _lines(text: str, name: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _object(line, f"{name}:{number}")


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise ListError(f"{place}: not JSON ({said}); write one item a line") from None
    if not isinstance(value, dict):
        raise ListError(f"{place}: expected an item as an object of fields, got {type(value).__name__}")
    return value


def _json(text: str, name: str, key: str | None) -> Iterator[Row]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # lines in a file called .json, as the hub has them
            yield from _lines(text, name)
            return
        raise ListError(f"{name}:{error.lineno}: not JSON ({error.msg})") from None
    except RecursionError:
        raise ListError(f"{name}: not JSON (nested too deeply)") from None
    if isinstance(value, dict) and key is None and not any(isinstance(one, list) for one in value.values()):
        value = [value]  # a single line
    if isinstance(value, dict):
        lists = [one for one, inside in value.items() if _is_table(inside)]
        if key is None and len(lists) != 1:
            raise ListError(f"{name}: expected a list of items, got an object; name the list by `field`")
        value = value.get(key or lists[0])
    if not _is_table(value):
        raise ListError(f"{name}: expected a list of items, each an object of fields")
    yield from enumerate(value, 1)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except pa.ArrowException as error:
        raise ListError(f"{show_text(str(path))}: not a Parquet file that can be read: {error}") from None
    yield from enumerate(rows, 1)
