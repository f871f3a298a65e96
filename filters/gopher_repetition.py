"""Gopher's repetition rules (Rae et al. 2021, Table A1) with datatrove's definitions of each measure.

Lines are the parts between runs of newlines, paragraphs those between runs of two or more. A duplicate is a copy
after the first. All shares are of the text's characters (`len(text)`), or of its lines or paragraphs. What counts
as a repeated n-gram is said in `filters/ngrams.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import FilterSpec, Rule, Share, Signal, Span

SOURCE = "Gopher Table A1; datatrove GopherRepetitionFilter"
TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Largest share that is kept, by measure; null switches a rule off. Defaults: Table A1, as FineWeb used them."""

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
    return [
        Signal(f"gopher_repetition_{name}", *_describe(name), SOURCE) for name in Settings.__struct_fields__
    ]


def rules(settings: Settings) -> list[Rule]:
    """The rules, in datatrove's order."""
    return [
        Rule(name, f"gopher_repetition_{name}", ">", getattr(settings, name), SOURCE)
        for name in Settings.__struct_fields__
    ]


def lines_of(text: str) -> list[str]:
    """The parts of a text between runs of newlines, empty ones at its two ends included."""
    lines = [line for line in text.split("\n") if line]
    if text[:1] == "\n":
        lines.insert(0, "")
    if text[-1:] == "\n":
        lines.append("")
    return lines


def paragraphs_of(text: str) -> list[str]:
    """The parts of a stripped text between runs of two or more newlines."""
    return [part.lstrip("\n") for part in text.strip().split("\n\n") if part]


def duplicates(parts: Sequence[str]) -> tuple[int, int]:
    """How many parts are copies of an earlier one, and their characters."""
    if len(set(parts)) == len(parts):
        return 0, 0
    seen: set[str] = set()
    count = characters = 0
    for part in parts:
        if part in seen:
            count += 1
            characters += len(part)
        else:
            seen.add(part)
    return count, characters


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """All thirteen shares."""
    from filters import ngrams

    found: dict[str, np.ndarray[Any, Any]] = {}
    for what, split in (("para", paragraphs_of), ("line", lines_of)):
        parts = [split(text) for text in batch.texts]
        counts = np.array([duplicates(part) for part in parts], np.int64).reshape(-1, 2)
        sizes = np.fromiter(map(len, parts), np.int64, len(parts))
        found[f"dup_{what}_frac"] = ratio(counts[:, 0], sizes)
        found[f"dup_{what}_char_frac"] = ratio(counts[:, 1], batch.lengths)
    words = batch.words
    for n in TOP:
        found[f"top_{n}_gram"] = ratio(ngrams.top_ngram_characters(words, n), batch.lengths)
    hashes = ngrams.word_hashes(words)
    for n in REPEATED:
        found[f"dup_{n}_gram"] = ratio(ngrams.repeated_ngram_characters(words, hashes, n), batch.lengths)
    return {f"gopher_repetition_{name}": values for name, values in found.items()}


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """The copies of lines or paragraphs, for the rules about them."""
    if "gram" in rule:
        return []
    found, seen, position = [], set(), 0
    for part in paragraphs_of(text) if "para" in rule else lines_of(text):
        position = text.index(part, position)
        if part in seen and part:
            found.append((position, position + len(part)))
        seen.add(part)
        position += len(part)
    return found


def assets(settings: Settings) -> tuple[str, ...]:
    """The tokenizer whose words are counted."""
    return ("english_tokenizer",)


SPEC = FilterSpec(
    name="gopher_repetition",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    spans=spans,
    thresholds=frozenset(Settings.__struct_fields__),
)
