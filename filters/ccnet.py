"""CCNet's measures of a page (Wenzek et al. 2020; cc_net), and the normal form by which it finds repeated lines.

CCNet reads pages of at least 300 characters and removes every line whose normal form was seen before in the same
shards; here the normal form is made and lines that repeat on their own page are counted. The shards' hashes of lines
belong to deduplication, and perplexity to another filter.

The normal form: without white space at the ends, in lower case, every decimal digit as `0`, without control
characters and without the punctuation that cc_net lists, which is that of full width, typographic quotes, dashes and
the like: `.`, `,` and other ASCII marks stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Count, FilterSpec, Rule, Share, Signal

SOURCE = "CCNet section 3; cc_net process_wet_file, text_normalizer"

PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
REMOVED = frozenset(PUNCTUATION) | {chr(code) for code in (*range(32), *range(127, 160))}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds (null: off). Default: cc_net's."""

    min_characters: Count | None = 300
    max_repeated_lines: Share | None = None


_COLUMNS = {
    "length": ("characters", "of the text, newlines included"),
    "lines": ("lines", "lines between newlines, blank ones included"),
    "repeated_lines": (
        "share of lines",
        "lines, not blank, whose normal form an earlier line of the page has",
    ),
    "repeated_chars": ("share of characters", "in those lines, of those in lines"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"ccnet_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """Long enough, and not too repetitive."""
    return [
        Rule("short", "ccnet_length", "<", settings.min_characters, SOURCE),
        Rule("repeated_lines", "ccnet_repeated_lines", ">", settings.max_repeated_lines, SOURCE),
    ]


def normal_form(line: str) -> str:
    """A line as CCNet compares it."""
    kept = [
        character for character in line.strip().lower() if character.isdecimal() or character not in REMOVED
    ]
    return "".join("0" if character.isdecimal() else character for character in kept)


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """All measures."""
    from filters.loops import ccnet_loops

    repeated = ccnet_loops.repeated_lines(batch)
    counts = batch.lines.counts()
    found = {
        "length": batch.lengths,
        "lines": counts,
        "repeated_lines": ratio(repeated[:, 0], counts),
        "repeated_chars": ratio(repeated[:, 1], repeated[:, 2]),
    }
    return {f"ccnet_{name}": values for name, values in found.items()}


SPEC = FilterSpec(
    name="ccnet",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    thresholds=frozenset({"min_characters", "max_repeated_lines"}),
)
