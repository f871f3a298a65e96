"""Published removal shares of a recipe, and whether a run lies inside them.

A recipe's `bands:` name a filter (`c4`) or a rule (`fineweb.char_dup`) and the share that its makers saw it remove, of
what reached the filter: of documents, or of characters as extracted, which stand in for tokens. What reaches a filter
is what no filter before it dropped; a rule's share is of what reaches its filter, too, and counts the documents whose
first failing rule it is. A run outside a band is told so; a few documents say nothing, so fewer than `FEWEST` are not
judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from filters.types import Share

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

FEWEST = 500  # documents that reach a filter


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share that a filter or a rule is expected to remove."""

    low: Share
    high: Share
    by: Literal["documents", "characters"] = "documents"
    source: str = ""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A band beside what a run shows; `inside` is null where too few documents reached the filter."""

    name: str
    share: float | None
    low: float
    high: float
    by: str
    inside: bool | None
    reached: int  # documents
    source: str

    def __str__(self) -> str:
        share = f"{100 * (self.share or 0.0):.1f} %"
        source = f" ({self.source})" if self.source else ""
        return (
            f"{self.name} removed {share} of {self.by} that reached it, outside its published "
            f"{100 * self.low:.3g} to {100 * self.high:.3g} %{source}"
        )


def judge(recipe: Recipe, total: Mapping[str, int], dropped: Mapping[str, Mapping[str, int]]) -> list[Judged]:
    """The recipe's bands against counts: `total` documents and characters, and what each first rule dropped of both."""
    order = ["extract", *(step.name for step in recipe.chain({}).steps)]
    found = []
    for name, band in recipe.bands.items():
        filter_name = name.partition(".")[0]
        if filter_name not in order:
            continue
        reached = {}
        for by in ("documents", "characters"):
            before = sum(
                number
                for rule, number in dropped[by].items()
                if order.index(rule.partition(".")[0]) < order.index(filter_name)
            )
            reached[by] = total[by] - before
        removed = sum(
            number
            for rule, number in dropped[band.by].items()
            if rule == name or (name == filter_name and rule.startswith(f"{name}."))
        )
        share = removed / reached[band.by] if reached[band.by] else None
        enough = reached["documents"] >= FEWEST and share is not None
        found.append(
            Judged(
                name=name,
                share=share,
                low=band.low,
                high=band.high,
                by=band.by,
                inside=bool(band.low <= (share or 0.0) <= band.high) if enough else None,
                reached=reached["documents"],
                source=band.source,
            )
        )
    return found


def check_names(recipe: Recipe, rules: Mapping[str, list[str]]) -> None:
    """ValueError that begins with the key for a band of a filter or rule that the recipe does not have."""
    from pipeline.errors import nearest

    for name, band in recipe.bands.items():
        known = [*rules, *(f"{one}.{rule}" for one, names in rules.items() for rule in names)]
        if name not in known:
            raise ValueError(f"bands.{name}: the recipe has no such filter or rule{nearest(name, known)}")
        if band.low > band.high:
            raise ValueError(f"bands.{name}.low: above high")


def told(judged: list[Judged]) -> list[dict[str, Any]]:
    """As JSON-able data."""
    return [msgspec.to_builtins(one) for one in judged]
