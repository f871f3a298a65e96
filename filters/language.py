"""Language by fastText's lid.176 (Joulin et al. 2016), as datatrove's `LanguageFilter` asks for it.

The model sees the whole text on one line. The label of the highest probability and that probability are kept as the
document's `language` and `language_score`; blank text is `und` with score 0. A
document is kept when its language is wanted and the score is above `min_score`. For thresholds of at least one half
this is the same as datatrove's test of every wanted language's probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch
from filters.types import FilterSpec, Rule, Share, Signal

SOURCE = "fastText lid.176.ftz; datatrove LanguageFilter"
UNDETERMINED = "und"  # ISO 639-2
_PREFIX = len("__label__")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wanted languages (ISO 639 codes as lid.176 names them) and the score to exceed. Defaults: FineWeb's."""

    languages: tuple[str, ...] | None = ("en",)  # null: any
    min_score: Share | None = 0.65


def signals(settings: Settings) -> list[Signal]:
    """The document's own columns `language` and `language_score`."""
    return [
        Signal("language", "ISO 639 code", "language of the highest probability", SOURCE),
        Signal("language_score", "probability", "of that language", SOURCE),
    ]


def rules(settings: Settings) -> list[Rule]:
    """Wanted language, and sure of it."""
    return [
        Rule("language", "language", "not_in", settings.languages, SOURCE),
        Rule("score", "language_score", "<=", settings.min_score, SOURCE),
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Label and probability of each text."""
    predict = assets["lid176"].predict
    labels = np.full(len(batch), UNDETERMINED, dtype=object)
    scores = np.zeros(len(batch))
    for row, text in enumerate(batch.texts):
        if text and not text.isspace():
            label, scores[row] = predict(text)
            labels[row] = label[_PREFIX:] or UNDETERMINED
    return {"language": labels, "language_score": scores}


def assets(settings: Settings) -> tuple[str, ...]:
    """The model."""
    return ("lid176",)


SPEC = FilterSpec(
    name="language",
    version=2,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset({"languages", "min_score"}),
)
