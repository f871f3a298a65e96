"""How many tokens a byte of text is: as the run's own tokenizer counted them, or a rule of thumb before it has."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.report.run import Run
from pipeline.sums import named, plain


class TokenRate(NamedTuple):
    """Tokens of one byte of text, and whether this run measured it."""

    tokens_per_byte: float
    measured: bool


def token_rate(run: Run) -> TokenRate:
    """Tokens over bytes of the corpus, where the stage `tokens` is through; else one of 4.3 bytes or so."""
    from filters.models.calibration import BYTES_PER_TOKEN

    tokens = named(run.closed["tokens"], "tokens").total() if "tokens" not in run.open else 0
    size = plain(run.closed["corpus"], "bytes")
    return TokenRate(tokens / size, True) if tokens and size else TokenRate(1 / BYTES_PER_TOKEN, False)
