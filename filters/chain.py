"""The filters of a recipe, in its order, applied to a table of documents.

Every signal is measured for every document, also for those that an earlier rule drops, on the text as it stands at
that point of the recipe: an edit changes what later filters measure. The first rule is always `extract.empty`.
"""

from __future__ import annotations

import difflib
import re
import typing
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
from filters.decide import decide, explain
from filters.document import SCHEMA
from filters.types import Explained, FilterSpec, Rule, Signal, Verdict
from filters.words import WordSplitter

Step = tuple[str, Any]

MAX_SHOWN = 200  # characters of a value in a message

EMPTY_SIGNAL = Signal(
    "extract_characters", "characters", "of the extracted text, white space at its ends apart", ""
)
EMPTY_RULE = Rule("empty", EMPTY_SIGNAL.column, "<", 1, "a document without text says nothing")


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
    def rules(self) -> list[tuple[str, Rule]]:
        """All rules as (`<filter>.<rule>`, rule), in recipe order, `extract.empty` first."""
        found = [("extract.empty", EMPTY_RULE)]
        for name, settings in self.steps:
            found += [(f"{name}.{rule.name}", rule) for rule in FILTERS[name].rules(settings)]
        return found

    @cached_property
    def signals(self) -> list[Signal]:
        """All signals in the order of their columns."""
        return [EMPTY_SIGNAL, *(s for name, settings in self.steps for s in FILTERS[name].signals(settings))]

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
        lengths = np.fromiter((len(text.strip()) for text in texts), np.int64, len(texts))
        columns: dict[str, np.ndarray[Any, Any]] = {EMPTY_SIGNAL.column: lengths}
        for name, settings in self.steps:
            spec = FILTERS[name]
            columns.update(spec.measure(batch, settings, self.assets))
            if spec.edit is not None:
                batch = batch.edited(spec.edit(batch, settings))
        return Applied(self._table(documents, batch, columns), decide(self.rules, columns, len(texts)))

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
        for name, settings in self.steps:
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

    def edited(self, documents: pa.Table) -> pa.Array:
        """The texts of documents as all edits of the chain leave them, measuring nothing."""
        texts = [text or "" for text in documents.column("text").to_pylist()]
        batch = Batch(texts, None, self._splitter)
        for name, settings in self.steps:
            edit = FILTERS[name].edit
            if edit is not None:
                batch = batch.edited(edit(batch, settings))
        return batch.arrow

    def decide(self, documents: pa.Table) -> Verdict:
        """The verdict from stored signal columns alone, with this chain's thresholds."""
        names = {rule.signal for _, rule in self.rules}
        columns = {name: documents.column(name).to_numpy() for name in names}
        return decide(self.rules, columns, documents.num_rows)

    def explain(self, row: Mapping[str, object]) -> list[Explained]:
        """Every rule against one document's stored signals, in recipe order."""
        return explain(self.rules, row)

    def fingerprint_settings(self, thresholds: bool = True) -> list[dict[str, Any]]:
        """Names, versions and settings as JSON-able data: equal exactly where results are.

        Without `thresholds`, only what signals and edited text depend on: chains that agree in it share
        measurements.
        """
        found = []
        for name, settings in self.steps:
            spec = FILTERS[name]
            values = msgspec.to_builtins(settings)
            if not thresholds:
                values = {key: value for key, value in values.items() if key not in spec.thresholds}
            found.append({"name": name, "version": spec.version, "settings": values})
        return found

    def _table(
        self, documents: pa.Table, batch: Batch, columns: Mapping[str, np.ndarray[Any, Any]]
    ) -> pa.Table:
        filled: dict[str, pa.Array] = {"text": batch.arrow}
        arrays = [filled.get(name, documents.column(name)) for name in SCHEMA.names]
        names = list(SCHEMA.names)
        for signal in self.signals:
            column = pa.array(columns[signal.column])
            if signal.column in SCHEMA.names:
                at = SCHEMA.get_field_index(signal.column)
                arrays[at] = column.cast(SCHEMA.field(at).type)
            else:
                arrays.append(column)
                names.append(signal.column)
        return pa.table(arrays, names=names)


