"""Chains with filters that rank a document in its corpus: what to measure of a sample, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from filters import FILTERS
from filters.chain import Chain, in_order
from filters.decide import decide
from filters.document import SCHEMA
from filters.steps import Step
from filters.types import OfCorpus

Array = np.ndarray[Any, Any]


def _ranks(step: Step) -> OfCorpus | None:
    """How a step ranks documents, if it does so by a calibration of its own."""
    of_corpus = FILTERS[step.name].of_corpus
    return of_corpus if of_corpus is not None and of_corpus.raw(step.settings) is not None else None


def sampled_steps(steps: Sequence[Step]) -> list[Step]:
    """The steps up to the last one that needs a calibration of its own, each measuring what needs none; else none."""
    last = max((at + 1 for at, step in enumerate(steps) if _ranks(step)), default=0)
    found = []
    for step in steps[:last]:
        ranks = _ranks(step)
        if ranks is not None:
            raw = {language: ranks.raw(own) for language, own in step.by_language.items()}
            step = step._replace(settings=ranks.raw(step.settings), by_language=raw)
        found.append(step._replace(guards={}))  # a condition may name what a later step measures
    return found


def calibrations(steps: Sequence[Step], sample: pa.Table, documents: int) -> dict[str, Any]:
    """By filter, its calibration, from the sample that a chain of `sampled_steps(steps)` measured.

    Only documents count that pass every rule before the filter; a rule that reads what is not in the sample, such as
    one that a condition on the bucket lifts, counts for none. `documents` is the size of the corpus.
    """
    found: dict[str, Any] = {}
    for at, step in enumerate(steps):
        ranks = _ranks(step)
        if ranks is None:
            continue
        passing = sample.filter(pa.array(_pass(steps[:at], sample)))
        found[step.name] = ranks.make(_columns(passing), step.settings, documents, sample.num_rows)
        sample = with_derived([step], sample, {"calibration": found})
    return found


def _pass(steps: Sequence[Step], sample: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which documents the rules of these steps keep, as far as the sample holds what the rules read."""
    chain = Chain(steps)
    here = set(sample.column_names)
    read = [
        at
        for at, (name, rule) in enumerate(chain.rules)
        if {rule.signal, *(chain.guards[name].columns if name in chain.guards else ())} <= here
    ]
    rules = [chain.rules[at] for at in read]
    languages = {language: [own[at] for at in read] for language, own in chain.languages.items()}
    names = {rule.signal for _, rule in rules} | {"language"}
    names |= {column for name, _ in rules if name in chain.guards for column in chain.guards[name].columns}
    columns = {name: sample[name].to_numpy() for name in names}
    return decide(rules, columns, sample.num_rows, chain.guards, languages).keep


def with_derived(steps: Sequence[Step], documents: pa.Table, assets: Mapping[str, Any]) -> pa.Table:
    """Measured documents with what depends on the corpus computed (again) from their other columns.

    Rows that were not measured keep their nulls.
    """
    for step in steps:
        ranks = _ranks(step)
        if ranks is None:
            continue
        first = FILTERS[step.name].signals(ranks.raw(step.settings))[0].column
        measured = documents[first].is_valid().to_numpy()
        rows, others = np.flatnonzero(measured), np.flatnonzero(~measured)
        derived = ranks.derive(_columns(documents.take(pa.array(rows))), step.settings, assets)
        for name, values in derived.items():
            made = pa.array(values)
            nulls = pa.nulls(len(others), made.type)
            whole = in_order([(pa.table({name: made}), rows), (pa.table({name: nulls}), others)])[name]
            at = documents.schema.get_field_index(name)
            if at < 0:
                documents = documents.append_column(name, whole)
            else:
                documents = documents.set_column(at, documents.schema.field(at), whole)
    return documents


def _columns(table: pa.Table) -> dict[str, Array]:
    wanted = [name for name in table.column_names if name in ("id", "language") or name not in SCHEMA.names]
    return {name: table[name].to_numpy() for name in wanted}
