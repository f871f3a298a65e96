"""Which rules of another recipe the signals that a run stored can judge, and the verdict by them.

A stored column serves another recipe if the same filter measured it: of the same version, with the same settings but
for thresholds, with the same lists and models, on a text that the same edits had changed before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from filters import FILTERS
from filters.decide import Named, decide
from filters.extracted import EMPTY_SIGNAL
from filters.steps import DOCUMENT_COLUMNS, Guard, Step, asset_names, signals_of
from filters.types import Rule, Verdict
from pipeline.compare.answer import NotJudged
from pipeline.named_assets import entry, is_named

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

Columns = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Judging:
    """The rules of a recipe that can be judged, by language too, and those that cannot."""

    rules: list[Named]
    languages: dict[str, list[Rule]]
    guards: dict[str, Guard]
    columns: list[str]  # that rules and conditions read and the run has stored
    steps: list[Step]  # the filters whose columns serve
    not_judged: list[NotJudged]

    def verdict(self, columns: Columns, rows: int) -> Verdict:
        """The verdict of the rules that can be judged; a condition on what nobody measured finds nulls."""
        named = {name for guard in self.guards.values() for name in guard.columns} - set(columns)
        unmeasured = {name: np.full(rows, None, object) for name in named}
        return decide(self.rules, {**columns, **unmeasured}, rows, self.guards, self.languages)


def judging(before: Recipe, after: Recipe, stored: Sequence[str], versions: Mapping[str, int]) -> Judging:
    """What of `after` can be judged by the columns that a run of `before` stored, measured by filters of `versions`.

    Rules that are switched off for every language are neither judged nor missing.
    """
    chain = after.chain({})
    unfit = _unfit(before, after, versions)
    measured_by = {
        signal.column: step.name
        for step in chain.steps
        for settings in (step.settings, *step.by_language.values())
        for signal in signals_of(step.name, settings)
    }
    known = {EMPTY_SIGNAL.column, *stored}

    def lacking(name: str, rule: Rule) -> str | None:
        if rule.signal not in known:
            return f"the run has no column {rule.signal}"
        if (step := name.partition(".")[0]) in unfit:
            return unfit[step]
        for column in chain.guards[name].columns if name in chain.guards else ():
            by = measured_by.get(column)
            if by in unfit or (column not in known and (by is not None or column in DOCUMENT_COLUMNS)):
                return f"its condition reads {column}, which the run did not measure so"
        return None

    sides = [[rule for _, rule in chain.rules], *chain.languages.values()]
    on = [
        number
        for number in range(len(chain.rules))
        if any(side[number].threshold is not None for side in sides)
    ]
    whys = {number: lacking(*chain.rules[number]) for number in on}
    at = [number for number in on if whys[number] is None]
    rules = [chain.rules[number] for number in at]
    languages = {language: [own[number] for number in at] for language, own in chain.languages.items()}
    guards = {name: chain.guards[name] for name, _ in rules if name in chain.guards}
    read = {rule.signal for _, rule in rules} | {name for one in guards.values() for name in one.columns}
    read |= {"language"} if languages else set()
    not_judged = [
        NotJudged(rule=chain.rules[number][0], why=why) for number, why in whys.items() if why is not None
    ]
    not_judged += [NotJudged(rule=one.filter, why=str(one)) for one in after.left_out]
    steps = [step for step in chain.steps if step.name not in unfit]
    return Judging(rules, languages, guards, sorted(read & known), steps, not_judged)


def _unfit(before: Recipe, after: Recipe, versions: Mapping[str, int]) -> dict[str, str]:
    """Filters of `after` whose columns `before` did not measure, or measured otherwise, and how."""
    old, new = (_measured(recipe) for recipe in (before, after))
    found = {}
    for step in after.chain({}).steps:
        name = step.name
        if name not in old:
            found[name] = "the run did not measure it"
        elif old[name].own != new[name].own:
            found[name] = f"the run measured it with other settings ({', '.join(_differing(old, new, name))})"
        elif old[name].edits != new[name].edits:
            found[name] = "the run measured it on a text that other filters had edited"
        elif versions.get(name, FILTERS[name].version) != FILTERS[name].version:
            found[name] = "another version measured it"
        elif _assets_differ(before, after, step):
            found[name] = "the run measured it with another list or model"
        elif name == "optout" and before.robots != after.robots:
            found[name] = "the run measured it with other robots.txt files"
    return found


@dataclass(frozen=True)
class _Measured:
    own: dict[str, Any]
    edits: list[dict[str, Any]]


def _measured(recipe: Recipe) -> dict[str, _Measured]:
    """By filter, what its signals depend on: itself, and the filters before it that edit the text."""
    found: dict[str, _Measured] = {}
    edits: list[dict[str, Any]] = []
    for own in recipe.chain({}).fingerprint_settings(thresholds=False):
        found[own["name"]] = _Measured(own, list(edits))
        if FILTERS[own["name"]].edit is not None:
            edits.append(own)
    return found


def _differing(old: Mapping[str, _Measured], new: Mapping[str, _Measured], name: str) -> list[str]:
    """The settings that decide what is measured and differ, `version` and `by_language` among them."""
    one, other = (side[name].own for side in (old, new))
    keys = [key for key in one["settings"] if one["settings"][key] != other["settings"].get(key)]
    return keys + [key for key in ("version", "by_language") if one.get(key) != other.get(key)]


def _assets_differ(before: Recipe, after: Recipe, step: Step) -> bool:
    """Whether a list or model of the recipe's own is another one: by its digest where both state one."""
    for name in asset_names([step]):
        if is_named(name):
            one, other = entry(before, name), entry(after, name)
            keys = ("sha256",) if one.sha256 and other.sha256 else ("sha256", "path")
            if one.kind != other.kind or any(getattr(one, key) != getattr(other, key) for key in keys):
                return True
    return False
