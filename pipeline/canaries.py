"""Golden documents: what each rule must drop, and a plain page that every rule must keep.

A canary tells at once that a rule has stopped working: a renamed signal, a comma that is missing in a list, a threshold
typed with one zero too many. `check` runs a recipe's chain over the canaries of its rules; a recipe may bring its own
(`canaries:`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from filters.document import from_rows
from pipeline.canary_texts import PLAIN, TEXTS, addresses
from pipeline.lint import Finding

if TYPE_CHECKING:
    from filters.chain import Chain
    from pipeline.recipe import Recipe

URL = "https://www.example.org/articles/harbour"


class Canary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document and what must become of it: `drop` names a rule that must fail; null: every rule must keep it."""

    text: str = PLAIN
    url: str = URL
    drop: str | None = None


def canaries_of(recipe: Recipe, chain: Chain) -> list[Canary]:
    """The canaries of the recipe's rules that are switched on, the plain page, and the recipe's own."""
    active = [name for name, rule in chain.rules if rule.threshold is not None]
    found = [Canary(), *(Canary(text=TEXTS[name](), drop=name) for name in active if name in TEXTS)]
    places = addresses(chain.assets.get("url_lists"))
    found += [Canary(url=places[name], drop=name) for name in active if name in places]
    return [*found, *recipe.canaries]


def check(recipe: Recipe, chain: Chain) -> list[Finding]:
    """What the chain (loaded) does to its canaries that it must not do."""
    canaries = canaries_of(recipe, chain)
    rows: list[dict[str, object]] = [
        {"id": f"canary-{i}", "url": one.url, "text": one.text} for i, one in enumerate(canaries)
    ]
    verdict = chain.apply(from_rows(rows)).verdict
    found = []
    for one, reasons in zip(canaries, verdict.reasons.to_pylist(), strict=True):
        if one.drop is not None and one.drop not in reasons:
            problem = "does not drop the document that it must drop"
            found.append(Finding(severity="error", where=one.drop, problem=problem))
        elif one.drop is None:
            which = (
                "the plain English page"
                if one.text == PLAIN
                else "a document that the recipe says must be kept"
            )
            for rule in reasons:
                if one.text == PLAIN and rule.startswith("language."):
                    continue  # a recipe for other languages
                found.append(Finding(severity="warning", where=rule, problem=f"drops {which}"))
    return found


def unknown(canaries: tuple[Canary, ...], rules: list[str]) -> tuple[int, str] | None:
    """The first canary that names no rule of the recipe: its number and the name."""
    return next(
        ((i, one.drop) for i, one in enumerate(canaries) if one.drop is not None and one.drop not in rules),
        None,
    )
