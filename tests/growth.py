"""How the cost of a function grows with its input: a ratio, no absolute time, and not one unlucky measurement."""

from __future__ import annotations

import time
from collections.abc import Callable

TRIES = 12
FACTOR = 8  # quadratic work grows 64 times, linear work 8 times
MOST = 28
TINY = 0.002  # seconds; what is faster than this at the large size is not measured but accepted


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Fail if `work(8 * size)` takes about 64 times the processor time of `work(size)`, not about 8 times.

    Both are measured in turn and the fastest of each counts, so a busy machine can only make the test take longer:
    linear work passes as soon as one pair was undisturbed, quadratic work never does.
    """
    work(size)  # what is compiled or imported at the first call
    small = large = float("inf")
    for _ in range(TRIES):
        small = min(small, seconds(work, size))
        large = min(large, seconds(work, FACTOR * size))
        if large < max(MOST * small, TINY):
            return
    raise AssertionError(f"{FACTOR} times the input took {large / small:.0f} times the time ({large:.3f} s)")


def seconds(work: Callable[[int], object], size: int) -> float:
    """Processor seconds of one call."""
    began = time.process_time()
    work(size)
    return time.process_time() - began
