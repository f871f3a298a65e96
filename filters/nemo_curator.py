"""NeMo Curator's heuristic rules with its own definition of each measure.

Words are the chunks between white space (Curator splits Chinese and Japanese with jieba and MeCab; this filter does
not). Lines are those between newlines that are not blank, paragraphs the parts between two newlines, blank ones
included. What Curator leaves to the order of a Python set, the top n-gram of several equally frequent ones, is the
first one in the text here. A letter is one of Unicode's letters (Curator's class `alpha` also has a few marks).

An empty text gets the worst value, as there. Not here: pornographic words in URLs (filter `url`), the classifiers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Amount, Count, DropWhen, FilterSpec, Rule, Share, Signal, Span

SOURCE = "NeMo Curator stages/text/filters/heuristic"

Array = np.ndarray[Any, Any]

ELLIPSES = ("...", "[...]", "…", "(...)", "[…]", "-»", "read more..", "read more")
COMMON_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")

# What makes a paragraph boilerplate, as published: phrases, and three notices of cookie banners in full.
LOREM_IPSUM = "lorem ipsum"
BOILERPLATE = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "privacy overview",
    "use of cookies",
    "use cookies",
    "privacy & cookies policy",
    "privacy and cookies policy",
    "necessary cookies are absolutely essential for the website to function properly. this category only includes "
    "cookies that ensures basic functionalities and security features of the website. these cookies do not store "
    "any personal information.",
    "any cookies that may not be particularly necessary for the website to function and is used specifically to "
    "collect user personal data via analytics, ads, other embedded contents are termed as non-necessary cookies. it "
    "is mandatory to procure user consent prior to running these cookies on your website.",
    "if you continue to browse this site without changing your cookie settings, you agree to this use. acceptread "
    "more",
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds (null: off). Defaults: Curator's, those of n-grams Gopher's as in its English recipe."""

    max_non_alphanumeric: Share | None = 0.25
    max_symbols: Share | None = 0.1
    max_numbers: Share | None = 0.15
    max_urls: Share | None = 0.2
    max_bullets: Share | None = 0.9
    max_white_space: Share | None = 0.25
    max_parentheses: Share | None = 0.1
    max_longest_word: Count | None = 1000
    min_words: Count | None = 50
    max_words: Count | None = 100_000
    max_boilerplate: Share | None = 0.4
    min_word_length: Amount | None = 3.0
    max_word_length: Amount | None = 10.0
    max_no_end_mark: Share | None = 0.85
    max_ellipsis: Share | None = 0.3
    min_common_words: Count | None = 2
    min_with_letter: Share | None = 0.8
    min_unique_lines: Share | None = 0.7  # Curator names it max_repeated_line_fraction
    min_unique_paragraphs: Share | None = 0.7
    min_unique_line_chars: Share | None = 0.8
    min_unique_paragraph_chars: Share | None = 0.8
    max_top_2_gram: Share | None = 0.2
    max_top_3_gram: Share | None = 0.18
    max_top_4_gram: Share | None = 0.16
    max_dup_5_gram: Share | None = 0.15
    max_dup_6_gram: Share | None = 0.14
    max_dup_7_gram: Share | None = 0.13
    max_dup_8_gram: Share | None = 0.12
    max_dup_9_gram: Share | None = 0.11
    max_dup_10_gram: Share | None = 0.1


_TOP = range(2, 5)
_DUP = range(5, 11)

