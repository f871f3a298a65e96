"""Choosing pages before they are downloaded: a condition over Common Crawl's columnar index, joined with host ranks.

The index is Parquet in the layout of cc-index-table (`url`, `url_host_name`, `content_digest`, `fetch_status`,
`warc_filename`, `warc_record_offset`, ...), the ranks a file of the web graphs (`harmonicc_pos`, `pr_pos`, `host_rev`).
Arrow reads the files that were named, DuckDB sees their rows and nothing else: it is told to open no file, load no
extension and take no further setting before it hears the condition.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import UsageError
from pipeline.fetch.cdx import Unread, Wanted, wanted
from pipeline.fetch.condition import check, one_line

_NEEDED = ("url", "warc_filename", "warc_record_offset", "warc_record_length")
_RANKS = ("harmonicc_pos", "harmonicc_val", "pr_pos", "pr_val")
_CLOSED = (
    "enable_external_access = false",
    "autoinstall_known_extensions = false",
    "autoload_known_extensions = false",
    "python_enable_replacements = false",
    "TimeZone = 'UTC'",
    "lock_configuration = true",
)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What pages are wanted. `index`: Parquet files, folders, globs, URLs; `hosts`: a ranks file; `crawl`: no other."""

    where: str
    index: tuple[str, ...]
    hosts: str | None = None
    crawl: str | None = None
    limit: int | None = None
    seed: int = 0


def select(question: Question) -> list[Wanted | Unread]:
    """The records of the pages that the condition holds for, by file and offset.

    With a `limit` those of them that come first by a hash of the seed and the place of the record: spread over the
    index, the same every time, and among those of a higher limit. Raises UsageError with one line for a condition or an
    index that cannot be used.
    """
    import duckdb

    with closed_database() as connection:
        try:
            return _select(connection, question)
        except duckdb.Error as error:
            raise UsageError(f"--where: {one_line(str(error))}") from error


@contextmanager
def closed_database() -> Iterator[Any]:
    """A database in memory that opens no file, no address and no extension, whatever it is told from now on."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        for setting in _CLOSED:
            connection.execute(f"SET {setting}")
        yield connection


def _select(connection: Any, question: Question) -> list[Wanted | Unread]:
    condition = check(question.where, connection)
    pages = _pages(question.index)
    columns = set(pages.schema.names)
    absent = [name for name in _NEEDED if name not in columns]
    if absent:
        raise UsageError(
            f"--index {question.index[0]}: no column {absent[0]}: not laid out as cc-index-table"
        )
    connection.register("pages", pages)
    source = "pages"
    if question.hosts is not None:
        source = _ranked(connection, question.hosts, columns)
    return _rows(connection, question, condition, source, columns)


def _rows(
    connection: Any, question: Question, condition: str, source: str, columns: set[str]
) -> list[Wanted | Unread]:
    kind = connection.execute(f"SELECT typeof({condition}) FROM {source} LIMIT 1").fetchone()
    if kind is not None and kind[0] not in ("BOOLEAN", '"NULL"'):
        raise UsageError(f"--where: the expression is a {kind[0]}, not true or false")
    digest = "content_digest" if "content_digest" in columns else "NULL"
    mime = "content_mime_type" if "content_mime_type" in columns else "NULL"
    place = "warc_filename, warc_record_offset, warc_record_length"
    query = (
        f"SELECT warc_filename, warc_record_offset, warc_record_length, {digest}, url, {mime} FROM {source} "
        f"WHERE {condition} AND ($crawl IS NULL OR starts_with(warc_filename, $crawl))"
    )
    values: dict[str, Any] = {"crawl": f"crawl-data/{question.crawl}/" if question.crawl else None}
    if question.limit is not None:
        drawn = "md5(concat_ws(chr(10), $seed, warc_filename, warc_record_offset))"
        query += f" ORDER BY {drawn}, {place}, url LIMIT $limit"
        values |= {"seed": question.seed, "limit": question.limit}
    rows = connection.execute(f"SELECT * FROM ({query}) ORDER BY {place}, url", values).fetchall()
    return [_one(number, row) for number, row in enumerate(rows, 1)]


def _one(number: int, row: tuple[Any, ...]) -> Wanted | Unread:
    file, offset, length, digest, url, mime = row
    try:
        return wanted(str(file), offset, length, digest, url, mime)
    except ValueError as error:
        return Unread(line=number, why=str(error))


def _pages(index: Sequence[str]) -> Any:
    """The rows of the index, not read yet."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    found = [file for one in index for file in _files(one)]
    remote = [file for file in found if "://" in file]
    if remote and len({file.partition("://")[0] for file in found}) > 1:
        raise UsageError("--index: files of one place, not of several")
    filesystem = None
    if remote:
        import fsspec
        from pyarrow.fs import FSSpecHandler, PyFileSystem

        store, _ = fsspec.core.url_to_fs(found[0])
        filesystem = PyFileSystem(FSSpecHandler(store))
        found = [store._strip_protocol(file) for file in found]
    try:
        return ds.dataset(found, format="parquet", filesystem=filesystem)
    except FileNotFoundError as error:
        raise UsageError(f"--index {index[0]}: not there, or not to be reached") from error
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"--index {index[0]}: {one_line(str(error))}") from error


