"""Scores that a file gives, by id or address: of models that do not run here, such as FineWeb-Edu's classifier.

The file is an entry of the recipe's section `lists` of kind `scores`: Parquet, JSONL or CSV with a column `score` and
one of `id` and `url`. It is looked up by 64-bit hashes, 16 bytes a row in each worker (`filters.hashing` says how
rarely two names share one). A document that the file does not name has no score: `missing: drop` drops it, and with
`missing: keep` no threshold touches it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch
from filters.types import FilterSpec, Rule, Signal

Array = np.ndarray[Any, Any]
By = Literal["id", "url"]

_SOURCE = "the file's own"
FINEWEB_EDU = "FineWeb-Edu, Penedo et al. 2024: an integer score of 3 and more is kept"


class Scores:
    """Scores by hashed name. Of a name that comes twice the first score counts."""

    def __init__(self, by: By, hashes: Array, values: Array) -> None:
        """From the hashes of names (`filters.hashing.hash_strings`) and their scores, float64.

        ValueError for a score that is no finite number.
        """
        if not np.isfinite(values).all():
            raise ValueError("a score is no finite number")
        self.by: By = by
        self._keys, first = np.unique(hashes, return_index=True)
        self._values = values[first]
        self.highest = float(self._values.max()) if len(self._values) else 0.0

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, names: Sequence[str]) -> tuple[Array, Array]:
        """The score of each name, and whether it has one; the file's highest score where it has none."""
        from filters.hashing import hash_strings

        values, known = np.full(len(names), self.highest), np.zeros(len(names), np.bool_)
        if len(names) and len(self):
            wanted = hash_strings(names)
            at = np.minimum(np.searchsorted(self._keys, wanted), len(self) - 1)
            known = self._keys[at] == wanted
            values[known] = self._values[at[known]]
        return values, known


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the section `lists`, the least score, and what becomes of documents that it does not name."""

    file: str = ""
    min_score: float | None = None
    missing: Literal["keep", "drop"] = "drop"


def signals(settings: Settings) -> list[Signal]:
    """The score, and whether there is one."""
    if not settings.file:
        return []
    return [
        Signal("scores_known", "0 or 1", f"{settings.file} has a score of the document", _SOURCE),
        Signal("scores_value", "as in the file", "the score; the file's highest where it has none", _SOURCE),
    ]


def rules(settings: Settings) -> list[Rule]:
    """A score there is, and high enough."""
    if not settings.file:
        return []
    return [
        Rule(
            "missing", "scores_known", "<", 1 if settings.missing == "drop" else None, "nothing known of it"
        ),
        Rule("score", "scores_value", "<", settings.min_score, FINEWEB_EDU),
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """What the file says of each document."""
    if not settings.file:
        return {}
    scores: Scores = assets[f"lists.{settings.file}"]
    values, known = scores.find(batch.ids if scores.by == "id" else batch.urls)
    return {"scores_known": known.astype(np.int64), "scores_value": values}


def assets(settings: Settings) -> tuple[str, ...]:
    """The file."""
    return (f"lists.{settings.file}",) if settings.file else ()


SPEC = FilterSpec(
    name="scores",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset({"min_score", "missing"}),
    example=Settings(file="edu", min_score=3.0),
)
