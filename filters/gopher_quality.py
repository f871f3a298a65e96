"""Gopher's quality rules (Rae et al. 2021, section A1.1) with datatrove's definitions of each measure.

Words are spaCy's English tokens (`filters/text/words.py`). Words that consist of symbols alone count for ratios but
not for the number and the mean length of words. Lines end wherever Python's `splitlines` ends one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.text.splitting import Kind, word_assets, words_of
from filters.types import Amount, Count, FilterSpec, Rule, Share, Signal, Span

SOURCE = "Gopher A1.1; datatrove GopherQualityFilter"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds (null: off) and the stop words. Defaults: the paper's, as FineWeb used them."""

    words: Kind = "english"  # as spaCy splits them; `unicode`: of any script
    min_words: Count | None = 50
    max_words: Count | None = 100_000
    min_word_length: Amount | None = 3.0
    max_word_length: Amount | None = 10.0
    max_hash_ratio: Amount | None = 0.1  # `#` to words
    max_ellipsis_ratio: Amount | None = 0.1  # `...` and `…` to words
    max_bullet_lines: Share | None = 0.9
    max_ellipsis_lines: Share | None = 0.3
    min_alphabetic_words: Share | None = 0.8
    min_stop_words: Count | None = (
        2  # distinct ones (datatrove); the paper does not say whether repeats count
    )
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")


_COLUMNS = {
    "words": ("words", "words that are not symbols alone"),
    "word_length": ("characters", "mean length of the words that are not symbols alone"),
    "hash_ratio": ("per word", "`#` characters"),
    "ellipsis_ratio": ("per word", "`...` and `…`"),
    "bullet_lines": ("share of lines", "lines that begin with `•` or `-`"),
    "ellipsis_lines": ("share of lines", "lines that end with `...` or `…`"),
    "alphabetic_words": ("share of words", "words with at least one alphabetic character"),
    "stop_words": ("words", "distinct stop words in the text, lower case as written"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"gopher_quality_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The rules, in datatrove's order."""
    found = [
        Rule("short", "words", "<", settings.min_words, SOURCE),
        Rule("long", "words", ">", settings.max_words, SOURCE),
        Rule("short_words", "word_length", "<", settings.min_word_length, SOURCE),
        Rule("long_words", "word_length", ">", settings.max_word_length, SOURCE),
        Rule("hashes", "hash_ratio", ">", settings.max_hash_ratio, SOURCE),
        Rule("ellipses", "ellipsis_ratio", ">", settings.max_ellipsis_ratio, SOURCE),
        Rule("bullet_lines", "bullet_lines", ">", settings.max_bullet_lines, SOURCE),
        Rule("ellipsis_lines", "ellipsis_lines", ">", settings.max_ellipsis_lines, SOURCE),
        Rule("alphabetic_words", "alphabetic_words", "<", settings.min_alphabetic_words, SOURCE),
        Rule("stop_words", "stop_words", "<", settings.min_stop_words, SOURCE),
    ]
    return [msgspec.structs.replace(rule, signal=f"gopher_quality_{rule.signal}") for rule in found]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """All eight measures."""
    from filters.loops import quality_lines

    words = words_of(batch, settings.words, assets)
    counts = words.counts()
    named, characters, alphabetic, stop_words = quality_lines.word_counts(words, settings.stop_words)
    hashes, ellipses = quality_lines.marks(batch.codes, batch.bounds)
    lines = batch.split_lines
    bullets, ellipsis_lines = quality_lines.line_ends(batch.codes, lines)
    found = {
        "words": named,
        "word_length": ratio(characters, named),
        "hash_ratio": ratio(hashes, counts),
        "ellipsis_ratio": ratio(ellipses, counts),
        "bullet_lines": ratio(bullets, lines.counts()),
        "ellipsis_lines": ratio(ellipsis_lines, lines.counts()),
        "alphabetic_words": ratio(alphabetic, counts),
        "stop_words": stop_words,
    }
    return {f"gopher_quality_{name}": values for name, values in found.items()}


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """Marks, lines and words that a rule counts against the document; words are English ones only."""
    from filters.spans import english_words, line_spans, occurrences

    if rule == "hashes":
        return occurrences(text, ("#",))
    if rule == "ellipses":
        return occurrences(text, ("...", "…"))
    if rule == "bullet_lines":
        return line_spans(text, lambda line: line.lstrip().startswith(("•", "-")))
    if rule == "ellipsis_lines":
        return line_spans(text, lambda line: line.rstrip().endswith(("...", "…")))
    if rule == "alphabetic_words" and settings.words == "english":
        return [span for span in english_words(text) if not any(map(str.isalpha, text[slice(*span)]))]
    if rule == "long_words" and settings.words == "english" and settings.max_word_length is not None:
        most = settings.max_word_length
        return [(start, end) for start, end in english_words(text) if end - start > most]
    return []


def assets(settings: Settings) -> tuple[str, ...]:
    """What splits words."""
    return word_assets(settings.words)


SPEC = FilterSpec(
    name="gopher_quality",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    spans=spans,
    thresholds=frozenset(Settings.__struct_fields__) - {"words", "stop_words"},
)
