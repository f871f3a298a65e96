"""Gopher's quality and repetition rules as DCLM's mappers and Dolma 3's datamap-rs measure them.

Both count words between white space, every occurrence of a stop word in any case, and `#`, `...`, `. . .` and `…`
together. Repetition is measured over Unicode's words (`filters/text/word_break.py`); a duplicate line or paragraph is
any that occurs more than once, the first included; of repeated n-grams every word counts once; shares are of the
characters of words, lines or paragraphs, not of the text. Where they differ:

- words: `dclm` counts the parts between ASCII white space that begin with a letter or number; `dolma3` runs of ASCII
  letters and digits, or Unicode's words if any character is not ASCII;
- lengths: characters in `dclm`, bytes of UTF-8 in `dolma3`;
- lines and paragraphs: `dclm` takes white space off their ends and leaves blank ones out; `dolma3` leaves them as they
  are and empty ones out, but counts bullets over all lines;
- the top n-gram counts `dclm` times its occurrences, `dolma3` as the words in its occurrences, each once;
- to `dolma3` `. . .` is one word when symbols are set against words.

Approximations of `dolma3`: white space and letters are Python's, not Rust's, which differ in U+001C to U+001F and in
vowel signs and Roman numerals; of several equally frequent and long n-grams the first is taken, not an arbitrary one.
DCLM removes addresses from the text before it measures; that edit is not made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Amount, Count, FilterSpec, Rule, Share, Signal, Span

SOURCE = "DCLM baselines/mappers; datamap-rs all_dressed (Dolma 3); Gopher A1.1 and Table A1"
TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The variant of measures and the thresholds (null: off). Defaults: DCLM-baseline's."""

    variant: Literal["dclm", "dolma3"] = "dclm"
    min_characters: Count | None = None  # 150 in Dolma 3
    min_words: Count | None = 50
    max_words: Count | None = 100_000
    min_word_length: Amount | None = 3.0
    max_word_length: Amount | None = 10.0
    max_symbol_ratio: Amount | None = 0.1
    max_bullet_lines: Share | None = 0.9
    max_ellipsis_lines: Share | None = 0.3
    max_non_alphabetic_words: Share | None = 0.2
    min_stop_words: Count | None = 2  # occurrences
    dup_line_frac: Share | None = 0.30
    dup_para_frac: Share | None = 0.30
    dup_line_char_frac: Share | None = 0.20
    dup_para_char_frac: Share | None = 0.20
    top_2_gram: Amount | None = 0.20
    top_3_gram: Amount | None = 0.18
    top_4_gram: Amount | None = 0.16
    dup_5_gram: Share | None = 0.15
    dup_6_gram: Share | None = 0.14
    dup_7_gram: Share | None = 0.13
    dup_8_gram: Share | None = 0.12
    dup_9_gram: Share | None = 0.11
    dup_10_gram: Share | None = 0.10
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")  # lower case


