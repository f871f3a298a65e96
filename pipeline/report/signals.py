"""Histograms of signals, kept against dropped documents, with the thresholds of the recipe drawn on them.

Receipts hold counts by lower edge of a bin. Edges are fixed by the value alone (steps of .02 up to 1, then quarters
of a power of two), so the bins of all shards add up.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from filters.types import Rule, Signal
from pipeline.report.axes import short, ticks
from pipeline.report.charts import Bin, Mark, histogram
from pipeline.report.funnel import condition, failing_counts, recipe_rules
from pipeline.report.run import Run

SHOWN = 8
_STEP = 0.02  # of a share
_QUARTERS = 4  # bins of a power of two
_BELOW = -3.0  # on a logarithmic axis, in bins: where the bar of everything below 1 stands
Counts = Mapping[str, Counter[float]]  # "kept" and "dropped": documents by lower edge


class Histogram(NamedTuple):
    """One signal: its name, what it measures, how many documents fail a rule on it, and the chart."""

    column: str
    description: str
    failing: int
    chart: Markup


def histograms(run: Run) -> list[Histogram]:
    """The signals whose rules fired most, at most `SHOWN`, in recipe order."""
    if run.recipe.filters is None:
        return []
    counts = merged(run)
    failing = failing_counts(run)
    by_signal: dict[str, list[tuple[str, Rule]]] = {}
    for name, rule in recipe_rules(run):
        if isinstance(rule.threshold, int | float) and rule.signal in counts:
            by_signal.setdefault(rule.signal, []).append((name, rule))
    fired = {signal: sum(failing[name] for name, _ in rules) for signal, rules in by_signal.items()}
    chosen = sorted(by_signal, key=lambda signal: -fired[signal])[:SHOWN]
    signals = {signal.column: signal for signal in run.recipe.chain({}).signals}
    return [
        Histogram(
            signal,
            _described(signals[signal]),
            fired[signal],
            chart(signals[signal], counts[signal], [rule for _, rule in rules]),
        )
        for signal, rules in by_signal.items()
        if signal in chosen and fired[signal]
    ]


def _described(signal: Signal) -> str:
    """What is measured. Some descriptions go on where the unit ends: `share of lines`, `in the text`."""
    goes_on = signal.description.startswith(("in ", "of ", "at ", "that "))
    return f"{signal.unit} {signal.description}" if goes_on else signal.description


def merged(run: Run) -> dict[str, Counts]:
    """Every signal's histogram over all shards: documents by lower edge of a bin, kept and dropped."""
    return {
        signal: {
            side: Counter({float(edge): n for edge, n in edges.items()}) for side, edges in sides.items()
        }
        for signal, sides in run.closed["filter"].histograms.items()
    }


def chart(signal: Signal, counts: Counts, rules: Sequence[Rule]) -> Markup:
    """A signal's histogram with the thresholds of these rules; rules that are off have none."""
    thresholds = [float(rule.threshold) for rule in rules if isinstance(rule.threshold, int | float)]
    edges = sorted({edge for side in counts.values() for edge in side})
    shares = signal.unit.startswith(("share", "per ", "probability"))
    bins, labels = _shares(counts, edges, thresholds) if shares else _powers(counts, edges, thresholds)
    place = (lambda value: min(value, bins[-1].end)) if shares else _place
    marks = [
        Mark(place(value), f"drops {condition(rule)}") for value, rule in zip(thresholds, rules, strict=True)
    ]
    kept, dropped = (sum(counts[side].values()) for side in ("kept", "dropped"))
    return histogram(
        f"{signal.column}, kept and dropped documents",
        f"{kept:,} kept documents above the axis, {dropped:,} dropped ones below, each as shares of their side. "
        + "; ".join(mark.label for mark in marks),
        bins,
        marks,
        labels,
        f"{signal.unit}{'' if shares else ' (logarithmic)'}",
    )


def _bins(counts: Counts, keys: Mapping[float, tuple[float, float]]) -> list[Bin]:
    """Bars from counts, whose edges `keys` maps to places on the axis."""
    totals = {side: sum(documents.values()) or 1 for side, documents in counts.items()}
    sums: dict[tuple[float, float], dict[str, float]] = {}
    for side, documents in counts.items():
        for edge, count in documents.items():
            into = sums.setdefault(keys[edge], {"kept": 0.0, "dropped": 0.0})
            into[side] += count / totals[side]
    return [Bin(*place, values["kept"], values["dropped"]) for place, values in sorted(sums.items())]


def _shares(
    counts: Counts, edges: Sequence[float], thresholds: Sequence[float]
) -> tuple[list[Bin], list[tuple[float, str]]]:
    """Bars of .02 from the least to the largest value or threshold; everything above 1 in one bar at the end."""
    inside = [edge for edge in edges if edge < 1.0]
    low = min([*inside, *thresholds, 1.0])
    high = max(
        [*(edge + _STEP for edge in inside), *(limit + _STEP for limit in thresholds), low + 10 * _STEP]
    )
    low = 0.0 if low < 0.5 * high else math.floor(low * 10) / 10
    high = min(1.0, math.ceil(high * 10 - 1e-9) / 10)
    above = [edge for edge in edges if edge >= 1.0]
    if above:
        high = 1.0
    wide = (high - low) / 25
    keys = {edge: (edge, edge + _STEP) for edge in inside} | dict.fromkeys(above, (1.0, 1.0 + wide))
    labels = [(value, short(value)) for value in ticks(low, high, 5)]
    if above and edges[-1] > 1.0:
        labels = [*labels[:-1], (1.0, "1+")]
    # Two empty bars hold the ends of the axis.
    return [Bin(low, low, 0, 0), *_bins(counts, keys), Bin(high, high, 0, 0)], labels


def _place(value: float) -> float:
    """Where a value stands on a logarithmic axis, in quarters of a power of two; 0 and less has a place of its own."""
    return _QUARTERS * math.log2(value) if value >= 1 else _BELOW


def _powers(
    counts: Counts, edges: Sequence[float], thresholds: Sequence[float]
) -> tuple[list[Bin], list[tuple[float, str]]]:
    """Bars of a quarter of a power of two; a threshold is in sight if it lies within a factor of 4 of the values."""
    keys = {edge: (place := float(round(_place(edge))), place + 1) for edge in edges}
    largest = edges[-1]
    near = [limit for limit in thresholds if limit <= 4 * max(largest, 1)]
    high = max([keys[largest][1], *(_place(limit) + 2 for limit in near)])
    first = min(keys[edges[0]][0], *(_place(limit) - 2 for limit in near)) if near else keys[edges[0]][0]
    low = _BELOW if edges[0] < 1 else max(first, 0.0)
    octaves = range(math.ceil(low / _QUARTERS), math.floor(high / _QUARTERS) + 1)
    every = max(1, math.ceil(len(octaves) / 9))
    labels = [(float(_QUARTERS * n), f"{2**n:,}") for n in octaves if n >= 0 and n % every == 0]
    if low < 0:
        labels = [(_BELOW + 0.5, "<1"), *labels]
    return [Bin(low, low, 0, 0), *_bins(counts, keys), Bin(high, high, 0, 0)], labels
