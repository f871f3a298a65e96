"""A signal's distribution, the thresholds on it, and at once what other thresholds would keep."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np

from filters.knobs import Knob, knobs
from filters.types import Rule, Signal
from pipeline.dashboard.sliders import Moved, Outcome, Slider, outcome, settings_now, sliders
from pipeline.dashboard.view import BadQuestion, House, View
from pipeline.dashboard.watch import Seen
from pipeline.report.funnel import recipe_rules
from pipeline.report.signals import Counts, merged
from pipeline.sums import named

Array = np.ndarray[Any, Any]


class SignalsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which signal to show (default: the one whose rules drop most), and what is moved.

    `set` is as on the command line, several times if need be: `set=filters.gopher_quality.min_words=100`. A
    setting that is not given stays as the recipe has it.
    """

    signal: str = ""
    set: tuple[str, ...] = ()


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One signal that can be shown: its column, unit, what it measures (`description`), its rules, and `failing`
    documents, a document once for each of these that it fails."""

    signal: str
    unit: str
    description: str
    rules: list[str]
    failing: int


class SignalThreshold(msgspec.Struct, frozen=True, kw_only=True):
    """One threshold on the signal: the rule, what drops a document (`drop_when`: a value that is, such as `<`, the
    threshold), and the value now and in the recipe.

    `language` is the one that has this threshold of its own, or empty.
    """

    rule: str
    drop_when: str
    value: float | None
    recipe: float | None
    language: str


class SignalsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A signal and what is done with it; `signals` are all that can be asked for.

    `kept` and `dropped` map the lower edge of a bin (steps of .02 up to 1 for shares, else quarters of a power of two)
    to documents, by the moved thresholds where documents are at hand, else by the recipe's. `from_sample` is true
    where they were counted in the stored sample. `outcome` is null where nothing is stored of documents. `patch` is
    a recipe patch of what was moved, `command` what runs it; both empty where
    nothing was. `unmeasured` documents have no value. `sliders` are those of this signal, `elsewhere` moved ones of
    others. `reading` is true while signals are still being read.
    """

    signals: list[SignalRow]
    signal: SignalRow
    thresholds: list[SignalThreshold]
    kept: dict[str, int]
    dropped: dict[str, int]
    unmeasured: int
    from_sample: bool
    sliders: list[Slider]
    elsewhere: list[Slider]
    outcome: Outcome | None
    patch: str
    command: str
    reading: bool


def answer(house: House, seen: Seen, asked: SignalsQuestion) -> SignalsAnswer:
    """The chosen signal, with the thresholds as moved; raises BadQuestion for signals and settings there are not."""
    if seen.run.recipe.filters is None:
        raise BadQuestion("this run has no filters, so no signals: run it with a recipe that has some", 404)
    rows = _rows(seen)
    chosen = _chosen(seen, rows, asked.signal)
    moved = settings_now(seen, asked.set)
    found = knobs(seen.run.recipe.chain({}).steps)
    own, elsewhere = sliders(seen, found, moved, chosen.signal)
    result = outcome(seen, moved, chosen.signal) if seen.documents.rows else None
    kept, dropped, unmeasured = _histogram(seen, chosen.signal, moved.keep if moved.stored else None)
    return SignalsAnswer(
        signals=rows,
        signal=chosen,
        thresholds=_thresholds(seen, moved, chosen.signal, found),
        kept=kept,
        dropped=dropped,
        unmeasured=unmeasured,
        from_sample=not seen.documents.exact,
        sliders=own,
        elsewhere=elsewhere,
        outcome=result,
        patch=moved.patch,
        command=moved.command,
        reading=seen.documents.reading,
    )


def shown_signals(seen: Seen) -> frozenset[str]:
    """The signals that this view has a page for: those that are numbers."""
    cache = seen.documents.cache
    if "shown signals" not in cache:
        there = seen.run.recipe.filters is not None
        cache["shown signals"] = frozenset(row.signal for row in (_rows(seen) if there else ()))
    return cache["shown signals"]


