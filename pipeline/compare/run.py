"""The decisions that a run made, shard by shard: id, address and fate of every document, and never its text."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.cascade import COLUMNS, REASON
from filters.extracted import BYTES_SIGNAL
from pipeline.compare.answer import Side
from pipeline.errors import UserError
from pipeline.ledger import Ledger, Receipt
from pipeline.report.run import Run
from pipeline.road import active_stages
from pipeline.screened import Pages, pages
from pipeline.signal_sample import FOLDER
from pipeline.stats import REMOVING
from pipeline.store.parquet import read_table, schema_of

# What is compared of a document. `shard` counts from 0 in plan order.
ROWS = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("fate", pa.string()),
        ("reason", pa.string()),
        ("bytes", pa.int64()),
        ("tokens", pa.int64()),
        ("shard", pa.int32()),
    ]
)
EXACT = 1_000_000  # documents a side that are compared one by one
_BASE = ("id", "url", "reason", REASON, BYTES_SIGNAL.column)
_OF_DROPPED = ("reason", REASON)
_GIVEN_UP = "failed.shard_given_up"
_REPEATED_ID = "duplicate_id"  # a kind of failure
_DECIDE_DUPLICATES = ("dedup", "cut_lines")


@dataclass(frozen=True)
class Held:
    """All documents of a run in memory, or a sample of them, whoever holds them.

    `table` has what `RunSide.tables` hands out, `shard` by its name, and may have more; `pages` is what the cascade did
    with its rows. `share` of the documents that the filters decided is held: below 1, `pipeline.signal_sample` chose.
    """

    table: pa.Table
    pages: Callable[[], Pages]
    share: float = 1.0


class RunSide:
    """One run as a side of a comparison. What is read of a run of at most `EXACT` documents is kept."""

    def __init__(self, run: Run, held: Held | None = None) -> None:
        """Raises UserError if the run's filters are not through. Documents that are not `held` are read from files."""
        self.run, self.folder, self.recipe, self.counts = run, run.folder, run.recipe, run.counts
        self.ledger, self.files = Ledger(run.folder), tuple(run.inputs)
        filtered = self._is_closed("filter")
        if not filtered and (self.recipe.filters is not None or not self._is_closed("extract")):
            raise UserError(f"{self.folder.url} has not been filtered to the end yet: run it first")
        # The folder of what passed the filters; without filters everything did.
        self.passed = "documents" if filtered else "extracted"
        self.shards = [receipt.shard for receipt in self._closed("extract")]
        self._held = held if filtered else None
        if (
            self.share == 1
            and self.shards
            and not any(self.outputs(shard, self.passed) for shard in self.shards)
        ):
            raise UserError(
                f"{self.folder.url} has no list of its documents (a run of one stage keeps that stage's files alone): "
                "compare runs of `sluice run`"
            )
        self._rows: dict[str, list[pa.Table]] = {}
        self._failed: dict[int, pa.Table] = {}
        if self._held is not None:
            table = self._held.table
            numbers = pc.index_in(table["shard"], value_set=pa.array(self.shards, pa.string()))
            table = table.set_column(table.schema.get_field_index("shard"), "shard", numbers)
            stored = {*_BASE, "shard", *self.columns}
            self._table = table.select([name for name in table.column_names if name in stored])

    def _is_closed(self, stage: str) -> bool:
        return stage not in self.run.open and (stage in self.run.ended or bool(self.run.closed[stage]))

    def _closed(self, stage: str) -> Sequence[Receipt]:
        return self.run.closed[stage] if self._is_closed(stage) else ()

    @property
    def held(self) -> bool:
        """Whether documents are in memory, as one table."""
        return self._held is not None

    @property
    def share(self) -> float:
        """Of the documents that the filters decided, the share that is compared: 1, or that of the sample held."""
        return 1.0 if self._held is None else self._held.share

    @cached_property
    def reached(self) -> str:
        """`corpus` if duplicates are known, or the recipe looks for none; else `filters`."""
        active = active_stages(self.recipe, files=self.files)
        wanted = [name for name in _DECIDE_DUPLICATES if name in active]
        return "corpus" if all(self._is_closed(name) for name in wanted) else "filters"

    @property
    def documents(self) -> int:
        """How many documents there are: all records but those that were skipped."""
        return int(self.counts["records"] - sum(self.counts["skipped"].values()))

    @property
    def decided(self) -> int:
        """How many of them the filters decided."""
        return self.documents - sum(self.counts["failed"].values())

    @cached_property
    def columns(self) -> list[str]:
        """The columns that are stored of documents, the text apart; of a sample those that are held."""
        held = self._held.table.column_names if self._held is not None and self.share < 1 else None
        for shard in self.shards:
            for name in self.outputs(shard, self.passed if held is None else FOLDER):
                there = [one for one in schema_of(self.folder, name).names if one != "text"]
                return there if held is None else [one for one in there if one in held]
        return []

    @cached_property
    def versions(self) -> dict[str, int]:
        """By filter, the version that measured the run, as its manifest says."""
        manifest = self.ledger.manifest("filter")
        chain = manifest.settings.get("chain", []) if manifest is not None else []
        return {one["name"]: one["version"] for one in chain}

    def side(self) -> Side:
        """The run in a few words and counts, all from the ledger."""
        counts = self.counts
        fates = {
            name: sum(counts[name].values())
            for name in ("skipped", "failed", "dropped", "removed", "duplicates")
        }
        still = "corpus" if self.reached == "corpus" else "kept"
        return Side(
            name=self.folder.url,
            kind="run",
            recipe=self.recipe.name,
            digest=counts["digest"],
            reached=self.reached,
            fates={**fates, still: counts["corpus"]},
            records=counts["records"],
        )

    @cached_property
    def _outputs(self) -> dict[tuple[str, str], list[str]]:
        """Files by shard of documents and folder; those of duplicates are named after the shards they speak of."""
        found = defaultdict(list)
        for stage in ("extract", "filter", "dedup", "cut_lines", "corpus", "tokens"):
            for receipt in self._closed(stage):
                for output in receipt.outputs:
                    if output.name.endswith(".parquet"):
                        shard = output.name.rpartition("/")[2].rpartition("-")[0]
                        found[shard, output.folder].append(output.name)
        return found

    def outputs(self, shard: str, under: str) -> list[str]:
        """The files of a shard in a public folder, those that are still there."""
        return [name for name in self._outputs.get((shard, under), ()) if self.folder.exists(name)]

    def read(self, shard: str, under: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Rows of a shard in a public folder, columns that it lacks left out; None if nothing is there."""
        tables = []
        for name in self.outputs(shard, under):
            with self.reading():
                there = schema_of(self.folder, name).names
                wanted = [one for one in there if columns is None or one in columns]
                tables.append(read_table(self.folder, name, wanted))
        return pa.concat_tables(tables) if tables else None

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Damage becomes one line that says how to mend it."""
        try:
            yield
        except (OSError, pa.ArrowInvalid) as error:
            raise UserError(
                f"{self.folder.url} is damaged ({error}): run `sluice repair {self.folder.url}`"
            ) from error

    def _read_all(self, shards: Iterable[int], under: str, columns: Sequence[str]) -> pa.Table | None:
        tables = [self.read(self.shards[number], under, columns) for number in shards]
        there = [table for table in tables if table is not None]
        return pa.concat_tables(there, promote_options="default") if there else None

    def tables(self, columns: Sequence[str] | None, number: int | None = None) -> Iterator[pa.Table]:
        """Documents that the filters decided, each once, of all shards or of one, without texts.

        With id, url, reason (null where they kept it), what screened it, the bytes of its text as far as measured,
        the shard's number, and those of `columns` that are stored; all there are for None.
        """
        if self._held is not None and number is None and (columns is not None or self.share < 1):
            yield self._extended(self.columns if columns is None else columns)
            return
        for at in range(len(self.shards)) if number is None else (number,):
            if (table := self._of_shard(at, columns)) is not None:
                yield table

    def _of_shard(self, number: int, columns: Sequence[str] | None) -> pa.Table | None:
        wanted = self.columns if columns is None else columns
        parts = []
        for under in (self.passed, "dropped"):
            table = self.read(self.shards[number], under, [*_BASE, *wanted])
            if table is None:
                continue
            if under == self.passed:
                table = table.drop_columns([name for name in _OF_DROPPED if name in table.column_names])
            parts.append(table)
        if not parts:
            return None
        found = pa.concat_tables(parts, promote_options="default")
        for name in _OF_DROPPED:
            if name not in found.column_names:
                found = found.append_column(name, pa.nulls(found.num_rows, pa.string()))
        return found.append_column("shard", pa.repeat(pa.scalar(number, pa.int32()), found.num_rows))

    def _extended(self, columns: Sequence[str]) -> pa.Table:
        """What is held, with columns that it lacks read once."""
        table = self._table
        lacking = [name for name in dict.fromkeys(columns) if name not in table.column_names]
        lacking = [name for name in lacking if name in self.columns]
        if lacking:
            tables = [self._of_shard(number, lacking) for number in range(len(self.shards))]
            found = pa.concat_tables([one for one in tables if one is not None], promote_options="default")
            at = pc.index_in(table["id"].combine_chunks(), value_set=found["id"].combine_chunks())
            for name in lacking:
                table = table.append_column(name, found[name].combine_chunks().take(at))
            self._table = table
        return table

    def pages(self, table: pa.Table) -> Pages:
        """What the cascade did with documents as `tables` hands them out."""
        if self._held is not None and table.num_rows == self._table.num_rows:
            return self._held.pages()
        return pages(table, self._read_all(_numbers(table), "extracted", ["id", *COLUMNS]))

    @cached_property
    def _given_up(self) -> dict[str, set[str]]:
        return {
            stage: {one.shard for one in self.run.lost.get(stage, ())} if self._is_closed(stage) else set()
            for stage in ("filter", "corpus")
        }

    def rows(self, level: str) -> Iterator[pa.Table]:
        """All documents as `ROWS`, by the decisions of the filters alone or (`corpus`) of all stages."""
        if level in self._rows:
            yield from self._rows[level]
            return
        found = []
        for table in (*self.failed(), *map(partial(self._decided, level), self.tables(()))):
            found.append(table)
            yield table
        if self.documents <= EXACT:
            self._rows[level] = found

    def _decided(self, level: str, table: pa.Table) -> pa.Table:
        kept = table["reason"].is_null()
        dropped = table.filter(pc.invert(kept))
        rows = as_rows(dropped, fates_of(dropped["reason"]), dropped["reason"])
        return pa.concat_tables([rows, self._kept(table.filter(kept), level)])

    def failed(self) -> Iterator[pa.Table]:
        """Documents that no filter has seen, as `ROWS`. A repeated id stands for its first document.

        None of a sample, which is of documents that were judged.
        """
        for number in range(len(self.shards) if self.share == 1 else 0):
            found = self._failed.get(number)
            if found is None:
                found = numbered(pa.concat_tables(self._failures(self.shards[number])), number)
                if self.documents <= EXACT:
                    self._failed[number] = found
            yield found

    def _failures(self, shard: str) -> list[pa.Table]:
        parts = [ROWS.empty_table()]
        found = self.read(shard, "failed", ["id", "url", "kind"])
        if found is not None:
            named = pc.and_(pc.is_valid(found["id"]), pc.not_equal(found["kind"], _REPEATED_ID))
            found = found.filter(pc.fill_null(named, False))
            kinds = pc.binary_join_element_wise("failed", found["kind"], ".")
            parts.append(as_rows(found, "failed", kinds))
        if shard in self._given_up["filter"]:
            lost = self.read(shard, "extracted", ["id", "url"])
            parts += [as_rows(lost, "failed", _GIVEN_UP)] if lost is not None else []
        return parts

    def _kept(self, passed: pa.Table, level: str) -> pa.Table:
        """What passed the filters, without duplicates where these count."""
        if level == "filters":
            return as_rows(passed, "kept")
        shards = _numbers(passed)
        rows = as_rows(passed, "corpus", tokens=self._tokens(shards, passed["id"]))
        given_up = [number for number in shards if self.shards[number] in self._given_up["corpus"]]
        if given_up:
            lost = pc.is_in(passed["shard"], value_set=pa.array(given_up, pa.int32()))
            rows = _with(rows, lost, "failed", _GIVEN_UP)
        repeated = self._read_all(shards, "duplicates", ["id", "kind"])
        if repeated is None or not repeated.num_rows:
            return rows
        at = pc.index_in(passed["id"].combine_chunks(), value_set=repeated["id"].combine_chunks())
        kinds = pc.binary_join_element_wise("duplicate", repeated["kind"].combine_chunks(), ".").take(at)
        return _with(rows, pc.is_valid(at), "duplicate", kinds)

    def _tokens(self, shards: Sequence[int], ids: pa.ChunkedArray) -> Any:
        encoded = self._read_all(shards, "tokens", ["id", "length"])
        if encoded is None:
            return None
        at = pc.index_in(ids.combine_chunks(), value_set=encoded["id"].combine_chunks())
        return encoded["length"].combine_chunks().take(at)

    @property
    def tokenized(self) -> bool:
        """Whether tokens are known."""
        return self._is_closed("tokens")

    def details(self, number: int, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By id why documents of a shard did not get through: what rules compare, or what a failure says."""
        columns = ["id", "reasons", "language", "message", "duplicate_of", *self._signals]
        found: dict[str, dict[str, Any]] = {}
        for under in ("dropped", "duplicates", "failed"):
            wanted = pa.array([one for one in ids if one not in found], pa.string())
            table = self.read(self.shards[number], under, columns) if len(wanted) else None
            if table is not None:
                rows = table.filter(pc.is_in(table["id"], value_set=wanted)).to_pylist()
                found |= {row["id"]: row for row in rows}
        return found

    @cached_property
    def _signals(self) -> list[str]:
        if self.recipe.filters is None:
            return []
        chain = self.recipe.chain({})
        named = [[rule for _, rule in chain.rules], *chain.languages.values()]
        return list(dict.fromkeys(rule.signal for rules in named for rule in rules))

    def texts(self, number: int, ids: Sequence[str]) -> dict[str, str]:
        """Texts of documents of a shard by id: as edited where they passed the filters, else as extracted."""
        from pipeline.store.parquet import iterate

        found: dict[str, str] = {}
        for under in ("documents", "extracted"):
            for name in self.outputs(self.shards[number], under):
                wanted = pa.array([one for one in ids if one not in found], pa.string())
                if not len(wanted):
                    return found
                with self.reading():
                    for table in iterate(self.folder, name, ["id", "text"]):
                        chosen = table.filter(pc.is_in(table["id"], value_set=wanted)).to_pylist()
                        found |= {row["id"]: row["text"] for row in chosen if row["text"] is not None}
        return found


def fates_of(reasons: pa.ChunkedArray | pa.Array) -> Any:
    """`dropped`, or `removed` where the rule is one of what removes."""
    removing = [pc.starts_with(reasons, f"{name}.") for name, _ in REMOVING.values()]
    removed = removing[0]
    for one in removing[1:]:
        removed = pc.or_(removed, one)
    return pc.if_else(removed, "removed", "dropped")


def as_rows(table: pa.Table, fate: Any, reason: Any = None, tokens: Any = None) -> pa.Table:
    """Documents as `ROWS`; fate, reason and tokens are one value or a column, the shard 0 if none is told."""
    size = table.num_rows

    def column(name: str, value: Any) -> Any:
        kind = ROWS.field(name).type
        if value is None or isinstance(value, str | int):
            return pa.repeat(pa.scalar(value, kind), size)
        return value.cast(kind)

    there = table.column_names
    measured = table[BYTES_SIGNAL.column] if BYTES_SIGNAL.column in there else None
    shard = table["shard"] if "shard" in there else 0
    values = (table["id"], table["url"], fate, reason, measured, tokens, shard)
    arrays = [column(name, value) for name, value in zip(ROWS.names, values, strict=True)]
    return pa.table(arrays, schema=ROWS)


def numbered(rows: pa.Table, number: int) -> pa.Table:
    """Rows of the shard of that number."""
    column = pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)
    return rows.set_column(ROWS.get_field_index("shard"), ROWS.field("shard"), column)


def _with(rows: pa.Table, chosen: Any, fate: str, reason: Any) -> pa.Table:
    """`ROWS` with another fate and reason where chosen."""
    for name, value in (("fate", fate), ("reason", reason)):
        values = pc.if_else(chosen, value, rows[name])
        rows = rows.set_column(ROWS.get_field_index(name), ROWS.field(name), values)
    return rows


def _numbers(table: pa.Table) -> list[int]:
    found: list[int] = pc.unique(table["shard"]).to_pylist()
    return found