def _files(one: str) -> list[str]:
    if "://" in one and not one.startswith("file://"):
        if not any(mark in one for mark in "*?["):
            return [one]
        import fsspec

        try:
            store, path = fsspec.core.url_to_fs(one)
            found = sorted(store.unstrip_protocol(name) for name in store.glob(path))
        except (OSError, ImportError, ValueError) as error:
            raise UsageError(f"--index {one}: {error}") from error
    else:
        path = one.removeprefix("file://")
        if Path(path).is_dir():
            found = sorted(map(str, Path(path).rglob("*.parquet")))
        else:
            found = [path] if Path(path).exists() else sorted(glob.glob(path, recursive=True))  # noqa: PTH207
    if not found:
        raise UsageError(f"--index {one}: no such Parquet file")
    return found


def _ranked(connection: Any, hosts: str, columns: set[str]) -> str:
    """Join the pages with a ranks file; of it only the hosts of the pages are kept in memory."""
    import pyarrow as pa

    reader, domains = _ranks(hosts)
    column = "url_host_registered_domain" if domains else "url_host_name"
    if column not in columns:
        raise UsageError(f"--hosts {hosts}: needs the index' column {column}, which is not there")
    # The graphs leave out a leading `www.`.
    bare = f"regexp_replace(lower({column}), '^www\\.', '')"
    connection.register("ranks", reader)
    names = ", ".join(f"min({name}) AS {name}" for name in _RANKS)
    try:
        connection.execute(
            f"CREATE TEMP TABLE ranked AS SELECT host, {names} FROM ("
            "SELECT regexp_replace(array_to_string(list_reverse(string_split(host_rev, '.')), '.'), '^www\\.', '') "
            f"AS host, {', '.join(_RANKS)} FROM ranks) "
            f"WHERE host IN (SELECT DISTINCT {bare} FROM pages) GROUP BY host"
        )
    except pa.ArrowException as error:
        raise UsageError(f"--hosts {hosts}: {one_line(str(error))}") from error
    ranks = ", ".join(f"ranked.{name}" for name in _RANKS)
    return f"(SELECT pages.*, {ranks} FROM pages LEFT JOIN ranked ON ranked.host = {bare}) AS joined"


def _ranks(path: str) -> tuple[Any, bool]:
    """(rows of a ranks file in batches, whether it ranks domains): tab-separated, `#` before the columns' names."""
    import pyarrow as pa
    import pyarrow.csv as csv

    from pipeline.inputs import open_input

    types = {
        "harmonicc_pos": pa.int64(),
        "harmonicc_val": pa.float64(),
        "pr_pos": pa.int64(),
        "pr_val": pa.float64(),
        "host_rev": pa.string(),
    }
    try:
        file = pa.input_stream(open_input(path), compression="gzip" if path.endswith(".gz") else None)
        rows = csv.open_csv(
            file,
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types={f"#{name}": kind for name, kind in types.items()}
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"--hosts {path}: {one_line(str(error))}") from error
    names = [name.lstrip("#") for name in rows.schema.names]
    absent = [name for name in types if name not in names]
    if absent:
        raise UsageError(f"--hosts {path}: no column {absent[0]}: not a ranks file of the web graphs")

    def batches() -> Iterator[Any]:
        for batch in rows:
            yield pa.RecordBatch.from_arrays(
                [batch.column(names.index(name)).cast(kind) for name, kind in types.items()], list(types)
            )

    schema = pa.schema(list(types.items()))
    return pa.RecordBatchReader.from_batches(schema, batches()), "n_hosts" in names
