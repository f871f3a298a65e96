"""The decisions that a run made, shard by shard: id, address and fate of every document, and never its text."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.extracted import BYTES_SIGNAL
from pipeline.compare.answer import Side
from pipeline.errors import UserError
from pipeline.ledger import Ledger
from pipeline.recipe import Recipe, read_resolved
from pipeline.road import active_stages, read_inputs
from pipeline.stats import REMOVING, require_run, stats
from pipeline.store import Folder
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
_GIVEN_UP = "failed.shard_given_up"
_REPEATED_ID = "duplicate_id"  # a kind of failure
_DECIDE_DUPLICATES = ("dedup", "cut_lines")


class RunSide:
    """One run as a side of a comparison."""

    def __init__(self, folder: Folder) -> None:
        """Read the ledger; raises UserError if this is no run or its filters are not through."""
        require_run(folder)
        self.folder, self.ledger = folder, Ledger(folder)
        self.recipe: Recipe = read_resolved(folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml")
        self.files = tuple(read_inputs(folder))
        self.counts = stats(folder)
        filtered = self.ledger.manifest("filter")
        if filtered is None and (self.recipe.filters is not None or self.ledger.manifest("extract") is None):
            raise UserError(f"{folder.url} has not been filtered to the end yet: run it first")
        # The folder of what passed the filters; without filters everything did.
        self.passed = "documents" if filtered is not None else "extracted"
        self.shards = [receipt.shard for receipt in self.ledger.closed("extract")]
        if self.shards and not any(self.outputs(shard, self.passed) for shard in self.shards):
            raise UserError(
                f"{folder.url} has no list of its documents (a run of one stage keeps that stage's files alone): "
                "compare runs of `sluice run`"
            )

    @cached_property
    def reached(self) -> str:
        """`corpus` if duplicates are known, or the recipe looks for none; else `filters`."""
        active = active_stages(self.recipe, files=self.files)
        wanted = [name for name in _DECIDE_DUPLICATES if name in active]
        return "corpus" if all(self.ledger.manifest(name) for name in wanted) else "filters"

    @property
    def documents(self) -> int:
        """How many documents there are: all records but those that were skipped."""
        return int(self.counts["records"] - sum(self.counts["skipped"].values()))

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
            for receipt in self.ledger.closed(stage):
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

    @cached_property
    def _given_up(self) -> dict[str, set[str]]:
        manifests = {stage: self.ledger.manifest(stage) for stage in ("filter", "corpus")}
        return {
            stage: {one.shard for one in manifest.given_up} if manifest else set()
            for stage, manifest in manifests.items()
        }

    def rows(self, number: int, level: str) -> pa.Table:
        """The documents of a shard as `ROWS`, by the decisions of the filters alone or (`corpus`) of all stages."""
        shard = self.shards[number]
        parts = self.failed(shard)
        columns = ["id", "url", "reason", BYTES_SIGNAL.column]
        if (dropped := self.read(shard, "dropped", columns)) is not None:
            parts.append(as_rows(dropped, fates_of(dropped["reason"]), dropped["reason"]))
        if (passed := self.read(shard, self.passed, columns)) is not None:
            parts.append(self._kept(shard, passed, level))
        return numbered(pa.concat_tables(parts), number)

    def failed(self, shard: str) -> list[pa.Table]:
        """Documents that no filter has seen, as `ROWS`. A repeated id stands for its first document."""
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

    def _kept(self, shard: str, passed: pa.Table, level: str) -> pa.Table:
        """What passed the filters, without duplicates where these count."""
        if level == "filters":
            return as_rows(passed, "kept")
        if shard in self._given_up["corpus"]:
            rows = as_rows(passed, "failed", _GIVEN_UP)
        else:
            rows = as_rows(passed, "corpus", tokens=self._tokens(shard, passed["id"]))
        repeated = self.read(shard, "duplicates", ["id", "kind"])
        if repeated is None or not repeated.num_rows:
            return rows
        at = pc.index_in(passed["id"].combine_chunks(), value_set=repeated["id"].combine_chunks())
        kinds = pc.binary_join_element_wise("duplicate", repeated["kind"], ".").take(at)
        is_one = pc.is_valid(at)
        columns = {
            "fate": pc.if_else(is_one, "duplicate", rows["fate"]),
            "reason": pc.if_else(is_one, kinds, rows["reason"]),
        }
        for name, values in columns.items():
            rows = rows.set_column(ROWS.get_field_index(name), ROWS.field(name), values)
        return rows

    def _tokens(self, shard: str, ids: pa.ChunkedArray) -> Any:
        encoded = self.read(shard, "tokens", ["id", "length"])
        if encoded is None:
            return None
        return encoded["length"].take(
            pc.index_in(ids.combine_chunks(), value_set=encoded["id"].combine_chunks())
        )

    @property
    def tokenized(self) -> bool:
        """Whether tokens are known."""
        return self.ledger.manifest("tokens") is not None

    def details(self, number: int, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By id all that is stored of documents of a shard that did not get through."""
        wanted = pa.array(ids, pa.string())
        found: dict[str, dict[str, Any]] = {}
        for under in ("duplicates", "dropped", "failed"):
            table = self.read(self.shards[number], under)
            if table is not None:
                rows = table.filter(pc.is_in(table["id"], value_set=wanted)).to_pylist()
                found |= {row["id"]: row for row in rows}
        return found

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
    """Documents as `ROWS`, all in shard 0; fate, reason and tokens are one value for all or a column."""
    size = table.num_rows

    def column(name: str, value: Any) -> Any:
        kind = ROWS.field(name).type
        if value is None or isinstance(value, str | int):
            return pa.repeat(pa.scalar(value, kind), size)
        return value.cast(kind)

    measured = table[BYTES_SIGNAL.column] if BYTES_SIGNAL.column in table.column_names else None
    values = (table["id"], table["url"], fate, reason, measured, tokens, 0)
    arrays = [column(name, value) for name, value in zip(ROWS.names, values, strict=True)]
    return pa.table(arrays, schema=ROWS)


def numbered(rows: pa.Table, number: int) -> pa.Table:
    """Rows of the shard of that number."""
    column = pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)
    return rows.set_column(ROWS.get_field_index("shard"), ROWS.field("shard"), column)
