"""Dirty characters: what a page's text has where bytes were decoded wrongly, or markup and escapes were left in.

Every kind is a column; `dirty_share` sums those that ordinary text has none of: replacement, control and private-use
characters, mojibake, runs of percent-encoded bytes. Not in it are entities and tags (pages about HTML quote them),
invisible characters (Khmer and Thai pages separate words by one), runs of symbols, mixed words and the longest word. At
the default threshold a German page that lost its umlauts is dropped (1.5 in 100 characters).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Count, FilterSpec, Rule, Share, Signal, Span

SOURCE = "this project; issue of C4 and mC4 audits (Kreutzer et al. 2022, Dodge et al. 2021)"

Array = np.ndarray[Any, Any]

TAGS = tuple(
    """
    a abbr article aside audio b blockquote body br button canvas caption center code col div dl dt dd em
    embed fieldset figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html i iframe img
    input ins label legend li link main meta nav noscript object ol option p param path pre s script section
    select small source span strike strong style sub sup svg table tbody td textarea tfoot th thead title tr
    tt u ul video
    """.split()
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds; null: off."""

    max_share: Share | None = 0.01
    max_replacement: Share | None = None
    max_control: Share | None = None
    max_private_use: Share | None = None
    max_invisible: Share | None = None
    max_mojibake: Share | None = None
    max_entities: Share | None = None
    max_tags: Share | None = None
    max_percent: Share | None = None
    max_symbol_runs: Share | None = None
    max_mixed_words: Share | None = None
    max_longest_word: Count | None = None


_COLUMNS: dict[str, tuple[str, str]] = {
    "replacement": ("share of characters", "U+FFFD, which stands for bytes that could not be decoded"),
    "control": (
        "share of characters",
        "controls but tab, newline, form feed, return; surrogates; noncharacters",
    ),
    "private_use": ("share of characters", "of private use: icon fonts"),
    "invisible": (
        "share of characters",
        "zero-width space, soft hyphen, byte order mark, direction overrides",
    ),
    "mojibake": ("share of characters", "bytes read as Windows-1252, Latin-1 or Windows-1251, once or twice"),
    "entities": ("share of characters", "of HTML entities such as `&nbsp;`"),
    "tags": ("share of characters", "of HTML tags"),
    "percent": ("share of characters", "of runs of three or more percent-encoded bytes"),
    "symbol_runs": ("share of characters", "of runs of five or more symbols and punctuation marks"),
    "mixed_words": ("share of words", "with letters and digits"),
    "longest_word": ("characters", "of the longest run without white space"),
    "share": (
        "share of characters",
        "replacement, control, private_use, mojibake and percent together",
    ),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"dirty_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """A rule for each column; only that of `dirty_share` has a threshold unless a recipe gives more."""
    return [
        Rule(name.removeprefix("max_"), f"dirty_{name.removeprefix('max_')}", ">", limit, SOURCE)
        for name, limit in msgspec.structs.asdict(settings).items()
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """All columns; some 0.05 ms for a text of 4.5 KB."""
    from filters.loops import dirty_counts as counts
    from filters.text import layout
    from filters.text.word_sets import word_set

    found, words = np.zeros((len(batch), 10), np.int64), np.zeros((len(batch), 2), np.int64)
    known = (*counts.pages(), counts.ordinary(), word_set(TAGS))
    counts.character_counts(batch.codes, batch.bounds, layout.traits(), *known, found)
    counts.chunk_counts(batch.codes, *batch.chunks, layout.traits(), words)
    size = batch.lengths
    kinds = {
        "replacement": counts.REPLACEMENT,
        "control": counts.CONTROL_CHARACTERS,
        "private_use": counts.PRIVATE,
        "mojibake": counts.MOJIBAKE,
        "percent": counts.PERCENT,
    }
    columns: dict[str, Array] = {name: ratio(found[:, kind], size) for name, kind in kinds.items()}
    together = found[:, list(kinds.values())].sum(axis=1)
    columns |= {
        "entities": ratio(found[:, counts.ENTITIES], size),
        "tags": ratio(found[:, counts.TAGS], size),
        "invisible": ratio(found[:, counts.INVISIBLE], size),
        "symbol_runs": ratio(found[:, counts.SYMBOL_RUNS], size),
        "mixed_words": ratio(words[:, counts.MIXED], batch.chunks.counts()),
        "longest_word": words[:, counts.LONGEST],
        "share": np.minimum(ratio(together, size), 1.0),  # a control character may be part of mojibake
    }
    return {f"dirty_{name}": columns[name] for name in _COLUMNS}


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """Replacement characters."""
    from filters.spans import occurrences

    return occurrences(text, ("\ufffd",)) if rule in ("share", "replacement") else []


SPEC = FilterSpec(
    name="dirty",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    spans=spans,
    thresholds=frozenset(Settings.__struct_fields__),
)
