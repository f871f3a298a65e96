"""Words that filters count: English ones as spaCy splits them, or words of any script by Unicode and dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from filters.batch import Batch
from filters.text.words import Words

Kind = Literal["english", "unicode"]


def words_of(batch: Batch, kind: Kind, assets: Mapping[str, Any]) -> Words:
    """The words of a batch as a filter's setting `words` asks for them, found once a batch."""
    if kind == "english":
        return batch.words
    from filters.text.segment import unicode_words

    return unicode_words(batch, assets["word_breaker"])


def word_assets(kind: Kind) -> tuple[str, ...]:
    """What splitting words takes."""
    return ("english_tokenizer",) if kind == "english" else ("word_breaker",)
