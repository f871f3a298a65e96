"""A forward-only stream of bytes that can be looked into ahead and handed bytes back, with bounded memory."""

from __future__ import annotations

from collections.abc import Callable

_BLOCK = 1 << 16


class ByteStream:
    """Buffers `read(count)`, which returns 1 to `count` bytes, or b"" at the end.

    `position` counts the bytes consumed since the start, less those handed back. `pass_over(count)`, where the source
    can do that faster than by reading, passes over up to `count` bytes and returns how many there were.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        position: int = 0,
        pass_over: Callable[[int], int] | None = None,
    ) -> None:
        self._read = read
        self._pass_over = pass_over
        self._buffer = b""
        self._at = 0
        self.position = position

    def peek(self, count: int) -> bytes:
        """The next `count` bytes without consuming them; fewer only at the end."""
        have = len(self._buffer) - self._at
        if have < count:
            pieces = [self._buffer[self._at :]]
            while have < count and (piece := self._read(max(count - have, _BLOCK))):
                pieces.append(piece)
                have += len(piece)
            self._buffer, self._at = b"".join(pieces), 0
        return self._buffer[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """Consumes and returns `count` bytes; fewer only at the end."""
        data = self.peek(count)
        self._at += len(data)
        self.position += len(data)
        return data

    def skip(self, count: int) -> int:
        """Consumes `count` bytes and forgets them; returns how many there were."""
        left = count - len(self.take(min(count, len(self._buffer) - self._at)))
        if self._pass_over is not None:
            passed = self._pass_over(left)
            self.position += passed
            return count - left + passed
        while left > 0 and (data := self.take(min(left, _BLOCK))):
            left -= len(data)
        return count - left

    def skip_newlines(self) -> bytes:
        """Consumes and returns the CR and LF that come next, 64 KiB of them at most."""
        taken = b""
        while len(taken) < _BLOCK and (data := self.peek(64)):
            rest = data.lstrip(b"\r\n")
            taken += self.take(len(data) - len(rest))
            if rest:
                break
        return taken

    def give_back(self, data: bytes) -> None:
        """Puts `data`, the bytes consumed last, in front again."""
        self._buffer, self._at = data + self._buffer[self._at :], 0
        self.position -= len(data)
