"""Intervals of shares, against textbook values and draws."""

from __future__ import annotations

import random

import pytest

from pipeline.interval import Rate, estimate, wilson


def test_wilson() -> None:
    """The interval of 7 in 20: the textbook's .181 to .567 (A. Agresti's and B. Coull's form of it)."""
    found = wilson(0.35, 20)
    assert found == Rate(0.35, pytest.approx(0.1812, abs=1e-4), pytest.approx(0.5671, abs=1e-4))
    assert wilson(0.0, 10).low == 0
    assert wilson(1.0, 10).high == 1


def test_a_share_of_some_draws() -> None:
    assert estimate(7, 20) == wilson(0.35, 20)
    assert estimate(0, 0) == Rate(0.0, 0.0, 1.0)
    assert estimate(0, 50).low == 0 < estimate(0, 50).high < 0.08


def test_nineteen_in_twenty_intervals_hold_the_share() -> None:
    draw = random.Random(1)
    for share in (0.02, 0.3, 0.9):
        held = 0
        for _ in range(1000):
            found = estimate(sum(draw.random() < share for _ in range(200)), 200)
            held += found.low <= share <= found.high
        assert 920 <= held <= 985
