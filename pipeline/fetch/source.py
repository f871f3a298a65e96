"""Where files come from: one function to open a byte range, over HTTP(S) or any fsspec file system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec


class Refused(Exception):
    """This will not be had by asking again; the message says why."""


class Gone(Refused):
    """There is nothing under this name."""


class PastEnd(Refused):
    """The range begins after the end of the file, which has `size` bytes (None: the server does not say)."""

    def __init__(self, size: int | None) -> None:
        super().__init__(
            f"the file ends at {size} bytes" if size is not None else "the range is past the file's end"
        )
        self.size = size


class Trouble(Exception):
    """Asking again may help. `wait`: seconds that the server asks for; `progress`: the attempt brought new bytes."""

    def __init__(self, why: str, wait: float | None = None, progress: bool = False) -> None:
        super().__init__(why)
        self.wait, self.progress = wait, progress


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a source begins to send: the bytes from offset `start` of a file of `size` bytes (None: unknown).

    `mark` names this version of the file; two answers with one mark may be joined. None: never join.
    """

    start: int
    size: int | None
    mark: str | None
    blocks: Iterator[bytes]


class Source(Protocol):
    """A place with Common Crawl's layout of paths."""

    def url(self, path: str) -> str:
        """The whole address of a path."""

    def open(
        self, path: str, start: int = 0, stop: int | None = None, mark: str | None = None
    ) -> AbstractContextManager[Answer]:
        """Ask for the bytes [`start`, `stop`).

        With a `mark` the whole file comes, from 0, if it is another version by now. A source may ignore a range: look
        at the answer's `start`. Raises Gone, PastEnd, Refused or Trouble, while blocks are read too.
        """
