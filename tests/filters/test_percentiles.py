"""Token-weighted shares below and above a value: by hand, and against a count over all of the sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.models.percentiles import NODES, Curve, above, below

VALUES = np.array([0.2, 0.8, 0.2, 0.5])
TOKENS = np.array([10.0, 40.0, 20.0, 30.0])


def test_by_hand() -> None:
    low, high = below(VALUES, TOKENS), above(VALUES, TOKENS)
    at = np.array([0.1, 0.2, 0.5, 0.8, 0.9])
    assert low.at(at).tolist() == pytest.approx([0, 0, 0.3, 0.6, 1])
    assert high.at(at).tolist() == pytest.approx([1, 0.7, 0.4, 0, 0])
    # in between
    assert low.at(np.array([0.35, 0.65])).tolist() == pytest.approx([0.15, 0.45])
    assert high.at(np.array([0.35])).tolist() == pytest.approx([0.55])


def test_a_sample_of_nothing_ranks_nothing() -> None:
    for curve in (below(VALUES[:0], TOKENS[:0]), above(VALUES, 0 * TOKENS)):
        assert curve.at(VALUES).tolist() == [0, 0, 0, 0]
        assert curve.at(VALUES[:0]).tolist() == []


def test_one_value() -> None:
    one = np.array([0.5])
    assert below(one, one).at(np.array([0.4, 0.5, 0.6])).tolist() == [0, 0, 1]
    assert above(one, one).at(np.array([0.4, 0.5, 0.6])).tolist() == [1, 0, 0]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), min_size=1, max_size=60),
)
def test_a_small_sample_is_kept_exactly(rows: list[tuple[int, int]]) -> None:
    values, weights = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    low, high = below(values, weights), above(values, weights)
    for value in values:
        assert low.at(np.array([value]))[0] == pytest.approx(weights[values < value].sum() / weights.sum())
        assert high.at(np.array([value]))[0] == pytest.approx(weights[values > value].sum() / weights.sum())


def test_a_large_sample_is_thinned_and_stays_close() -> None:
    draw = np.random.default_rng(7)
    values, weights = draw.beta(0.3, 4, 30_000), draw.integers(1, 2000, 30_000).astype(np.float64)
    order = np.argsort(values)
    exact = np.empty(len(values))
    exact[order] = (np.cumsum(weights[order]) - weights[order]) / weights.sum()
    low, high = below(values, weights), above(values, weights)
    assert len(low.values) <= NODES + 2
    assert abs(low.at(values) - exact).max() < 2e-3
    assert abs(high.at(values) - (1 - exact - weights / weights.sum())).max() < 2e-3
    grid = np.linspace(-0.1, 1.1, 5000)
    assert (np.diff(low.at(grid)) >= 0).all()
    assert (np.diff(high.at(grid)) <= 0).all()
    assert low.at(values[:3]).tolist() == [low.at(values[i : i + 1])[0] for i in range(3)]


def test_curves_that_are_none() -> None:
    for values, shares in (((0.1, 0.1), (0.0, 1.0)), ((0.1,), (0.0, 1.0))):
        with pytest.raises(ValueError, match="values"):
            Curve(values=values, shares=shares, before=0.0, after=1.0)
