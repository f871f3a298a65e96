"""RedPajama-v2's quality signals that need no model and no list, a column for each published tag (`PUBLISHED`).

Definitions are those of RedPajama-Data, `app/src/core/quality_signals`. Normalised words are without ASCII punctuation,
in lower case and canonically decomposed (`filters/text/normalised.py`); raw words are runs of letters, numbers and
underscores, or runs of other marks. The published signals of lines are lists with a value per line; a column here is
their mean or sum over the lines, as its description says. Where the published value is null (no words), it is 0 here.

No rule has a threshold: the published data set has signals only. The settings name thresholds for those who want some.

Published tags that need a model or a list stand in `ELSEWHERE`, with the other filters' columns.
`ccnet_original_length` and `ccnet_original_nlines` are those before CCNet removed duplicate lines; nothing is removed
before this filter unless an edit stands before it in the recipe, so they are the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.redpajama_v2_words import ENGLISH
from filters.types import Amount, Count, FilterSpec, Rule, Share, Signal

SOURCE = "RedPajama-v2; RedPajama-Data app/src/core/quality_signals"
CCNET = "CCNet's field of this name in RedPajama-v2"

Array = np.ndarray[Any, Any]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds, all off, and the stop words (raw words exactly as written; default: the English list)."""

    stop_words: tuple[str, ...] = ENGLISH
    min_words: Count | None = None
    max_words: Count | None = None
    min_mean_word_length: Amount | None = None
    max_mean_word_length: Amount | None = None
    max_symbol_to_word_ratio: Amount | None = None
    max_ellipsis_lines: Share | None = None
    max_no_alph_words: Share | None = None
    max_all_caps_words: Share | None = None
    min_stop_word_fraction: Share | None = None
    min_unique_words: Share | None = None
    min_unigram_entropy: Amount | None = None
    min_sentences: Count | None = None
    max_lorem_ipsum: Share | None = None
    max_curly_bracket: Share | None = None
    max_bullet_lines: Share | None = None
    min_terminal_lines: Share | None = None
    max_top_2gram: Amount | None = None  # can exceed 1: overlapping occurrences count in full
    max_top_3gram: Amount | None = None
    max_top_4gram: Amount | None = None
    max_dupe_5grams: Share | None = None
    max_dupe_6grams: Share | None = None
    max_dupe_7grams: Share | None = None
    max_dupe_8grams: Share | None = None
    max_dupe_9grams: Share | None = None
    max_dupe_10grams: Share | None = None


_TOP = range(2, 5)
_DUPE = range(5, 11)

_COLUMNS: dict[str, tuple[str, str]] = {
    "ccnet_length": ("characters", "of the text"),
    "ccnet_nlines": ("lines", "of the text, separated by newlines"),
    "doc_curly_bracket": ("share of characters", "`{` and `}`"),
    "doc_frac_all_caps_words": ("share of raw words", "words whose letters are all capitals"),
    "doc_frac_lines_end_with_ellipsis": ("share of lines", "lines that end with `...` or `…`"),
    "doc_frac_no_alph_words": ("share of raw words", "words without a letter A to Z"),
    "doc_lorem_ipsum": ("per character", "`lorem ipsum` in the normalised text"),
    "doc_mean_word_length": ("characters", "mean length of the normalised words"),
    "doc_stop_word_fraction": ("share of raw words", "stop words as written"),
    "doc_symbol_to_word_ratio": ("per raw word", "`#`, `...` and `…`"),
    "doc_frac_unique_words": ("share of words", "distinct normalised words"),
    "doc_unigram_entropy": ("nats", "entropy of the distribution of normalised words"),
    "doc_word_count": ("words", "normalised words"),
    "doc_num_sentences": ("sentences", "matches of `\\b[^.!?]+[.!?]*`"),
    **{
        f"doc_frac_chars_dupe_{n}grams": (
            "share of characters",
            f"of normalised words that lie in a {n}-gram that occurs twice, each word once",
        )
        for n in _DUPE
    },
    **{
        f"doc_frac_chars_top_{n}gram": (
            "per character",
            f"of normalised words: the most frequent {n}-gram times its occurrences; 0 if it occurs once",
        )
        for n in _TOP
    },
    "lines_ending_with_terminal_punctution_mark": (
        "share of lines",
        "lines that end with `.`, `!`, `?` or `”`",
    ),
    "lines_javascript_counts": ("words", "the word `javascript`, summed over lines"),
    "lines_num_words": ("words", "normalised words of a line, mean over lines"),
    "lines_numerical_chars_fraction": (
        "share of characters",
        "numerals in the normalised lines, mean over lines weighted by their characters",
    ),
    "lines_start_with_bulletpoint": ("share of lines", "lines that begin with one of ten bullets"),
    "lines_uppercase_letter_fraction": (
        "share of characters",
        "capitals in the lines, mean over lines weighted by their characters",
    ),
    "lines_javascript_fraction": ("share of lines", "lines with the word `javascript`"),
    "lines_numerical_chars_mean": (
        "share of characters",
        "numerals in a normalised line, plain mean over lines",
    ),
    "lines_uppercase_letter_mean": ("share of characters", "capitals in a line, plain mean over lines"),
}

