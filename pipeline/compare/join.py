"""Rows of two sides joined and counted, in a database in memory that opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from pipeline.compare.answer import Alone, Cell, OtherReason, ReasonCount

PAIRS = 20  # of reasons that are named
_LIMITS = ("threads = 2", "memory_limit = '2GB'", "temp_directory = ''", "TimeZone = 'UTC'")
_CLOSED = (
    "enable_external_access = false",
    "autoinstall_known_extensions = false",
    "autoload_known_extensions = false",
    "python_enable_replacements = false",
    "lock_configuration = true",
)
_KEEP = "IN ('corpus', 'kept')"
# What a fate that is not known may be counted with is neither side's difference.
_DROP = "NOT IN ('corpus', 'kept', 'unknown')"
_COLUMNS = ", ".join(
    f"{side[0]}.{name} AS {side}_{name}"
    for side in ("left", "right")
    for name in ("id", "fate", "reason", "bytes", "tokens", "shard")
)
_JOINS = {
    "id": f"""SELECT {_COLUMNS} FROM lefts l JOIN rights r ON l.id = r.id AND l.url IS NOT DISTINCT FROM r.url""",
    "url": f"""
        WITH l AS (SELECT *, row_number() OVER (PARTITION BY url ORDER BY id) AS nth FROM lefts WHERE url <> ''),
             r AS (SELECT *, row_number() OVER (PARTITION BY url ORDER BY id) AS nth FROM rights WHERE url <> '')
        SELECT {_COLUMNS} FROM l JOIN r ON l.url = r.url AND l.nth = r.nth""",
}


class Joined:
    """Documents that two sides have in common, and questions about them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query, values).fetchall()
        return found

    @property
    def common(self) -> int:
        """How many documents both have."""
        return int(self._rows("SELECT count(*) FROM common")[0][0])

    def alone(self, side: str) -> Alone:
        """The documents that one side (`left`, `right`) has alone."""
        ((all_, kept),) = self._rows(f"SELECT count(*), count(*) FILTER (fate {_KEEP}) FROM {side}s")
        ((joined, still),) = self._rows(f"SELECT count(*), count(*) FILTER ({side}_fate {_KEEP}) FROM common")
        return Alone(documents=all_ - joined, kept=kept - still)

    def matrix(self) -> list[Cell]:
        """Documents by both fates."""
        rows = self._rows(
            "SELECT left_fate, right_fate, count(*) FROM common GROUP BY ALL ORDER BY left_fate, right_fate"
        )
        return [Cell(left=left, right=right, documents=number) for left, right, number in rows]

    def kept_by(self, side: str, other: str) -> list[ReasonCount]:
        """Documents that one side keeps, by why the other does not."""
        rows = self._rows(f"""
            SELECT {other}_reason, count(*), sum({side}_bytes), sum({side}_tokens) FROM common
            WHERE {side}_fate {_KEEP} AND {other}_fate {_DROP}
            GROUP BY ALL ORDER BY count(*) DESC, {other}_reason""")
        return [
            ReasonCount(reason=reason, documents=number, bytes=_whole(bytes), tokens=_whole(tokens))
            for reason, number, bytes, tokens in rows
        ]

    def chosen(self, side: str, other: str, limit: int) -> list[tuple[str, int, str, int, str, str]]:
        """A few of these: id and shard on the side that keeps them, the same on the other, fate and reason there.

        Those of the lowest hash of the id, whatever the order of the rows.
        """
        return self._rows(
            f"""
            SELECT {side}_id, {side}_shard, {other}_id, {other}_shard, {other}_fate, {other}_reason FROM common
            WHERE {side}_fate {_KEEP} AND {other}_fate {_DROP}
            ORDER BY md5({side}_id), {side}_id LIMIT ?""",
            limit,
        )

    def other_reasons(self) -> tuple[int, list[OtherReason]]:
        """Documents that neither keeps, for different reasons: how many, and the most frequent pairs."""
        rows = self._rows(f"""
            SELECT left_reason, right_reason, count(*) FROM common
            WHERE left_fate {_DROP} AND right_fate {_DROP} AND left_reason <> right_reason
            GROUP BY ALL ORDER BY count(*) DESC, left_reason, right_reason""")
        found = [OtherReason(left=left, right=right, documents=number) for left, right, number in rows]
        total = sum(one.documents for one in found)
        if len(found) > PAIRS:
            rest = sum(one.documents for one in found[PAIRS:])
            found = [*found[:PAIRS], OtherReason(left=None, right=None, documents=rest)]
        return total, found

    def urls(self, side: str, ids: list[str]) -> dict[str, str]:
        """Addresses by id."""
        return dict(self._rows(f"SELECT id, url FROM {side}s WHERE list_contains(?, id)", ids))


@contextmanager
def joined(lefts: pa.Table, rights: pa.Table, by: str) -> Iterator[Joined]:
    """Two tables of `pipeline.compare.run.ROWS` joined by `id` (with its URL) or by `url`."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        for setting in _LIMITS:
            connection.execute(f"SET {setting}")
        for name, rows in (("lefts", lefts), ("rights", rights)):
            connection.register(f"{name}_arrow", rows)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_arrow")
            connection.unregister(f"{name}_arrow")
        for setting in _CLOSED:
            connection.execute(f"SET {setting}")
        connection.execute(f"CREATE TABLE common AS {_JOINS[by]}")
        yield Joined(connection)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
