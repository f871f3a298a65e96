"""What is wrong with a recipe's rules before a month of processors is spent on them: `sluice plan` reports it.

Without a document: thresholds that no value of the signal can cross or that every value crosses, settings for a
language that no document will have, filters left out for want of a list or model. Names of signals in conditions, of
rules and of settings are refused when the recipe is read. With documents: canaries (`pipeline/canaries.py`), which each
rule must drop or keep, and the measured sample, on which a rule that fires on nothing or everything is suspicious.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from filters.language_codes import code_of
from filters.types import Rule, Signal

if TYPE_CHECKING:
    from filters.chain import Applied, Chain
    from pipeline.recipe import Recipe

FEWEST = 30  # documents of a sample that say something of a rule


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to look at: an `error` makes a rule useless, a `warning` may be meant so, a `note` informs."""

    severity: Literal["error", "warning", "note"]
    where: str  # a filter or `<filter>.<rule>`
    problem: str


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule fired on the sample, of all documents and alone."""

    rule: str
    documents: int
    alone: int  # no other rule fired on these
    excused: int  # spared by its condition


def lint(recipe: Recipe) -> list[Finding]:
    """What can be said without a document."""
    chain = recipe.chain({})
    found = [Finding(severity="warning", where=one.filter, problem=str(one)) for one in recipe.left_out]
    signals = {signal.column: signal for signal in chain.signals}
    for language in (None, *chain.languages):
        for name, rule in chain.rules_for(language):
            problem = _threshold(rule, signals.get(rule.signal))
            if problem and (language is None or rule not in [one for _, one in chain.rules]):
                said = f"{problem} (for {language})" if language else problem
                found.append(Finding(severity="error", where=name, problem=said))
    return found + _languages(recipe, chain)


def bounds(unit: str) -> tuple[float, float]:
    """The least and the largest value of a signal with this unit; infinite where the unit does not say."""
    if unit.startswith("share of") or unit in ("probability", "0 or 1"):
        return 0.0, 1.0
    counted = (
        *(
            "words",
            "characters",
            "bytes",
            "lines",
            "sentences",
            "documents",
            "tokens",
            "pieces",
            "phrases",
            "hits",
        ),
        *("categories", "agents", "languages", "bits", "perplexity", "bucket", "alpha", "per "),
    )
    if unit.startswith(counted):
        return 0.0, math.inf
    return -math.inf, math.inf


def _threshold(rule: Rule, signal: Signal | None) -> str:
    """Why a rule's threshold decides nothing; empty if it can decide."""
    if signal is None:
        return f"compares {rule.signal}, which no filter of the recipe measures"
    if rule.threshold is None or isinstance(rule.threshold, tuple | str):
        return ""
    low, high = bounds(signal.unit)
    limit = float(rule.threshold)
    never = {
        "<": limit <= low,
        "<=": limit < low,
        ">": limit >= high,
        ">=": limit > high,
        "==": not low <= limit <= high,
    }
    always = {"<": limit > high, "<=": limit >= high, ">": limit < low, ">=": limit <= low, "==": False}
    said = f"`{rule.drop_when} {rule.threshold}` of {signal.column} ({signal.unit})"
    if never.get(rule.drop_when):
        return f"never fires: {said}; null switches a rule off"
    if always.get(rule.drop_when):
        return f"fires on every document: {said}"
    return ""


def _languages(recipe: Recipe, chain: Chain) -> list[Finding]:
    names = [step.name for step in chain.steps]
    found = []
    wanted = next((step.settings.languages for step in chain.steps if step.name == "language"), None)
    if "language" in names and wanted is None:
        found.append(
            Finding(
                severity="note",
                where="language",
                problem="no language is asked for: any passes that scores enough",
            )
        )
    for at, step in enumerate(chain.steps):
        if step.by_language and "language" not in names[:at] and step.name != "language":
            problem = "has settings by language, but no filter before it finds the language"
            found.append(Finding(severity="warning", where=step.name, problem=problem))
        codes = None if wanted is None else {code_of(one) for one in wanted}
        others = [one for one in step.by_language if codes is not None and one not in codes]
        if others:
            problem = f"has settings for {', '.join(others)}, which the filter `language` drops"
            found.append(Finding(severity="warning", where=step.name, problem=problem))
    return found


def fired(chain: Chain, applied: Applied) -> list[Fired]:
    """How often each rule fired on measured documents, in recipe order."""
    names = [name for name, _ in chain.rules]
    number = {name: i for i, name in enumerate(names)}

    def matrix(lists: Sequence[Sequence[str]]) -> np.ndarray:
        found = np.zeros((len(lists), len(names)), np.bool_)
        for row, rules in enumerate(lists):
            found[row, [number[rule] for rule in rules]] = True
        return found

    failing = matrix(applied.verdict.reasons.to_pylist())
    excused = matrix(applied.verdict.excused.to_pylist())
    alone = failing & (failing.sum(axis=1, keepdims=True) == 1)
    return [
        Fired(
            rule=name,
            documents=int(failing[:, i].sum()),
            alone=int(alone[:, i].sum()),
            excused=int(excused[:, i].sum()),
        )
        for i, name in enumerate(names)
    ]


def suspicious(chain: Chain, counts: Sequence[Fired], documents: int) -> list[Finding]:
    """Rules that fire on nothing or on everything of a sample large enough to say so."""
    if documents < FEWEST:
        return []
    active = {name for name, rule in chain.rules if rule.threshold is not None}
    found = []
    for one in counts:
        if one.rule in active and one.documents == documents:
            problem = f"fires on all {documents} documents of the sample"
            found.append(Finding(severity="error", where=one.rule, problem=problem))
        elif one.rule in active and one.documents + one.excused == 0:
            problem = f"fires on none of {documents} documents of the sample"
            found.append(Finding(severity="note", where=one.rule, problem=problem))
    return found
