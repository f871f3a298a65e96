"""The filter `contamination`: documents with items of benchmarks, found three ways; they are dropped, cut or measured.

- `ngram`, GPT-3's rule (Brown et al. 2020, appendix C): n words in a row of a question and its answer or of a
  passage, in lower case and without punctuation. Of texts of less than n words, from `min_words` on, all in a row.
- `tokens`, as Llama 2 measures (Touvron et al. 2023, A.6): the share of the tokens of a question, an answer or a
  passage that lie in runs of `token_n` tokens which the document has too, exactly as they stand. Texts of fewer
  tokens, and runs of which more than half are marks, are not looked for.
- `near`, after Dolma 3's Decon: copies with slips (`filters/contamination/near.py`).

GPT-3 also ignored what occurs in more than ten documents of the training data, as a phrase that everyone uses. One pass
cannot know that. Here a run of words or tokens that more than `max_items` different texts of the benchmarks share, such
as an instruction, is not looked for.

Parts of fewer words than `min_words` cannot be told from common phrases; `near` takes a shorter question together
with its answer. The cut removes what `ngram` finds and what `near` finds from `cut_overlap` on, so a later change of
thresholds does not touch texts; what only `tokens` finds is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch
from filters.types import Count, FilterSpec, Rule, Share, Signal, Span

if TYPE_CHECKING:
    from filters.contamination.matches import Match, Measured

Array = np.ndarray[Any, Any]
Kind = Literal["ngram", "tokens", "near"]
Part = Literal["question", "answer", "passage"]
Words = Annotated[int, msgspec.Meta(ge=6, le=64)]

GPT3, LLAMA, DECON = "GPT-3 appendix C", "Llama 2 appendix A.6", "Dolma 3 (Decon)"
MATCHES = "contamination_matches"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked for, what happens to documents that have it, and from when on (null: never)."""

    against: str | tuple[str, ...] = "lists.benchmarks"  # entries of kind benchmarks
    action: Literal["drop", "cut", "measure"] = "drop"
    kinds: tuple[Kind, ...] = ("ngram", "near")
    parts: tuple[Part, ...] = ("question", "answer", "passage")
    n: Words = 13
    min_words: Words = 8
    token_n: Words = 10
    near_n: Annotated[int, msgspec.Meta(ge=3, le=5)] = 4  # words in a row that say where a copy may be
    max_items: Annotated[int, msgspec.Meta(ge=1)] | None = 10  # texts that may share a run of words
    short_words: Count = 20  # of `near`: up to so many, every word is asked for
    long_words: Count = 50  # from so many on, `min_overlap` of them
    max_ngrams: Count | None = 0
    min_token_share: Share | None = 0.8
    min_overlap: Share | None = 0.8
    cut_overlap: Share = 0.8  # of `near`: from here on `action: cut` removes the copy
    cut_window: Count = 200  # characters that go on each side
    min_piece: Count = 200  # characters
    max_pieces: Count | None = 10

    def __post_init__(self) -> None:
        for name in self.lists:
            if not name.removeprefix("lists.") or not name.startswith("lists."):
                raise ValueError(f"expected `against` to name `lists.NAME`, got {name!r}")
        for key in ("against", "kinds", "parts"):
            if not getattr(self, key):
                raise ValueError(f"expected `{key}` to name something, got an empty list")
        if self.min_words > self.n:
            raise ValueError(f"expected `min_words` to be at most n = {self.n}, got {self.min_words}")
        if self.short_words > self.long_words:
            raise ValueError(
                f"expected `short_words` to be at most {self.long_words}, got {self.short_words}"
            )

    @property
    def lists(self) -> tuple[str, ...]:
        """The entries that are named, each once."""
        return tuple(dict.fromkeys((self.against,) if isinstance(self.against, str) else self.against))


def signals(settings: Settings) -> list[Signal]:
    """What is measured for the kinds that are looked for."""
    found = {
        "ngram": Signal(
            "contamination_ngrams", "places", f"where {settings.n} words in a row of an item begin", GPT3
        ),
        "tokens": Signal(
            "contamination_tokens",
            "share of tokens",
            f"of the part of an item that is found most, in runs of {settings.token_n} tokens",
            LLAMA,
        ),
        "near": Signal("contamination_near", "score", "of the item that is found most nearly", DECON),
    }
    columns = [found[kind] for kind in ("ngram", "tokens", "near") if kind in settings.kinds]
    if settings.action == "cut":
        columns += [
            Signal("contamination_pieces", "pieces", "that the cut breaks the text into", GPT3),
            Signal("contamination_left", "characters", "that the cut leaves", GPT3),
        ]
    described = "benchmark, item, kind, start, end, score and text of each match, before the cut"
    return [*columns, Signal(MATCHES, "JSON", described, "filters/contamination")]


