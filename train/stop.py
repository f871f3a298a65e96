"""SIGTERM and SIGINT ask the loop to stop after the step in hand; a checkpoint is written and the next run resumes."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Stop:
    """Whether a stop was asked for, and by which signal."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """The signal handler."""
        self.signal_number = number


@contextlib.contextmanager
def on_signals() -> Iterator[Stop]:
    """Listen while the block runs, then put the former handlers back. In other threads nothing is listened to."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    former = {number: signal.signal(number, stop.ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
