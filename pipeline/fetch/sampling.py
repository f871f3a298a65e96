"""Which files of a snapshot: spread over its list, the same for everybody, and growing without changing.

A van der Corput sequence with nested scrambling (A. Owen, Randomly permuted (t,m,s)-nets and (t,s)-sequences, 1995):
the first 2^k draws lie one in each 2^k-th of the list, at a place that a hash decides, and the first ten are among the
first twenty.
"""

from __future__ import annotations

import hashlib

_FINE = 32  # bits of a draw below the halves that the sequence alternates between


def sample(total: int, count: int, seed: str) -> list[int]:
    """The first `count` positions in a list of `total`, in the order of being drawn; all of them if there are fewer.

    Each position is as likely as any other to be drawn at any turn. Costs about 40 us a position.
    """
    if total <= 0 or count <= 0:
        return []
    # Halves of halves down to less than half a position: by then every position has been drawn.
    levels = total.bit_length() + 1
    flips: dict[int, int] = {}
    picked: dict[int, None] = {}
    for number in range(1 << levels):
        picked.setdefault(_drawn(number, levels, seed, flips) * total >> (levels + _FINE))
        if len(picked) == count:
            break
    return list(picked)


def _drawn(number: int, levels: int, seed: str, flips: dict[int, int]) -> int:
    """A binary fraction: the bits of `number`, lowest first, each flipped or not by its node's hash, then a hash."""
    node = 1
    for level in range(levels):
        if node not in flips:
            flips[node] = _hash(seed, node) & 1
        node = node << 1 | (number >> level & 1) ^ flips[node]
    return (node ^ 1 << levels) << _FINE | _hash(seed, node)


def _hash(seed: str, node: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\n{node}".encode()).digest()[: _FINE // 8])
