"""Permutations are bijections, and shares are exact, monotone and close for every prefix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.order import integer_weights, permute, round_keys, shares

WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(lambda w: sum(w) > 0)


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**62), name=st.text(max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_permutation_reaches_every_place_once(size: int, seed: int, name: str) -> None:
    places = permute(np.arange(size), size, round_keys(seed, name))
    assert sorted(places.tolist()) == list(range(size))


def test_a_place_does_not_depend_on_the_others_asked_for() -> None:
    keys = round_keys(7, "web")
    whole = permute(np.arange(1000), 1000, keys)
    assert permute(np.array([[3], [999]]), 1000, keys).tolist() == [[whole[3]], [whole[999]]]


def test_keys_separate_their_parts() -> None:
    assert round_keys("ab", "c").tolist() != round_keys("a", "bc").tolist()
    assert (
        permute(np.arange(50), 50, round_keys(0)).tolist()
        != permute(np.arange(50), 50, round_keys(1)).tolist()
    )


def test_a_permutation_looks_random() -> None:
    places = permute(np.arange(10_000), 10_000, round_keys(1, "x"))
    assert abs(np.corrcoef(np.arange(10_000), places)[0, 1]) < 0.05
    assert abs((np.diff(places) > 0).mean() - 0.5) < 0.03
    # The numbers of places that stay where they are follow a Poisson law of mean 1.
    fixed = [int((permute(np.arange(97), 97, round_keys(s)) == np.arange(97)).sum()) for s in range(400)]
    assert abs(np.mean(fixed) - 1) < 0.25


@pytest.mark.parametrize("bad", [-1, 5])
def test_an_index_outside_is_refused(bad: int) -> None:
    with pytest.raises(ValueError, match=r"\[0, 5\)"):
        permute(np.array([bad]), 5, round_keys(0))


@given(weights=WEIGHTS, n=st.integers(0, 5000))
@settings(max_examples=200, deadline=None)
def test_shares_sum_up_and_stay_close(weights: list[int], n: int) -> None:
    counts = shares(n, weights)
    total, domains = sum(weights), len(weights)
    assert sum(counts) == n
    for count, weight in zip(counts, weights, strict=True):
        assert abs(count - n * weight / total) <= 0.5 + weight / total * domains / 2 + 1e-9
        assert count == 0 or weight > 0


@given(weights=WEIGHTS, start=st.integers(0, 10**9))
@settings(max_examples=100, deadline=None)
def test_no_domain_ever_loses_an_index(weights: list[int], start: int) -> None:
    before = shares(start, weights)
    for n in range(start + 1, start + 12):
        after = shares(n, weights)
        assert sorted(b - a for a, b in zip(before, after, strict=True)) == [0] * (len(weights) - 1) + [1]
        before = after


@given(weights=WEIGHTS, times=st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_shares_are_exact_where_they_can_be(weights: list[int], times: int) -> None:
    assert shares(times * sum(weights), weights) == [times * weight for weight in weights]


def test_small_shares_are_never_negative_in_a_block() -> None:
    # Differences of rounded cumulative shares give -1 here in some blocks.
    weights = integer_weights([0.0375, 0.005, 0.9575])
    steps = np.diff([shares(40 * block, weights) for block in range(200)], axis=0)
    assert steps.min() >= 0
    assert steps.sum(axis=0).tolist() == shares(40 * 199, weights)


def test_decimal_weights_are_taken_as_written() -> None:
    assert integer_weights([0.7, 0.2, 0.1]) == [7, 2, 1]
    assert integer_weights([3, 0, 1.5]) == [2, 0, 1]


def test_impossible_weights_are_refused() -> None:
    for weights in ([0, 0], [3, -1]):
        with pytest.raises(ValueError, match="positive sum"):
            shares(5, weights)
