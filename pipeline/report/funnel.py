"""What became of every record: the funnel from records to corpus, whose numbers add up, and what each rule did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from filters.types import Rule
from pipeline.report.run import Run
from pipeline.stats import REMOVING
from pipeline.sums import named, ranked

_SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "not_in": "not in"}
_NO_PAGE = (
    "not_ok",
    "not_html",
)  # responses that are no pages; every other kind of skipped record is no response
_AFTER = {
    "url": "after equal addresses",
    "exact": "after exact duplicates",
    "minhash": "after near duplicates",
    "lines": "after repeated lines",
}


class Step(NamedTuple):
    """One row of the funnel: `left` is the row before less `removed`, which is the sum of `why`."""

    name: str
    removed: int
    left: int
    why: dict[str, int]


class RuleRow(NamedTuple):
    """One rule: documents that it was the first to drop, and all that fail it, alone or with others."""

    rule: str
    column: str
    condition: str  # what drops a document
    first: int
    failing: int


class DomainRow(NamedTuple):
    """One domain of the corpus."""

    domain: str
    documents: int
    train: int  # tokens
    heldout: int  # tokens


def funnel(run: Run) -> list[Step]:
    """The steps from records to corpus. The last one's `left` is the corpus."""
    counts = run.counts
    skipped, failed = counts["skipped"], dict(counts["failed"])
    given_up = failed.pop("shard_given_up", 0)
    lost_inputs = len(run.lost.get("extract", []))
    steps = [Step("records", 0, counts["records"], {})]

    def remove(name: str, why: Mapping[str, int]) -> None:
        fired = {reason: number for reason, number in why.items() if number}
        removed = sum(fired.values())
        steps.append(Step(name, removed, steps[-1].left - removed, fired))

    remove("responses", {kind: number for kind, number in skipped.items() if kind not in _NO_PAGE})
    remove("pages", {kind: number for kind, number in skipped.items() if kind in _NO_PAGE})
    remove("extracted", failed | {"shard_given_up": lost_inputs})
    if "filter" in run.ended:
        for name, why in _by_filter(run).items():
            remove("with text" if name == "extract" else f"after {name}", why)
    if {"dedup", "cut_lines"} & set(run.ended):
        for kind in _kinds(run):
            remove(_AFTER.get(kind, f"after {kind}"), {kind: counts["duplicates"].get(kind, 0)})
    if given_up > lost_inputs:
        remove("after shards given up", {"shard_given_up": given_up - lost_inputs})
    others = {why: number for why, number in counts["removed"].items() if why not in REMOVING}
    if sum(others.values()):
        remove("after removals", others)
    steps.append(Step("corpus" if "corpus" in run.ended else "left so far", 0, steps[-1].left, {}))
    return steps


def _kinds(run: Run) -> list[str]:
    """The kinds of duplicates that the recipe looks for, in its order, and then any others that were counted."""
    wanted: list[str] = list(run.recipe.dedup.kinds) if run.recipe.dedup is not None else []
    return [*wanted, *sorted(set(run.counts["duplicates"]) - set(wanted))]


def first_dropped(run: Run) -> dict[str, int]:
    """Documents by the rule that was the first to drop them, also those that count as removed."""
    found: dict[str, int] = dict(run.counts["dropped"])
    for _, rules in REMOVING.values():
        found |= run.counts[rules]
    return found


def _by_filter(run: Run) -> dict[str, dict[str, int]]:
    """Filter to documents by the rule that was the first to drop them, all in recipe order."""
    dropped = first_dropped(run)
    order = [name for name, _ in recipe_rules(run)]
    found: dict[str, dict[str, int]] = {}
    for rule in [*order, *sorted(set(dropped) - set(order))]:
        found.setdefault(rule.partition(".")[0], {})[rule.partition(".")[2]] = dropped.get(rule, 0)
    if not any(found.get("extract", {}).values()):
        found.pop("extract", None)
    return found


def recipe_rules(run: Run) -> list[tuple[str, Rule]]:
    """The rules of the recipe as (`<filter>.<rule>`, rule), in its order."""
    return run.recipe.chain({}).rules if run.recipe.filters is not None else []


def condition(rule: Rule) -> str:
    """What drops a document, as text: `< 50`, `not in en, de`."""
    threshold = rule.threshold
    if isinstance(threshold, tuple):
        return f"{_SIGNS[rule.drop_when]} {', '.join(threshold)}"
    shown = f"{threshold:,}" if isinstance(threshold, int) else str(threshold)
    return f"{_SIGNS[rule.drop_when]} {shown}"


def failing_counts(run: Run) -> Counter[str]:
    """Documents by every rule that they fail."""
    return named(run.closed["filter"], "failing")


def rules(run: Run) -> tuple[list[RuleRow], list[str]]:
    """The rules that fired, in recipe order, and the names of those that fired on nothing."""
    first, failing = first_dropped(run), failing_counts(run)
    rows, silent = [], []
    for name, rule in recipe_rules(run):
        if rule.threshold is None:
            continue
        if first.get(name) or failing.get(name):
            rows.append(RuleRow(name, rule.signal, condition(rule), first.get(name, 0), failing.get(name, 0)))
        else:
            silent.append(name)
    return rows, silent


def domains(run: Run) -> list[DomainRow]:
    """Documents and tokens of every domain, the largest first."""
    documents = run.counts["domains"]
    train = named(run.closed["tokens"], "train_by_domain")
    heldout = named(run.closed["tokens"], "heldout_by_domain")
    names = sorted({*documents, *train, *heldout}, key=lambda name: (-documents.get(name, 0), name))
    return [DomainRow(name, documents.get(name, 0), train[name], heldout[name]) for name in names]


def languages(run: Run) -> dict[str, int]:
    """Extracted documents by their most probable language, the most frequent first."""
    return ranked(named(run.closed["filter"], "languages"))
