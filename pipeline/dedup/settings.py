"""What a recipe says about duplicates."""

from __future__ import annotations

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]


class MinHashSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """FineWeb's: 5-grams of words, 14 bands of 8 rows, so that Jaccard .75 is found with probability .77."""

    ngram: Count = 5  # words
    bands: Count = 14
    rows: Count = 8
    seed: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] = 1


class DedupSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which kinds of duplicates are removed; the first document in the order of the inputs survives.

    The scope is the run: give a run one crawl, as FineWeb does (removing duplicates over all crawls at once made its
    corpus worse).
    """

    exact: bool = True  # equal normal forms
    minhash: MinHashSettings | None = MinHashSettings()
