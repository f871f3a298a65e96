"""Which pages other thresholds would screen by address or by a cheap look, from what the cascade stored of them.

The full text of a screened page was never judged. Where other thresholds do not screen it, only reading it again tells
whether it would be kept, as `sluice retune` does, unless its address alone drops it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.cascade import COLUMNS, REASON, Looks, Screen, by_looks, looks_of
from filters.decide import Named, failures
from filters.extracted import EMPTY_SIGNAL
from filters.steps import rules_of, signals_of

if TYPE_CHECKING:
    from filters.steps import Guard, Step

Array = np.ndarray[Any, Any]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

# As `filters.cascade.COLUMNS`, where a screened page is stored in `dropped/`.
SEEN = (EMPTY_SIGNAL.column, "gopher_quality_words", "language", "language_score")


@dataclass(frozen=True)
class Pages:
    """What a run's cascade did with pages, (rows,) each: which it screened, which by their address, what it saw."""

    was: Mask
    of_address: Mask
    seen: Sequence[pa.Array]  # in the order of `Look`; null where nobody looked or nothing says so
    looks: Looks


@dataclass(frozen=True)
class Screened:
    """Which pages were or would be screened, (rows,); `looked`: those of them that a look screens now."""

    spared: Mask
    looked: Mask


def pages(table: pa.Table, extracted: pa.Table | None) -> Pages:
    """What the cascade did with stored documents.

    `table` has `id`, `screened` and, as far as stored, `SEEN`; `extracted` has `id` and the cascade's columns, or is
    None where the texts are gone: then looks are known of screened pages alone.
    """
    reasons = table[REASON].combine_chunks()
    was = np.asarray(reasons.is_valid())
    of_address = np.asarray(pc.fill_null(pc.starts_with(reasons.cast(pa.string()), "url."), False))
    if extracted is not None and set(COLUMNS) <= set(extracted.column_names):
        at = pc.index_in(table["id"].combine_chunks(), value_set=extracted["id"].combine_chunks())
        seen = [extracted[name].combine_chunks().take(at) for name in COLUMNS]
    else:
        mask = pa.array(was)
        seen = [
            pc.if_else(mask, table[name].combine_chunks(), None)
            if name in table.column_names
            else pa.nulls(table.num_rows)
            for name in SEEN
        ]
    return Pages(was, of_address, seen, looks_of(seen))


def screened(of: Pages, before: Screen | None, now: Screen | None, by_address: Mask) -> Screened:
    """What thresholds that screen as `now` spare where a run had screened as `before`; `by_address` as `now` says."""
    looked = np.zeros(len(of.was), np.bool_)
    if now is not None and now.looks and before is not None and before.looks:
        looked = by_looks(of.looks, now) & ~by_address & ~of.of_address
    return Screened(of.was | by_address | looked, looked)


def by_address(screen: Screen | None, columns: Mapping[str, Array], rows: int) -> Mask:
    """Which pages the screen drops by their address, from the stored columns of the filter `url`."""
    if screen is None or screen.url is None or not screen.margins.url:
        return np.zeros(rows, np.bool_)
    rules = [(one.name, one) for one in rules_of("url", screen.url) if one.threshold is not None]
    failed, _ = failures(rules, columns, rows)
    return np.asarray(failed.any(axis=1), np.bool_)


def columns_of_addresses(steps: Sequence[Step]) -> set[str]:
    """The columns that say all there is to say of a screened page, too."""
    urls = [step for step in steps if step.name == "url"]
    return {signal.column for step in urls for signal in signals_of("url", step.settings)}


def dropped_unread(
    rules: Sequence[Named], columns: Mapping[str, Array], rows: int, guards: Mapping[str, Guard]
) -> Mask:
    """Which unread pages their address drops: `columns` holds those of addresses, all else was never measured."""
    asked = [(name, rule) for name, rule in rules if rule.signal in columns]
    nothing = np.full(rows, None, object)
    named = {column for name, _ in asked if name in guards for column in guards[name].columns}
    failed, _ = failures(asked, {**dict.fromkeys(named, nothing), **columns}, rows, guards)
    return np.asarray(failed.any(axis=1), np.bool_)