_COLUMNS: dict[str, tuple[str, str]] = {
    "non_alphanumeric": ("share of characters", "other than a-z, A-Z, 0-9, newlines and `?!,.`"),
    "symbols": (
        "share of words",
        "ellipses, and words whose runs of `#` are more than half their characters",
    ),
    "numbers": ("share of characters", "decimal digits of any script"),
    "urls": ("share of characters", "of http addresses up to the first slash after the host"),
    "bullets": ("share of lines", "lines that begin with one of twelve bullets"),
    "white_space": ("share of characters", "spaces, tabs, newlines, carriage returns and backspaces"),
    "parentheses": ("share of characters", "round, square, curly and angle brackets"),
    "longest_word": ("characters", "of the longest word"),
    "words": ("words", "between white space"),
    "boilerplate": (
        "share of paragraphs",
        "with a phrase of cookie and privacy notices; 1 with `lorem ipsum`",
    ),
    "word_length": ("characters", "mean length of the words"),
    "no_end_mark": ("share of lines", "lines that do not end with `.`, `?`, `!` or a straight quote"),
    "ellipsis": ("share of lines", "lines that end with an ellipsis or `read more`"),
    "common_words": ("words", "occurrences of eight common English words, lower case as written"),
    "with_letter": ("share of words", "with at least one letter"),
    "unique_lines": ("share of lines", "different lines to all lines"),
    "unique_paragraphs": ("share of paragraphs", "different paragraphs to all paragraphs"),
    "unique_line_chars": ("share of characters", "of different lines to those of all lines"),
    "unique_paragraph_chars": ("share of characters", "of different paragraphs to those of all paragraphs"),
    **{
        f"top_{n}_gram": (
            "share of characters",
            f"of all places where the most frequent {n}-gram stands, joined by single spaces",
        )
        for n in _TOP
    },
    **{
        f"dup_{n}_gram": (
            "share of characters",
            f"of {n}-grams met before, without what was counted already, and spaces between",
        )
        for n in _DUP
    },
}


# Rules where a column has two.
_LABELS = {
    "min_words": "short",
    "max_words": "long",
    "min_word_length": "short_words",
    "max_word_length": "long_words",
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"nemo_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The rules: each column's `max_` drops above, its `min_` below."""
    found = []
    for name in Settings.__struct_fields__:
        bound, column = name[:3], name[4:]
        label = _LABELS.get(name, column)
        when: DropWhen = "<" if bound == "min" else ">"
        found.append(Rule(label, f"nemo_{column}", when, getattr(settings, name), SOURCE))
    return found


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """All columns; some 0.15 ms for a text of 4.5 KB."""
    found = {**_of_characters(batch), **_of_words(batch), **_of_lines(batch), **_of_ngrams(batch)}
    return {f"nemo_{name}": found[name] for name in _COLUMNS}


def _of_characters(batch: Batch) -> dict[str, Array]:
    from filters.loops import nemo_curator_counts as counts
    from filters.text import layout

    found = np.zeros((len(batch), 5), np.int64)
    counts.character_counts(batch.codes, batch.bounds, layout.traits(), found)
    size = batch.lengths
    return {
        "non_alphanumeric": _worst(ratio(size - found[:, counts.ALPHANUMERIC], size), size),
        "numbers": _worst(ratio(found[:, counts.DIGITS], size), size),
        "urls": _worst(ratio(found[:, counts.URLS], size), size),
        "white_space": _worst(ratio(found[:, counts.WHITE], size), size),
        "parentheses": _worst(ratio(found[:, counts.PARENTHESES], size), size),
    }


def _worst(values: Array, sizes: Array) -> Array:
    """The values, 1 where nothing was there to measure."""
    return np.where(sizes == 0, 1.0, values)


def _of_words(batch: Batch) -> dict[str, Array]:
    from filters.loops import nemo_curator_counts as counts
    from filters.text import layout
    from filters.text.word_sets import word_set

    found = np.zeros((len(batch), 5), np.int64)
    marks, common = word_set(ELLIPSES), word_set(COMMON_WORDS)
    counts.chunk_counts(batch.codes, *batch.chunks, layout.traits(), marks, common, found)
    words = batch.chunks.counts()
    return {
        "symbols": _worst(ratio(found[:, counts.SYMBOLS], words), words),
        "longest_word": found[:, counts.LONGEST],
        "words": words,
        "word_length": ratio(found[:, counts.CHARACTERS], words),
        "common_words": found[:, counts.COMMON],
        "with_letter": ratio(found[:, counts.WITH_LETTER], words),
    }


def _of_lines(batch: Batch) -> dict[str, Array]:
    from filters.loops import nemo_curator_counts as counts
    from filters.text import layout
    from filters.text.word_sets import codes_of

    found = np.zeros((len(batch), 4), np.int64)
    tidy = layout.stripped(batch.codes, batch.lines)
    ends = np.cumsum([0, *map(len, ELLIPSES)]).astype(np.int64)
    counts.line_counts(batch.codes, *tidy, counts.BULLETS, codes_of("".join(ELLIPSES)), ends, found)
    lines = found[:, counts.LINES]
    said = tidy.starts < tidy.ends
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(said)])[batch.lines.offsets]
    full = layout.Parts(offsets, batch.lines.starts[said], batch.lines.ends[said])
    newlines = len(batch.lines.starts) - len(batch)
    paragraphs = counts.paragraphs(batch.codes, batch.bounds, newlines)
    unique_lines, unique_line_chars = _unique(batch.codes, full)
    unique_paragraphs, unique_paragraph_chars = _unique(batch.codes, paragraphs)
    blank = batch.chunks.counts() == 0
    return {
        "bullets": _worst(ratio(found[:, counts.BULLET], lines), lines),
        "no_end_mark": _worst(ratio(found[:, counts.NO_END], lines), lines),
        "ellipsis": _worst(ratio(found[:, counts.ELLIPSIS], lines), lines),
        "boilerplate": _boilerplate(batch.codes, paragraphs),
        "unique_lines": unique_lines,
        "unique_line_chars": unique_line_chars,
        "unique_paragraphs": np.where(blank, 0.0, unique_paragraphs),
        "unique_paragraph_chars": unique_paragraph_chars,
    }


