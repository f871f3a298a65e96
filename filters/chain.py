"""The filters of a recipe, in its order, applied to a table of documents.

Every signal is measured for every document, also for those that an earlier rule drops, on the text as it stands at
that point of the recipe: an edit changes what later filters measure. The first rule is always `extract.empty`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from filters import FILTERS
from filters.batch import Batch
from filters.cascade import REASON
from filters.decide import Named, decide, explain
from filters.document import SCHEMA
from filters.extracted import BYTES_SIGNAL, EMPTY_RULE, EMPTY_SIGNAL, SIGNALS, text_bytes
from filters.language_codes import code_of
from filters.steps import DOCUMENT_COLUMNS, Guard, Step, asset_names, chain_steps, rules_of, signals_of
from filters.text.words import WordSplitter
from filters.types import Explained, FilterSpec, Rule, Signal, Verdict

__all__ = ["Applied", "Chain", "Step", "asset_names", "chain_steps", "in_order"]

Columns = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Applied:
    """Documents with edited text, language and all signal columns, and the verdict on each."""

    documents: pa.Table
    verdict: Verdict


class Chain:
    """Filters with settings and the assets they need.

    `assets` maps every name in `asset_names(steps)` to the loaded object; it may hold `english_tokenizer`, a blank
    spaCy pipeline, which is built otherwise. A chain remembers split words from batch to batch; no result depends
    on it. One chain per worker.
    """

    def __init__(self, steps: Sequence[Step], assets: Mapping[str, Any] | None = None):
        self.steps = list(steps)
        self.assets = dict(assets or {})
        self._splitter = WordSplitter(self.assets.get("english_tokenizer"))

    @cached_property
    def rules(self) -> list[Named]:
        """All rules as (`<filter>.<rule>`, rule), in recipe order, `extract.empty` first."""
        return self.rules_for(None)

    def rules_for(self, language: str | None) -> list[Named]:
        """The rules with the thresholds for documents of one language: the same names in the same order."""
        found = [("extract.empty", EMPTY_RULE)]
        for step in self.steps:
            settings = step.measured_by(language)
            found += [(f"{step.name}.{rule.name}", rule) for rule in rules_of(step.name, settings)]
        return found

    @cached_property
    def languages(self) -> dict[str, list[Rule]]:
        """Languages with settings of their own, to their rules."""
        named = dict.fromkeys(language for step in self.steps for language in step.by_language)
        return {language: [rule for _, rule in self.rules_for(language)] for language in named}

    @cached_property
    def guards(self) -> dict[str, Guard]:
        """`<filter>.<rule>` to its conditions, for the rules that have any."""
        return {f"{step.name}.{rule}": guard for step in self.steps for rule, guard in step.guards.items()}

    @cached_property
    def signals(self) -> list[Signal]:
        """All signals in the order of their columns."""
        found = list(SIGNALS)
        for step in self.steps:
            for settings in (step.settings, *step.by_language.values()):
                found += signals_of(step.name, settings)
        return list({signal.column: signal for signal in found}.values())

    def apply(self, documents: pa.Table) -> Applied:
        """Measure, edit and decide. `documents` has the columns of `SCHEMA`; further ones are dropped.

        Of pages that a cascade screened only what its cheap look saw is known; their other signals are null.
        """
        if REASON in documents.column_names and documents[REASON].null_count < documents.num_rows:
            return self._apply_in_part(documents)
        texts = [text or "" for text in documents.column("text").to_pylist()]
        urls = [url or "" for url in documents.column("url").to_pylist()]
        ids = [id_ or "" for id_ in documents.column("id").to_pylist()]
        batch = Batch(texts, urls, self._splitter, documents.column("opt_out").to_pylist(), ids)
        columns: Columns = {name: documents.column(name).to_numpy() for name in DOCUMENT_COLUMNS}
        columns[EMPTY_SIGNAL.column] = np.fromiter(
            (len(text.strip()) for text in texts), np.int64, len(texts)
        )
        columns[BYTES_SIGNAL.column] = text_bytes(documents["text"]).to_numpy()
        columns["id"] = np.array(ids, object)
        for step in self.steps:
            batch = self._step(step, batch, columns)
            of_corpus = FILTERS[step.name].of_corpus
            if of_corpus is not None:
                columns.update(of_corpus.derive(columns, step.settings, self.assets))
        return Applied(self._table(documents, batch, columns), self._decide(columns, len(texts)))

    def _step(self, step: Step, batch: Batch, columns: Columns) -> Batch:
        """Measure one filter into `columns`; returns the batch that the next filter measures."""
        spec = FILTERS[step.name]
        parts = _parts(step, columns["language"])
        if len(parts) == 1:
            settings, _ = parts[0]
            columns.update(spec.measure(batch, settings, self.assets))
            return batch.edited(spec.edit(batch, settings)) if spec.edit is not None else batch
        texts = list(batch.texts)
        merged: Columns = {}
        for settings, rows in parts:
            part = batch.rows(rows)
            for name, values in spec.measure(part, settings, self.assets).items():
                if name not in merged:
                    merged[name] = np.zeros(len(batch), values.dtype)
                merged[name] = merged[name].astype(np.promote_types(merged[name].dtype, values.dtype))
                merged[name][rows] = values
            if spec.edit is not None:
                for row, text in zip(rows.tolist(), spec.edit(part, settings), strict=True):
                    texts[row] = text
        columns.update(merged)
        return batch.edited(texts) if spec.edit is not None else batch

    def _apply_in_part(self, documents: pa.Table) -> Applied:
        screened = documents[REASON].is_valid().to_numpy()
        read = self.apply(documents.filter(~screened).drop_columns([REASON]))
        spared = self.screened(documents.filter(screened), read.documents.schema)
        both = in_order([(read.documents, np.flatnonzero(~screened)), (spared, np.flatnonzero(screened))])
        return Applied(both, self.decide(both))

    def screened(self, documents: pa.Table, schema: pa.Schema) -> pa.Table:
        """Documents that a cascade screened as a table of `schema`, that of measured ones, null where not measured.

        Their addresses are measured; language, words and characters are those of all visible text where the look got
        so far. Of the assets only those of the filter `url` are needed.
        """
        columns = {name: documents.column(name) for name in SCHEMA.names}
        columns[EMPTY_SIGNAL.column] = documents["cascade_characters"]
        for name, settings, *_ in self.steps:
            if name == "url":
                batch = Batch([""] * documents.num_rows, [url or "" for url in documents["url"].to_pylist()])
                measured = FILTERS[name].measure(batch, settings, self.assets)
                columns.update({column: pa.array(values) for column, values in measured.items()})
            elif name == "language":
                columns["language"] = documents["cascade_language"]
                columns["language_score"] = documents["cascade_language_score"]
            elif name == "gopher_quality":
                columns["gopher_quality_words"] = documents["cascade_words"]
        rows = documents.num_rows
        arrays = [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(rows, field.type)
            for field in schema
        ]
        return pa.table(arrays, schema=schema)

    def edited(self, documents: pa.Table, languages: Sequence[str | None] | None = None) -> pa.Array:
        """The texts of documents as all edits of the chain leave them; measures only what an edit needs.

        `languages` are those that the chain measured, where settings differ by language; default the column's.
        """
        texts = [text or "" for text in documents.column("text").to_pylist()]
        urls = [url or "" for url in documents.column("url").to_pylist()]
        batch = Batch(texts, urls, self._splitter, None, documents.column("id").to_pylist())
        of_rows = np.array(languages if languages is not None else documents["language"].to_pylist(), object)
        for step in self.steps:
            spec = FILTERS[step.name]
            if spec.edit is None:
                continue
            changed = list(batch.texts)
            for settings, rows in _parts(step, of_rows):
                part = batch.rows(rows)
                if spec.edits_what_it_measured:
                    spec.measure(part, settings, self.assets)
                for row, text in zip(rows.tolist(), spec.edit(part, settings), strict=True):
                    changed[row] = text
            batch = batch.edited(changed)
        return batch.arrow

    def decide(self, documents: pa.Table) -> Verdict:
        """The verdict from stored signal columns alone, with this chain's thresholds."""
        names = {rule.signal for _, rule in self.rules}
        names |= {column for guard in self.guards.values() for column in guard.columns}
        names |= {"language"} if self.languages else set()
        stored = [name for name in names if name in documents.column_names]
        columns = {name: documents.column(name).to_numpy() for name in stored}
        return self._decide(columns, documents.num_rows)

    def _decide(self, columns: Mapping[str, np.ndarray[Any, Any]], rows: int) -> Verdict:
        """With nulls for what conditions name and nobody measured: a filter that was left out for want of a model."""
        named = (column for guard in self.guards.values() for column in guard.columns)
        unmeasured = {column: np.full(rows, None, object) for column in named if column not in columns}
        return decide(self.rules, {**columns, **unmeasured}, rows, self.guards, self.languages)

    def explain(self, row: Mapping[str, object]) -> list[Explained]:
        """Every rule against one document's stored signals, in recipe order."""
        language = row.get("language")
        return explain(self.rules_for(language if isinstance(language, str) else None), row, self.guards)

    def fingerprint_settings(self, thresholds: bool = True) -> list[dict[str, Any]]:
        """Names, versions and settings as JSON-able data: equal exactly where results are.

        Without `thresholds`, only what signals and edited text depend on: chains that agree in it share
        measurements.
        """
        found = []
        for step in self.steps:
            spec = FILTERS[step.name]
            entry: dict[str, Any] = {"name": step.name, "version": spec.version}
            settings = _reduced(spec, step.settings, thresholds)
            entry["settings"] = settings
            by_language = {
                language: reduced
                for language, own in step.by_language.items()
                if (reduced := _reduced(spec, own, thresholds)) != settings
            }
            if by_language:
                entry["by_language"] = by_language
            if thresholds and step.guards:
                entry["guards"] = {rule: guard.text for rule, guard in step.guards.items()}
            found.append(entry)
        return found

    def _table(
        self, documents: pa.Table, batch: Batch, columns: Mapping[str, np.ndarray[Any, Any]]
    ) -> pa.Table:
        arrays = dict(zip(SCHEMA.names, documents.select(SCHEMA.names).itercolumns(), strict=True))
        arrays["text"] = batch.arrow
        measured = {signal.column: columns[signal.column] for signal in self.signals}
        for name, column in _as_arrow(measured, len(batch)).items():
            own = name in arrays
            arrays[name] = column.cast(SCHEMA.field(name).type) if own else column
        return pa.table(list(arrays.values()), names=list(arrays))


