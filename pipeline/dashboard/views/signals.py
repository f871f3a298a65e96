"""A signal's distribution and what other thresholds would keep."""

from __future__ import annotations

import msgspec

from pipeline.dashboard.view import House, View
from pipeline.dashboard.watch import Seen


class SignalsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which signal; `set` as on the command line, such as `filters.gopher_quality.min_words=100`."""

    signal: str = ""
    set: tuple[str, ...] = ()


class SignalsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Not written yet."""

    rows: int


def answer(house: House, seen: Seen, asked: SignalsQuestion) -> SignalsAnswer:
    """Not written yet."""
    return SignalsAnswer(rows=seen.documents.rows)


VIEW = View("signals", "Signals", "s", SignalsQuestion, SignalsAnswer, answer)
