"""C4's rules as dolma's taggers `c4_v1` and `c4_v2` measure them, and the removal of lines that its recipes do.

Lines are those between newlines, blank ones included. Dolma's Common Crawl text had the lines without end mark
removed (`remove_lines: [no_end]`); its replication of C4 removes short ones too. A removed line takes its newline
along, as dolma's mixer removes a span. The list of naughty words is another filter's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Count, FilterSpec, Rule, Share, Signal, Span

SOURCE = "dolma taggers c4_v1, c4_v2"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The variant, the lines to remove and the thresholds (null: off)."""

    variant: Literal["v1", "v2"] = "v2"  # v1: `javascript` only as a word between white space
    remove_lines: tuple[Literal["no_end", "short"], ...] = ()
    min_words_per_line: Count = 3
    max_lorem_ipsum: Count | None = 0
    max_curly_bracket: Count | None = 0
    max_javascript: Count | None = 0
    max_lines_no_end: Share | None = None
    max_lines_short: Share | None = None


_COLUMNS = {
    "lines": ("lines", "lines between newlines, blank ones included"),
    "lines_no_end": ("share of lines", 'lines that do not end with `.`, `?`, `!` or `"`'),
    "lines_short": ("share of lines", "lines of fewer than `min_words_per_line` words"),
    "lorem_ipsum": ("0 or 1", "1 if the page says `lorem ipsum`, in any case"),
    "curly_bracket": ("0 or 1", "1 if the page has a `{`"),
    "javascript": ("0 or 1", "1 if the page says `javascript`, in any case"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"c4_dolma_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """What drops a page."""
    return [
        Rule(name, f"c4_dolma_{name}", ">", getattr(settings, f"max_{name}"), SOURCE)
        for name in ("curly_bracket", "lorem_ipsum", "javascript", "lines_no_end", "lines_short")
    ]


def _lines(batch: Batch, settings: Settings) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Of each line, whether it lacks an end mark and whether it is short."""
    from filters.loops import c4_loops

    key = ("c4_dolma", settings.min_words_per_line)
    return batch.part(key, lambda: c4_loops.line_ends(batch.codes, batch.lines, settings.min_words_per_line))


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """All measures."""
    from filters.loops import c4_loops
    from filters.text import layout

    offsets = batch.lines.offsets
    no_end, short = _lines(batch, settings)
    words = c4_loops.phrases(batch.codes, batch.bounds, settings.variant == "v1")
    counts = batch.lines.counts()
    found = {
        "lines": counts,
        "lines_no_end": ratio(layout.total(offsets, no_end), counts),
        "lines_short": ratio(layout.total(offsets, short), counts),
        "lorem_ipsum": words[:, 0],
        "curly_bracket": words[:, 1],
        "javascript": words[:, 2],
    }
    return {f"c4_dolma_{name}": values for name, values in found.items()}


def edit(batch: Batch, settings: Settings) -> list[str]:
    """The texts without the lines to remove; as they are if none are."""
    if not settings.remove_lines:
        return batch.texts
    no_end, short = _lines(batch, settings)
    drop = np.zeros(len(no_end), np.bool_)
    for name, marked in (("no_end", no_end), ("short", short)):
        if name in settings.remove_lines:
            drop |= marked
    from filters.text import layout_text

    return layout_text.without_lines(batch, drop)


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """The places that drop the page."""
    from filters.spans import line_spans, occurrences

    if rule == "curly_bracket":
        return occurrences(text, ("{",))
    if rule in ("lorem_ipsum", "javascript"):
        phrase = rule.replace("_", " ")
        return line_spans(text, lambda line: phrase in line.lower())
    return []


SPEC = FilterSpec(
    name="c4_dolma",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    edit=edit,
    spans=spans,
    thresholds=frozenset(name for name in Settings.__struct_fields__ if name.startswith("max_")),
)
