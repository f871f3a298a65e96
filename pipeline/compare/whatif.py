"""The decisions of other thresholds over the signals that a run stored, as a `retune` of it would make them.

Nothing is read again and nothing written. So pages whose full text the run's cascade had spared, and that the other
thresholds would not screen, have no signals to judge: their fate is `unknown`, unless their address alone drops them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.cascade import REASON
from pipeline.cascade import screen_for
from pipeline.compare.answer import Side
from pipeline.compare.judging import judging
from pipeline.compare.ranks import Ranks
from pipeline.compare.run import RunSide, as_rows, fates_of
from pipeline.errors import UsageError
from pipeline.recipe import Recipe, resolved
from pipeline.screened import SEEN, Pages, Screened, by_address, columns_of_addresses, screened
from pipeline.store import fingerprint


class WhatIf:
    """A recipe as a side of a comparison with the run whose signals it is judged by."""

    reached = "filters"
    tokenized = False

    def __init__(self, run: RunSide, recipe: Recipe, name: str, kind: str) -> None:
        """UsageError where stored signals decide nothing: no filters on a side, or a union of extractors."""
        self.run, self.recipe, self.name, self.kind = run, recipe, name, kind
        if run.recipe.filters is None or recipe.filters is None:
            where = run.folder.url if run.recipe.filters is None else name
            raise UsageError(f"{where} has no filters, so there are no thresholds to compare")
        if len(run.recipe.extract.extractors) > 1:
            raise UsageError(
                f"{run.folder.url} has a union of extractors, and signals are stored of one text a page only: "
                "compare it with another run"
            )
        self.judging = judging(run.recipe, recipe, run.columns, run.versions)
        self.ranks = Ranks(run, recipe, self.judging.steps)
        if self.ranks.needed and run.share < 1:
            raise UsageError(
                f"{run.folder.url}: ranks of documents in their corpus cannot be told from its stored sample"
            )
        self.before, self.now = screen_for(run.recipe), screen_for(recipe)
        self.counts: Counter[str] = Counter()  # of the documents that were decided, by fate
        self._kept: list[pa.Table] = []  # what was decided, where the run's documents are in memory

    @property
    def folder(self) -> Any:
        """Where the documents lie: in the run's."""
        return self.run.folder

    @property
    def shards(self) -> list[str]:
        """The run's."""
        return self.run.shards

    @property
    def documents(self) -> int:
        """The run's."""
        return self.run.documents

    @property
    def share(self) -> float:
        """The run's."""
        return self.run.share

    def side(self) -> Side:
        """The recipe in a few words, and what became of every record; call it when all shards are decided."""
        counts = self.run.counts
        fates = {name: sum(counts[name].values()) for name in ("skipped", "failed")}
        own = {name: self.counts[name] for name in ("dropped", "removed", "kept", "unknown")}
        fates |= own if self.share == 1 else _raised(own, self.run.decided)
        return Side(
            name=self.name,
            kind=self.kind,
            recipe=self.recipe.name,
            digest=fingerprint(resolved(self.recipe)),
            reached=self.reached,
            fates=fates,
            records=counts["records"],
        )

    def rows(self, level: str) -> Iterator[pa.Table]:
        """All documents as `ROWS`; `level` can only be `filters`."""
        self.counts.clear()
        self._kept.clear()
        yield from self.run.failed()
        for table in self._decided():
            if self.run.held:
                self._kept.append(table)
            rows = as_rows(table, table["fate"], table["reason"])
            for one in pc.value_counts(table["fate"]).to_pylist():
                self.counts[one["values"]] += one["counts"]
            yield rows

    def details(self, number: int, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By id the reasons and signals of documents of a shard that do not get through."""
        wanted = pa.array(ids, pa.string())
        found: dict[str, dict[str, Any]] = {}
        for table in self._kept or self._decided(number):
            rows = table.filter(pc.is_in(table["id"], value_set=wanted)).to_pylist()
            found |= {row["id"]: row for row in rows}
        return found

    def texts(self, number: int, ids: Sequence[str]) -> dict[str, str]:
        """The run's, by id: of documents that it dropped as they were extracted."""
        return self.run.texts(number, ids)

    def notes(self) -> list[str]:
        """What the decisions do not take into account, one line each; call it when all shards are decided."""
        notes = ["decisions are those of the filters alone: duplicates are not looked for again"]
        before, after = (msgspec.to_builtins(recipe.extract) for recipe in (self.run.recipe, self.recipe))
        keys = [key for key in before if before[key] != after[key] and key != "cascade"]
        if keys:
            notes.append(
                f"extract.{', extract.'.join(keys)} differs: the rules are judged on the texts that the run extracted"
            )
        if _cut_before(self.run.recipe) != _cut_before(self.recipe):
            notes.append("repeated lines are cut before the filters on one side alone, or by other settings")
        if self.counts["unknown"]:
            notes.append(
                f"{self.counts['unknown']:,} page(s) were screened by a cheap look and might be kept: only reading "
                "them again would tell"
            )
        if self.ranks.of_the_run:
            notes.append("ranks in the corpus are those of the run: its sample is no longer there")
        return notes

    @cached_property
    def _read(self) -> list[str]:
        return [*dict.fromkeys((*self.judging.columns, *(SEEN if self._screens_otherwise else ())))]

    @cached_property
    def _screens_otherwise(self) -> bool:
        return self.before is not None and self.before != self.now

    def _decided(self, number: int | None = None) -> Iterator[pa.Table]:
        """All documents that the run measured or screened, or those of a shard, with fate, reason and reasons."""
        for table in self.run.tables(None if self.ranks.needed else self._read, number):
            pages = self.run.pages(table) if self._screens_otherwise else None
            table = table.drop_columns([name for name in ("reason", "reasons") if name in table.column_names])
            found = self._screened(table, pages)
            spared = pa.array(found.spared)
            measured = table.filter(pc.invert(spared))
            unread = self._unread(table.filter(spared), found, pages)
            yield self._judged(self.ranks.derived(measured), "kept")
            yield self._judged(unread, "unknown")

    def _screened(self, table: pa.Table, pages: Pages | None) -> Screened:
        """Which documents were or would be screened: only their addresses and what a look saw of them counts."""
        if pages is None:
            was = np.asarray(table[REASON].is_valid())
            return Screened(was, was)
        fit = any(step.name == "url" for step in self.judging.steps)
        columns = {
            name: table[name].to_numpy() for name in self.judging.columns if name in self._of_addresses
        }
        drops = by_address(self.now if fit else None, columns, table.num_rows)
        return screened(pages, self.before, self.now, drops)

    def _unread(self, spared: pa.Table, found: Screened, pages: Pages | None) -> pa.Table:
        """Screened documents with nothing measured but their addresses, and what a look saw that screens them."""
        looked = pa.array(found.looked[found.spared])
        at = pa.array(np.flatnonzero(found.spared))
        seen = (
            {} if pages is None else {name: one.take(at) for name, one in zip(SEEN, pages.seen, strict=True)}
        )
        for name in set(spared.column_names) & set(self.judging.columns) - self._of_addresses:
            field = spared.schema.field(name)
            known = seen.get(name, spared[name] if pages is None and name in SEEN else None)
            values = pa.nulls(spared.num_rows, field.type)
            if known is not None:
                values = pc.if_else(looked, known.cast(field.type), values)
            spared = spared.set_column(spared.schema.get_field_index(name), field, values)
        return spared

    @cached_property
    def _of_addresses(self) -> set[str]:
        return columns_of_addresses(self.run.recipe.chain({}).steps)

    def _judged(self, table: pa.Table, kept: str) -> pa.Table:
        columns = {name: table[name].to_numpy() for name in self.judging.columns}
        verdict = self.judging.verdict(columns, table.num_rows)
        fates = pc.if_else(pa.array(verdict.keep), kept, fates_of(verdict.reason))
        for name, array in (("fate", fates), ("reason", verdict.reason), ("reasons", verdict.reasons)):
            table = table.append_column(name, array)
        return table


def _raised(counts: dict[str, int], total: int) -> dict[str, int]:
    """Counts of a sample as estimates that add up to the total."""
    rows = max(sum(counts.values()), 1)
    raised = {name: number * total // rows for name, number in counts.items()}
    largest = max(raised, key=lambda name: raised[name])
    raised[largest] += total - sum(raised.values())
    return raised


def _cut_before(recipe: Recipe) -> object:
    """How repeated lines are cut before the filters, if they are."""
    dedup = recipe.dedup
    return dedup.lines if dedup is not None and dedup.lines_at == "filters" else None
