"""What a filter is made of: signals that it measures, rules that compare them with thresholds, and the verdict.

A filter never decides inside its measuring code. It measures numeric columns, which are stored; a rule names one
column, a direction and a threshold. So a threshold can be changed later from the stored columns alone, and every
decision can be explained by one comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from filters.batch import Batch

DropWhen = Literal["<", "<=", ">", ">=", "==", "not_in", "in"]
Threshold = float | int | tuple[str, ...] | None
Span = tuple[int, int]
Array = np.ndarray[Any, Any]

# Settings: what a threshold can be. NaN is in none of them.
Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Amount = Annotated[float, msgspec.Meta(ge=0)]  # a mean or a ratio that can exceed 1


class Signal(msgspec.Struct, frozen=True):
    """One measured column: its name, its unit, what it counts, and where its definition comes from."""

    column: str
    unit: str
    description: str
    source: str


class Rule(msgspec.Struct, frozen=True):
    """Drop a document when `signal drop_when threshold` holds. A threshold of None switches the rule off."""

    name: str
    signal: str  # a column
    drop_when: DropWhen
    threshold: Threshold
    source: str


class Explained(msgspec.Struct, frozen=True):
    """One rule as it was applied to one document."""

    rule: str  # `<filter>.<rule>`
    column: str
    value: object
    drop_when: DropWhen
    threshold: Threshold
    failed: bool  # the document is dropped by it
    condition: str = ""  # the rule's `when` and `unless`, as written
    excused: bool = False  # it would have dropped the document, but for its condition


@dataclass(frozen=True)
class Verdict:
    """The decision for each document of a table, in row order.

    `reason` is the first failing rule in recipe order as `<filter>.<rule>`, null where the document is kept;
    `reasons` lists all failing rules, `excused` those that would fail but for their conditions.
    """

    keep: np.ndarray[Any, np.dtype[np.bool_]]
    reason: pa.Array  # string
    reasons: pa.Array  # list<string>
    excused: pa.Array  # list<string>


def no_assets(settings: Any) -> tuple[str, ...]:
    """The asset list of a filter that needs none."""
    return ()


def no_spans(text: str, rule: str, settings: Any) -> list[Span]:
    """The spans of a filter whose rules fire on the whole document."""
    return []


def no_check(settings: Any, columns: Sequence[str]) -> None:
    """The check of a filter whose settings always hold together."""


def no_misfit(settings: Any, assets: Mapping[str, Any]) -> None:
    """The check of a filter that can use any asset of the right kind."""


@dataclass(frozen=True)
class OfCorpus:
    """How a filter measures what depends on the whole corpus, such as a rank: from a calibration, made of a sample.

    `raw(settings)` measures only what each document says by itself; it is None where nothing depends on the corpus.
    `make(columns, settings, documents, sampled)` gives the calibration from the raw columns of those of the `sampled`
    documents that pass the rules before the filter, `documents` being those of the corpus. `derive(columns, settings,
    assets)` gives the other columns; `columns` holds all that was measured so far, and the ids as `id`. Its calibration
    is `assets["calibration"][filter]` where `raw(settings)` is not None. `alike(settings, own)` raises ValueError, its
    message beginning with the key, for settings `own` of one language that cannot be ranked together with the others.
    """

    raw: Callable[[Any], Any]
    make: Callable[[Mapping[str, Array], Any, int, int], Any]
    derive: Callable[[Mapping[str, Array], Any, Mapping[str, Any]], dict[str, Array]]
    alike: Callable[[Any, Any], None]


@dataclass(frozen=True)
class FilterSpec:
    """One filter as data: an entry of `filters.FILTERS`.

    `version` changes with every change of what is measured or edited. `thresholds` names the settings that only
    rules read: changing one of them needs no new measurement; `a.*.b` names the setting b of every entry of a.
    `measure` returns a column for every entry of `signals(settings)` that `of_corpus` does not derive, aligned with the
    batch's rows and never NaN. `edit` returns the changed texts; it is applied after `measure`, and later filters
    measure its output; with `edits_what_it_measured` it is only ever asked for a batch that was measured.
    `check(settings, columns)` raises ValueError, its message beginning with the key, for settings that no single type
    can refuse; `columns` are those measured before. `fits(settings, assets)` does so for assets that do not suit them.
    `example` are the settings that the catalogue shows where the defaults measure nothing.
    """

    name: str
    version: int
    settings: type[Any]
    signals: Callable[[Any], list[Signal]]
    rules: Callable[[Any], list[Rule]]
    measure: Callable[[Batch, Any, Mapping[str, Any]], dict[str, np.ndarray[Any, Any]]]
    assets: Callable[[Any], tuple[str, ...]] = no_assets
    edit: Callable[[Batch, Any], list[str]] | None = None
    spans: Callable[[str, str, Any], list[Span]] = no_spans
    thresholds: frozenset[str] = frozenset()
    edits_what_it_measured: bool = False
    check: Callable[[Any, Sequence[str]], None] = no_check
    fits: Callable[[Any, Mapping[str, Any]], None] = no_misfit
    of_corpus: OfCorpus | None = None
    example: Any = None
