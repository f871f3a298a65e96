"""The settings that differ between two recipes, by dotted key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.compare.answer import Setting

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

_OF_NO_DECISION = ("name", "description")


def differing(left: Recipe, right: Recipe) -> list[Setting]:
    """What differs, in the order of the recipe's sections; a section, filter or entry that one lacks is one entry.

    `filters` itself stands there with the names in order, if those that both have are ordered otherwise.
    """
    found: list[Setting] = []
    one, other = (_sections(recipe) for recipe in (left, right))
    _walk("", one, other, found)
    orders = [list(side["filters"] or ()) for side in (one, other)]
    both = set(orders[0]) & set(orders[1])
    if [name for name in orders[0] if name in both] != [name for name in orders[1] if name in both]:
        found.append(Setting(key="filters", left=orders[0], right=orders[1]))
    return found


def _sections(recipe: Recipe) -> dict[str, Any]:
    sections: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(recipe))
    filters: Sequence[Any] | None = sections["filters"]
    if filters is not None:
        entries = [one if isinstance(one, dict) else {one: {}} for one in filters]
        sections["filters"] = {name: settings for one in entries for name, settings in one.items()}
    return {name: value for name, value in sections.items() if name not in _OF_NO_DECISION}


def _walk(key: str, left: Any, right: Any, found: list[Setting]) -> None:
    if isinstance(left, dict) and isinstance(right, dict):
        for name in dict.fromkeys((*left, *right)):
            _walk(f"{key}.{name}" if key else name, left.get(name), right.get(name), found)
    elif left != right:
        found.append(Setting(key=key, left=left, right=right))
