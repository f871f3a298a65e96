"""When to ask: how often, how fast, and how long to wait after a refusal.

Clocks and chance decide here about waiting only, never about what is fetched.
"""

from __future__ import annotations

import email.utils
import hashlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from pipeline.fetch.source import Refused, Trouble

T = TypeVar("T")


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How a refusal is taken: `tries` attempts without progress, waits in seconds that double from `first`."""

    tries: int = 6
    first: float = 1.0
    longest: float = 60.0
    longest_asked: float = 600.0  # of a server's Retry-After: whoever asks for more is left alone
    seed: int = 0


def pause(patience: Patience, name: str, failures: int) -> float:
    """Seconds to wait after the `failures`-th failure in a row: doubling, with half of it drawn by hash.

    The draw differs between files, so that connections cut at one moment do not come back at one moment.
    """
    whole = min(patience.first * 2 ** min(failures - 1, 32), patience.longest)
    drawn = hashlib.sha256(f"{patience.seed}\n{name}\n{failures}".encode()).digest()
    return whole * (0.5 + int.from_bytes(drawn[:8]) / 2**65)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3), given the Unix time; None if it says nothing."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


class Halted(Exception):
    """The command is being stopped: leave everything as it lies."""


class Gate:
    """Where every connection of one command passes: requests and bytes a second, and pauses that hold for all.

    None means no limit. `stop` ends every wait at once with Halted.
    """

    def __init__(
        self,
        *,
        byte_rate: float | None = None,
        request_rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], bool] | None = None,
    ) -> None:
        self._byte_rate, self._request_rate, self._clock = byte_rate, request_rate, clock
        self._halt = threading.Event()
        self._sleep = sleep or self._halt.wait
        self._lock = threading.Lock()
        self._request_free = self._bytes_free = self._closed_until = clock()

    def stop(self) -> None:
        """End all waiting, now and later."""
        self._halt.set()

    def wait(self, seconds: float) -> None:
        """Wait; raises Halted when the command is stopped meanwhile."""
        if (seconds > 0 and self._sleep(seconds)) or self._halt.is_set():
            raise Halted

    def hold(self, seconds: float) -> None:
        """Let no request pass for so long."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def request(self) -> None:
        """Wait for the turn of one request."""
        with self._lock:
            turn = max(self._clock(), self._request_free)
            if self._request_rate:
                self._request_free = turn + 1 / self._request_rate
        while True:
            with self._lock:
                left = max(turn, self._closed_until) - self._clock()
            self.wait(left)
            if left <= 0:
                return

    def took(self, count: int) -> None:
        """Wait until `count` bytes more are within the rate."""
        with self._lock:
            now = self._clock()
            if self._byte_rate:
                self._bytes_free = max(self._bytes_free, now) + count / self._byte_rate
            left = self._bytes_free - now
        self.wait(left)


def persist(
    attempt: Callable[[], T], name: str, patience: Patience, gate: Gate, say: Callable[[str], None]
) -> T:
    """Call `attempt` until it returns; raises Refused when `patience.tries` in a row brought nothing new.

    An attempt fails with Trouble (worth another one, after a wait) or Refused (not worth it).
    """
    failures = 0
    while True:
        try:
            return attempt()
        except Trouble as trouble:
            failures = 1 if trouble.progress else failures + 1
            if failures >= patience.tries:
                raise Refused(f"{trouble} (tried {failures} times)") from trouble
            if trouble.wait is not None and trouble.wait > patience.longest_asked:
                raise Refused(
                    f"{trouble}; the server asks to come back in {trouble.wait:.0f} s: run the command again then"
                ) from trouble
            wait = max(trouble.wait or 0.0, pause(patience, name, failures))
            say(f"{name}: {trouble}; again in {wait:.1f} s")
            if trouble.wait is not None:
                gate.hold(trouble.wait)
            gate.wait(wait)
