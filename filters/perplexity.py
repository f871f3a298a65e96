"""How surprising a page is to a language model of good text: its perplexity a token, as CCNet measures it.

CCNet (Wenzek et al. 2020) sorts the pages of each language by their perplexity under a 5-gram model of its Wikipedia:
the third that is least surprising is its head, the next its middle, the rest its tail; the authors keep all of them.
A model is of the kind `ngrams` (trained here, or ARPA) or `kenlm` (a KenLM file, with a SentencePiece model if there
is one). Perplexities of different models cannot be compared, so cutoffs belong to a model: the 30th and 60th
percentiles of a sample are CCNet's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch
from filters.types import Amount, FilterSpec, Rule, Signal

Array = np.ndarray[Any, Any]

SOURCE = "CCNet section 3.4; RedPajama-v2 ccnet_perplexity, ccnet_bucket"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which models are applied, what is the most that is kept by each, and where buckets are cut."""

    models: dict[str, str] = {}  # a name in columns -> its entry under `models:`, of kind ngrams or kenlm
    max_perplexity: dict[str, Amount] = {}  # a name -> the most that is kept
    max_unknown: dict[str, Amount] = {}  # a name -> the largest share of unknown words that is kept
    cutoffs: dict[str, tuple[Amount, Amount]] = {}  # a name -> where the head ends, and the middle

    def __post_init__(self) -> None:
        for key in ("max_perplexity", "max_unknown", "cutoffs"):
            if unknown := sorted(set(getattr(self, key)) - set(self.models)):
                raise ValueError(f"expected `{key}` to name some of `models`, got {unknown[0]!r}")


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    found = []
    for name in settings.models:
        found += [
            Signal(f"perplexity_{name}", "perplexity", "a token, ends of lines counted; 0: no token", SOURCE),
            Signal(f"perplexity_{name}_unknown", "share of tokens", "that the model does not know", SOURCE),
        ]
        if name in settings.cutoffs:
            text = "0 head: below the first cutoff, 1 middle: below the second, 2 tail"
            found.append(Signal(f"perplexity_{name}_bucket", "bucket", text, SOURCE))
    return found


def rules(settings: Settings) -> list[Rule]:
    """Two rules a model."""
    found = []
    for name in settings.models:
        most, unknown = settings.max_perplexity.get(name), settings.max_unknown.get(name)
        found += [
            Rule(name, f"perplexity_{name}", ">", most, SOURCE),
            Rule(f"{name}_unknown", f"perplexity_{name}_unknown", ">", unknown, SOURCE),
        ]
    return found


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """The perplexity of each text. Some 120 us a trigram model for 4.5 KB."""
    found: dict[str, Array] = {}
    for name, entry in settings.models.items():
        perplexities, unknown = assets[f"models.{entry}"].perplexities(batch.texts)
        found[f"perplexity_{name}"] = perplexities
        found[f"perplexity_{name}_unknown"] = unknown
        if name in settings.cutoffs:
            cutoffs = np.array(settings.cutoffs[name], np.float64)
            found[f"perplexity_{name}_bucket"] = np.searchsorted(cutoffs, perplexities, side="right")
    return found


def needed(settings: Settings) -> tuple[str, ...]:
    """The models."""
    return tuple(dict.fromkeys(f"models.{entry}" for entry in settings.models.values()))


SPEC = FilterSpec(
    name="perplexity",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=needed,
    thresholds=frozenset({"max_perplexity", "max_unknown"}),
)
