"""How much more a page reads like a target corpus than like the raw crawl: DSIR's log importance weights, by model.

Each model names a target, such as Wikipedia or books, as RedPajama-v2 has three. What is kept is a policy over the
column: a threshold here, or a share or a draw over the whole corpus.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import FilterSpec, Rule, Signal

Array = np.ndarray[Any, Any]

SOURCE = "DSIR (Xie et al. 2023) section 3; RedPajama-v2 rps_doc_*_importance"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which models are applied, and the least weight that is kept by each."""

    models: dict[str, str] = {}  # a target's name in columns -> its entry under `models:`, of kind importance
    min_weight: dict[str, float] = {}  # a target's name -> nats a page
    min_per_gram: dict[str, float] = {}  # a target's name -> nats an n-gram

    def __post_init__(self) -> None:
        for key in ("min_weight", "min_per_gram"):
            if unknown := sorted(set(getattr(self, key)) - set(self.models)):
                raise ValueError(f"expected `{key}` to name some of `models`, got {unknown[0]!r}")


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    found = []
    for name in settings.models:
        found += [
            Signal(f"importance_{name}", "nats", f"log p(page | {name}) - log p(page | raw corpus)", SOURCE),
            Signal(
                f"importance_{name}_per_gram", "nats per n-gram", "the same over the page's n-grams", SOURCE
            ),
            Signal(
                f"importance_{name}_length_corrected",
                "nats",
                "the same plus that of the page's length, taken for Poisson distributed",
                SOURCE,
            ),
        ]
    return found


def rules(settings: Settings) -> list[Rule]:
    """Two rules a model."""
    found = []
    for name in settings.models:
        found += [
            Rule(name, f"importance_{name}", "<", settings.min_weight.get(name), SOURCE),
            Rule(
                f"{name}_per_gram",
                f"importance_{name}_per_gram",
                "<",
                settings.min_per_gram.get(name),
                SOURCE,
            ),
        ]
    return found


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """The weights of each text. Some 70 us a model for 4.5 KB."""
    from filters.text import layout

    found: dict[str, Array] = {}
    for name, entry in settings.models.items():
        model = assets[f"models.{entry}"]
        codes, bounds = batch.codes, batch.bounds
        if model.lower:
            codes, bounds = batch.part(
                "lower", lambda: layout.code_points([text.lower() for text in batch.texts])
            )
        weights, grams = model.score(codes, bounds)
        found[f"importance_{name}"] = weights
        found[f"importance_{name}_per_gram"] = ratio(weights, grams)
        found[f"importance_{name}_length_corrected"] = weights + _length_weights(batch.lengths, model.lengths)
    return found


def _length_weights(lengths: Array, means: tuple[float, float]) -> Array:
    """log p(length | target) - log p(length | raw) under Poisson distributions, both with RedPajama-v2's floor."""
    factorials = np.fromiter(
        (math.lgamma(length + 1) for length in lengths.tolist()), np.float64, len(lengths)
    )
    target, raw = (
        np.log(np.exp(lengths * math.log(mean) - mean - factorials) + 1e-8) if mean > 0 else 0.0
        for mean in means
    )
    return np.asarray(target - raw, np.float64)


def needed(settings: Settings) -> tuple[str, ...]:
    """The models."""
    return tuple(dict.fromkeys(f"models.{entry}" for entry in settings.models.values()))


SPEC = FilterSpec(
    name="importance",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=needed,
    thresholds=frozenset({"min_weight", "min_per_gram"}),
    example=Settings(models={"wikipedia": "wikipedia"}),
)
