"""What the published documents say of themselves, from their Parquet footers and two small columns.

The ledger counts languages before the filters and no licences; a column of labels is a few bytes a row group, and
footers hold the least and the greatest date.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.extraction.facts import day

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.ledger import Output, Receipt
    from pipeline.report.run import Run
    from pipeline.store import Folder

NONE_STATED = "none stated"
_OTHER = "another one"
_READERS = 8  # files at once: on an object store each takes several requests
_COLUMNS = ("language", "license")


@dataclass
class Contents:
    """The published files of one public folder."""

    under: str  # the folder
    outputs: list[Output]  # that are there
    gone: int = 0  # files that the ledger names and that are not there
    rows: int = 0
    size: int = 0  # bytes of the files
    unpacked: int = 0  # bytes of all pages, decompressed
    languages: Counter[str] = field(default_factory=Counter)  # documents by label
    licenses: Counter[str] = field(default_factory=Counter)  # documents by the first licence that they state
    first: str | None = None  # day on which the oldest page was crawled, YYYY-MM-DD
    last: str | None = None
    schema: pa.Schema | None = None  # None where the files do not share one
    strays: bool = False  # the folder holds other files, too


@dataclass
class _Part:
    schema: Any
    unpacked: int
    dates: list[str]
    columns: dict[str, Counter[str | None]]


def contents(run: Run) -> Contents | None:
    """What the corpus holds, or as long as there is none the documents that passed the filters; None without files."""
    for stage, under in (("corpus", "corpus"), ("filter", "documents")):
        if run.closed[stage]:
            return _read(run, under, run.closed[stage])
    return None


def _read(run: Run, under: str, receipts: Sequence[Receipt]) -> Contents | None:
    named = [output for one in receipts for output in one.outputs if output.folder == under]
    there = set(run.folder.names(under))
    outputs = [one for one in named if one.name.rpartition("/")[2] in there]
    if not outputs:
        return None
    found = Contents(under, outputs, gone=len(named) - len(outputs))
    found.strays = len(there) > len(outputs)
    dates: list[str] = []
    with ThreadPoolExecutor(_READERS) as pool:
        parts = list(pool.map(lambda output: _part(run.folder, output), outputs))
    for output, part in zip(outputs, parts, strict=True):
        found.rows += output.rows
        found.size += output.bytes
        found.unpacked += part.unpacked
        dates += part.dates
        for label, number in part.columns["language"].items():
            found.languages[label or "und"] += number
        for stated, number in part.columns["license"].items():
            found.licenses[license_name(stated)] += number
    days = sorted(filter(None, map(day, dates)))
    if days and len(days) == len(dates):
        found.first, found.last = days[0], days[-1]
    if all(part.schema.equals(parts[0].schema) for part in parts):
        found.schema = parts[0].schema
    return found


def _part(folder: Folder, output: Output) -> _Part:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with folder.open(output.name) as file:
            reader = pq.ParquetFile(file, page_checksum_verification=True)
            names = [name for name in _COLUMNS if name in reader.schema_arrow.names]
            table = reader.read(columns=names, use_threads=False)
            metadata = reader.metadata
            schema = reader.schema_arrow.remove_metadata()
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{folder.url}/{output.name} is damaged: run `sluice repair {folder.url}`") from error
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    return _Part(
        schema=schema,
        unpacked=sum(group.total_byte_size for group in groups),
        dates=_ends([group.column(paths.index("date")) for group in groups]) if "date" in paths else [],
        columns={name: _counted(table, name, metadata.num_rows) for name in _COLUMNS},
    )


def _ends(chunks: Sequence[Any]) -> list[str]:
    """The least and the greatest value of each chunk of a column, as its statistics say; `[""]` if one has none."""
    found: list[str] = []
    for chunk in chunks:
        statistics = chunk.statistics
        if statistics is not None and statistics.has_min_max:
            found += [str(statistics.min), str(statistics.max)]
        elif statistics is None or statistics.null_count != chunk.num_values:
            return [""]
    return found


def _counted(table: pa.Table, name: str, rows: int) -> Counter[str | None]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = table.schema.field(name).type if name in table.column_names else pa.null()
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return Counter({None: rows})
    return Counter({one["values"]: one["counts"] for one in pc.value_counts(table[name]).to_pylist()})


def license_name(stated: str | None) -> str:
    """The first licence of a page's statement by its name, where it is a Creative Commons one; nothing else of it."""
    if not stated or not stated.strip():
        return NONE_STATED
    found = _creative_commons().match(stated.split()[0].lower())
    if found is None:
        return _OTHER
    terms, version, tool = found.group("terms"), found.group("version"), found.group("tool")
    if tool:
        return "CC0 1.0" if tool == "zero" else "Public Domain Mark 1.0"
    return f"CC {terms.upper()} {version}" if version else f"CC {terms.upper()}"


@cache
def _creative_commons() -> Any:
    import re2

    return re2.compile(
        r"https?://(?:www\.)?creativecommons\.org/(?:licenses/(?P<terms>by(?:-nc)?(?:-sa|-nd)?)"
        r"(?:/(?P<version>1\.0|2\.0|2\.1|2\.5|3\.0|4\.0))?|publicdomain/(?P<tool>zero|mark))(?:[/?]|$)"
    )
