"""C4's line cleaning and page rules (Raffel et al. 2020), as datatrove's `C4QualityFilter` applies them.

An edit as well as rules: lines are dropped from the text (too few words, a very long word, javascript and policy
notices, optionally no terminal punctuation), citation marks are removed from the rest, and the page is dropped when
what is left has too few sentences or had a curly bracket or "lorem ipsum" in a line that was long enough.

Two variants circulate. The reference code and the current paper ask for 3 sentences and 5 words a line and take
`. ? ! "` as line ends (`paper`); datatrove, and so FineWeb, for 5 sentences and 3 words, with the apostrophe as a
further line end (`datatrove`). Bad-word lists are not part of FineWeb's recipe and not of this filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from filters.batch import Batch, EditedTexts
from filters.text.punctuation import C4_END, C4_END_PAPER
from filters.types import Count, FilterSpec, Rule, Signal, Span

if TYPE_CHECKING:
    from filters.loops.c4_lines import Cleaned

SOURCE = "C4 section 2.2; datatrove C4QualityFilter"
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is removed and what is dropped. Defaults: FineWeb's (datatrove's, without the line-end rule)."""

    variant: Literal["datatrove", "paper"] = "datatrove"  # decides the two numbers below and the line ends
    min_sentences: Count | UnsetType | None = UNSET  # after cleaning; 5 or 3 by variant; null: off
    min_words_per_line: Count | UnsetType = UNSET  # 3 or 5 by variant
    max_word_length: Count | None = 1000  # characters; a line with a longer word is removed
    filter_no_terminal_punct: bool = False  # FineWeb kept such lines: the rule alone removes 30 % of tokens
    filter_javascript: bool = True
    filter_policy: bool = True
    remove_citations: bool = True
    max_lorem_ipsum_lines: Count | None = 0
    max_curly_bracket_lines: Count | None = 0
    max_characters: Count | UnsetType | None = UNSET  # of a page; 190,000 by `paper`, any by `datatrove`

    @property
    def sentences(self) -> int | None:
        """The fewest sentences that are kept."""
        if isinstance(self.min_sentences, UnsetType):
            return 5 if self.variant == "datatrove" else 3
        return self.min_sentences

    @property
    def words_per_line(self) -> int:
        """The fewest words of a line that is kept."""
        if isinstance(self.min_words_per_line, UnsetType):
            return 3 if self.variant == "datatrove" else 5
        return self.min_words_per_line

    @property
    def characters(self) -> int | None:
        """The most characters of a page that is kept."""
        if isinstance(self.max_characters, UnsetType):
            return None if self.variant == "datatrove" else 190_000
        return self.max_characters

    @property
    def line_ends(self) -> frozenset[str]:
        """The marks that may end a line."""
        return C4_END if self.variant == "datatrove" else C4_END_PAPER


_COLUMNS = {
    "sentences": ("sentences", "in the lines that are kept"),
    "lorem_ipsum": ("lines", "with `lorem ipsum`, of those long enough"),
    "curly_bracket": ("lines", "with `{`, of those long enough and without javascript"),
    "lines_long_word": ("lines", "removed: a word of more than `max_word_length` characters"),
    "lines_no_end": ("lines", "removed: no terminal punctuation (if that is asked for)"),
    "lines_short": ("lines", "removed: fewer than `min_words_per_line` words"),
    "lines_javascript": ("lines", "removed: javascript is mentioned"),
    "lines_policy": ("lines", "removed: a notice about cookies, privacy or terms of use"),
    "words_removed": ("words", "between white space, in removed lines"),
    "characters": ("characters", "of the page before cleaning"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"c4_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The page rules."""
    return [
        Rule("lorem_ipsum", "c4_lorem_ipsum", ">", settings.max_lorem_ipsum_lines, SOURCE),
        Rule("curly_bracket", "c4_curly_bracket", ">", settings.max_curly_bracket_lines, SOURCE),
        Rule("sentences", "c4_sentences", "<", settings.sentences, SOURCE),
        Rule("long", "c4_characters", ">", settings.characters, SOURCE),
    ]


def _cleaned(batch: Batch, settings: Settings) -> Cleaned:
    from filters.loops import c4_lines

    return batch.part(
        ("c4", settings),
        lambda: c4_lines.clean(
            batch,
            longest=settings.max_word_length,
            fewest=settings.words_per_line,
            citations=settings.remove_citations,
            ends=settings.line_ends if settings.filter_no_terminal_punct else None,
            javascript=settings.filter_javascript,
            policy=POLICY if settings.filter_policy else (),
        ),
    )


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Counts of sentences kept and of lines removed, by cause."""
    from filters.loops import c4_lines as rows

    cleaned = _cleaned(batch, settings)
    return {
        "c4_sentences": cleaned.sentences,
        "c4_lorem_ipsum": cleaned.counts[rows.LOREM],
        "c4_curly_bracket": cleaned.counts[rows.CURLY],
        "c4_lines_long_word": cleaned.counts[rows.LONG_WORD],
        "c4_lines_no_end": cleaned.counts[rows.NO_END],
        "c4_lines_short": cleaned.counts[rows.SHORT],
        "c4_lines_javascript": cleaned.counts[rows.JAVASCRIPT_LINE],
        "c4_lines_policy": cleaned.counts[rows.POLICY_LINE],
        "c4_words_removed": cleaned.counts[rows.WORDS_REMOVED],
        "c4_characters": batch.lengths,
    }


def edit(batch: Batch, settings: Settings) -> list[str]:
    """The kept lines of each text."""
    return EditedTexts(*_cleaned(batch, settings).stripped)


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """The places that drop the page."""
    from filters.spans import line_spans, occurrences

    if rule == "curly_bracket":
        return occurrences(text, ("{",))
    if rule == "lorem_ipsum":
        return line_spans(text, lambda line: "lorem ipsum" in line.lower())
    return []


def assets(settings: Settings) -> tuple[str, ...]:
    """The tokenizer whose words are counted."""
    return ("english_tokenizer",)


SPEC = FilterSpec(
    name="c4",
    version=2,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    edit=edit,
    spans=spans,
    thresholds=frozenset(
        {"min_sentences", "max_lorem_ipsum_lines", "max_curly_bracket_lines", "max_characters"}
    ),
)