# Published tag: our column. Columns that end with `_mean` and `lines_javascript_fraction` are additions.
PUBLISHED: dict[str, str] = {
    "ccnet_length": "rpv2_ccnet_length",
    "ccnet_nlines": "rpv2_ccnet_nlines",
    "ccnet_original_length": "rpv2_ccnet_length",
    "ccnet_original_nlines": "rpv2_ccnet_nlines",
    **{
        f"rps_{name}": f"rpv2_{name}"
        for name in _COLUMNS
        if name.startswith(("doc_", "lines_")) and not name.endswith(("_mean", "javascript_fraction"))
    },
}

# Published tags that need a model or a list: the column of the filter that measures it, in a recipe that names its
# models as here (perplexity: ccnet; importance: books, openwebtext, wikipedia; quality: palm, wikipedia, wikiref).
ELSEWHERE: dict[str, str] = {
    "ccnet_bucket": "perplexity_ccnet_bucket",
    "ccnet_language_score": "language_score",
    "ccnet_perplexity": "perplexity_ccnet",
    "rps_doc_books_importance": "importance_books",
    "rps_doc_openwebtext_importance": "importance_openwebtext",
    "rps_doc_wikipedia_importance": "importance_wikipedia",
    "rps_doc_ml_palm_score": "quality_palm",
    "rps_doc_ml_wikipedia_score": "quality_wikipedia",
    "rps_doc_ml_wikiref_score": "quality_wikiref",
    "rps_doc_ldnoobw_words": "bad_words_hits",
    "rps_doc_ut1_blacklist": "blocklist_domain",  # how many categories list the host, a column for each beside it
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [
        Signal(f"rpv2_{name}", *texts, CCNET if name.startswith("ccnet") else SOURCE)
        for name, texts in _COLUMNS.items()
    ]


def rules(settings: Settings) -> list[Rule]:
    """The rules, off unless a recipe gives thresholds."""
    table: list[tuple[str, str, Any, Any]] = [
        ("short", "doc_word_count", "<", settings.min_words),
        ("long", "doc_word_count", ">", settings.max_words),
        ("short_words", "doc_mean_word_length", "<", settings.min_mean_word_length),
        ("long_words", "doc_mean_word_length", ">", settings.max_mean_word_length),
        ("symbols", "doc_symbol_to_word_ratio", ">", settings.max_symbol_to_word_ratio),
        ("ellipsis_lines", "doc_frac_lines_end_with_ellipsis", ">", settings.max_ellipsis_lines),
        ("no_alph_words", "doc_frac_no_alph_words", ">", settings.max_no_alph_words),
        ("all_caps_words", "doc_frac_all_caps_words", ">", settings.max_all_caps_words),
        ("stop_words", "doc_stop_word_fraction", "<", settings.min_stop_word_fraction),
        ("unique_words", "doc_frac_unique_words", "<", settings.min_unique_words),
        ("entropy", "doc_unigram_entropy", "<", settings.min_unigram_entropy),
        ("sentences", "doc_num_sentences", "<", settings.min_sentences),
        ("lorem_ipsum", "doc_lorem_ipsum", ">", settings.max_lorem_ipsum),
        ("curly_bracket", "doc_curly_bracket", ">", settings.max_curly_bracket),
        ("bullet_lines", "lines_start_with_bulletpoint", ">", settings.max_bullet_lines),
        ("terminal_lines", "lines_ending_with_terminal_punctution_mark", "<", settings.min_terminal_lines),
    ]
    for n in _TOP:
        table.append(
            (f"top_{n}gram", f"doc_frac_chars_top_{n}gram", ">", getattr(settings, f"max_top_{n}gram"))
        )
    for n in _DUPE:
        limit = getattr(settings, f"max_dupe_{n}grams")
        table.append((f"dupe_{n}grams", f"doc_frac_chars_dupe_{n}grams", ">", limit))
    return [Rule(name, f"rpv2_{column}", when, limit, SOURCE) for name, column, when, limit in table]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """All columns; some 0.15 ms for a text of 4.5 KB."""
    found = {**_raw(batch, settings), **_of_words(batch)}
    return {f"rpv2_{name}": found[name] for name in _COLUMNS}


def _raw(batch: Batch, settings: Settings) -> dict[str, Array]:
    """What is counted on the text as it stands, and whether there are words at all."""
    from filters.loops import redpajama_v2_counts as counts
    from filters.text import layout
    from filters.text.word_sets import word_set

    texts = len(batch)
    found = np.zeros((texts, 7), np.int64)
    stop_words = word_set(settings.stop_words)
    counts.text_counts(batch.codes, batch.bounds, layout.traits(), stop_words, found)
    by_line, capitals = np.zeros((texts, 6), np.int64), np.zeros(texts)
    lines = batch.lines
    counts.line_counts(batch.codes, *lines, layout.traits(), counts.BULLETS, by_line, capitals)
    words, total = found[:, counts.WORDS], by_line[:, counts.LINES]
    return {
        "ccnet_length": batch.lengths,
        "ccnet_nlines": lines.counts(),
        "doc_curly_bracket": ratio(found[:, counts.CURLY], batch.lengths),
        "doc_frac_all_caps_words": ratio(found[:, counts.CAPITALS], words),
        "doc_frac_lines_end_with_ellipsis": ratio(by_line[:, counts.ELLIPSIS], total),
        "doc_frac_no_alph_words": ratio(found[:, counts.NO_LATIN], words),
        "doc_stop_word_fraction": ratio(found[:, counts.STOP_WORDS], words),
        "doc_symbol_to_word_ratio": ratio(found[:, counts.SYMBOLS], words),
        "doc_num_sentences": found[:, counts.SENTENCES],
        "lines_ending_with_terminal_punctution_mark": ratio(by_line[:, counts.TERMINAL], total),
        "lines_start_with_bulletpoint": ratio(by_line[:, counts.BULLET], total),
        "lines_uppercase_letter_fraction": ratio(by_line[:, counts.UPPERCASE], by_line[:, counts.CHARACTERS]),
        "lines_uppercase_letter_mean": ratio(capitals, total),
    }


def _of_words(batch: Batch) -> dict[str, Array]:
    """What is counted in the normalised words."""
    from filters.loops import redpajama_v2_counts as counts
    from filters.text import layout, repeats
    from filters.text.normalised import normalised
    from filters.text.word_sets import codes_of

    texts = len(batch)
    words = batch.part("normalised", lambda: normalised(batch.codes, batch.bounds, batch.lines))
    ids, first = layout.numbered(words.codes, words.texts)
    offsets, lengths = words.texts.offsets, words.texts.lengths()
    total, characters = words.texts.counts(), layout.total(offsets, lengths)
    unique, entropy = np.zeros(texts, np.int64), np.zeros(texts)
    counts.vocabulary(offsets, ids, len(first), unique, entropy)
    lorem = np.zeros(texts, np.int64)
    counts.pairs(words.codes, *words.texts, codes_of("lorem"), codes_of("ipsum"), lorem)
    by_line, numerals = np.zeros((texts, 5), np.int64), np.zeros(texts)
    lines, parts = batch.lines.offsets, words.lines
    counts.normalised_line_counts(
        words.codes, lines, *parts, layout.traits(), codes_of("javascript"), by_line, numerals
    )
    nlines = _nlines(batch)
    found = {
        "doc_lorem_ipsum": ratio(lorem, characters + np.maximum(total - 1, 0)),
        "doc_mean_word_length": ratio(characters, total),
        "doc_frac_unique_words": ratio(unique, total),
        "doc_unigram_entropy": np.maximum(entropy, 0.0),
        "doc_word_count": total,
        "lines_javascript_counts": by_line[:, counts.JAVASCRIPT],
        "lines_javascript_fraction": ratio(by_line[:, counts.JAVASCRIPT_LINES], nlines),
        "lines_num_words": ratio(total, nlines),
        "lines_numerical_chars_fraction": ratio(
            by_line[:, counts.NUMERIC_CHARACTERS], by_line[:, counts.NORMALISED_CHARACTERS]
        ),
        "lines_numerical_chars_mean": ratio(numerals, nlines),
    }
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    for n, grams in repeats.levels(offsets, ids, len(first), max(_DUPE)):
        if n in _TOP:
            position, times = repeats.most_frequent(offsets, grams)
            at = np.minimum(position, len(lengths))
            size = ends[np.minimum(at + n, len(lengths))] - ends[at]
            found[f"doc_frac_chars_top_{n}gram"] = ratio(np.where(times > 1, size * times, 0), characters)
        else:
            twice = repeats.covered(offsets, grams, lengths, n)
            found[f"doc_frac_chars_dupe_{n}grams"] = ratio(twice, characters)
    return found


def _nlines(batch: Batch) -> Array:
    """Lines of each text as RedPajama-v2 counts them: what is empty after the last newline is none."""
    lines = batch.lines
    last = lines.offsets[1:] - 1
    return lines.counts() - (lines.starts[last] == lines.ends[last])


SPEC = FilterSpec(
    name="rpv2",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    thresholds=frozenset(Settings.__struct_fields__) - {"stop_words"},
)