_COLUMNS = {
    "characters": ("characters", "of the text"),
    "words": ("words", "words that begin with a letter or number; see the variants"),
    "word_length": ("characters", "mean length of the parts between white space; bytes in `dolma3`"),
    "symbol_ratio": ("per word", "`#`, `...`, `. . .` and `…` together, to parts between white space"),
    "bullet_lines": ("share of lines", "lines that begin with `●`, `•`, `*` or `-`"),
    "ellipsis_lines": ("share of lines", "lines, not blank, that end with `...`, `. . .` or `…`"),
    "non_alphabetic_words": ("share of words", "parts between white space without an alphabetic character"),
    "stop_words": ("words", "occurrences of stop words, in any case"),
    "dup_line_frac": ("share of lines", "lines that occur more than once, the first included"),
    "dup_para_frac": ("share of paragraphs", "paragraphs that occur more than once, the first included"),
    "dup_line_char_frac": ("share of characters", "in lines that occur more than once, of those in lines"),
    "dup_para_char_frac": ("share of characters", "in paragraphs that occur more than once, of those in all"),
    **{
        f"top_{n}_gram": (
            "characters per character",
            f"characters of the longest of the most frequent {n}-grams, if it repeats, in all its occurrences, "
            "to characters of Unicode words; can exceed 1 in `dclm`",
        )
        for n in TOP
    },
    **{
        f"dup_{n}_gram": (
            "share of characters",
            f"in words of {n}-grams that occur more than once, each word once, of those of Unicode words",
        )
        for n in REPEATED
    },
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"gopher_dclm_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The rules, in the order of the published configurations."""
    found = [
        Rule("few_characters", "characters", "<", settings.min_characters, SOURCE),
        Rule("short", "words", "<", settings.min_words, SOURCE),
        Rule("long", "words", ">", settings.max_words, SOURCE),
        Rule("short_words", "word_length", "<", settings.min_word_length, SOURCE),
        Rule("long_words", "word_length", ">", settings.max_word_length, SOURCE),
        Rule("symbols", "symbol_ratio", ">", settings.max_symbol_ratio, SOURCE),
        Rule("bullet_lines", "bullet_lines", ">", settings.max_bullet_lines, SOURCE),
        Rule("ellipsis_lines", "ellipsis_lines", ">", settings.max_ellipsis_lines, SOURCE),
        Rule("non_alphabetic_words", "non_alphabetic_words", ">", settings.max_non_alphabetic_words, SOURCE),
        Rule("stop_words", "stop_words", "<", settings.min_stop_words, SOURCE),
    ]
    repeated = [name for name in _COLUMNS if name.startswith(("dup_", "top_"))]
    found += [Rule(name, name, ">", getattr(settings, name), SOURCE) for name in repeated]
    return [msgspec.structs.replace(rule, signal=f"gopher_dclm_{rule.signal}") for rule in found]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """All measures."""
    found = {"characters": batch.lengths, **_quality(batch, settings), **_repetition(batch, settings)}
    return {f"gopher_dclm_{name}": found[name] for name in _COLUMNS}


def _quality(batch: Batch, settings: Settings) -> dict[str, np.ndarray[Any, Any]]:
    from filters.loops import gopher_loops
    from filters.text import layout, repetition, word_break

    rust = settings.variant == "dolma3"
    chunks, (ids, first) = batch.chunks, batch.chunk_numbers
    counts = chunks.counts()
    sizes = repetition.byte_sizes(batch.codes, chunks) if rust else chunks.lengths()
    traits = gopher_loops.word_traits(batch.codes, chunks, first, settings.stop_words, fold=True)
    words = gopher_loops.word_measures(chunks, ids, traits)
    marks = gopher_loops.marks_of(batch, ascii_runs=rust)
    lines = batch.lines if rust else layout.stripped(batch.codes, batch.lines)
    line = gopher_loops.line_marks(batch.codes, lines, rust)
    named = (
        np.where(marks[:, 3] == 1, marks[:, 2], word_break.of(batch, "any").counts()) if rust else marks[:, 2]
    )
    return {
        "words": named,
        "word_length": ratio(layout.total(chunks.offsets, sizes), counts),
        "symbol_ratio": ratio(marks[:, 0], np.maximum(counts - 2 * marks[:, 1], 1) if rust else counts),
        "bullet_lines": ratio(line[:, 1], line[:, 0]),
        "ellipsis_lines": ratio(line[:, 3], line[:, 2]),
        "non_alphabetic_words": ratio(counts - words[:, 2], counts),
        "stop_words": words[:, 3],
    }


def _repetition(batch: Batch, settings: Settings) -> dict[str, np.ndarray[Any, Any]]:
    from filters.text import layout, repetition, word_break

    rust = settings.variant == "dolma3"
    found = {}
    for what, parts in (("line", batch.lines), ("para", repetition.paragraphs(batch.codes, batch.bounds))):
        parts = parts if rust else layout.stripped(batch.codes, parts)
        sizes = repetition.byte_sizes(batch.codes, parts) if rust else parts.lengths()
        repeats = repetition.duplicates(parts, layout.numbered(batch.codes, parts)[0], sizes)
        found[f"dup_{what}_frac"] = ratio(repeats[:, 2], repeats[:, 0])
        found[f"dup_{what}_char_frac"] = ratio(repeats[:, 3], repeats[:, 1])
    words = word_break.of(batch, "any" if rust else "first")
    sizes = repetition.byte_sizes(batch.codes, words) if rust else words.lengths()
    grams = repetition.ngrams(words, layout.numbered(batch.codes, words)[0], sizes)
    characters = layout.total(words.offsets, sizes)
    for n in TOP:
        top = grams[:, n - 2, repetition.TOP_COVERED if rust else repetition.TOP_LONGEST]
        found[f"top_{n}_gram"] = ratio(top, characters)
    for n in REPEATED:
        found[f"dup_{n}_gram"] = ratio(grams[:, n - 2, repetition.COVERED], characters)
    return found


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """Marks and lines that a rule counts."""
    from filters.spans import line_spans, occurrences

    if rule == "symbols":
        return occurrences(text, ("#", "...", ". . .", "…"))
    if rule == "bullet_lines":
        return line_spans(text, lambda line: line.startswith(("●", "•", "*", "-")))
    if rule == "ellipsis_lines":
        return line_spans(text, lambda line: line.endswith(("...", ". . .", "…")))
    return []


SPEC = FilterSpec(
    name="gopher_dclm",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    spans=spans,
    thresholds=frozenset(Settings.__struct_fields__) - {"variant", "stop_words"},
)
