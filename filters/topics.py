"""Topics by a fastText model of many labels, such as one trained on a taxonomy of the web's subjects.

The label of the highest probability is the document's topic, without fastText's prefix. It is a column like any other:
a recipe may keep or drop topics by name, rank quality within each (`quality.by_topic: topics_topic`) and weigh them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch
from filters.models.fasttext_text import one_line
from filters.types import FilterSpec, Rule, Share, Signal

Array = np.ndarray[Any, Any]

_SOURCE = "WebOrganizer, Wettig et al. 2025; fastText, Joulin et al. 2016"
_PREFIX = "__label__"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of the section `models`; topics to keep, or to drop; and how sure the model must be."""

    model: str = ""
    keep: tuple[str, ...] | None = None  # null: any
    drop: tuple[str, ...] | None = None
    min_score: Share | None = None


def signals(settings: Settings) -> list[Signal]:
    """The topic and its probability."""
    if not settings.model:
        return []
    return [
        Signal("topics_topic", "label", f"of the highest probability, by {settings.model}", _SOURCE),
        Signal("topics_score", "probability", "of that label", _SOURCE),
    ]


def rules(settings: Settings) -> list[Rule]:
    """Wanted topic, not an unwanted one, and sure of it."""
    if not settings.model:
        return []
    return [
        Rule("keep", "topics_topic", "not_in", settings.keep, _SOURCE),
        Rule("drop", "topics_topic", "in", settings.drop, _SOURCE),
        Rule("score", "topics_score", "<", settings.min_score, _SOURCE),
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """Label and probability of each text; "" and 0 where the model sees nothing it knows."""
    if not settings.model:
        return {}
    predict = assets[f"models.{settings.model}"].predict
    labels, scores = np.full(len(batch), "", dtype=object), np.zeros(len(batch))
    for row, text in enumerate(batch.texts):
        label, scores[row] = predict(one_line(text))
        labels[row] = label.removeprefix(_PREFIX)
    return {"topics_topic": labels, "topics_score": scores}


def assets(settings: Settings) -> tuple[str, ...]:
    """The model."""
    return (f"models.{settings.model}",) if settings.model else ()


SPEC = FilterSpec(
    name="topics",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset({"keep", "drop", "min_score"}),
    example=Settings(model="topics"),
)
