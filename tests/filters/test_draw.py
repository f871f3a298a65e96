"""Draws belong to documents; GPT-3's draw keeps the published shares, at any alpha, from one stored number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.models.draw import RANGE, below, cut, pareto_bound, ranks, uniform

IDS = [f"file.warc.gz@{number * 977}" for number in range(20_000)]


def test_a_draw_depends_on_the_id_and_the_purpose_alone() -> None:
    together = uniform(IDS, "a")
    assert together[[7, 3]].tolist() == uniform([IDS[7], IDS[3]], "a").tolist()
    assert not set(together[:100]) & set(uniform(IDS[:100], "b"))
    assert ranks(["x"], "a").tolist() == [17339653411897368332]
    assert uniform(["x"], "a").tolist() == [(17339653411897368332 >> 11) / 2**53]
    assert uniform([], "a").tolist() == []


def test_draws_are_uniform_and_those_of_two_purposes_independent() -> None:
    one, other = uniform(IDS, "a"), uniform(IDS, "b")
    assert one.min() >= 0
    assert one.max() < 1
    for draws in (one, other):
        counts = np.histogram(draws, 20, (0, 1))[0]
        assert abs(counts - 1000).max() < 5 * 1000**0.5
    assert abs(np.corrcoef(one, other)[0, 1]) < 5 / len(IDS) ** 0.5


def test_a_cut_takes_its_share_and_a_higher_one_what_a_lower_one_took() -> None:
    assert (cut(0.0), cut(1.0), cut(7.0), cut(0.5)) == (0, RANGE, RANGE, RANGE // 2)
    assert not below(IDS, "a", cut(0.0)).any()
    assert below(IDS, "a", cut(1.0)).all()
    some, more = below(IDS, "a", cut(0.1)), below(IDS, "a", cut(0.2))
    assert abs(some.sum() - 2000) < 5 * 1800**0.5
    assert (more | ~some).all()


@pytest.mark.parametrize("alpha", [9.0, 3.0, 0.5])
@pytest.mark.parametrize("score", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_the_share_that_is_kept(alpha: float, score: float) -> None:
    bound = pareto_bound(np.full(len(IDS), score), uniform(IDS, "a"))
    kept = float((bound > alpha).mean())
    wanted = (2 - score) ** -alpha
    assert abs(kept - wanted) <= 5 * (wanted * (1 - wanted) / len(IDS)) ** 0.5


@given(
    score=st.floats(0, 1),
    draw=st.floats(0, 1, exclude_max=True),
    alpha=st.sampled_from([0.5, 3.0, 9.0]),
)
def test_the_bound_says_what_the_published_comparison_says(score: float, draw: float, alpha: float) -> None:
    bound = float(pareto_bound(np.array([score]), np.array([draw]))[0])
    assert np.isfinite(bound)
    lomax = (1 - draw) ** (-1 / alpha) - 1  # numpy.random.pareto's by its inverse distribution function
    if abs(lomax - (1 - score)) > 1e-9 and score < 1:
        assert (bound > alpha) == (lomax > 1 - score)


def test_scores_at_and_above_one_are_kept() -> None:
    # fastText's hierarchical softmax may add up to a little more than 1.
    assert (pareto_bound(np.array([1.0, 1.00001]), np.array([0.0, 0.5])) > 1e6).all()
