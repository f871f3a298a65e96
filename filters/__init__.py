"""What is kept: filters as pure functions over batches of texts, and edits that change them.

`FILTERS` is the table of all filters by the name that a recipe uses. Each measures numeric signals; thresholds
alone decide (`filters.chain`). Lists and models arrive loaded; nothing here opens a file or a connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from filters import (
    bad_words,
    blocklist,
    c4,
    c4_dolma,
    ccnet,
    code,
    contamination,
    dirty,
    domain,
    extracted,
    fineweb,
    foreign,
    gopher_dclm,
    gopher_dolma,
    gopher_quality,
    gopher_repetition,
    importance,
    language,
    line_languages,
    madlad,
    nemo_curator,
    optout,
    outliers,
    perplexity,
    pii,
    quality,
    redpajama_v2,
    refinedweb,
    scores,
    stop_words,
    topics,
    toxicity,
    url,
    url_words,
)
from filters.types import FilterSpec, Rule, Signal, Verdict

__all__ = ["FILTERS", "FilterSpec", "Rule", "Signal", "Verdict", "catalogue"]

FILTERS: dict[str, FilterSpec] = {
    "url": url.SPEC,
    "optout": optout.SPEC,
    "language": language.SPEC,
    "line_languages": line_languages.SPEC,
    "stop_words": stop_words.SPEC,
    "gopher_repetition": gopher_repetition.SPEC,
    "gopher_quality": gopher_quality.SPEC,
    "c4": c4.SPEC,
    "fineweb": fineweb.SPEC,
    "domain": domain.SPEC,
    "topics": topics.SPEC,
    "scores": scores.SPEC,
    "quality": quality.SPEC,
    "pii": pii.SPEC,
    "datatrove": foreign.SPEC,
    "rpv2": redpajama_v2.SPEC,
    "nemo": nemo_curator.SPEC,
    "code": code.SPEC,
    "dirty": dirty.SPEC,
    "outliers": outliers.SPEC,
    "blocklist": blocklist.SPEC,
    "url_words": url_words.SPEC,
    "bad_words": bad_words.SPEC,
    "importance": importance.SPEC,
    "perplexity": perplexity.SPEC,
    "toxicity": toxicity.SPEC,
    "gopher_dolma": gopher_dolma.SPEC,
    "c4_dolma": c4_dolma.SPEC,
    "gopher_dclm": gopher_dclm.SPEC,
    "refinedweb_lines": refinedweb.SPEC,
    "madlad": madlad.SPEC,
    "ccnet": ccnet.SPEC,
    "contamination": contamination.SPEC,
}


def catalogue() -> list[dict[str, Any]]:
    """Every signal with the rules on it: of the extracted text, then of every filter at default settings, in order.

    Where the defaults measure nothing, as they name no model, an example's are shown.

    One entry per rule, and one with `rule` None for a column that no rule reads. Keys: filter, rule, column, unit,
    direction (what drops a document), threshold, source, description.
    """
    entries = _entries("extract", extracted.SIGNALS, extracted.RULES)
    for name, spec in FILTERS.items():
        settings = spec.settings() if spec.example is None else spec.example
        entries += _entries(name, spec.signals(settings), spec.rules(settings))
    return entries


def _entries(name: str, signals: Sequence[Signal], rules: Sequence[Rule]) -> list[dict[str, Any]]:
    entries = []
    for signal in signals:
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
