"""The held-out split: decided document by document from the id alone.

A document's side never changes when other documents are added or removed, whatever order they come in, and every
program that knows the id knows the side. The id is hashed with BLAKE2b (64 bits, personalised, so that no other use
of the same ids is correlated with the split) and compared with `fraction` of the range.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

_PERSON = b"sluice-heldout"
_RANGE = 1 << 64


def id_rank(identity: str) -> int:
    """The document's place in a fixed random order, from 0 to 2**64 - 1."""
    digest = hashlib.blake2b(identity.encode("utf-8"), digest_size=8, person=_PERSON).digest()
    return int.from_bytes(digest, "big")


def is_heldout(ids: Iterable[str], fraction: float) -> np.ndarray:
    """Which documents are held out: one boolean an id, true for about `fraction` of them.

    A larger fraction holds out a superset of what a smaller one does. Raises ValueError outside 0 <= fraction <= 1.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"the held-out fraction must lie between 0 and 1, got {fraction}")
    limit = round(fraction * _RANGE)
    return np.array([id_rank(identity) < limit for identity in ids], dtype=bool)
