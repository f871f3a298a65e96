"""Warmup, stable, decay, value by value."""

from __future__ import annotations

import pytest

from train.errors import TrainError
from train.schedule import Schedule, branch_schedule, stable_schedule


def test_values() -> None:
    schedule = Schedule(warmup=4, decay_from=8, end=12)
    expected = [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0, 0]
    assert [schedule.multiplier(step) for step in range(14)] == expected
    assert [schedule.phase(step) for step in (3, 4, 7, 8, 11)] == [
        "warmup",
        "stable",
        "stable",
        "decay",
        "decay",
    ]


def test_a_trunk_without_decay_stays_at_the_peak() -> None:
    schedule = stable_schedule(100, 0.05, 0.0)
    assert (schedule.warmup, schedule.decay_from, schedule.end) == (5, 100, 100)
    assert schedule.multiplier(99) == 1


@pytest.mark.parametrize("fraction", [0.1, 0.25])
def test_a_trunk_with_decay(fraction: float) -> None:
    schedule = stable_schedule(100, 0.05, fraction)
    assert schedule.decay_from == 100 - 100 * fraction
    assert schedule.multiplier(99) == pytest.approx(1 / (100 * fraction))


@pytest.mark.parametrize(("steps", "fraction"), [(1, 0.6), (2, 0.9), (10, 0.96)])
def test_a_decay_of_every_step_is_refused(steps: int, fraction: float) -> None:
    with pytest.raises(TrainError, match=rf"^train\.decay_fraction: {fraction} of {steps} step"):
        stable_schedule(steps, 0.05, fraction)
    assert stable_schedule(steps, 0.05, 0.4).decay_from > 0


def test_branches() -> None:
    trunk = stable_schedule(100, 0.05, 0.0)
    flat, down = branch_schedule(trunk, 100, 20, "none"), branch_schedule(trunk, 100, 20, "linear")
    assert [flat.multiplier(step) for step in (100, 119, 120)] == [1, 1, 0]
    assert [down.multiplier(step) for step in (100, 110, 119, 120)] == [1, 0.5, 0.05, 0]
