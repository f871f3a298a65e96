"""A file that hashes one range of its bytes while somebody reads them, so that a remote input is fetched once."""

from __future__ import annotations

import hashlib
import io
from typing import IO

_PIECE = 1 << 20


class HashedFile(io.RawIOBase):
    """`file`, for reading, and the SHA-256 of its bytes [`start`, `end`): see `digest`."""

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self._file, self._end = file, end
        self._at = file.tell()
        self._hashed = start  # bytes from `start` up to here are in the hash
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As the file's."""
        self._at = self._file.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def read(self, count: int = -1) -> bytes:
        """As the file's; what goes on where the hash ends goes into it."""
        data = self._file.read(count)
        first, last = self._hashed - self._at, min(len(data), self._end - self._at)
        if 0 <= first < last:
            self._hash.update(memoryview(data)[first:last])
            self._hashed += last - first
        self._at += len(data)
        return data

    def digest(self) -> str:
        """Hexadecimal SHA-256 of the range; reads what nobody has read in order, and leaves the position behind it."""
        self.seek(self._hashed)
        while self._hashed < self._end and self.read(min(_PIECE, self._end - self._hashed)):
            pass
        return self._hash.hexdigest()
