"""Several connections at once, and an end of asking when nothing succeeds any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from pipeline.fetch.patience import Gate

J = TypeVar("J")
R = TypeVar("R")

ENOUGH = 8  # failures in a row, over all connections, after which the rest is not asked for


class Breaker:
    """Counts failures in a row over all connections: a server that refuses everything is left in peace."""

    def __init__(self, enough: int = ENOUGH) -> None:
        self._enough, self._row = enough, 0
        self._lock = threading.Lock()

    @property
    def open(self) -> bool:
        """Whether to stop asking."""
        return self._row >= self._enough

    def count(self, failed: bool) -> None:
        """One more answer."""
        with self._lock:
            if not self.open:
                self._row = self._row + 1 if failed else 0

    @property
    def why(self) -> str:
        """What to say of what was not asked for."""
        return f"not asked for: {self._enough} requests in a row had failed"


def work(jobs: Sequence[J], run: Callable[[J], R], connections: int, gate: Gate) -> Iterator[tuple[J, R]]:
    """(job, result) as they finish. When the consumer is interrupted, waiting ends and unfinished jobs are left.

    A job that raises ends all.
    """
    executor = ThreadPoolExecutor(max_workers=connections, thread_name_prefix="fetch")
    try:
        futures = {executor.submit(run, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        gate.stop()
        raise
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
