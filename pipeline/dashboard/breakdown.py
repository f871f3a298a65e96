"""What became of documents by what they are grouped by: language, host, domain or crawl.

Counts are exact where all documents are in memory. Of a stored sample, counts are scaled up and told with the 95 %
interval of the share that they stand for; what became of documents after the filters is not known there.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from pipeline.dashboard.documents import UNKNOWN, Documents
from pipeline.interval import estimate

Array = np.ndarray[Any, Any]


class FunnelGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The documents of one label.

    `seen` documents were judged, from `low` to `high` with 95 % confidence (both `seen` itself where counts are exact);
    `bytes` of text were extracted from them. Of them `dropped` were removed by filters (also those that count as
    removed: opted out, contaminated), `duplicate` as such (null where not known), and `kept` are left, with
    `kept_bytes` bytes as extracted and `kept_tokens` tokens, estimated by the run's rate. `share` of the documents is
    kept, from `share_low` to `share_high`. `reason` is the rule that dropped most of them, `reason_documents` in
    number; empty where none did. Of a label that only documents of the corpus have it is not known what was dropped:
    null.
    """

    label: str
    seen: int
    low: int
    high: int
    bytes: int
    dropped: int | None
    duplicate: int | None
    kept: int
    kept_bytes: int
    kept_tokens: int
    share: float | None
    share_low: float | None
    share_high: float | None
    reason: str
    reason_documents: int


class FunnelBreakdown(msgspec.Struct, frozen=True, kw_only=True):
    """The largest groups by `by`, ordered by `order`; `labels` is how many labels there are in all.

    `exact`: every document was counted; else `sampled` documents were, one in `1 / sample_share`. `reading`: documents
    are still being read, so there will be more. `fates`: whether duplicates are known (not in a sample).
    `corpus_labels`: only documents that reached the corpus have a label; all others are one group, of none.
    """

    by: str
    order: str
    labels: int
    documents: int
    sampled: int
    sample_share: float
    exact: bool
    reading: bool
    fates: bool
    corpus_labels: bool
    groups: list[FunnelGroup]


def breakdown(
    documents: Documents,
    by: str,
    order: str,
    limit: int,
    tokens_per_byte: float,
    corpus_labels: bool = False,
) -> FunnelBreakdown:
    """The `limit` groups that have most of `order`, of equal ones those with most documents, then the first met."""
    codes, labels = documents.codes(by)
    fates, fate_names = documents.codes("fate")
    dropped = ~documents.kept
    duplicate = np.isin(fates, [at for at, name in enumerate(fate_names) if name == "duplicate"])
    left = documents.kept & ~duplicate
    number = len(labels)
    sums: dict[str, Array] = {
        "seen": np.bincount(codes, minlength=number),
        "dropped": np.bincount(codes[dropped], minlength=number),
        "duplicate": np.bincount(codes[duplicate], minlength=number),
        "corpus": np.bincount(codes[left], minlength=number),
        "size": np.bincount(codes, documents.bytes, number),
        "bytes": np.bincount(codes[left], documents.bytes[left], number),
    }
    sums["share"] = sums["corpus"] / np.maximum(sums["seen"], 1)
    ranked = _largest(sums[order], sums["seen"], limit)
    reasons = _reasons(documents, codes, dropped, ranked)
    groups = []
    for at in ranked:
        own = {name: of[at] for name, of in sums.items()}
        group = _group(documents, labels[at], own, reasons[at], tokens_per_byte)
        if corpus_labels and labels[at] != UNKNOWN:
            group = msgspec.structs.replace(
                group, dropped=None, duplicate=None, share=None, share_low=None, share_high=None
            )
        groups.append(group)
    return FunnelBreakdown(
        by=by,
        order=order,
        labels=number,
        documents=documents.total,
        sampled=documents.rows,
        sample_share=documents.share,
        exact=documents.exact,
        reading=documents.reading,
        fates=documents.exact,
        corpus_labels=corpus_labels,
        groups=groups,
    )


def _largest(values: Array, then: Array, limit: int) -> list[int]:
    candidates = np.arange(len(values))
    if len(values) > limit:
        candidates = np.flatnonzero(values >= np.partition(values, -limit)[-limit])
    order = np.lexsort((-then[candidates], -values[candidates]))
    return [int(at) for at in candidates[order[:limit]]]


def _group(
    documents: Documents, label: str, own: dict[str, Any], reason: tuple[str, int], tokens_per_byte: float
) -> FunnelGroup:
    seen, kept = int(own["seen"]), int(own["corpus"])
    scale = documents.scale
    low, high = seen, seen
    share = kept / seen if seen else 0.0
    share_low, share_high = share, share
    if not documents.exact:
        whole, within = estimate(seen, documents.rows), estimate(kept, seen)
        low, high = round(whole.low * documents.total), round(whole.high * documents.total)
        share_low, share_high = within.low, within.high
    return FunnelGroup(
        label=label,
        seen=round(seen * scale),
        low=low,
        high=high,
        bytes=round(own["size"] * scale),
        dropped=round(own["dropped"] * scale),
        duplicate=int(own["duplicate"]) if documents.exact else None,
        kept=round(kept * scale),
        kept_bytes=round(own["bytes"] * scale),
        kept_tokens=round(own["bytes"] * scale * tokens_per_byte),
        share=share,
        share_low=share_low,
        share_high=share_high,
        reason=reason[0],
        reason_documents=round(reason[1] * scale),
    )


def _reasons(
    documents: Documents, codes: Array, dropped: Array, shown: list[int]
) -> dict[int, tuple[str, int]]:
    """Of each of these groups the most frequent reason and its documents."""
    rules, names = documents.codes("reason")
    place = np.full(int(codes.max(initial=-1)) + 1, -1, np.int64)
    place[shown] = np.arange(len(shown))
    chosen = dropped & (place[codes] >= 0)
    flat = place[codes[chosen]] * len(names) + rules[chosen]
    counts = np.bincount(flat, minlength=len(shown) * len(names)).reshape(len(shown), len(names))
    most = counts.argmax(axis=1) if len(names) else np.zeros(len(shown), np.int64)
    return {
        at: (names[most[row]], int(counts[row, most[row]])) if counts[row].any() else ("", 0)
        for row, at in enumerate(shown)
    }
