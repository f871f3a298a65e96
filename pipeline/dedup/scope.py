"""Which documents are compared at all: those of one crawl, of one language, or all (`scope` of a recipe).

A document's crawl is Common Crawl's name for it, such as `CC-MAIN-2024-30`, or `""`: all inputs without a name are one
crawl. The name stands in the row's `warc_file`, where that has its path, else in the path of the row's input. A Common
Crawl file outside its crawl's folder does not tell: its name holds the time at which it was begun, and a crawl's number
is no calendar week of it. Of such a file only the year is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.settings import Scope

if TYPE_CHECKING:
    from pipeline.inputs import InputFile
    from pipeline.ledger import Receipt

Array = np.ndarray[Any, Any]

# Year and week, or for the oldest crawls one or two years; no digit may follow, as in the names of single files.
_CRAWL = re.compile(r"CC-MAIN-[0-9]{4}(?:-(?:[0-9]{4}|[0-9]{2}))?(?![0-9])")
_YEAR = r"^(?:CC-MAIN-)?(?P<year>[0-9]{4})(?:-|$)"
_FILE_YEAR = r"CC-MAIN-(?P<year>[0-9]{4})[0-9]{10}"


def crawl_of(path: str) -> str:
    """The crawl that a path, an address or a file's name speaks of, the last one where it names several, or `""`."""
    found = _CRAWL.findall(path)
    return found[-1] if found else ""


def crawl_labels(files: Iterable[InputFile]) -> dict[str, str]:
    """The crawl of each input, by its base name."""
    return {file.name: crawl_of(file.path) for file in files}


def shard_labels(extracted: Iterable[Receipt], files: Iterable[InputFile]) -> dict[str, str]:
    """The crawl of each shard's input, by the shard's name, from the receipts of `extract`."""
    labels = crawl_labels(files)
    # Its shards are ranges of one input, and the first thing that a shard is made from says which: `name:start-end`.
    return {receipt.shard: labels[receipt.inputs[0].name.rpartition(":")[0]] for receipt in extracted}


def crawls(table: pa.Table, crawl: str) -> pa.Array:
    """Each row's crawl, (n,) strings without nulls; `crawl` is that of the rows' input."""
    ours = pa.array([crawl] * table.num_rows, pa.string())
    if not _is_text(table, "warc_file"):
        return ours
    named = _mapped(table["warc_file"], crawl_of)
    return pc.coalesce(pc.if_else(pc.equal(named, ""), None, named), ours)


def scope_keys(table: pa.Table, scope: Scope, crawl: str) -> Array:
    """A key a row, (n,) of uint64, that its other keys are mixed with: documents of different keys never meet."""
    if scope == "global":
        return np.zeros(table.num_rows, np.uint64)
    return _hashed(crawls(table, crawl) if scope == "crawl" else table["language"])


def crawl_year(table: pa.Table, crawl: str) -> Array:
    """Each row's year, (n,) of int32: of its crawl, else of its `date`, else of its WARC file's name, else 0."""
    found = [_year(crawls(table, crawl), _YEAR)]
    if _is_text(table, "date"):
        found.append(_year(table["date"], _YEAR))
    if _is_text(table, "warc_file"):
        found.append(_year(table["warc_file"], _FILE_YEAR))
    return np.asarray(pc.coalesce(*found, pa.scalar(0, pa.int32())), np.int32)


def _is_text(table: pa.Table, name: str) -> bool:
    if name not in table.column_names:
        return False
    kind = table.schema.field(name).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _mapped(column: pa.ChunkedArray, change: Callable[[str], str]) -> pa.Array:
    """`change` of each text, called once for each that differs."""
    coded = _flat(column).dictionary_encode()
    changed = pa.array([change(text) for text in coded.dictionary.to_pylist()], pa.string())
    return changed.take(coded.indices)


def _hashed(column: pa.Array | pa.ChunkedArray) -> Array:
    from filters.hashing import hash_strings

    coded = _flat(column).dictionary_encode()
    # A null is a value of its own, unlike every text.
    hashes = hash_strings([*(f"={text}" for text in coded.dictionary.to_pylist()), ""])
    return np.asarray(hashes[np.asarray(pc.fill_null(coded.indices, len(hashes) - 1))], np.uint64)


def _year(column: pa.Array | pa.ChunkedArray, pattern: str) -> pa.Array:
    return pc.struct_field(pc.extract_regex(pc.utf8_trim_whitespace(_flat(column)), pattern), "year").cast(
        pa.int32()
    )
