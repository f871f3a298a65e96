"""The figures of the card, out of held-out scores: of two classes and of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from filters.models.platt import calibrated, log_odds
from pipeline.classify import measures
from pipeline.classify.examples import Example
from pipeline.wikipedia.address import canonical_url, host_of

Array = np.ndarray[Any, Any]

_SHOWN = 15  # groups at each end
_FEWEST = 5  # examples of a domain that is called over- or under-scored
_THRESHOLDS = tuple(step / 20 for step in range(20))


def binary(
    positive: str,
    examples: Sequence[Example],
    scores: Array,
    folds: Array,
    domains: Sequence[str],
    crawl: Sequence[Example],
    crawl_scores: Array,
) -> dict[str, Any]:
    """All that is said of a classifier of two classes; empty if no fold could be held out with both of them."""
    truth = np.array([example.label == positive for example in examples], bool)
    if len(truth) == 0 or truth.all() or not truth.any():
        return {}
    numbers = _numbered(domains)
    found = measures.area(scores, truth, folds, numbers)
    if np.isnan(found.value):
        return {}
    features = measures.plain_features([one.text for one in examples], [one.url for one in examples])
    plain = measures.area(measures.baseline_scores(features, truth, folds), truth, folds, numbers)
    both = np.column_stack([features, log_odds(scores)])
    together = measures.area(measures.baseline_scores(both, truth, folds), truth, folds, numbers)
    chances = measures.cross_calibrated(scores, truth, folds)
    error, bins = measures.reliability(chances, truth)
    raw_error, raw_bins = measures.reliability(scores, truth)
    platt = measures.platt(scores, truth)
    pages, page_scores = (crawl, crawl_scores) if len(crawl) else (examples, scores)
    return {
        "held_out": {"examples": len(truth), "positives": int(truth.sum()), "domains": len(set(domains))},
        "auc": found._asdict(),
        "baseline": {"sees": ["log length", "depth of the address", "query"], "auc": plain._asdict()},
        "with_baseline": together._asdict(),  # of a logistic regression on what the baseline sees and the score
        "calibration": {"kind": "platt", "slope": platt.slope, "offset": platt.offset},
        "ece": error,
        "ece_uncalibrated": raw_error,
        "reliability": [one._asdict() for one in bins],
        "reliability_uncalibrated": [one._asdict() for one in raw_bins],
        "kept": {
            "of": "pages of the crawl" if len(crawl) else "examples",
            "pages": len(pages),
            "curve": _kept(pages, page_scores, calibrated(page_scores, platt), positive),
        },
        "bias": _bias(examples, chances, truth, domains),
    }


def _numbered(names: Sequence[str]) -> Array:
    places = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([places[name] for name in names], np.int64)


def _kept(pages: Sequence[Example], scores: Array, chances: Array, positive: str) -> list[dict[str, float]]:
    """What thresholds of the calibrated score keep: shares of pages, of words and of the positive pages."""
    words = np.array([len(page.text.split()) for page in pages], np.float64)
    truth = np.array([page.label == positive for page in pages], bool)
    rows = []
    for threshold in _THRESHOLDS:
        kept = chances >= threshold
        rows.append(
            {
                "threshold": threshold,
                "score": float(scores[kept].min()) if kept.any() else 1.0,
                "pages": float(kept.mean()),
                "words": float(words[kept].sum() / max(words.sum(), 1.0)),
                "positives": float(kept[truth].mean()) if truth.any() else 0.0,
            }
        )
    return rows


def _bias(
    examples: Sequence[Example], chances: Array, truth: Array, domains: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Mean calibrated score beside the share that is positive, by language, top-level and registered domain."""

    def groups(names: Sequence[str], fewest: int) -> list[dict[str, Any]]:
        numbers = _numbered(names)
        counts = np.bincount(numbers)
        said, true = (np.bincount(numbers, values) / counts for values in (chances, truth.astype(np.float64)))
        return [
            {"name": name, "examples": int(counts[at]), "said": float(said[at]), "true": float(true[at])}
            for at, name in enumerate(sorted(set(names)))
            if counts[at] >= fewest
        ]

    by_size: Callable[[dict[str, Any]], Any] = lambda row: (-row["examples"], row["name"])  # noqa: E731
    over: Callable[[dict[str, Any]], Any] = lambda row: (row["true"] - row["said"], row["name"])  # noqa: E731
    sites = groups([domain if domain[0] != "#" else "" for domain in domains], _FEWEST)
    sites = sorted((row for row in sites if row["name"]), key=over)
    return {
        "languages": sorted(groups([one.language or "?" for one in examples], 1), key=by_size)[:_SHOWN],
        "top_level_domains": sorted(groups([_tld(one.url) for one in examples], 1), key=by_size)[:_SHOWN],
        "over_scored": [row for row in sites if row["said"] > row["true"]][:_SHOWN],
        "under_scored": [row for row in reversed(sites) if row["said"] < row["true"]][:_SHOWN],
    }


def _tld(url: str) -> str:
    address = canonical_url(url) if url else None
    return host_of(address).rpartition(".")[2] if address else "?"


def multiclass(labels: Sequence[str], examples: Sequence[Example], scores: Array) -> dict[str, Any]:
    """Accuracy and F1 of held-out examples, by label, beside always saying the most frequent label."""
    if not len(examples):
        return {}
    places = {label: at for at, label in enumerate(labels)}
    truth = np.array([places[example.label] for example in examples])
    said = scores.argmax(axis=1)
    hits = np.bincount(truth[said == truth], minlength=len(labels))
    there, claimed = np.bincount(truth, minlength=len(labels)), np.bincount(said, minlength=len(labels))
    f1 = 2 * hits / np.maximum(there + claimed, 1)
    rows = [
        {
            "label": label,
            "examples": int(there[at]),
            "precision": float(hits[at] / max(claimed[at], 1)),
            "recall": float(hits[at] / max(there[at], 1)),
            "f1": float(f1[at]),
        }
        for at, label in enumerate(labels)
    ]
    return {
        "held_out": {"examples": len(examples)},
        "accuracy": float((said == truth).mean()),
        "macro_f1": float(f1[there > 0].mean()),
        "baseline": {"says": labels[int(there.argmax())], "accuracy": float(there.max() / len(truth))},
        "labels": rows,
    }
