"""From stored signals to verdicts: every rule is one comparison of a column with a threshold.

Nothing else decides. So the same function serves the first run, a change of thresholds over stored columns, and the
explanation of one document.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from filters.types import Explained, Rule, Verdict

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


def fails(values: np.ndarray[Any, Any], rule: Rule) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which values the rule drops; a value that was not measured (None or NaN) is not dropped by it."""
    if rule.threshold is None:
        return np.zeros(len(values), np.bool_)
    if rule.drop_when == "not_in":
        wanted = set(rule.threshold) if isinstance(rule.threshold, tuple) else {rule.threshold}
        return np.fromiter(
            (value is not None and value not in wanted for value in values), np.bool_, len(values)
        )
    return np.asarray(_COMPARE[rule.drop_when](values, rule.threshold), np.bool_)


def decide(
    rules: Sequence[tuple[str, Rule]], columns: Mapping[str, np.ndarray[Any, Any]], rows: int
) -> Verdict:
    """The verdict of named rules (`<filter>.<rule>`) in recipe order over columns of `rows` values."""
    names = [name for name, _ in rules]
    failed = np.zeros((rows, len(rules)), np.bool_)
    for i, (_, rule) in enumerate(rules):
        failed[:, i] = fails(columns[rule.signal], rule)
    keep = np.asarray(~failed.any(axis=1), np.bool_)
    _, which = np.nonzero(failed)
    offsets = np.concatenate([[0], np.cumsum(failed.sum(axis=1))]).astype(np.int32)
    labels = pa.array(names, pa.string())
    reasons = pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), labels.take(pa.array(which, pa.int64()))
    )
    first = np.argmax(failed, axis=1) if len(rules) else np.zeros(rows, np.int64)
    reason = labels.take(pa.array(first, pa.int64(), mask=keep))
    return Verdict(keep, reason.cast(pa.string()), reasons)


def explain(rules: Sequence[tuple[str, Rule]], row: Mapping[str, object]) -> list[Explained]:
    """Each rule as it applies to one document's stored signals, in recipe order. KeyError if a signal is missing."""
    found = []
    for name, rule in rules:
        value = row[rule.signal]
        one = np.empty(1, object)
        one[0] = value
        failed = value is not None and bool(fails(one, rule)[0])
        found.append(Explained(name, rule.signal, value, rule.drop_when, rule.threshold, failed))
    return found
