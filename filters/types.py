"""What a filter is made of: signals that it measures, rules that compare them with thresholds, and the verdict.

A filter never decides inside its measuring code. It measures numeric columns, which are stored; a rule names one
column, a direction and a threshold. So a threshold can be changed later from the stored columns alone, and every
decision can be explained by one comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def anything_fits(settings: Any, assets: Mapping[str, Any]) -> None:
    """The check of a filter whose settings ask nothing particular of its lists and models."""


def no_spans(text: str, rule: str, settings: Any) -> list[Span]:
    """The spans of a filter whose rules fire on the whole document."""
    return []


@dataclass(frozen=True)
class FilterSpec:
    """One filter as data: an entry of `filters.FILTERS`.

    `version` changes with every change of what is measured or edited. `thresholds` names the settings that only
    rules read: changing one of them needs no new measurement. `measure` returns a column for every entry of
    `signals(settings)`, aligned with the batch's rows and never NaN. `edit` returns the changed texts; it is
    applied after `measure`, and later filters measure its output; with `edits_what_it_measured` it is only ever
    asked for a batch that was measured. `fits` raises a ValueError where settings ask for what a loaded list or model
    has not, such as a category: it is asked before a run begins.
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
    fits: Callable[[Any, Mapping[str, Any]], None] = anything_fits
