"""The cascade: what a cheap look at a page already shows to be dropped need not be extracted at full cost.

A cascade (Viola and Jones 2001) asks the cheap question first and the expensive one only where the answer is still
open. The cheap look takes a page's address and all of its visible text, navigation included. The address is what the
full road judges, too; of the visible text the language is a good guess, and its words are more than those of the main
text. So these three can screen, each with a margin; what a filter says of quality cannot be told from visible text.

A rule screens only what it drops by itself, so a screened page has a reason as any other page has.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters import gopher_quality, language, url
from filters.batch import Batch
from filters.decide import decide, fails
from filters.types import Share

if TYPE_CHECKING:
    from filters.steps import Step

Array = np.ndarray[Any, Any]

VERSION = 2
LANGUAGE_CHARACTERS = 4000  # of the visible text whose language is asked for
REASON = "screened"  # the column with the rule that screened a page, null where it was extracted
COLUMNS = ("cascade_characters", "cascade_words", "cascade_language", "cascade_language_score")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sure the cheap look must be; null switches a question off. The thresholds are the filters' own."""

    url: bool = True  # by the rules of the filter `url`, which the full road would repeat
    other_language: Share | None = 0.5  # probability of a language that is not wanted, at least
    language_margin: Share | None = 0.3  # how far below `min_score` the score of a wanted language must be
    words: Share | None = 0.9  # of `gopher_quality.min_words`: fewer visible words cannot be enough


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """What the cheap look decides with: the filters of a recipe that can screen, and the margins."""

    margins: Settings
    order: tuple[str, ...]  # of these filters, as the recipe has it
    looks: bool  # at the visible text; else at the address alone
    url: url.Settings | None = None
    language: language.Settings | None = None
    min_words: int | None = None


class Look(NamedTuple):
    """What the cheap look sees of a page: characters and words of all visible text, its language and score."""

    characters: int
    words: int | None = None  # None where no filter asks for it
    language: str | None = None
    score: float | None = None


def screen_of(steps: Sequence[Step], margins: Settings | None, looks: bool) -> Screen | None:
    """The screen for a chain of these steps, or None where nothing can be screened.

    A filter whose rules have conditions screens nothing, as a look cannot tell what they compare; nor does one with
    settings by language, nor a language model of the recipe's own, which a look has not at hand.
    """
    named = {
        step.name: step.settings
        for step in steps
        if step.name in ("url", "language", "gopher_quality") and not step.guards and not step.by_language
    }
    if "language" in named and named["language"].model != language.INSTALLED:
        del named["language"]
    if margins is None:
        return None
    by_language = margins.other_language is not None or margins.language_margin is not None
    asks = ("language" in named and by_language) or ("gopher_quality" in named and margins.words is not None)
    looks = looks and asks
    if not looks and not ("url" in named and margins.url):
        return None
    quality: gopher_quality.Settings | None = named.get("gopher_quality")
    return Screen(
        margins=margins,
        order=tuple(named),
        looks=looks,
        url=named.get("url"),
        language=named.get("language"),
        min_words=quality.min_words if quality is not None else None,
    )


def decisive(screen: Screen) -> dict[str, Any]:
    """Everything that decides which pages are screened and what is stored of them, JSON-able."""
    found: dict[str, Any] = {"version": VERSION, "order": screen.order, "looks": screen.looks}
    if screen.url is not None:
        found["url"] = [url.SPEC.version, screen.margins.url and msgspec.to_builtins(screen.url)]
    if screen.looks:
        margins = msgspec.to_builtins(screen.margins)
        found["margins"] = {name: margins[name] for name in ("other_language", "language_margin", "words")}
        found["min_words"] = screen.min_words
        if screen.language is not None:
            found["language"] = [language.SPEC.version, msgspec.to_builtins(screen.language)]
    return found


def asset_names(screen: Screen) -> tuple[str, ...]:
    """The lists and models that the look needs, each once."""
    by_url = url.assets(screen.url) if screen.url is not None and screen.margins.url else ()
    by_language = language.assets(screen.language) if screen.language is not None and screen.looks else ()
    return (*by_url, *by_language)


def by_address(urls: Sequence[str], screen: Screen, assets: Mapping[str, Any]) -> list[str | None]:
    """The rule of the filter `url` that drops each address, or None."""
    if screen.url is None or not screen.margins.url or not urls:
        return [None] * len(urls)
    columns = url.measure(Batch([""] * len(urls), urls), screen.url, assets)
    rules = [(f"url.{rule.name}", rule) for rule in url.rules(screen.url)]
    found: list[str | None] = decide(rules, columns, len(urls)).reason.to_pylist()
    return found


