"""What is kept: filters as pure functions over batches of texts, and edits that change them.

`FILTERS` is the table of all filters by the name that a recipe uses. Each measures numeric signals; thresholds
alone decide (`filters.chain`). Lists and models arrive loaded; nothing here opens a file or a connection.
"""

from __future__ import annotations

from typing import Any

from filters import (
    c4,
    c4_dolma,
    ccnet,
    fineweb,
    gopher_dclm,
    gopher_dolma,
    gopher_quality,
    gopher_repetition,
    language,
    madlad,
    optout,
    refinedweb,
    url,
)
from filters.types import FilterSpec, Rule, Signal, Verdict

__all__ = ["FILTERS", "FilterSpec", "Rule", "Signal", "Verdict", "catalogue"]

FILTERS: dict[str, FilterSpec] = {
    "url": url.SPEC,
    "optout": optout.SPEC,
    "language": language.SPEC,
    "gopher_repetition": gopher_repetition.SPEC,
    "gopher_quality": gopher_quality.SPEC,
    "c4": c4.SPEC,
    "fineweb": fineweb.SPEC,
    "gopher_dolma": gopher_dolma.SPEC,
    "c4_dolma": c4_dolma.SPEC,
    "gopher_dclm": gopher_dclm.SPEC,
    "refinedweb_lines": refinedweb.SPEC,
    "madlad": madlad.SPEC,
    "ccnet": ccnet.SPEC,
}


def catalogue() -> list[dict[str, Any]]:
    """Every signal of every filter with the rules on it, at default settings, in a fixed order.

    One entry per rule, and one with `rule` None for a column that no rule reads. Keys: filter, rule, column, unit,
    direction (what drops a document), threshold, source, description.
    """
    entries: list[dict[str, Any]] = []
    for name, spec in FILTERS.items():
        settings = spec.settings()
        rules = spec.rules(settings)
        for signal in spec.signals(settings):
            on_it: list[Rule | None] = [rule for rule in rules if rule.signal == signal.column]
            entries += [_entry(name, signal, rule) for rule in on_it or [None]]
    return entries


def _entry(name: str, signal: Signal, rule: Rule | None) -> dict[str, Any]:
    threshold = rule.threshold if rule else None
    return {
        "filter": name,
        "rule": rule.name if rule else None,
        "column": signal.column,
        "unit": signal.unit,
        "direction": rule.drop_when if rule else None,
        "threshold": list(threshold) if isinstance(threshold, tuple) else threshold,
        "source": signal.source,
        "description": signal.description,
    }
