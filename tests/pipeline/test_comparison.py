"""What drops a document is said in the same words everywhere, and in none of Python's."""

from __future__ import annotations

import pytest

from filters.types import Rule
from pipeline.comparison import compared, signal_compared
from pipeline.report.funnel import condition
from pipeline.why_told import drops_when


@pytest.mark.parametrize(
    ("drop_when", "threshold", "words", "of_signal"),
    [
        ("<", 50, "< 50", "< 50"),
        (">=", 1, "≥ 1", "≥ 1"),
        ("<=", 0.5, "≤ 0.5", "≤ 0.5"),
        (">", 100_000, "> 100,000", "> 100,000"),
        ("==", 0, "= 0", "= 0"),
        ("not_in", ("en",), "not en", "language is not en"),
        ("not_in", ["en", "de"], "not in en, de", "language is not in en, de"),
        ("in", ("en",), "= en", "language is en"),
        ("in", ("en", "de"), "in en, de", "language is in en, de"),
    ],
)
def test_a_comparison_in_words(
    drop_when: str, threshold: int | float | tuple[str, ...], words: str, of_signal: str
) -> None:
    assert compared(drop_when, threshold) == words
    assert signal_compared("language", drop_when, threshold) == of_signal
    rule = Rule("r", "language", drop_when, threshold, "")  # type: ignore[arg-type]
    assert condition(rule) == words
    told = {"signal": "language", "drop_when": drop_when, "threshold": threshold, "condition": ""}
    assert drops_when(told) == f"drops when {of_signal}"
