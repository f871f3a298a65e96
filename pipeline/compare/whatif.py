"""The decisions of other thresholds over the signals that a run stored, as a `retune` of it would make them.

Nothing is read again and nothing written. So pages whose full text the run's cascade had spared, and that the other
thresholds would not screen, have no signals to judge: their fate is `unknown`, unless their address alone drops them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.cascade import COLUMNS, REASON, Look, Screen, by_look
from filters.decide import decide, fails
from filters.extracted import BYTES_SIGNAL, EMPTY_SIGNAL
from filters.steps import rules_of, signals_of
from pipeline.cascade import screen_for
from pipeline.compare.answer import Side
from pipeline.compare.judging import judging
from pipeline.compare.ranks import Ranks
from pipeline.compare.run import RunSide, as_rows, fates_of, numbered
from pipeline.errors import UsageError
from pipeline.recipe import Recipe, resolved
from pipeline.store import fingerprint
from pipeline.store.parquet import schema_of

Array = np.ndarray[Any, Any]

_SEEN = (
    EMPTY_SIGNAL.column,
    "gopher_quality_words",
    "language",
    "language_score",
)  # as `COLUMNS`, in `dropped/`


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
        stored = next((self._stored(shard) for shard in run.shards), [])
        self.judging = judging(run.recipe, recipe, stored, _versions(run))
        self.ranks = Ranks(run, recipe, self.judging.steps)
        self.before, self.now = screen_for(run.recipe), screen_for(recipe)
        self.counts: Counter[str] = Counter()  # of the shards that were decided, by fate

    def _stored(self, shard: str) -> list[str]:
        names = self.run.outputs(shard, "documents")
        return schema_of(self.run.folder, names[0]).names if names else []

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

    def side(self) -> Side:
        """The recipe in a few words, and what became of every record; call it when all shards are decided."""
        counts = self.run.counts
        fates = {name: sum(counts[name].values()) for name in ("skipped", "failed")}
        fates |= {name: self.counts[name] for name in ("dropped", "removed", "kept", "unknown")}
        return Side(
            name=self.name,
            kind=self.kind,
            recipe=self.recipe.name,
            digest=fingerprint(resolved(self.recipe)),
            reached=self.reached,
            fates=fates,
            records=counts["records"],
        )

    def rows(self, number: int, level: str) -> pa.Table:
        """The documents of a shard as `ROWS`; `level` can only be `filters`."""
        parts = self.run.failed(self.shards[number])
        for table in self._decided(number):
            rows = as_rows(table, table["fate"], table["reason"])
            parts.append(rows)
            self.counts.update(rows["fate"].to_pylist())
        return numbered(pa.concat_tables(parts), number)

    def details(self, number: int, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By id the reasons and signals of documents of a shard that do not get through."""
        wanted = pa.array(ids, pa.string())
        found = self.run.details(number, ids)
        for table in self._decided(number):
            for row in table.filter(pc.is_in(table["id"], value_set=wanted)).to_pylist():
                found[row["id"]] = row
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
        looks = _SEEN if self._screens_otherwise else ()
        return [*dict.fromkeys(("id", "url", BYTES_SIGNAL.column, *self.judging.columns, *looks)), REASON]

    @cached_property
    def _screens_otherwise(self) -> bool:
        return self.before is not None and self.before != self.now

    def _decided(self, number: int) -> list[pa.Table]:
        """All documents of a shard that the run measured or screened, with fate, reason and reasons."""
        shard = self.shards[number]
        columns = None if self.ranks.needed else self._read
        found = []
        for under in ("documents", "dropped"):
            table = self.run.read(shard, under, columns)
            if table is not None:
                if under == "documents":
                    table = table.drop_columns([name for name in ("text",) if name in table.column_names])
                    table = table.append_column(REASON, pa.nulls(table.num_rows, pa.string()))
                found.append(table)
        if not found:
            return []
        table = pa.concat_tables(
            [
                one.drop_columns([name for name in ("reason", "reasons") if name in one.column_names])
                for one in found
            ]
        )
        screened = self._screened(shard, table)
        measured, spared = table.filter(~screened.spared), table.filter(screened.spared)
        seen = dict(zip(_SEEN, screened.seen, strict=True))
        for name in set(spared.column_names) - self._of_addresses - {"id", "url", REASON}:
            field = spared.schema.field(name)
            values = seen[name].tolist() if name in seen else [None] * spared.num_rows
            spared = spared.set_column(
                spared.schema.get_field_index(name), field, pa.array(values, field.type)
            )
        return [self._judged(self.ranks.derived(measured), "kept"), self._judged(spared, "unknown")]

    @cached_property
    def _of_addresses(self) -> set[str]:
        """The columns that say all there is to say of a screened page, too."""
        steps = [step for step in self.run.recipe.chain({}).steps if step.name == "url"]
        return {signal.column for step in steps for signal in signals_of("url", step.settings)}

    def _judged(self, table: pa.Table, kept: str) -> pa.Table:
        columns = {name: table[name].to_numpy() for name in self.judging.columns}
        verdict = self.judging.verdict(columns, table.num_rows)
        fates = pc.if_else(pa.array(verdict.keep), kept, fates_of(verdict.reason))
        for name, array in (("fate", fates), ("reason", verdict.reason), ("reasons", verdict.reasons)):
            table = table.append_column(name, array)
        return table

    def _screened(self, shard: str, table: pa.Table) -> _Screened:
        """Which documents were or would be screened: only their addresses and what a look saw of them counts."""
        was = table[REASON].is_valid().to_numpy()
        if not self._screens_otherwise:
            spared = table.filter(was)
            rows = spared.num_rows
            there = set(table.column_names)
            seen = [_objects(spared[name]) if name in there else _nulls(rows) for name in _SEEN]
            return _Screened(was, seen)
        assert self.before is not None
        looks = self._looks(shard, table)
        by_address = self._by_address(table)
        unseen = np.array([(one or "").startswith("url.") for one in table[REASON].to_pylist()], np.bool_)
        now = np.zeros(len(was), np.bool_)
        if self.now is not None and self.now.looks and self.before.looks:
            at = np.flatnonzero(~by_address & ~unseen & _may_fail(looks, self.now))
            now[at] = [_rule(looks, row, self.now) is not None for row in at.tolist()]
        spared = was | by_address | now
        looked = now[spared]
        return _Screened(spared, [_where(looked, values[spared]) for values in looks])

    def _by_address(self, table: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which addresses the other thresholds screen, by their stored signals."""
        screen = self.now
        fit = any(step.name == "url" for step in self.judging.steps)
        if screen is None or screen.url is None or not screen.margins.url or not fit:
            return np.zeros(table.num_rows, np.bool_)
        named = [(one.name, one) for one in rules_of("url", screen.url) if one.threshold is not None]
        columns = {rule.signal: table[rule.signal].to_numpy() for _, rule in named}
        return ~decide(named, columns, table.num_rows).keep

    def _looks(self, shard: str, table: pa.Table) -> list[Array]:
        """What the cascade saw of each page, in the order of `Look`; null where it did not look, or nothing says so."""
        extracted = self.run.read(shard, "extracted", ["id", *COLUMNS])
        if extracted is not None and set(COLUMNS) <= set(extracted.column_names):
            at = pc.index_in(table["id"].combine_chunks(), value_set=extracted["id"].combine_chunks())
            return [_objects(extracted[name].combine_chunks().take(at)) for name in COLUMNS]
        # The texts are gone: of pages that were screened `dropped/` holds it, of others nothing.
        was = table[REASON].is_valid().to_numpy()
        return [
            _where(was, _objects(table[name])) if name in table.column_names else _nulls(len(was))
            for name in _SEEN
        ]


class _Screened:
    """Which documents are judged by address and look alone, and what the look saw of these, as `_SEEN`."""

    def __init__(self, spared: Array, seen: list[Array]) -> None:
        self.spared, self.seen = spared, seen


def _cut_before(recipe: Recipe) -> object:
    """How repeated lines are cut before the filters, if they are."""
    dedup = recipe.dedup
    return dedup.lines if dedup is not None and dedup.lines_at == "filters" else None


def _versions(run: RunSide) -> dict[str, int]:
    """By filter, the version that measured the run, as its manifest says."""
    manifest = run.ledger.manifest("filter")
    chain = manifest.settings.get("chain", []) if manifest is not None else []
    return {one["name"]: one["version"] for one in chain}


def _nulls(rows: int) -> Array:
    return np.full(rows, None, object)


def _where(chosen: Array, values: Array) -> Array:
    """The values that are chosen, null elsewhere."""
    found = _nulls(len(values))
    found[chosen] = values[chosen]
    return found


def _objects(column: Any) -> Array:
    found = np.empty(len(column), object)
    found[:] = column.to_pylist()
    return found


def _may_fail(looks: Sequence[Array], screen: Screen) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Pages that a look could screen: the slower question is asked of these alone."""
    characters, words, languages, scores = looks
    seen = np.array([one is not None for one in characters], np.bool_)
    found = np.array([one == 0 for one in characters], np.bool_)
    if screen.min_words is not None:
        found |= np.array([one is not None and one < screen.min_words for one in words], np.bool_)
    if screen.language is not None:
        for rule, values in zip(rules_of("language", screen.language), (languages, scores), strict=True):
            found |= fails(values, rule)
    return seen & found


def _rule(looks: Sequence[Array], row: int, screen: Screen) -> str | None:
    return by_look(Look(*(values[row] for values in looks)), screen)
