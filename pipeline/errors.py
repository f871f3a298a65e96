"""What can go wrong in a way that a person can act on.

A `UserError` is one line that says what is wrong and what to do; the command line prints it and exits with its code.
Anything else that escapes is a defect of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence


class UserError(Exception):
    """Could not finish: one line for a person, and the exit code of the command line (1)."""

    exit_code = 1


class UsageError(UserError):
    """The command or the recipe is wrong: nothing was started (2)."""

    exit_code = 2


class Stopped(UserError):
    """Stopped by a signal: what was finished stays, and the next run resumes (128 + signal)."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("stopped; run the same command again to resume")
        self.exit_code = 128 + signal_number


def nearest(word: str, words: Sequence[str]) -> str:
    """`; did you mean ...?` when something is close."""
    found = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean `{found[0]}`?" if found else ""
