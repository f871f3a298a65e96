"""The comparison that drops a document, in words: the same on pages, in reports and on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

_SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "="}


def compared(drop_when: str, threshold: object) -> str:
    """What a value is that drops a document: `< 50`, `≥ 1`, `not en`, `not in en, de`."""
    if isinstance(threshold, Sequence) and not isinstance(threshold, str):
        several = "in " if len(threshold) != 1 else "" if drop_when == "not_in" else "= "
        return ("not " if drop_when == "not_in" else "") + several + ", ".join(map(str, threshold))
    shown = f"{threshold:,}" if isinstance(threshold, int) else str(threshold)
    return f"{_SIGNS[drop_when]} {shown}"


def signal_compared(signal: str, drop_when: str, threshold: object) -> str:
    """The same, of a label together with what it is a label of: `< 50`, but `language is not en`."""
    words = compared(drop_when, threshold)
    if drop_when not in ("in", "not_in"):
        return words
    return f"{signal} is {words.removeprefix('= ')}"
