"""What a run stored of each document, in memory: where it is from, how long it is, what decided about it.

Up to `LIMIT` documents all of them are read, from `documents/` and `dropped/`; of a larger run the stored sample
(`pipeline/signal_sample.py`), thinned by the same hash to at most `SAMPLE` rows. Texts are never read
here.

Only columns that rules, conditions and breakdowns need are held: some 8 bytes each for every document.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.interval import estimate
from pipeline.sums import StageSum, plain

if TYPE_CHECKING:
    from pipeline.ledger import Receipt
    from pipeline.recipe import Recipe
    from pipeline.report.run import Run
    from pipeline.store import Folder

LIMIT = 1_000_000  # documents that are answered for exactly
SAMPLE = 250_000  # rows of a larger run: a share is known within .2 % of all documents, and a slider answers at once
SHARDS = 50  # whose signals are read by one call of `advance`
FEW = 16  # pieces that a snapshot's columns may be in
BREAKDOWNS = ("language", "host", "domain", "crawl")
UNKNOWN = "(unknown)"
_PLACES = (
    "id",
    "url",
    "title",
    "warc_file",
    "warc_offset",
    "language",
    "language_score",
    "domain",
    "screened",
)
_HOST = r"^[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:]*)"
Array = np.ndarray[Any, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Documents:
    """A table of documents, or of a sample of them, and what is grouped by.

    Columns of `table`: id, url, title, host, language, crawl, domain (of documents that have one), bytes (of extracted
    text; 0 where a cheap look spared the page, null there in `extract_bytes`), kept (by the filters), reason, reasons,
    screened, fate (`dropped`,
    `removed`, `duplicate`, `corpus`, or `kept so far`), shard, and the signals that rules and conditions name.
    """

    table: pa.Table
    total: int  # documents that the filters decided so far
    share: float  # of them that are in the table; 1 where all are
    reading: bool  # more rows are to come
    cache: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Documents in the table."""
        return int(self.table.num_rows)

    @property
    def exact(self) -> bool:
        """True if the table holds every document, or will soon, so that counts need no interval."""
        return self.share == 1 and (self.reading or self.rows == self.total)

    def column(self, name: str) -> Array:
        """One column, (rows,); numbers as they were stored, NaN where null; text as objects."""
        if name not in self.cache:
            self.cache[name] = self.table.column(name).to_numpy()
        return self.cache[name]

    def codes(self, name: str) -> tuple[Array, list[str]]:
        """A column of labels as numbers, (rows,) of int64, and the label of each number."""
        key = f"codes {name}"
        if key not in self.cache:
            column = self.table.column(name).combine_chunks()
            coded = pc.fill_null(column, UNKNOWN).dictionary_encode()
            self.cache[key] = (
                np.asarray(coded.indices, np.int64),
                [label or UNKNOWN for label in coded.dictionary.to_pylist()],
            )
        return self.cache[key]

    def sums(self, name: str, chosen: Array, weights: Array | None = None) -> dict[str, int]:
        """How many of the chosen rows have each label, or the sum of their weights; labels with none are left out."""
        codes, labels = self.codes(name)
        picked = codes[chosen]
        found = np.bincount(
            picked, weights=None if weights is None else weights[chosen], minlength=len(labels)
        )
        return {labels[i]: int(found[i]) for i in np.flatnonzero(found)}

    @property
    def scale(self) -> float:
        """How many documents of the run one in the table stands for."""
        return 1.0 if self.exact else self.total / max(self.rows, 1)

    def estimated(self, count: int) -> tuple[int, int, int]:
        """A count in the table as one of all documents, and its 95 % interval."""
        rate = estimate(count, self.rows)
        return (
            round(rate.share * self.total),
            math.floor(rate.low * self.total),
            math.ceil(rate.high * self.total),
        )

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returns, made once for these documents and this key."""
        if key not in self.cache:
            self.cache[key] = make()
        found: T = self.cache[key]
        return found

    def among(self, kind: str, key: Hashable, most: int, make: Callable[[], T]) -> T:
        """As `once`, but only the last `most` keys of a kind are remembered: whoever asks chooses them."""
        whole = (kind, key)
        if whole not in self.cache:
            kept = [one for one in list(self.cache) if isinstance(one, tuple) and one[0] == kind]
            for old in kept[: max(0, len(kept) - most + 1)]:
                self.cache.pop(old, None)
        return self.once(whole, make)

    @cached_property
    def bytes(self) -> Array:
        """Bytes of extracted text, (rows,) of int64."""
        return np.asarray(self.table.column("bytes"), np.int64)

    @cached_property
    def kept(self) -> Array:
        """Which rows the filters kept, (rows,) of bool."""
        return np.asarray(self.table.column("kept"), np.bool_)


class Loading:
    """Reads the signals of a run a few shards at a time, as their receipts come."""

    def __init__(self, folder: Folder, recipe: Recipe) -> None:
        self.folder = folder
        self.signals = _signals(recipe)
        self.forget("filter")

    def forget(self, stage: str) -> None:
        """A stage was computed anew: what came from it is read again."""
        if stage in ("extract", "filter"):
            self._read_names: set[str] = set()
            self._tables: list[pa.Table] = []
            self._sampled = False
            self._modulus = 1
        if stage in ("extract", "filter", "dedup", "cut_lines", "corpus"):
            self._fate_names: set[str] = set()
            self._fates: list[pa.Table] = []

    @property
    def rows(self) -> int:
        """Rows read so far, of documents and of what became of them later."""
        return sum(part.num_rows for part in (*self._tables, *self._fates))

    def advance(self, sums: Mapping[str, StageSum]) -> bool:
        """Read the signals of a few more shards; True if there are others."""
        filtered = sums["filter"]
        if not self._sampled and plain(filtered, "in") > LIMIT:
            self.forget("filter")
            self._sampled = True
        if self._sampled:
            self._thin(plain(filtered, "in"))
        if len(self._read_names) < len(filtered):
            new = [receipt for receipt in filtered if receipt.name not in self._read_names]
            table = self._read(new[:SHARDS], sums)
            self._read_names |= {
                receipt.name for receipt in new[:SHARDS]
            }  # if that failed, it is tried again
            if table.num_rows:
                self._tables.append(table)
            if len(new) > SHARDS:
                return True
        return not self._sampled and self._read_fates(sums)

    def missing(self, sums: Mapping[str, StageSum]) -> str:
        """What is said where files of documents are gone, while others are there; nothing where all is well."""
        filtered, rows = sums["filter"], sum(table.num_rows for table in self._tables)
        if self._sampled or not rows or len(self._read_names) < len(filtered):
            return ""
        total = plain(filtered, "in")
        if rows == total:
            return ""
        return (
            f"{total - rows:,} of {total:,} documents are no longer in documents/ and dropped/: what is told of single "
            f"documents leaves them out; run `sluice repair {self.folder.url}`"
        )

    def _thin(self, documents: int) -> None:
        """Hold at most about `SAMPLE` rows for this many documents: fewer by the same hash."""
        from pipeline.signal_sample import SAMPLED

        modulus = self._modulus
        while documents > SAMPLE * SAMPLED * modulus:
            modulus *= 2
        if modulus > self._modulus:
            self._modulus = modulus
            self._tables = [self._thinned(table) for table in self._tables]

    def _thinned(self, table: pa.Table) -> pa.Table:
        from pipeline.signal_sample import is_sampled

        return table.filter(pa.array(is_sampled(table["id"].to_pylist(), self._modulus)))

    def snapshot(self, run: Run) -> Documents:
        """What has been read so far."""
        from pipeline.signal_sample import SAMPLED

        total = plain(run.closed["filter"], "in")
        if len(self._tables) > FEW:
            # Views pick rows, which in text of many pieces takes as long as copying all of it.
            self._tables = [pa.concat_tables(self._tables, promote_options="default").combine_chunks()]
        table = pa.concat_tables(self._tables, promote_options="default") if self._tables else _EMPTY
        reading = len(self._read_names) < len(run.closed["filter"])
        share = 1.0
        if self._sampled:
            share = 1 / (SAMPLED * self._modulus)
        if len(self._fates) > FEW:
            self._fates = [
                pa.concat_tables([one for one in self._fates if name in one.column_names]).combine_chunks()
                for name in ("kind", "domain")
                if any(name in one.column_names for one in self._fates)
            ]
        return Documents(_with_fates(table, self._fates, run), total, share, reading)

    def _crawls(self, receipts: Sequence[Receipt], sums: Mapping[str, StageSum]) -> list[str]:
        from pipeline.dedup.scope import shard_labels
        from pipeline.road import read_inputs

        if not hasattr(self, "_inputs"):
            self._inputs = read_inputs(self.folder)
        labels = shard_labels(sums["extract"], self._inputs)
        return [labels.get(receipt.shard, "") for receipt in receipts]

    def _read(self, receipts: Sequence[Receipt], sums: Mapping[str, StageSum]) -> pa.Table:
        wanted = ("signals",) if self._sampled else ("documents", "dropped")
        tables, rows = [], []
        for receipt in receipts:
            found = [
                self._columns(output.name, output.folder)
                for output in receipt.outputs
                if output.folder in wanted and output.rows and self.folder.exists(output.name)
            ]
            rows.append(sum(part.num_rows for part in found))
            table = pa.concat_tables(found, promote_options="default") if found else None
            if table is not None and not self._sampled and "warc_offset" in table.column_names:
                table = table.sort_by("warc_offset")
            tables += [table] if table is not None else []
        if not tables:
            return _EMPTY
        table = pa.concat_tables(tables, promote_options="default")
        shards = _repeated([receipt.shard for receipt in receipts], rows)
        table = _described(table, shards, _repeated(self._crawls(receipts, sums), rows))
        return (self._thinned(table) if self._sampled and self._modulus > 1 else table).combine_chunks()

    def _columns(self, name: str, under: str) -> pa.Table:
        from pipeline.store.parquet import read_some

        wanted = [*_PLACES, *self.signals, "extract_bytes", "extract_characters", "reason", "reasons", "kept"]
        table = read_some(self.folder, name, list(dict.fromkeys(wanted)))
        if under == "documents":
            table = table.append_column("kept", pa.array(np.ones(table.num_rows, np.bool_)))
        elif under == "dropped":
            table = table.append_column("kept", pa.array(np.zeros(table.num_rows, np.bool_)))
        return table

    def _read_fates(self, sums: Mapping[str, StageSum]) -> bool:
        """What became of documents after the filters: duplicates, and the domain of those in the corpus."""
        from pipeline.store.parquet import read_table

        wanted = {
            ("dedup", "duplicates"): ["id", "kind"],
            ("cut_lines", "duplicates"): ["id", "kind"],
            ("corpus", "corpus"): ["id", "domain"],
        }
        left = SHARDS
        for (stage, under), columns in wanted.items():
            for receipt in sums[stage]:
                if (key := f"{stage} {receipt.name}") in self._fate_names:
                    continue
                if not left:
                    return True
                left -= 1
                self._fates += [
                    read_table(self.folder, output.name, columns)
                    for output in receipt.outputs
                    if output.folder == under and output.rows and self.folder.exists(output.name)
                ]
                self._fate_names.add(key)
        return False


_EMPTY = pa.table(
    {
        "id": pa.array([], pa.string()),
        "url": pa.array([], pa.string()),
        "host": pa.array([], pa.string()),
        "language": pa.array([], pa.string()),
        "crawl": pa.array([], pa.string()),
        "bytes": pa.array([], pa.int64()),
        "kept": pa.array([], pa.bool_()),
        "reason": pa.array([], pa.string()),
        "reasons": pa.array([], pa.list_(pa.string())),
        "screened": pa.array([], pa.string()),
        "shard": pa.array([], pa.string()),
    }
)


def _signals(recipe: Recipe) -> list[str]:
    """The columns that rules and conditions name."""
    if recipe.filters is None:
        return []
    chain = recipe.chain({})
    names = [rule.signal for _, rule in chain.rules]
    names += [rule.signal for rules in chain.languages.values() for rule in rules]
    names += [column for guard in chain.guards.values() for column in guard.columns]
    return list(dict.fromkeys(names))


def _repeated(labels: Sequence[str], times: Sequence[int]) -> pa.Array:
    """Each label as often as is said, (sum of times,) of strings."""
    return pa.array(labels, pa.string()).take(pa.array(np.repeat(np.arange(len(labels)), times)))


def _described(table: pa.Table, shards: pa.Array, crawl: pa.Array) -> pa.Table:
    """With what is grouped by, and without what that was made from."""
    from pipeline.dedup.scope import crawls

    rows = table.num_rows
    nothing = pa.nulls(rows, pa.string())
    if "extract_bytes" in table.column_names:
        sizes = pc.fill_null(table["extract_bytes"], 0).cast(pa.int64())
    else:
        sizes = pc.fill_null(table["extract_characters"], 0).cast(pa.int64())
    columns: dict[str, Any] = {
        "host": hosts(table["url"].cast(pa.string())),
        "crawl": pc.if_else(pc.equal(own := crawls(table, ""), ""), crawl, own),
        "bytes": sizes,
        "shard": shards,
    }
    if "reason" not in table.column_names:
        columns["reason"] = nothing
        columns["reasons"] = pa.nulls(rows, pa.list_(pa.string()))
    if "screened" not in table.column_names:
        columns["screened"] = nothing
    for name, column in columns.items():
        table = table.append_column(name, column)
    return table.drop_columns([name for name in ("warc_file",) if name in table.column_names])


def hosts(urls: pa.ChunkedArray) -> pa.ChunkedArray:
    """The host of each address, in lower case, without port and name of a user; null where there is none."""
    found = pc.struct_field(pc.extract_regex(urls, _HOST), "host")
    lower = pc.utf8_lower(found)
    return pc.if_else(pc.equal(lower, ""), None, lower)


def _with_fates(table: pa.Table, later: list[pa.Table], run: Run) -> pa.Table:
    """With what became of every document as far as the run is, and the domain of those in the corpus."""
    from pipeline.stats import REMOVING

    kept = table["kept"]
    removed = pa.array([f"{name}." for name, _ in REMOVING.values()])
    reason = pc.fill_null(table["reason"], "")
    by_removal = pc.or_(*(pc.starts_with(reason, prefix.as_py()) for prefix in removed))
    repeated = [part["id"] for part in later if "kind" in part.column_names]
    ids = pa.chunked_array([chunk for part in repeated for chunk in part.chunks], pa.string())
    duplicate = pc.is_in(table["id"], value_set=ids.combine_chunks()) if len(ids) else pa.scalar(False)
    last = "corpus" if "corpus" in run.ended and "corpus" not in run.open else "kept so far"
    fate = pc.if_else(
        kept,
        pc.if_else(duplicate, "duplicate", last),
        pc.if_else(by_removal, "removed", "dropped"),
    )
    table = table.append_column("fate", fate)
    if "domain" in table.column_names:
        return table
    labelled = [part for part in later if "domain" in part.column_names]
    if not labelled:
        return table.append_column("domain", pa.nulls(table.num_rows, pa.string()))
    joined = pa.concat_tables(labelled)
    at = pc.index_in(table["id"], value_set=joined["id"].combine_chunks())
    return table.append_column("domain", joined["domain"].combine_chunks().take(at))
