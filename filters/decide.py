"""From stored signals to verdicts: every rule is one comparison of a column with a threshold.

Nothing else decides, except that a rule may have a guard (`filters/conditions.py`) and a threshold of its own for a
language. So the same function serves the first run, a change of thresholds over stored columns, and the explanation of
one document.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from filters.conditions import holds
from filters.language_codes import code_of
from filters.types import Explained, Rule, Verdict

if TYPE_CHECKING:
    from filters.steps import Guard

Array = np.ndarray[Any, Any]
Named = tuple[str, Rule]  # `<filter>.<rule>` and the rule

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


def fails(values: Array, rule: Rule) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which values the rule drops; a value that was not measured (None or NaN) is not dropped by it."""
    if rule.threshold is None:
        return np.zeros(len(values), np.bool_)
    if rule.drop_when in ("not_in", "in"):
        named = set(rule.threshold) if isinstance(rule.threshold, tuple) else {rule.threshold}
        listed = rule.drop_when == "in"
        return np.fromiter(
            (value is not None and (value in named) == listed for value in values), np.bool_, len(values)
        )
    if values.dtype == object:  # labels or nulls among the values
        compare = _COMPARE[rule.drop_when]
        return np.fromiter(
            (value is not None and bool(compare(value, rule.threshold)) for value in values),
            np.bool_,
            len(values),
        )
    return np.asarray(_COMPARE[rule.drop_when](values, rule.threshold), np.bool_)


def decide(
    rules: Sequence[Named],
    columns: Mapping[str, Array],
    rows: int,
    guards: Mapping[str, Guard] | None = None,
    by_language: Mapping[str, Sequence[Rule]] | None = None,
) -> Verdict:
    """The verdict of named rules in recipe order over columns of `rows` values.

    `guards` are by the rules' names; `by_language` holds, for a language, its rules in the place of all of `rules`.
    """
    failed, excused = failures(rules, columns, rows, guards, by_language)
    keep = np.asarray(~failed.any(axis=1), np.bool_)
    labels = pa.array([name for name, _ in rules], pa.string())
    first = np.argmax(failed, axis=1) if len(rules) else np.zeros(rows, np.int64)
    reason = labels.take(pa.array(first, pa.int64(), mask=keep))
    return Verdict(keep, reason.cast(pa.string()), _lists(failed, labels), _lists(excused, labels))


def failures(
    rules: Sequence[Named],
    columns: Mapping[str, Array],
    rows: int,
    guards: Mapping[str, Guard] | None = None,
    by_language: Mapping[str, Sequence[Rule]] | None = None,
) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Which documents fail which rules, and which would but for a condition, (rows, rules) each; see `decide`."""
    failed = np.zeros((rows, len(rules)), np.bool_)
    for i, (_, rule) in enumerate(rules):
        failed[:, i] = fails(columns[rule.signal], rule)
    for language, own in (by_language or {}).items():
        at = np.flatnonzero(_of_language(columns["language"], language))
        for i, rule in enumerate(own) if len(at) else ():
            if rule != rules[i][1]:
                failed[at, i] = fails(columns[rule.signal][at], rule)
    excused = np.zeros_like(failed)
    for i, (name, _) in enumerate(rules):
        if guards and name in guards and failed[:, i].any():
            excused[:, i] = failed[:, i] & excuses(guards[name], columns, rows)
    return failed & ~excused, excused


def excuses(guard: Guard, columns: Mapping[str, Array], rows: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For which documents the guard keeps its rule from being applied."""
    excused = np.zeros(rows, np.bool_)
    if guard.when is not None:
        excused |= ~holds(guard.when, columns, rows)
    if guard.unless is not None:
        excused |= holds(guard.unless, columns, rows)
    return excused


def _of_language(values: Array, language: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.fromiter((code_of(value or "") == language for value in values), np.bool_, len(values))


def _lists(chosen: np.ndarray[Any, np.dtype[np.bool_]], labels: pa.Array) -> pa.Array:
    """The names of the chosen rules of each row."""
    _, which = np.nonzero(chosen)
    offsets = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), labels.take(pa.array(which, pa.int64())))


def explain(
    rules: Sequence[Named], row: Mapping[str, object], guards: Mapping[str, Guard] | None = None
) -> list[Explained]:
    """Each rule as it applies to one document's stored signals, in recipe order. KeyError if a signal is missing."""
    found = []
    for name, rule in rules:
        value = row[rule.signal]
        failed = value is not None and bool(fails(_one(value), rule)[0])
        guard = (guards or {}).get(name)
        excused = (
            failed
            and guard is not None
            and bool(excuses(guard, {column: _one(row.get(column)) for column in guard.columns}, 1)[0])
        )
        found.append(
            Explained(
                rule=name,
                column=rule.signal,
                value=value,
                drop_when=rule.drop_when,
                threshold=rule.threshold,
                failed=failed and not excused,
                condition=guard.text if guard else "",
                excused=excused,
            )
        )
    return found


def _one(value: object) -> Array:
    one = np.empty(1, object)
    one[0] = value
    return one
