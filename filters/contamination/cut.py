"""GPT-3's cut: what was found goes with a margin on both sides, short pieces go too, the others are joined.

Margins that meet make one gap, so a piece is what stands between two gaps. Pieces are counted with the short ones, as
a text that is broken into many is the copy of a collection; what is left is joined by an empty line.
"""

from __future__ import annotations

from collections.abc import Sequence

from filters.types import Span

JOINT = "\n\n"


def gaps(size: int, found: Sequence[Span], window: int) -> list[Span]:
    """What is cut out of a text of `size` characters, in order, without overlap."""
    merged: list[Span] = []
    for start, end in sorted(found):
        low, high = max(start - window, 0), min(end + window, size)
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def pieces(text: str, found: Sequence[Span], window: int) -> list[str]:
    """What stands before, between and behind the gaps, empty pieces left out."""
    at, left = 0, []
    for low, high in [*gaps(len(text), found, window), (len(text), len(text))]:
        if low > at:
            left.append(text[at:low])
        at = high
    return left


def cut(text: str, found: Sequence[Span], window: int, least: int) -> str:
    """The pieces of at least `least` characters, joined; the text itself where nothing was found."""
    if not found:
        return text
    return JOINT.join(piece for piece in pieces(text, found, window) if len(piece) >= least)
