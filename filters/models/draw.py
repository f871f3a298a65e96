"""Random draws that belong to a document: from a hash of its id alone, so no order, batch or worker changes them.

Two draws for different purposes are independent: the purpose is hashed with the id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

RANGE = 1 << 64
_SURE = 1e300  # a score of 1 is kept whatever alpha is


def ranks(ids: Sequence[str], purpose: str) -> Array:
    """The place of each id in a random order of all ids that is fixed for a purpose, uint64 from 0 to 2**64 - 1."""
    from filters.hashing import hash_strings

    return hash_strings([f"{purpose} {id_}" for id_ in ids])


def uniform(ids: Sequence[str], purpose: str) -> Array:
    """A number from 0 to 1, 1 excluded, for each id: the first 53 bits of its rank."""
    return (ranks(ids, purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def cut(share: float) -> int:
    """The rank below which a share of all ids lies: at least 0, at most 2**64."""
    return min(RANGE, max(0, round(share * RANGE)))


def below(ids: Sequence[str], purpose: str, limit: int) -> Array:
    """Which ids have a rank below a cut. A higher cut holds every id that a lower one holds."""
    if limit >= RANGE:
        return np.ones(len(ids), np.bool_)
    return np.asarray(ranks(ids, purpose) < np.uint64(limit), np.bool_)


def pareto_bound(scores: Array, draws: Array) -> Array:
    """The alpha from which on GPT-3's draw drops a document of this score (Brown et al. 2020, appendix A).

    GPT-3 keeps a document if `numpy.random.pareto(alpha) > 1 - score`. With a draw u from [0, 1) that is
    `(1 - u) ** (-1 / alpha) > 2 - score`, or `alpha < -ln(1 - u) / ln(2 - score)`, whose right side is returned: alpha
    can be changed later, and the share that is kept is `(2 - score) ** -alpha`. Scores of 1 and more have no bound,
    which is said by a large finite number.
    """
    growth = np.log(2.0 - np.minimum(scores, 1.0))
    bound = np.full(len(scores), _SURE)
    np.divide(-np.log1p(-draws), growth, out=bound, where=growth > 0)
    return np.minimum(bound, _SURE)