def rules(settings: Settings) -> list[Rule]:
    """A rule a kind, off where documents are cut or measured; and what a cut leaves too little of."""
    drops = settings.action == "drop"
    found = {
        "ngram": Rule("ngram", "contamination_ngrams", ">", settings.max_ngrams if drops else None, GPT3),
        "tokens": Rule(
            "tokens", "contamination_tokens", ">=", settings.min_token_share if drops else None, LLAMA
        ),
        "near": Rule("near", "contamination_near", ">=", settings.min_overlap if drops else None, DECON),
    }
    listed = [found[kind] for kind in ("ngram", "tokens", "near") if kind in settings.kinds]
    if settings.action == "cut":
        listed += [
            Rule("pieces", "contamination_pieces", ">", settings.max_pieces, GPT3),
            Rule("left", "contamination_left", "<", 1, GPT3),
        ]
    return listed


def _measured(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> Measured:
    from filters.contamination import index, matches

    reduced = measuring(settings)

    def look() -> Measured:
        lists = tuple(assets[name] for name in settings.lists)
        return matches.measure(batch.codes, batch.bounds, index.index_of(lists, reduced))

    return batch.part(("contamination", reduced), look)


def measuring(settings: Settings) -> Settings:
    """The settings with the defaults of those that decide nothing about what is found."""
    plain = Settings()
    others = {key: getattr(plain, key) for key in (*THRESHOLDS, *_OF_CUT, "action")}
    return msgspec.structs.replace(settings, **others)


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """What is found in each text. Some 7 ns a character for `ngram` and `near`, 6 more for `tokens`."""
    from filters.contamination.matches import stored

    found = _measured(batch, settings, assets)
    by_kind = {
        "ngram": ("ngrams", found.ngrams),
        "tokens": ("tokens", found.tokens),
        "near": ("near", found.near),
    }
    columns = {
        f"contamination_{by_kind[kind][0]}": by_kind[kind][1] for kind in by_kind if kind in settings.kinds
    }
    if settings.action == "cut":
        columns |= _cut_columns(batch, settings, found)
    listed = np.empty(len(batch), object)
    listed[:] = [stored(one) for one in found.matches]
    return {**columns, MATCHES: listed}


def _cut_columns(batch: Batch, settings: Settings, found: Measured) -> dict[str, Array]:
    from filters.contamination.cut import cut, pieces

    broken, left = np.ones(len(batch), np.int64), batch.lengths.copy()
    for row, matches in enumerate(found.matches):
        if places := removed(matches, settings):
            text = batch.texts[row]
            broken[row] = len(pieces(text, places, settings.cut_window))
            left[row] = len(cut(text, places, settings.cut_window, settings.min_piece))
    return {"contamination_pieces": broken, "contamination_left": left}


def removed(matches: list[Match], settings: Settings) -> list[Span]:
    """The stretches that a cut removes, without its margins."""
    return [(one.start, one.end) for one in matches if _is_cut(one, settings)]


def _is_cut(match: Match, settings: Settings) -> bool:
    return match.kind == "ngram" or (match.kind == "near" and match.score >= settings.cut_overlap)


def counts(match: Match, settings: Settings) -> bool:
    """Whether a match is contamination by these settings, whatever becomes of the document."""
    if match.kind == "ngram":
        return True
    if match.kind == "near" and settings.action == "cut":
        return _is_cut(match, settings)
    least = settings.min_overlap if match.kind == "near" else settings.min_token_share
    return least is not None and match.score >= least


def edit(batch: Batch, settings: Settings) -> list[str]:
    """The texts as the cut leaves them; the same list where nothing is cut."""
    if settings.action != "cut":
        return batch.texts
    from filters.contamination.cut import cut

    found = _measured(batch, settings, {})
    places = [removed(matches, settings) for matches in found.matches]
    if not any(places):
        return batch.texts
    return [
        cut(text, one, settings.cut_window, settings.min_piece) if one else text
        for text, one in zip(batch.texts, places, strict=True)
    ]


def needed(settings: Settings) -> tuple[str, ...]:
    """The lists."""
    return settings.lists


def fits(settings: Settings, assets: Mapping[str, Any]) -> None:
    """ValueError where an entry is no list of benchmarks, or two have one of the same name."""
    from filters.contamination.items import Benchmarks, joined

    for name in settings.lists:
        if not isinstance(assets[name], Benchmarks):
            raise ValueError(f"against: {name} is of another kind: write kind: benchmarks")
    try:
        joined([assets[name] for name in settings.lists])
    except ValueError as error:
        raise ValueError(f"against: {error}") from None


THRESHOLDS = ("max_ngrams", "min_token_share", "min_overlap", "max_pieces")
_OF_CUT = ("cut_overlap", "cut_window", "min_piece")

SPEC = FilterSpec(
    name="contamination",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=needed,
    edit=edit,
    thresholds=frozenset(THRESHOLDS),
    edits_what_it_measured=True,
    fits=fits,
)
