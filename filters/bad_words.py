"""Words of a list of bad words, such as LDNOOBW's, in texts: C4's rule, mC4's, and RedPajama-v2's count.

Three rules circulate, for texts in lower case:

- `mc4` (C4's newer code for all languages, and datatrove's `C4BadWordsFilter`): a word or phrase counts between two
  characters that are neither letter, digit nor underscore, or at the text's ends; in Japanese, Thai and Chinese
  anywhere. Four words that are common parts of others there are left out.
- `c4` (the code that made C4 in 2019): on each line by itself, between two characters other than `a` to `z`; so not at
  a line's ends.
- `redpajama`: words between white space without ASCII punctuation, phrases as sequences of such words.

C4 and datatrove drop every page with a hit; mC4's setting keeps a share of them, by a draw. The draw here depends on
the page's id alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Count, FilterSpec, Rule, Share, Signal

Array = np.ndarray[Any, Any]

SOURCE = "C4 section 2.2; tfds c4_utils; datatrove C4BadWordsFilter; RedPajama-v2 rps_doc_ldnoobw_words"
UNBOUNDED = ("ja", "th", "zh")
# Each is part of so many common words that more than a tenth of its language's pages would go (tfds, datatrove).
ALLOWED = frozenset({"sm", "グロ", "女の子", "性"})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The list, the language whose words are looked for, by which rule, and how many hits are let pass."""

    list: str = "badwords"  # a name under `lists:`, of kind words
    language: str = "en"
    variant: Literal["mc4", "c4", "redpajama"] = "mc4"
    max_hits: Count | None = 0
    keep_fraction: Share = 0.0  # of the pages with hits


_COLUMNS = {
    "hits": ("words", "occurrences of listed words and phrases"),
    "distinct": ("words", "different listed words and phrases that occur"),
    "per_thousand": ("per 1,000 words", "occurrences, words being the parts between white space"),
    "unspared": ("words", "occurrences, 0 on the share of pages that `keep_fraction` spares"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"bad_words_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The one rule."""
    return [Rule("hits", "bad_words_unspared", ">", settings.max_hits, SOURCE)]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """Hits of each text. Some 5 ns a character."""
    from filters.hashing import draws

    words = assets[f"lists.{settings.list}"].words(settings.language)
    hits, distinct = _found(batch, settings, words)
    spared = draws(batch.ids, "bad_words") < settings.keep_fraction
    return {
        "bad_words_hits": hits,
        "bad_words_distinct": distinct,
        "bad_words_per_thousand": 1000 * ratio(hits, batch.chunks.counts()),
        "bad_words_unspared": np.where(spared, 0, hits),
    }


def _found(batch: Batch, settings: Settings, words: tuple[str, ...]) -> tuple[Array, Array]:
    from filters.text import layout, phrases

    codes, bounds = batch.part("lower", lambda: layout.code_points([text.lower() for text in batch.texts]))
    if settings.variant == "redpajama":
        codes, bounds = phrases.squeezed(*_decomposed(codes, bounds, batch.texts), layout.traits())
        whole = layout.Parts(np.arange(len(bounds)), bounds[:-1].copy(), bounds[1:].copy())
        return phrases.find(codes, codes != 32, whole, phrases.phrases(words))
    if settings.variant == "c4":
        inner = (codes >= 97) & (codes <= 122)
        lines = layout.stripped(codes, layout.split_lines(codes, bounds))
        return phrases.find(codes, inner, lines, phrases.phrases(words), edges=False)
    listed = phrases.phrases(tuple(word for word in words if word not in ALLOWED))
    bits = np.uint16(layout.LETTER | layout.NUMERIC)
    inner = ((layout.traits()[codes] & bits) != 0) | (codes == 95)
    whole = layout.Parts(np.arange(len(bounds)), bounds[:-1].copy(), bounds[1:].copy())
    return phrases.find(codes, inner, whole, listed, bounded=settings.language not in UNBOUNDED)


def _decomposed(codes: Array, bounds: Array, texts: Sequence[str]) -> tuple[Array, Array]:
    """The code points of the texts in lower case, canonically decomposed."""
    from filters.text import layout

    if not len(codes) or codes.max() < 192:  # nothing below is composed
        return codes, bounds
    return layout.code_points([unicodedata.normalize("NFD", text.lower()) for text in texts])


def needed(settings: Settings) -> tuple[str, ...]:
    """The list."""
    return (f"lists.{settings.list}",)


def fits(settings: Settings, assets: Mapping[str, Any]) -> None:
    """ValueError where the list has no words of the language."""
    try:
        assets[f"lists.{settings.list}"].words(settings.language)
    except ValueError as error:
        raise ValueError(f"language: {error}") from None


SPEC = FilterSpec(
    name="bad_words",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=needed,
    thresholds=frozenset({"max_hits"}),
    fits=fits,
)
