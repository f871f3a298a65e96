"""FineWeb's own quality rules (Penedo et al. 2024, section 3.6), as datatrove's `FineWebQualityFilter` computes them.

Lines are those between newlines that are not blank. The released code drops where more than .01 of the characters
are in duplicate lines; the paper's text says .1. The default here is the code's, with which FineWeb was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.text.punctuation import TERMINAL
from filters.text.splitting import Kind, word_assets, words_of
from filters.types import Amount, Count, FilterSpec, Rule, Share, Signal, Span

SOURCE = "FineWeb section 3.6; datatrove FineWebQualityFilter"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds (null: off) and what counts as short or ended. Defaults: the released code's."""

    words: Kind = "english"  # as spaCy splits them; `unicode`: of any script
    min_line_punct: Share | None = 0.12
    max_short_lines: Share | None = 0.67
    max_char_dup: Share | None = 0.01  # .1 in the paper's text and in FineWeb-2
    max_newline_ratio: Amount | None = 0.3
    short_line_length: Count = 30  # characters; a line of exactly this length is short
    stop_characters: str = ""  # single characters that end a line; empty: terminal punctuation of all scripts


_COLUMNS = {
    "line_punct": ("share of lines", "lines that end with terminal punctuation"),
    "short_lines": ("share of lines", "lines of at most `short_line_length` characters"),
    "char_dup": ("share of characters", "in lines that are copies of an earlier one, newlines not counted"),
    "newline_ratio": ("per word", "newlines"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"fineweb_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The rules, in datatrove's order."""
    return [
        Rule("line_punct", "fineweb_line_punct", "<", settings.min_line_punct, SOURCE),
        Rule("short_lines", "fineweb_short_lines", ">", settings.max_short_lines, SOURCE),
        Rule("char_dup", "fineweb_char_dup", ">", settings.max_char_dup, SOURCE),
        Rule("newline_ratio", "fineweb_newline_ratio", ">", settings.max_newline_ratio, SOURCE),
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The four ratios."""
    from filters.loops import quality_lines
    from filters.text import duplicates

    ends, lines = frozenset(settings.stop_characters) or TERMINAL, batch.lines
    written, counts = quality_lines.written_lines(batch.codes, lines, ends, settings.short_line_length)
    _, copied = duplicates.copies(batch.codes, lines, written)
    newlines = lines.counts() - 1
    return {
        "fineweb_line_punct": ratio(counts[1], counts[0]),
        "fineweb_short_lines": ratio(counts[2], counts[0]),
        "fineweb_char_dup": ratio(copied, batch.lengths - newlines),
        "fineweb_newline_ratio": ratio(newlines, words_of(batch, settings.words, assets).counts()),
    }


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """The lines that a rule counts against the document."""
    from filters.spans import line_spans

    ends = frozenset(settings.stop_characters) or TERMINAL
    if rule == "line_punct":
        return line_spans(text, lambda line: not line.isspace() and line[-1:] not in ends and line != "")
    if rule == "short_lines":
        return line_spans(text, lambda line: bool(line.strip()) and len(line) <= settings.short_line_length)
    if rule == "char_dup":
        seen: set[str] = set()

        def copy(line: str) -> bool:
            known = line in seen
            seen.add(line)
            return known and bool(line.strip())

        return line_spans(text, copy)
    return []


def assets(settings: Settings) -> tuple[str, ...]:
    """What splits words."""
    return word_assets(settings.words)


SPEC = FilterSpec(
    name="fineweb",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    spans=spans,
    thresholds=frozenset({"min_line_punct", "max_short_lines", "max_char_dup", "max_newline_ratio"}),
)
