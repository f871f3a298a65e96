"""The names of the columns that the trees see of each block, and where each stands in a row."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from pipeline.extraction.blocks.names import KINDS

WITHIN = (
    "nav header footer aside article main form figure blockquote section li table button dl figcaption"
).split()
# Those of a block that its neighbours have, too.
NEAR = (
    "characters linked ends_full_stop weight own_class tag commas parent_share capital_words digits place_tag"
).split()
SHARES = (0.4, 0.6, 0.8)  # of the page's long text, that an element may hold
STEPS = (-2, -1, 1, 2)  # to the neighbours
RATIOS = ("characters", "linked", "stops", "long", "share", "long_share", "blocks")

_TEXT = (
    "characters words word_length longest_word short_words capital_words full_stops many_full_stops commas "
    "comma_share ends_full_stop last first digits capitals separators some_separators marks colons quotes ideographs "
    "uncased linked links strong years at_sign copyright weight weight_least weight_most weight_sum from_title "
    "title_covered repeats"
).split()
_PLACE = (
    "tag place_tag grand_tag heading depth broken broken_after pre hidden own_class parent_class grand_class "
    "class_sum class_least class_most number before characters_before characters_after page_blocks page_characters "
    "page_linked page_long since_heading from_h1 headings_1"
).split()
_WISHES = ("wants_comments", "wants_title")


def _ratios(element: str) -> list[str]:
    return [f"{element}_{name}" for name in RATIOS]


# Columns that stand together under one name.
_GROUPS = {
    "within": [f"in_{name}" for name in (*WITHIN, *(f"{kind}_kind" for kind in KINDS))],
    "own": _ratios("own"),
    "parent": _ratios("parent"),
    "grand": _ratios("grand"),
    "great": _ratios("great"),
    "main": [f"main_{share:.0%}{what}" for share in SHARES for what in ("", "_place", "_below")],
    "alike": _ratios("alike"),
    "akin": _ratios("akin"),
    "near": [f"{name}{step:+d}" for step in STEPS for name in (*NEAR, "same_parent")],
    "around": _ratios("around"),
}


def _layout() -> tuple[tuple[str, ...], dict[str, int]]:
    """All names in order, and the place of each single one and of each group's first."""
    names: list[str] = []
    places: dict[str, int] = {}
    groups = [(name, [name]) for name in (*_TEXT, *_PLACE)]
    groups += [*_GROUPS.items(), *((name, [name]) for name in _WISHES)]
    for group, members in groups:
        places[group] = len(names)
        names += members
    return tuple(names), places


NAMES, _PLACES = _layout()
# Places as attributes: the form in which compiled loops take constants by name.
AT: Any = namedtuple("AT", _PLACES)(**_PLACES)