def in_order(parts: Sequence[tuple[pa.Table, Any]]) -> pa.Table:
    """Tables of one schema as one, each row at the place that comes with its table (0, 1, ... in all)."""
    places = np.concatenate([at for _, at in parts])
    return pa.concat_tables([table for table, _ in parts]).take(pa.array(np.argsort(places, kind="stable")))


def asset_names(steps: Sequence[Step]) -> list[str]:
    """The assets that a chain of these steps needs, each once, in order of first need."""
    return list(dict.fromkeys(asset for name, settings in steps for asset in FILTERS[name].assets(settings)))


def chain_steps(spec: Sequence[Any], path: str = "filters") -> list[Step]:
    """The steps of a recipe's list, whose entries are `name` or `{name: {setting: value}}`.

    ValueError names the key's path (`filters[1].c4.min_sentence`), what was expected and the nearest valid name.
    """
    if not isinstance(spec, Sequence) or isinstance(spec, str):
        raise ValueError(f"{path}: expected a list of filters, got {shown(spec)}")
    steps: list[Step] = []
    no_settings: dict[str, Any] = {}
    for i, entry in enumerate(spec):
        here = f"{path}[{i}]"
        if isinstance(entry, str):
            name, values = entry, no_settings
        elif isinstance(entry, Mapping) and len(entry) == 1:
            name, values = next(iter(entry.items()))
            values = no_settings if values is None else values
        else:
            raise ValueError(
                f"{here}: expected a filter's name or one `name: {{settings}}`, got {shown(entry)}"
            )
        if name not in FILTERS:
            raise ValueError(f"{here}: no filter is called {shown(name)}{_nearest(str(name), list(FILTERS))}")
        if any(name == known for known, _ in steps):
            raise ValueError(f"{here}: {name} is in the list twice")
        steps.append((name, _settings(FILTERS[name], values, f"{here}.{name}")))
    return steps


def _settings(spec: FilterSpec, values: Any, path: str) -> Any:
    if not isinstance(values, Mapping):
        raise ValueError(f"{path}: expected settings as `key: value`, got {shown(values)}")
    known = list(spec.settings.__struct_fields__)
    for key in values:
        if key not in known:
            raise ValueError(f"{path}.{str(key)[:MAX_SHOWN]}: no such setting{_nearest(str(key), known)}")
    try:
        return msgspec.convert(dict(values), spec.settings)
    except msgspec.ValidationError as error:
        message, at, where = str(error).rpartition(" - at `$")
        message, where = (
            (message, where) if at else (where, "")
        )  # what a Settings' own check says has no place
        where = where.rstrip("`")
        key, _, index = where.removeprefix(".").partition("[")
        got: Any
        got, kind = (
            values.get(key),
            {one.name: one.type for one in msgspec.structs.fields(spec.settings)}.get(key),
        )
        if index:
            got = got[int(index.rstrip("]"))]
        raise ValueError(f"{path}{where}: {expectation(message, kind, got)}") from None


def expectation(message: str, kind: Any, got: Any) -> str:
    """A message of msgspec in a recipe's words: `expected int, got 'fifty'`. `kind` is the type that was asked for."""
    if message.startswith("Invalid enum value"):
        text = "expected " + " or ".join(map(repr, _choices(kind)))
    elif not message.startswith("Expected "):
        return message[0].lower() + message[1:]
    else:
        text = re.sub(r", got .*$", "", message, flags=re.DOTALL).replace("`", "")
        text = "expected" + text.removeprefix("Expected").replace("object", "mapping").replace(
            "array", "list"
        )
    return f"{text}, got {shown(got)}"


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, control characters escaped, cut."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _choices(kind: Any) -> list[Any]:
    if typing.get_origin(kind) is typing.Literal:
        return list(typing.get_args(kind))
    return [choice for part in typing.get_args(kind) for choice in _choices(part)]


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.0)
    return f"; did you mean {close[0]!r}?" if close else ""
