"""What is said of a classifier's scores: area under the curve with its interval by domain, calibration, a baseline.

All of it is numpy on arrays in memory: `scores` float64 in [0, 1], `positive` bool, `folds` and `domains` int.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from filters.models.platt import Platt, calibrated, log_odds

Array = np.ndarray[Any, Any]

_DRAWS = 1000
_WORK = 50_000_000  # draws times examples: fewer draws for more examples, but never under 200
_STEPS = 50  # of Newton's method
_RIDGE = 1e-3  # times the number of examples: how strongly weights are held to 0
_LEAST_SLOPE = 1e-3
BINS = 10


class Area(NamedTuple):
    """The area under the ROC curve: a positive scores above a negative of its fold this often."""

    value: float
    low: float  # 95 % interval: domains drawn with replacement
    high: float


class Bin(NamedTuple):
    """Examples of neighbouring scores: how many, their mean probability, and the share that is positive."""

    examples: int
    said: float
    true: float


def area(scores: Array, positive: Array, folds: Array, domains: Array, seed: int = 0) -> Area:
    """Leave-domain-out AUC: pairs within a fold are compared, as one model scored both."""
    groups = [_ranked(scores, positive, np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
    value = _area(groups, np.ones(len(scores)))
    number = int(domains.max()) + 1 if len(domains) else 1
    draws = int(np.clip(_WORK // max(len(scores), 1), 200, _DRAWS))
    draw = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        times = np.bincount(draw.integers(0, number, number), minlength=number).astype(np.float64)
        found = _area(groups, times[domains])
        if not np.isnan(found):
            drawn.append(found)
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (value, value)
    return Area(float(value), float(low), float(high))


def _ranked(scores: Array, positive: Array, rows: Array) -> tuple[Array, Array, Array]:
    """Rows of a fold by rising score, which are positive, and where each run of equal scores begins."""
    order = rows[np.argsort(scores[rows], kind="stable")]
    values = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])) if len(order) else order
    return order, positive[order], starts


def _area(groups: list[tuple[Array, Array, Array]], weights: Array) -> float:
    won = pairs = 0.0
    for order, positive, starts in groups:
        if not len(order):
            continue
        held = weights[order]
        above = np.add.reduceat(np.where(positive, held, 0.0), starts)
        below = np.add.reduceat(np.where(positive, 0.0, held), starts)
        before = np.cumsum(below) - below
        won += float((above * (before + below / 2)).sum())
        pairs += float(above.sum() * below.sum())
    return won / pairs if pairs else float("nan")


def logistic(features: Array, positive: Array, weights: Array | None = None) -> Array:
    """Weights and offset (last) of a logistic regression by Newton's method, slightly ridged; float64[features + 1]."""
    held = np.ones(len(features)) if weights is None else weights
    design = np.column_stack([features, np.ones(len(features))])
    ridge = np.full(design.shape[1], _RIDGE * held.sum())
    ridge[-1] = 1e-9 * held.sum() + 1e-9
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (held * (positive - chance)) - ridge * found
        curve = (design * (held * chance * (1 - chance))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        found = found + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-9:
            break
    return found


def balance(positive: Array) -> Array:
    """Weights by which both classes count the same."""
    share = positive.mean()
    return np.where(positive, 0.5 / max(share, 1e-9), 0.5 / max(1 - share, 1e-9))


def platt(scores: Array, positive: Array) -> Platt:
    """Platt's two numbers for scores of pages that the model had not seen; the slope is at least .001."""
    targets = np.where(positive, (positive.sum() + 1) / (positive.sum() + 2), 1 / ((~positive).sum() + 2))
    odds = log_odds(scores)
    spread = max(float(odds.std()), 1e-9)
    slope, offset = logistic(((odds - odds.mean()) / spread)[:, None], targets, balance(positive))
    if slope / spread < _LEAST_SLOPE:
        return Platt(_LEAST_SLOPE, 0.0)
    return Platt(float(slope / spread), float(offset - slope * odds.mean() / spread))


def cross_calibrated(scores: Array, positive: Array, folds: Array) -> Array:
    """Each fold's scores, calibrated by the numbers that the other folds give."""
    found = np.zeros(len(scores))
    for fold in np.unique(folds):
        here = folds == fold
        if here.all():
            return calibrated(scores, platt(scores, positive))
        found[here] = calibrated(scores[here], platt(scores[~here], positive[~here]))
    return found


def reliability(chances: Array, positive: Array) -> tuple[float, list[Bin]]:
    """Expected calibration error over ten bins of equally many examples, and the bins. Both classes weigh the same."""
    weights, order = balance(positive), np.argsort(chances, kind="stable")
    bins, error = [], 0.0
    for rows in np.array_split(order, BINS):
        if len(rows):
            said, true = np.average(np.stack([chances[rows], positive[rows]]), axis=1, weights=weights[rows])
            bins.append(Bin(len(rows), float(said), float(true)))
            error += abs(said - true) * weights[rows].sum() / weights.sum()
    return float(error), bins


def plain_features(texts: list[str], urls: list[str]) -> Array:
    """All that the baseline sees: log length, depth of the address, whether it has a query. float64[examples, 3]."""
    rows = []
    for text, url in zip(texts, urls, strict=True):
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        depth = sum(1 for part in parts.path.split("/") if part)
        rows.append((np.log(len(text) + 1), min(depth, 20), float(bool(parts.query))))
    return np.array(rows, np.float64).reshape(-1, 3)


def baseline_scores(features: Array, positive: Array, folds: Array) -> Array:
    """Held-out probabilities of a logistic regression on the plain features, under the classifier's folds."""
    return held_out(folds, lambda train, test: _plain_scores(features, positive, train, test))


def held_out(folds: Array, scored: Callable[[Array, Array], Array]) -> Array:
    """Scores of each fold by what was fitted on the others."""
    found = np.zeros(len(folds))
    for fold in np.unique(folds):
        test = folds == fold
        found[test] = scored(~test, test)
    return found


def _plain_scores(features: Array, positive: Array, train: Array, test: Array) -> Array:
    if not train.any():
        return np.full(int(test.sum()), 0.5)
    middle, spread = features[train].mean(axis=0), features[train].std(axis=0)
    spread[spread == 0] = 1.0
    weights = logistic((features[train] - middle) / spread, positive[train], balance(positive[train]))
    scores: Array = 1 / (1 + np.exp(-((features[test] - middle) / spread @ weights[:-1] + weights[-1])))
    return scores