def _as_arrow(columns: Mapping[str, np.ndarray[Any, Any]], rows: int) -> dict[str, pa.Array]:
    """Columns as Arrow arrays, those of one number type as slices of one: a conversion costs more than a column."""
    found: dict[str, pa.Array] = {}
    for name, values in columns.items():
        found[name] = pa.array(values.tolist(), pa.string()) if values.dtype == object else None
    for kind in {values.dtype for values in columns.values() if values.dtype != object}:
        names = [name for name, values in columns.items() if values.dtype == kind]
        joined = pa.array(np.concatenate([columns[name] for name in names]))
        found |= {name: joined.slice(i * rows, rows) for i, name in enumerate(names)}
    return found


def _parts(
    step: Step, languages: np.ndarray[Any, Any]
) -> list[tuple[Any, np.ndarray[Any, np.dtype[np.int64]]]]:
    """The settings that a step measures with, and the rows that each holds for; settings that measure alike are one.

    The step's own come first; where no language has others that measure otherwise, they hold for all rows.
    """
    spec = FILTERS[step.name]
    rows = np.arange(len(languages))
    plain = _reduced(spec, step.settings, False)
    groups: list[tuple[dict[str, Any], Any, list[str]]] = []
    for language, settings in step.by_language.items():
        reduced = _reduced(spec, settings, False)
        same = next((group for group in groups if group[0] == reduced), None)
        if reduced == plain:
            continue
        if same is None:
            groups.append((reduced, settings, [language]))
        else:
            same[2].append(language)
    found = []
    left = np.ones(len(rows), np.bool_)
    codes = [language or "" for language in languages]
    for _, settings, named in groups:
        chosen = np.fromiter((code_of(language) in named for language in codes), np.bool_, len(rows))
        left &= ~chosen
        if chosen.any():
            found.append((settings, rows[chosen]))
    if not found or left.any():
        found.insert(0, (step.settings, rows[left]))
    return found


def _reduced(spec: FilterSpec, settings: Any, thresholds: bool) -> dict[str, Any]:
    """Settings as JSON-able data, with or without those that only rules read."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    return values if thresholds else measured_by(values, spec)


def measured_by(settings: Mapping[str, Any], spec: FilterSpec) -> dict[str, Any]:
    """Settings as JSON-able data without those that only rules read."""
    found = {key: value for key, value in settings.items() if key not in spec.thresholds}
    for name in spec.thresholds:
        key, inside, leaf = name.partition(".*.")
        if inside:
            entries = found[key].items()
            found[key] = {one: {k: v for k, v in values.items() if k != leaf} for one, values in entries}
    return found


def in_order(parts: Sequence[tuple[pa.Table, Any]]) -> pa.Table:
    """Tables of one schema as one, each row at the place that comes with its table (0, 1, ... in all)."""
    places = np.concatenate([at for _, at in parts])
    return pa.concat_tables([table for table, _ in parts]).take(pa.array(np.argsort(places, kind="stable")))
