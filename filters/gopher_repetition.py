"""Gopher's repetition rules (Rae et al. 2021, Table A1) with datatrove's definitions of each measure.

Lines are the parts between runs of newlines, paragraphs those between runs of two or more. A duplicate is a copy
after the first. All shares are of the text's characters (`len(text)`), or of its lines or paragraphs. What counts
as a repeated n-gram is said in `filters/text/ngrams.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.text.splitting import Kind, word_assets, words_of
from filters.types import FilterSpec, Rule, Share, Signal, Span

Array = np.ndarray[Any, Any]

SOURCE = "Gopher Table A1; datatrove GopherRepetitionFilter"
TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Largest share that is kept, by measure; null switches a rule off. Defaults: Table A1, as FineWeb used them."""

    words: Kind = "english"  # as spaCy splits them; `unicode`: of any script
    dup_para_frac: Share | None = 0.30
    dup_para_char_frac: Share | None = 0.20
    dup_line_frac: Share | None = 0.30
    dup_line_char_frac: Share | None = 0.20
    top_2_gram: Share | None = 0.20
    top_3_gram: Share | None = 0.18
    top_4_gram: Share | None = 0.16
    dup_5_gram: Share | None = 0.15
    dup_6_gram: Share | None = 0.14
    dup_7_gram: Share | None = 0.13
    dup_8_gram: Share | None = 0.12
    dup_9_gram: Share | None = 0.11
    dup_10_gram: Share | None = 0.10


_SHARES = tuple(name for name in Settings.__struct_fields__ if name != "words")


def _describe(name: str) -> tuple[str, str]:
    if name.startswith("top"):
        return (
            "share of characters",
            f"in the most frequent {name.split('_')[1]}-gram of words, spaces included",
        )
    if name.endswith("gram"):
        return (
            "share of characters",
            f"in {name.split('_')[1]}-grams of words that came before, without overlap",
        )
    what = "lines" if "line" in name else "paragraphs"
    if "char" in name:
        return "share of characters", f"in {what} that are copies of an earlier one"
    return f"share of {what}", f"{what} that are copies of an earlier one"


def signals(settings: Settings) -> list[Signal]:
    """The measured columns; every threshold has one of its own name."""
    return [Signal(f"gopher_repetition_{name}", *_describe(name), SOURCE) for name in _SHARES]


def rules(settings: Settings) -> list[Rule]:
    """The rules, in datatrove's order."""
    return [Rule(name, f"gopher_repetition_{name}", ">", getattr(settings, name), SOURCE) for name in _SHARES]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """All thirteen shares."""
    from filters.text import ngrams

    found: dict[str, np.ndarray[Any, Any]] = {}
    for what, (parts, copies, characters) in (("para", _paragraphs(batch)), ("line", _lines(batch))):
        found[f"dup_{what}_frac"] = ratio(copies, parts)
        found[f"dup_{what}_char_frac"] = ratio(characters, batch.lengths)
    words = words_of(batch, settings.words, assets)
    tops = ratio(ngrams.top_ngram_characters(words, TOP), batch.lengths)
    found.update({f"top_{n}_gram": share for n, share in zip(TOP, tops, strict=True)})
    repeats = ratio(ngrams.repeated_ngram_characters(words, REPEATED), batch.lengths)
    found.update({f"dup_{n}_gram": share for n, share in zip(REPEATED, repeats, strict=True)})
    return {f"gopher_repetition_{name}": values for name, values in found.items()}


def _paragraphs(batch: Batch) -> tuple[Array, Array, Array]:
    """Paragraphs of each text, copies, and characters of the copies."""
    from filters.text import duplicates

    parts = duplicates.paragraphs(batch.codes, batch.bounds)
    counted = np.ones(len(parts.starts), np.bool_)
    return parts.counts(), *duplicates.copies(batch.codes, parts, counted)


def _lines(batch: Batch) -> tuple[Array, Array, Array]:
    """Lines between runs of newlines, copies, and characters of the copies.

    Before a newline at the very beginning, and after one at the very end, stands an empty line.
    """
    from filters.text import duplicates

    lines, bounds = batch.lines, batch.bounds
    counted = lines.ends > lines.starts
    copies, characters = duplicates.copies(batch.codes, lines, counted)
    sums = np.concatenate([[0], np.cumsum(counted)])
    parts = sums[lines.offsets[1:]] - sums[lines.offsets[:-1]]
    filled = np.flatnonzero(batch.lengths)
    first = batch.codes[bounds[filled]] == 10
    last = batch.codes[bounds[filled + 1] - 1] == 10
    parts[filled] += first.astype(np.int64) + last
    copies[filled] += first & last
    return parts, copies, characters


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """The copies of lines, paragraphs or n-grams, all copies of the most frequent one; words are English ones only."""
    if "gram" in rule:
        return _gram_spans(text, rule, settings)
    from filters.text import duplicates, layout

    codes, bounds = layout.code_points([text])
    parts = (duplicates.paragraphs if "para" in rule else layout.lines)(codes, bounds)
    found, seen = [], set()
    for span in zip(parts.starts.tolist(), parts.ends.tolist(), strict=True):
        part = text[slice(*span)]
        if part in seen and part:
            found.append(span)
        seen.add(part)
    return found


def _gram_spans(text: str, rule: str, settings: Settings) -> list[Span]:
    from filters.spans import english_words, repeated_ngrams, top_ngram

    if settings.words != "english":
        return []
    kind, n, _ = rule.split("_")
    return (top_ngram if kind == "top" else repeated_ngrams)(text, english_words(text), int(n))


def assets(settings: Settings) -> tuple[str, ...]:
    """What splits words."""
    return word_assets(settings.words)


SPEC = FilterSpec(
    name="gopher_repetition",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    spans=spans,
    thresholds=frozenset(_SHARES),
)
