"""Which documents repeat which, in memory: all clusters of a run, of a large one the largest.

Of a run whose clusters hold more than `LIMIT` documents, those documents are listed that stand for the most others, as
many as have `LIMIT` documents together, and the copies of these alone. That needs all lists of clusters before the
first list of copies, so it waits until they are complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sums import StageSum

if TYPE_CHECKING:
    from pipeline.ledger import Receipt
    from pipeline.store import Folder

LIMIT = 1_000_000  # documents in clusters that are held
SHARDS = 50  # whose lists are read by one call of `advance`
SOME = 20  # copies of each list that are held of clusters with more than `LIMIT` documents

_ORDER = [("size", "descending"), ("id", "ascending")]
_KEPT = pa.schema(
    [("id", pa.string()), ("cluster", pa.string()), ("size", pa.int64()), ("shard", pa.string())]
)
_REMOVED = pa.schema(
    [
        ("id", pa.string()),
        ("duplicate_of", pa.string()),
        ("kind", pa.string()),
        ("similarity", pa.float64()),
        ("shard", pa.string()),
    ]
)


@dataclass(frozen=True)
class Clusters:
    """Documents that stand for others, and these others.

    `kept` has a row for every document that stays in a cluster: id, cluster (the id of its first member), size
    (documents that it stands for, itself included) and shard (of documents), the largest size first, then by id.
    `removed` has a row for every copy: id, duplicate_of (the one that stays), kind, similarity, shard.
    """

    kept: pa.Table
    removed: pa.Table
    total: int  # rows that `kept` would have with every cluster
    reading: bool  # lists are still unread

    @property
    def whole(self) -> bool:
        """True if every cluster is here."""
        return self.total == self.kept.num_rows and not self.reading

    def of(self, cluster: str) -> tuple[pa.Table, pa.Table]:
        """The rows of one cluster: of its documents that stay, and of their copies."""
        kept = self.kept.filter(pc.equal(self.kept["cluster"], cluster))
        return kept, self.copies(kept["id"])

    def copies(self, of: pa.ChunkedArray) -> pa.Table:
        """The rows of the copies of these documents."""
        return self.removed.filter(pc.is_in(self.removed["duplicate_of"], value_set=of.combine_chunks()))

    def shards(self, ids: list[str]) -> dict[str, str]:
        """The shard of each of these documents that lies in a cluster."""
        wanted = pa.array(ids, pa.string())
        tables = [
            table.filter(pc.is_in(table["id"], value_set=wanted)) for table in (self.kept, self.removed)
        ]
        return {
            row["id"]: row["shard"] for table in tables for row in table.select(["id", "shard"]).to_pylist()
        }


class ClusterLoading:
    """Reads the lists of clusters and copies a few shards at a time, as the receipts of `dedup` come."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.forget()

    def forget(self) -> None:
        """`dedup` was computed anew: everything is read again."""
        self._kept: list[pa.Table] = []
        self._removed: list[pa.Table] = []
        self._read: dict[str, set[str]] = {"clusters": set(), "duplicates": set()}
        self._small = True
        self._last: tuple[tuple[int, int], Clusters] | None = None
        self._rows = {"clusters": 0, "duplicates": 0}
        self._counted = 0  # receipts that they are of

    @property
    def rows(self) -> int:
        """Lists that were read so far, of both kinds."""
        return sum(map(len, self._read.values()))

    def advance(self, sums: Mapping[str, StageSum], closed: bool) -> bool:
        """Read a few more lists; True if there are others. `closed`: no receipt of `dedup` is to come."""
        found = sums["dedup"]
        if len(self._read["clusters"]) == len(self._read["duplicates"]) == len(found):
            return False
        self._rows = (
            self._rows
            if self._counted == len(found)
            else {
                under: sum(one.rows for receipt in found for one in receipt.outputs if one.folder == under)
                for under in self._read
            }
        )
        self._counted = len(found)
        small = sum(self._rows.values()) <= LIMIT
        if self._small and not small:
            self._removed, self._read["duplicates"], self._small = [], set(), False
        new = [receipt for receipt in found if receipt.name not in self._read["clusters"]]
        for receipt in new[:SHARDS]:
            self._kept += self._lists(receipt, "clusters", _KEPT)
            self._read["clusters"].add(receipt.name)
        if len(new) > SHARDS:
            if not self._small and sum(table.num_rows for table in self._kept) > 2 * LIMIT:
                self._kept = [_largest(self._kept)]
            return True
        if new and not self._small:
            self._kept = [_largest(self._kept)]
        return (self._small or closed) and self._read_copies(found)

    def _read_copies(self, found: StageSum) -> bool:
        new = [receipt for receipt in found if receipt.name not in self._read["duplicates"]]
        for receipt in new[:SHARDS]:
            for table in self._lists(receipt, "duplicates", _REMOVED):
                self._removed += [table] if self._small else self._of_largest(table)
            self._read["duplicates"].add(receipt.name)
        return len(new) > SHARDS

    def _of_largest(self, copies: pa.Table) -> list[pa.Table]:
        """The copies of documents that are held: all, or where one alone has more than `LIMIT` the first `SOME`."""
        (kept,) = self._kept
        huge = pc.greater(kept["size"], LIMIT)
        few, all_ = (
            copies.filter(
                pc.is_in(copies["duplicate_of"], value_set=kept.filter(which)["id"].combine_chunks())
            )
            for which in (huge, pc.invert(huge))
        )
        return [all_, few.slice(0, SOME)]

    def _lists(self, receipt: Receipt, under: str, schema: pa.Schema) -> list[pa.Table]:
        from pipeline.store.parquet import read_table

        tables = []
        for output in receipt.outputs:
            if output.folder == under and output.rows and self.folder.exists(output.name):
                table = read_table(self.folder, output.name)
                shard = output.name.rpartition("/")[2].rpartition("-")[0]
                column = pa.array([shard], pa.string()).take(pa.array(np.zeros(table.num_rows, np.int64)))
                tables.append(table.append_column("shard", column).select(schema.names).cast(schema))
        return tables

    def snapshot(self, sums: Mapping[str, StageSum]) -> Clusters:
        """What has been read so far."""
        now = (self.rows, len(sums["dedup"]))
        if self._last is None or self._last[0] != now:
            self._last = (now, self._gathered(reading=len(self._read["duplicates"]) < now[1]))
        return self._last[1]

    def _gathered(self, reading: bool) -> Clusters:
        kept = pa.concat_tables([_KEPT.empty_table(), *self._kept])
        return Clusters(
            kept=kept.sort_by(_ORDER),
            removed=pa.concat_tables([_REMOVED.empty_table(), *self._removed]),
            total=self._rows["clusters"],
            reading=reading,
        )


def _largest(tables: list[pa.Table]) -> pa.Table:
    """The rows of the largest sizes that have at most `LIMIT` documents together, of equal sizes the first by id.

    A cluster that alone has more does not crowd out the others: few of its copies are held.
    """
    whole = pa.concat_tables([_KEPT.empty_table(), *tables]).sort_by(_ORDER).combine_chunks()
    sizes = whole["size"].to_numpy()
    documents = np.cumsum(np.where(sizes > LIMIT, 1, sizes))
    rows = int(np.searchsorted(documents, LIMIT, side="right"))
    return whole.take(pa.array(np.arange(rows)))  # a slice would hold on to all of them
