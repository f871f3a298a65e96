"""Gopher's quality and repetition rules as dolma's taggers `gopher_v1` and `gopher_v2` measure them.

Words are those of `str.split`. Unlike datatrove, dolma takes the median length of a word, counts every occurrence of
a required word, knows `…` alone as an ellipsis and `*` and `-` as bullets, counts the first of equal lines as a
duplicate too, and weighs n-grams by all their occurrences, overlaps included, against the characters of all words.

v1 keeps blank lines, which are all equal and so all duplicates; v2 does not. Dolma v1.5 was made with v1 on CCNet's
text, which has no blank lines; on text that has some, v2 makes those decisions. Its configuration names attributes of
the most frequent n-grams that the tagger never writes (`..._2gram` for `..._2grams`), so these rules dropped nothing;
`top_ngrams: intended` applies them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Amount, Count, FilterSpec, Rule, Share, Signal, Span

SOURCE = "dolma taggers gopher_v1, gopher_v2; thresholds of configs/dolma-v1_5"
TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The variant of measures and the thresholds (null: off). Defaults: Dolma v1.5's."""

    variant: Literal["v1", "v2"] = "v2"  # v1: blank lines are lines
    top_ngrams: Literal["published", "intended"] = "published"  # published: never applied
    min_words: Count | None = 50
    max_words: Count | None = 100_000
    min_word_length: Amount | None = 3.0  # median
    max_word_length: Amount | None = 10.0
    max_symbol_words: Share | None = 0.1
    min_alphabetic_words: Share | None = 0.8
    min_required_words: Count | None = 2
    max_bullet_lines: Share | None = 0.9
    max_ellipsis_lines: Share | None = 0.3
    max_dup_lines: Share | None = 0.3
    max_dup_line_chars: Amount | None = 0.3  # .2 in Gopher's paper
    top_2_gram: Amount | None = 0.20
    top_3_gram: Amount | None = 0.18
    top_4_gram: Amount | None = 0.16
    dup_5_gram: Share | None = 0.15
    dup_6_gram: Share | None = 0.14
    dup_7_gram: Share | None = 0.13
    dup_8_gram: Share | None = 0.12
    dup_9_gram: Share | None = 0.11
    dup_10_gram: Share | None = 0.10
    required_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")


_COLUMNS = {
    "words": ("words", "parts between white space"),
    "word_length": ("characters", "median length of words"),
    "symbol_words": ("share of words", "words that contain `#` or `…`"),
    "alphabetic_words": ("share of words", "words with at least one alphabetic character"),
    "required_words": ("words", "occurrences of required words, as written"),
    "bullet_lines": ("share of lines", "lines that begin with `*` or `-`"),
    "ellipsis_lines": ("share of lines", "lines that end with `…`"),
    "dup_lines": ("share of lines", "lines that occur more than once, the first included"),
    "dup_line_chars": (
        "characters per character",
        "characters, spaces included, of lines that occur more than once, to characters of words; can exceed 1",
    ),
    **{
        f"top_{n}_gram": (
            "characters per character",
            f"characters of the most frequent {n}-gram times its occurrences, to characters of words; can exceed 1",
        )
        for n in TOP
    },
    **{
        f"dup_{n}_gram": (
            "share of characters",
            f"characters of {n}-grams that occur more than once, to those of all {n}-grams, each as often as it occurs",
        )
        for n in REPEATED
    },
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"gopher_dolma_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The rules, in the order of Dolma v1.5's configuration."""
    intended = settings.top_ngrams == "intended"
    found = [
        Rule("short", "words", "<", settings.min_words, SOURCE),
        Rule("long", "words", ">", settings.max_words, SOURCE),
        Rule("short_words", "word_length", "<", settings.min_word_length, SOURCE),
        Rule("long_words", "word_length", ">", settings.max_word_length, SOURCE),
        Rule("symbol_words", "symbol_words", ">", settings.max_symbol_words, SOURCE),
        Rule("alphabetic_words", "alphabetic_words", "<", settings.min_alphabetic_words, SOURCE),
        Rule("required_words", "required_words", "<", settings.min_required_words, SOURCE),
        Rule("bullet_lines", "bullet_lines", ">", settings.max_bullet_lines, SOURCE),
        Rule("ellipsis_lines", "ellipsis_lines", ">", settings.max_ellipsis_lines, SOURCE),
        Rule("dup_lines", "dup_lines", ">", settings.max_dup_lines, SOURCE),
        Rule("dup_line_chars", "dup_line_chars", ">", settings.max_dup_line_chars, SOURCE),
    ]
    for n in TOP:
        name = f"top_{n}_gram"
        found.append(Rule(name, name, ">", getattr(settings, name) if intended else None, SOURCE))
    for n in REPEATED:
        found.append(Rule(f"dup_{n}_gram", f"dup_{n}_gram", ">", getattr(settings, f"dup_{n}_gram"), SOURCE))
    return [msgspec.structs.replace(rule, signal=f"gopher_dolma_{rule.signal}") for rule in found]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """All measures."""
    from filters.loops import gopher_loops
    from filters.text import layout, repetition

    chunks, (ids, first) = batch.chunks, batch.chunk_numbers
    counts, sizes = chunks.counts(), chunks.lengths()
    traits = gopher_loops.word_traits(batch.codes, chunks, first, settings.required_words, fold=False)
    words = gopher_loops.word_measures(chunks, ids, traits)
    characters = layout.total(chunks.offsets, sizes)
    lines = gopher_loops.dolma_lines(batch.codes, batch.lines, settings.variant == "v1")
    grams = repetition.ngrams(chunks, ids, sizes)
    found = {
        "words": counts,
        "word_length": words[:, 0] / 2,
        "symbol_words": ratio(words[:, 1], counts),
        "alphabetic_words": ratio(words[:, 2], counts),
        "required_words": words[:, 3],
        "bullet_lines": ratio(lines[:, 1], lines[:, 0]),
        "ellipsis_lines": ratio(lines[:, 2], lines[:, 0]),
        "dup_lines": ratio(lines[:, 3], lines[:, 0]),
        "dup_line_chars": ratio(lines[:, 4], characters),
    }
    for n in TOP:
        found[f"top_{n}_gram"] = ratio(grams[:, n - 2, repetition.TOP_FIRST], characters)
    for n in REPEATED:
        found[f"dup_{n}_gram"] = ratio(grams[:, n - 2, repetition.REPEATED], grams[:, n - 2, repetition.ALL])
    return {f"gopher_dolma_{name}": values for name, values in found.items()}


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """Marks and lines that a rule counts."""
    from filters.spans import line_spans, occurrences

    if rule == "symbol_words":
        return occurrences(text, ("#", "…"))
    if rule == "bullet_lines":
        return line_spans(text, lambda line: line.startswith(("*", "-")))
    if rule == "ellipsis_lines":
        return line_spans(text, lambda line: line.endswith("…"))
    return []


SPEC = FilterSpec(
    name="gopher_dolma",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    spans=spans,
    thresholds=frozenset(Settings.__struct_fields__) - {"variant", "required_words"},
)
