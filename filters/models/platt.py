"""Calibrated probabilities: Platt's sigmoid (1999) over the log odds of a score. Two numbers describe it.

fastText's probabilities are too sure of themselves: its words are counted as if each were a witness of its own. The two
numbers are fitted on pages of domains that the model has not seen (`pipeline.classify.evaluate`), so that of the pages
with a calibrated score near .7, seven in ten are positive. A slope above 0 changes no order: thresholds, quantiles and
buckets of raw and calibrated scores are the same.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

Array = np.ndarray[Any, Any]

_LEAST = 1e-6  # probabilities of fastText are kept this far from 0 and 1: its own logarithms know no more


class Platt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """P = 1 / (1 + exp(-(slope * log(score / (1 - score)) + offset))). Both classes are taken as equally frequent."""

    slope: float = 1.0
    offset: float = 0.0


def log_odds(scores: Array) -> Array:
    """log(p / (1 - p)) of probabilities, float64, with those beyond 1e-6 of 0 or 1 held there."""
    held = np.clip(np.asarray(scores, np.float64), _LEAST, 1 - _LEAST)
    return np.log(held) - np.log1p(-held)


def calibrated(scores: Array, platt: Platt) -> Array:
    """The calibrated probabilities of a model's scores, float64, never NaN for scores in [0, 1]."""
    return 1 / (1 + np.exp(-np.clip(platt.slope * log_odds(scores) + platt.offset, -500, 500)))
