"""RE2 patterns compiled once, and what stands beside a candidate.

RE2 takes linear time on any text. What it cannot say (what stands before and after) is checked on each candidate.
"""

from __future__ import annotations

import functools
from typing import Any

DASHES = r"\-\x{2010}-\x{2015}\x{2212}"
BLANKS = r" \x{a0}\x{2009}\x{202f}"
BESIDE = 48  # characters before a number in which a word can say what it is


@functools.cache
def compiled(source: str) -> Any:
    """The RE2 pattern of a source, compiled at first use."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    return re2.compile(source, options)


def digits(text: str) -> str:
    """The ASCII digits of a text."""
    return "".join(filter("0123456789".__contains__, text))


def stands_alone(text: str, start: int, end: int, joined: str = "_") -> bool:
    """Whether neither a letter, nor a digit, nor one of `joined` runs into `text[start:end]`."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    return not (
        before.isalnum() or (before and before in joined) or after.isalnum() or (after and after in joined)
    )


def said_before(text: str, start: int, words: str, within: int = BESIDE) -> bool:
    """Whether a pattern is in the few characters before a place."""
    return compiled(words).search(text[max(0, start - within) : start]) is not None