def _rows(seen: Seen) -> list[SignalRow]:
    """All numeric signals, those with the most failures first."""
    counts = merged(seen.run)
    failing = named(seen.run.closed["filter"], "failing")
    rules: dict[str, list[str]] = {}
    for name, rule in recipe_rules(seen.run):
        if isinstance(rule.threshold, int | float):
            rules.setdefault(rule.signal, []).append(name)
    signals = {one.column: one for one in seen.run.recipe.chain({}).signals}
    columns = [*rules, *(name for name in counts if name not in rules)]
    found = [_row(signals.get(name), name, rules.get(name, []), failing) for name in columns]
    return sorted(found, key=lambda one: (not one.rules, -one.failing, one.signal))


def _row(signal: Signal | None, name: str, rules: list[str], failing: Any) -> SignalRow:
    return SignalRow(
        signal=name,
        unit=signal.unit if signal else "",
        description=signal.description if signal else "of the document, as it came",
        rules=rules,
        failing=sum(failing[rule] for rule in rules),
    )


def _chosen(seen: Seen, rows: list[SignalRow], name: str) -> SignalRow:
    from pipeline.errors import nearest

    if not rows:
        raise BadQuestion("nothing was measured yet: the stage `filter` has not begun", 404)
    found = next((row for row in rows if row.signal == name), None)
    if found is None and name:
        raise BadQuestion(f"there is no signal `{name}`{nearest(name, [row.signal for row in rows])}", 404)
    return found or rows[0]


def _thresholds(seen: Seen, moved: Moved, signal: str, found: list[Knob]) -> list[SignalThreshold]:
    before = dict(recipe_rules(seen.run))
    now = {
        knob.key: knob.value for knob in (knobs(moved.recipe.chain({}).steps) if moved.settings else found)
    }
    rows = [
        SignalThreshold(
            rule=name,
            drop_when=rule.drop_when,
            value=rule.threshold if isinstance(rule.threshold, int | float) else None,
            recipe=_number(before[name].threshold),
            language="",
        )
        for name, rule in moved.recipe_rules
        if rule.signal == signal and not isinstance(rule.threshold, tuple | str)
    ]
    rows += [
        SignalThreshold(
            rule=knob.rule,
            drop_when=knob.drop_when,
            value=now.get(knob.key),
            recipe=knob.value,
            language=knob.language,
        )
        for knob in found
        if knob.language and knob.signal == signal
    ]
    return rows


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) else None


def _histogram(seen: Seen, signal: str, keep: Array | None) -> tuple[dict[str, int], dict[str, int], int]:
    """Kept and dropped documents by lower edge of a bin, and documents without a value."""
    from pipeline.stages.filter import edges_of

    if keep is None or signal not in seen.documents.table.column_names:
        empty: Counts = {"kept": Counter(), "dropped": Counter()}
        counts = merged(seen.run).get(signal, empty)
        sides = [
            {f"{edge:.4g}": n for edge, n in sorted(counts[side].items())} for side in ("kept", "dropped")
        ]
        measured = sum(sum(side.values()) for side in sides)
        return sides[0], sides[1], max(0, seen.documents.total - measured)
    values = seen.documents.column(signal)
    fractional = seen.documents.table.schema.field(signal).type in _FLOATS
    known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), np.bool_)
    sides = [edges_of(values[known & side].astype(np.float64), fractional) for side in (keep, ~keep)]
    return sides[0], sides[1], int((~known).sum())


def _floats() -> tuple[Any, ...]:
    import pyarrow as pa

    return (pa.float64(), pa.float32())


_FLOATS = _floats()


def drawn(asked: SignalsAnswer) -> Any:
    """The histogram with the thresholds on it, as SVG."""
    from pipeline.report.signals import chart

    counts: dict[str, Counter[float]] = {
        side: Counter({float(edge): n for edge, n in edges.items()})
        for side, edges in (("kept", asked.kept), ("dropped", asked.dropped))
    }
    if not any(counts.values()):
        return ""
    signal = Signal(asked.signal.signal, asked.signal.unit, asked.signal.description, "")
    rules = [
        Rule(one.rule, asked.signal.signal, one.drop_when, one.value, "")  # type: ignore[arg-type]
        for one in asked.thresholds
        if one.value is not None and not one.language
    ]
    return chart(signal, counts, rules)


VIEW = View("signals", "Signals", "s", SignalsQuestion, SignalsAnswer, answer)