def look(text: str, screen: Screen, assets: Mapping[str, Any]) -> Look:
    """What there is to see of a page's visible text. Cost: mostly the language's."""
    bare = text.strip()
    words = count_words(bare) if "gopher_quality" in screen.order else None
    if screen.language is None:
        return Look(len(bare), words)
    asked = assets[language.asset_of(screen.language.model)]
    label, score = language.label_of(bare[:LANGUAGE_CHARACTERS], asked, screen.language.cleaning)
    return Look(len(bare), words, label, score)


class Looks(NamedTuple):
    """What the cheap look saw of many pages, (n,) each; NaN, or code -1, where it did not look or nothing says so."""

    characters: Array
    words: Array
    languages: Array  # codes: places in `labels`
    labels: tuple[str, ...]
    scores: Array


def looks_of(columns: Sequence[pa.ChunkedArray | pa.Array]) -> Looks:
    """Looks from four columns in the order of `Look`."""
    characters, words, languages, scores = columns
    numbers = [_numbers(column) for column in (characters, words, scores)]
    whole = languages.combine_chunks() if isinstance(languages, pa.ChunkedArray) else languages
    coded = whole.cast(pa.string()).dictionary_encode()
    codes = np.asarray(pc.fill_null(coded.indices, -1), np.int64)
    return Looks(numbers[0], numbers[1], codes, tuple(coded.dictionary.to_pylist()), numbers[2])


def by_look(seen: Look, screen: Screen) -> str | None:
    """The first rule in recipe order that drops the page, if the look is sure that one will; else None."""
    labels = () if seen.language is None else (seen.language,)
    code = -1 if seen.language is None else 0
    words, score = (np.array([np.nan if one is None else one]) for one in (seen.words, seen.score))
    one = Looks(np.array([seen.characters]), words, np.array([code]), labels, score)
    if not seen.characters:
        return "extract.empty"
    sure, failing = _judged(one, screen)
    return next((name for name, found in failing if found[0]), None) if sure[0] else None


def by_looks(seen: Looks, screen: Screen) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The pages that `by_look` drops, (n,)."""
    sure, failing = _judged(seen, screen)
    some = np.zeros(len(sure), np.bool_)
    for _, found in failing:
        some |= found
    return ~np.isnan(seen.characters) & ((seen.characters == 0) | (sure & some))


def _judged(seen: Looks, screen: Screen) -> tuple[Array, list[tuple[str, Array]]]:
    """Where the look is sure, and the pages that fail each rule as far as it shows, in recipe order."""
    margins, failing = screen.margins, dict[str, list[tuple[str, Array]]]()
    sure = np.zeros(len(seen.characters), np.bool_)
    if screen.language is not None:
        wanted, lowest = language.rules(screen.language)
        named, scores = seen.languages >= 0, np.nan_to_num(seen.scores)
        labels = np.array([*seen.labels, None], object)  # the last one is that of -1
        other = fails(labels, wanted)[seen.languages]
        unsure = named & ~other & fails(seen.scores, lowest)
        failing["language"] = [(f"language.{wanted.name}", other), (f"language.{lowest.name}", unsure)]
        if margins.other_language is not None:
            sure |= other & (scores >= margins.other_language)
        if margins.language_margin is not None:
            limit = (screen.language.min_score or 0.0) - margins.language_margin
            sure |= unsure & (scores <= limit)
    if screen.min_words is not None:
        short = seen.words < screen.min_words
        failing["gopher_quality"] = [("gopher_quality.short", short)]
        if margins.words is not None:
            sure |= short & (seen.words < margins.words * screen.min_words)
    return sure, [rule for name in screen.order for rule in failing.get(name, ())]


def _numbers(column: Any) -> Array:
    return np.asarray(column.cast(pa.float64()), np.float64)


def count_words(text: str) -> int:
    """Runs of letters and digits in `text`, which has no lone surrogates: linear, some 10 ns a character."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    inside = _alphanumeric()[points]
    return int(np.count_nonzero(inside[1:] & ~inside[:-1])) + int(inside[:1].sum())


@functools.cache
def _alphanumeric() -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For every code point whether it is a letter or a digit, as Python's `isalnum` says."""
    return np.fromiter((chr(point).isalnum() for point in range(0x110000)), np.bool_, 0x110000)
