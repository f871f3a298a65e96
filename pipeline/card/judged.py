"""What judged the documents: the rules of the recipe, and the opt-outs that documents state."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from pipeline.report import funnel

if TYPE_CHECKING:
    from pipeline.report.run import Run


class RuleRow(NamedTuple):
    """One rule that is switched on: documents that it was the first to drop, and all that fail it."""

    rule: str
    condition: str
    first: int
    failing: int


def rules(run: Run) -> list[RuleRow]:
    """The rules of the recipe that are switched on or dropped something, in its order."""
    first, failing = funnel.first_dropped(run), funnel.failing_counts(run)
    rows = []
    for name, rule in funnel.recipe_rules(run):
        if rule.threshold is not None or first.get(name) or failing.get(name):
            condition = funnel.condition(rule) if rule.threshold is not None else "in some languages"
            rows.append(RuleRow(name, f"{rule.signal} {condition}", first.get(name, 0), failing.get(name, 0)))
    return rows


def opt_outs(run: Run) -> dict[str, int]:
    """Documents that passed the filters by the opt-out that they state, from the histograms of the receipts."""
    from filters.optout import Name

    histograms = run.closed["filter"].histograms
    stated = {name: histograms.get(f"optout_{name}", {}).get("kept", {}) for name in get_args(Name)}
    if "optout_noai" not in histograms:
        return {}
    return {
        name: sum(number for edge, number in kept.items() if float(edge) > 0) for name, kept in stated.items()
    }


def dropping_opt_outs(run: Run) -> list[str]:
    """The opt-outs for which the recipe drops a page."""
    return [
        name
        for name, rule in funnel.recipe_rules(run)
        if name.startswith("optout.") and rule.threshold is not None
    ]
