"""C4's line cleaning and page rules (Raffel et al. 2020), as datatrove's `C4QualityFilter` applies them.

An edit as well as rules: lines are dropped from the text (too few words, a very long word, javascript and policy
notices, optionally no terminal punctuation), citation marks are removed from the rest, and the page is dropped when
what is left has too few sentences or had a curly bracket or "lorem ipsum" in a line that was long enough.

Two variants circulate. The reference code and the current paper ask for 3 sentences and 5 words a line and take
`. ? ! "` as line ends (`paper`); datatrove, and so FineWeb, for 5 sentences and 3 words, with the apostrophe as a
further line end (`datatrove`). Bad-word lists are not part of FineWeb's recipe and not of this filter.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from filters.batch import Batch
from filters.chunks import chunks_with_spaces
from filters.punctuation import C4_END, C4_END_PAPER
from filters.types import Count, FilterSpec, Rule, Signal, Span

SOURCE = "C4 section 2.2; datatrove C4QualityFilter"
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
CITATIONS = r"\[\p{Nd}*\]|\[edit\]|\[citation needed\]"
# White space other than the plain space that can stand inside a line.
_ODD_SPACE = ("\t", "\x1f", "\xa0", "\u1680", *map(chr, range(0x2000, 0x200B)), "\u202f", "\u205f", "\u3000")


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
    ]


@dataclass
class _Cleaned:
    """One page after line cleaning."""

    kept: list[str] = field(default_factory=list)
    chunks: list[list[str]] = field(default_factory=list)  # of each kept line, for counting sentences
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COLUMNS, 0))


def _clean(text: str, settings: Settings) -> _Cleaned:
    cleaned = _Cleaned()
    counts = cleaned.counts
    lowered = text.lower()
    suspicious = (
        "javascript" in lowered
        or "lorem ipsum" in lowered
        or "{" in text
        or any(phrase in lowered for phrase in POLICY)
    )
    odd_space = any(space in text for space in (_ODD_SPACE[:2] if text.isascii() else _ODD_SPACE))
    citations = settings.remove_citations and "[" in text
    fewest = settings.words_per_line
    for whole in text.splitlines():
        line = whole.strip()
        words = line.split()
        reason = _removal(line, words, settings)
        edited = _without_citations(line) if citations and "[" in line else line
        if not reason and settings.filter_no_terminal_punct and not _has_end(edited, settings.line_ends):
            reason = "lines_no_end"
        if not reason and len(words) < fewest:
            reason = "lines_short"
        if not reason and suspicious:
            reason = _judge(edited, settings, counts)
        if reason:
            counts[reason] += 1
            counts["words_removed"] += len(words)
            continue
        cleaned.kept.append(edited)
        if edited is line and not odd_space and line.count(" ") == len(words) - 1:
            cleaned.chunks.append(words)
        else:
            cleaned.chunks.append(chunks_with_spaces(edited))
    return cleaned


def _removal(line: str, words: list[str], settings: Settings) -> str:
    longest = settings.max_word_length
    if longest is not None and len(line) > longest and any(len(word) > longest for word in words):
        return "lines_long_word"
    return ""


def _has_end(line: str, ends: frozenset[str]) -> bool:
    return line[-1:] in ends and line != "" and not line.endswith("...")


def _judge(line: str, settings: Settings, counts: dict[str, int]) -> str:
    """Counts what drops the page and returns why the line is removed, if it is."""
    lowered = line.lower()
    if "lorem ipsum" in lowered:
        counts["lorem_ipsum"] += 1
    if settings.filter_javascript and "javascript" in lowered:
        return "lines_javascript"
    if "{" in line:
        counts["curly_bracket"] += 1
    if settings.filter_policy and any(phrase in lowered for phrase in POLICY):
        return "lines_policy"
    return ""


@functools.cache
def _citations() -> Any:
    import re2

    return re2.compile(CITATIONS)


def _without_citations(line: str) -> str:
    return str(_citations().sub("", line))


def _cleaned(batch: Batch, settings: Settings) -> list[_Cleaned]:
    return batch.part(("c4", settings), lambda: [_clean(text, settings) for text in batch.texts])


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Counts of sentences kept and of lines removed, by cause."""
    from filters.sentences import sentence_counts

    pages = _cleaned(batch, settings)
    words = batch.splitter.split_chunks([chunks for page in pages for chunks in page.chunks])
    ends = np.cumsum([len(page.kept) for page in pages], dtype=np.int64)
    sums = np.concatenate([[0], np.cumsum(sentence_counts(words))]).astype(np.int64)
    found = {
        f"c4_{name}": np.fromiter((page.counts[name] for page in pages), np.int64, len(pages))
        for name in _COLUMNS
    }
    found["c4_sentences"] = np.diff(sums[np.concatenate([[0], ends]).astype(np.int64)])
    return found


def edit(batch: Batch, settings: Settings) -> list[str]:
    """The kept lines of each text."""
    return ["\n".join(page.kept).strip() for page in _cleaned(batch, settings)]


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
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    edit=edit,
    spans=spans,
    thresholds=frozenset({"min_sentences", "max_lorem_ipsum_lines", "max_curly_bracket_lines"}),
)
