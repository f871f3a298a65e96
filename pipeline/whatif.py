"""What other thresholds would decide, from stored signals, without writing anything.

Each rule of a recipe is a column of failures over the documents at hand. A moved threshold makes one column anew; who
is kept follows from how many columns a document fails. So an answer over a million documents takes milliseconds, and
says what `sluice retune` with the same settings would do, by the same comparison (`filters.decide.failures`).

A page that a cheap look screened has no signals but the look's. Where the moved thresholds screen it no longer, whether
it would be kept is not known without reading it again, as `retune` does: such pages are counted apart, as
`sluice compare` does (`pipeline.screened`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from filters.decide import failures
from pipeline.cascade import screen_for
from pipeline.errors import UsageError
from pipeline.screened import (
    Pages,
    Screened,
    by_address,
    columns_of_addresses,
    dropped_unread,
    screened,
)

if TYPE_CHECKING:
    from filters.chain import Chain
    from pipeline.recipe import Recipe

Array = np.ndarray[Any, Any]


class Columns(Protocol):
    """Stored documents: how many, and their columns."""

    @property
    def rows(self) -> int:
        """Documents."""

    def column(self, name: str) -> Array:
        """One column, (rows,)."""


@dataclass(frozen=True)
class Decisions:
    """What a recipe's rules decide about stored documents.

    `failed` has an array a rule, (rows,) of bool each; `fails` counts the rules that each document fails, (rows,), by
    what is stored of it. `spared` were or would be screened; `unread` are those of them that might be kept.
    """

    recipe: Recipe
    chain: Chain
    names: list[str]
    failed: tuple[Array, ...]
    fails: Array
    spared: Array
    unread: Array

    @property
    def keep(self) -> Array:
        """Documents that were read and that no rule drops, (rows,) of bool."""
        return np.asarray((self.fails == 0) & ~self.spared, np.bool_)


def decisions(recipe: Recipe, stored: Columns, pages: Pages) -> Decisions:
    """The decisions of the recipe that stored documents were made with, all rules of it; `pages` as these were read."""
    chain = recipe.chain({})
    columns = _columns(chain, range(len(chain.rules)), stored)
    failed, _ = failures(chain.rules, columns, stored.rows, chain.guards, chain.languages)
    by_rule = tuple(np.ascontiguousarray(failed.T))
    names, fails = [name for name, _ in chain.rules], failed.sum(axis=1).astype(np.int32)
    return Decisions(recipe, chain, names, by_rule, fails, pages.was, pages.was & (fails == 0))


def moved(before: Decisions, recipe: Recipe, stored: Columns, pages: Pages) -> Decisions:
    """The decisions of a recipe that differs from that of `before` in thresholds; only these rules are asked again."""
    chain = recipe.chain({})
    if [name for name, _ in chain.rules] != before.names:
        raise UsageError("these settings add or remove rules: use `sluice run`")
    changed = [at for at in range(len(before.names)) if _differs(before.chain, chain, at)]
    failed, fails = list(before.failed), before.fails
    if changed:
        rules = [chain.rules[at] for at in changed]
        languages = {language: [own[at] for at in changed] for language, own in chain.languages.items()}
        columns = _columns(chain, changed, stored)
        found, _ = failures(rules, columns, stored.rows, chain.guards, languages)
        fails = fails.copy()
        for number, at in enumerate(changed):
            fails += found[:, number]
            fails -= failed[at]
            failed[at] = np.ascontiguousarray(found[:, number])
    spared, unread = _screened(before, recipe, chain, stored, pages, fails)
    return Decisions(recipe, chain, before.names, tuple(failed), fails, spared, unread)


def _screened(
    before: Decisions, recipe: Recipe, chain: Chain, stored: Columns, pages: Pages, fails: Array
) -> tuple[Array, Array]:
    """Which documents count as screened, and those of them that only reading again would decide about."""
    was, now = screen_for(before.recipe), screen_for(recipe)
    if was is None or was == now:
        return pages.was, pages.was & (fails == 0)
    columns = _stored(sorted(columns_of_addresses(before.chain.steps)), stored)
    found: Screened = screened(pages, was, now, by_address(now, columns, stored.rows))
    open_ = np.flatnonzero(found.spared & ~found.looked)
    unread = np.zeros(stored.rows, np.bool_)
    of_them = {name: column[open_] for name, column in columns.items()}
    unread[open_] = ~dropped_unread(chain.rules, of_them, len(open_), chain.guards)
    return found.spared, unread


def _differs(before: Chain, now: Chain, at: int) -> bool:
    name = now.rules[at][0]
    return (
        before.rules[at][1] != now.rules[at][1]
        or _text(before, name) != _text(now, name)
        or {language: own[at] for language, own in before.languages.items()}
        != {language: own[at] for language, own in now.languages.items()}
    )


def _text(chain: Chain, name: str) -> str:
    guard = chain.guards.get(name)
    return guard.text if guard else ""


def _columns(chain: Chain, rules: Sequence[int] | range, stored: Columns) -> Mapping[str, Array]:
    """The columns that these rules, their conditions and their languages need; nulls where nobody measured one."""
    names = {chain.rules[at][1].signal for at in rules}
    names |= {own[at].signal for own in chain.languages.values() for at in rules}
    guarded = (chain.guards.get(chain.rules[at][0]) for at in rules)
    names |= {column for guard in guarded if guard for column in guard.columns}
    names |= {"language"} if chain.languages else set()
    return _stored(sorted(names), stored)


def _stored(names: Sequence[str], stored: Columns) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for name in names:
        try:
            found[name] = stored.column(name)
        except KeyError:
            found[name] = np.full(stored.rows, None, object)
    return found