def _unique(codes: Array, parts: Any) -> tuple[Array, Array]:
    """The share of different parts and that of their characters."""
    from filters.loops import nemo_curator_counts as counts
    from filters.text import layout

    ids, first = layout.numbered(codes, parts)
    texts, lengths = len(parts.offsets) - 1, parts.lengths()
    count, characters = np.zeros(texts, np.int64), np.zeros(texts, np.int64)
    counts.unique_parts(parts.offsets, ids, len(first), lengths, count, characters)
    return ratio(count, parts.counts()), ratio(characters, layout.total(parts.offsets, lengths))


def _boilerplate(codes: Array, paragraphs: Any) -> Array:
    from filters.text import layout
    from filters.text.word_sets import found, needles

    bits = found(codes, paragraphs, needles((LOREM_IPSUM, *BOILERPLATE)))
    lorem = layout.total(paragraphs.offsets, (bits & np.uint64(1)) != 0)
    policy = layout.total(paragraphs.offsets, bits > np.uint64(1))
    return np.where(lorem > 0, 1.0, ratio(policy, paragraphs.counts()))


def _of_ngrams(batch: Batch) -> dict[str, Array]:
    from filters.loops import nemo_curator_counts as counts
    from filters.text import repeats

    ids, first = batch.chunk_numbers
    chunks, size = batch.chunks, batch.lengths
    lengths, words = chunks.lengths(), chunks.counts()
    found = {}
    for n, grams in repeats.levels(chunks.offsets, ids, len(first), max(_DUP)):
        if n in _TOP:
            position, _ = repeats.most_frequent(chunks.offsets, grams)
            characters = np.array(
                [
                    _occurrences(text, chunks.starts[at : at + n] - start, lengths[at : at + n])
                    if enough
                    else 0
                    for text, at, start, enough in zip(
                        batch.texts, position.tolist(), batch.bounds.tolist()[:-1], words >= n, strict=True
                    )
                ],
                np.int64,
            )
            name = f"top_{n}_gram"
        else:
            characters = np.zeros(len(batch), np.int64)
            counts.duplicated(chunks.offsets, grams, lengths, n, characters)
            name = f"dup_{n}_gram"
        found[name] = np.where(words < n, 1.0, ratio(characters, size))
    return found


def _occurrences(text: str, starts: Array, lengths: Array) -> int:
    """Characters of all places where some words stand, joined by single spaces, without overlap."""
    gram = " ".join(
        text[start : start + size] for start, size in zip(starts.tolist(), lengths.tolist(), strict=True)
    )
    return len(gram) * text.count(gram)


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """Marks and phrases that a rule counts."""
    from filters.spans import occurrences

    if rule == "parentheses":
        return occurrences(text, tuple("{}⟨⟩[]()"))
    if rule == "boilerplate":
        return occurrences(text.lower(), (LOREM_IPSUM, *BOILERPLATE)) if text.isascii() else []
    return []


SPEC = FilterSpec(
    name="nemo",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    spans=spans,
    thresholds=frozenset(Settings.__struct_fields__),
)
