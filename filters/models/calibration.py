"""What a policy over the whole corpus is decided with: percentiles of a sample, by classifier and topic, combined.

A page's score says little by itself; its rank among the pages of the corpus does. A seeded sample of documents is
scored first, of which those count that every rule before the filter keeps. Percentiles are weighted by tokens, as
in Nemotron-CC (Su et al. 2024, section 2.2), where the 5 % steps of a 1 % sample give 20 buckets a classifier and
the highest bucket counts. A calibration is a small JSON file: a run makes its own, or is given one by path and
digest, so that another crawl is judged by the same marks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from filters.models.percentiles import Curve, above, below

Array = np.ndarray[Any, Any]
Combine = Literal["max", "mean"]

BYTES_PER_TOKEN = 4.4  # of English web text under a 32k byte-level vocabulary
LEAST_OF_TOPIC = 100  # sampled documents; a topic with fewer is ranked among all
_SHOWN = tuple(step / 20 for step in range(1, 20))


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Curves and the counts that they were made from."""

    format: Literal[1] = 1
    combine: Combine
    by_topic: str | None
    documents: int  # of the corpus, before any filter; screened pages apart
    sampled: int  # of these
    passed: int  # of the sample, by the rules before the filter
    tokens: float  # estimated, of all documents of the corpus that pass
    percentiles: dict[str, dict[str, Curve]]  # classifier, topic: share of tokens with a lower score
    above: Curve  # share of tokens with a higher combined percentile

    def combined(self, scores: Mapping[str, Array], topics: Array | None) -> Array:
        """The highest or the mean percentile of each document's scores, from 0 to 1."""
        ranked = [_ranked(self.percentiles[name], values, topics) for name, values in scores.items()]
        stacked = np.vstack(ranked)
        return np.asarray(stacked.max(axis=0) if self.combine == "max" else stacked.mean(axis=0))


def _ranked(curves: Mapping[str, Curve], scores: Array, topics: Array | None) -> Array:
    found = curves[""].at(scores)
    if topics is not None:
        for topic, curve in curves.items():
            rows = np.flatnonzero(topics == topic)
            if topic and len(rows):
                found[rows] = curve.at(scores[rows])
    return found


def calibrate(
    scores: Mapping[str, Array],
    tokens: Array,
    topics: Array | None,
    *,
    combine: Combine,
    by_topic: str | None,
    documents: int,
    sampled: int,
) -> Calibration:
    """From the scores and estimated tokens of the sampled documents that pass: rows in the order of the corpus.

    The sample's tokens are scaled to the corpus by `documents / sampled`.
    """
    groups: dict[str, Array] = {"": np.arange(len(tokens))}
    if topics is not None:
        for topic in sorted({str(one) for one in topics} - {""}):
            rows = np.flatnonzero(topics == topic)
            if len(rows) >= LEAST_OF_TOPIC:
                groups[topic] = rows
    percentiles = {
        name: {topic: below(values[rows], tokens[rows]) for topic, rows in groups.items()}
        for name, values in scores.items()
    }
    found = Calibration(
        combine=combine,
        by_topic=by_topic,
        documents=documents,
        sampled=sampled,
        passed=len(tokens),
        tokens=float(tokens.sum()) * documents / max(sampled, 1),
        percentiles=percentiles,
        above=Curve(values=(), shares=(), before=0.0, after=0.0),
    )
    return msgspec.structs.replace(found, above=above(found.combined(scores, topics), tokens))


def summary(calibration: Calibration) -> dict[str, Any]:
    """What a receipt says of it: counts, the score at each 5 % of the tokens, and which percentile keeps what.

    `keeping` has, for the best 5 %, 10 %, ... of the tokens, the combined percentile that they begin at and their
    estimated tokens in the corpus, before deduplication.
    """
    curve = calibration.above
    keeping = [
        {"share": share, "percentile": _reaching(curve, share), "tokens": round(share * calibration.tokens)}
        for share in _SHOWN
    ]
    return {
        "documents": calibration.documents,
        "sampled": calibration.sampled,
        "passed": calibration.passed,
        "tokens": round(calibration.tokens),
        "scores": {name: _marks(curves[""]) for name, curves in calibration.percentiles.items()},
        "topics": sorted({topic for curves in calibration.percentiles.values() for topic in curves} - {""}),
        "keeping": keeping if curve.values else [],
    }


def _marks(curve: Curve) -> list[float]:
    """The lowest of the curve's scores with at least 5 %, 10 %, ... of the tokens below it."""
    shares, values = np.array(curve.shares), curve.values
    places = np.searchsorted(shares, np.array(_SHOWN), "left")
    return [values[min(place, len(values) - 1)] for place in places.tolist()] if values else []


def _reaching(curve: Curve, share: float) -> float:
    """The lowest of the curve's percentiles with less than `share` of the tokens above it."""
    return next(
        (value for value, found in zip(curve.values, curve.shares, strict=True) if found < share),
        curve.values[-1] if curve.values else 0.0,
    )


def topics_of(column: Sequence[object] | Array) -> Array:
    """Labels as text, "" where there is none."""
    return np.array([one if isinstance(one, str) else "" for one in column], dtype=object)


def decoded(data: bytes) -> Calibration:
    """A calibration from its file; ValueError says what is wrong with it."""
    try:
        return msgspec.json.decode(data, type=Calibration)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"no calibration of this version: {error}") from None


def encoded(calibration: Calibration) -> bytes:
    """Its file: equal calibrations have equal bytes."""
    return msgspec.json.encode(calibration, order="sorted")
