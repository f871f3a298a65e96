"""A file behind an `http://` or `https://` address, read by byte ranges (RFC 9110, section 14).

What is read on from one place is fetched in growing pieces. A server that does not serve ranges is asked for the whole
file once, into a nameless temporary file that this process keeps for the next time. What fails for a moment (5xx, 429,
a reset connection, a body cut short) is asked for again with back-off; a Retry-After is honoured up to a minute. Bytes
of two versions of a file are never mixed: another length or validator (ETag, Last-Modified) is an error.
"""

from __future__ import annotations

import errno
import http.client
import io
import os
import tempfile
import time
import urllib.error
import urllib.request
from typing import IO, NamedTuple

from pipeline.store.retry import retried

FIRST_PIECE = 64 << 10  # bytes; four times as many each time while reads follow each other
LARGEST_PIECE = 8 << 20
TIMEOUT = 60.0  # seconds without a byte
LONGEST_WAIT = 60.0  # seconds that a server may ask for with Retry-After
_COPY = 1 << 20
_GONE = (404, 410)
_AGAIN = (408, 425, 429)


class _Version(NamedTuple):
    """What tells two versions of a file apart."""

    size: int
    mark: str


class _Whole(NamedTuple):
    url: str
    version: _Version
    file: IO[bytes]


_kept: list[_Whole] = []  # the last file that was fetched whole


class HttpFile(io.RawIOBase):
    """The file at `url`, seekable. Raises FileNotFoundError (404, 410), PermissionError (other 4xx) or OSError."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._at = 0
        self._start, self._piece, self._ahead = 0, b"", FIRST_PIECE
        self._whole: IO[bytes] | None = None
        self._version = retried(self._open)

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self._version.size

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def seekable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def tell(self) -> int:
        """See `io.IOBase`."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `io.IOBase`."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """See `io.RawIOBase`."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes, b"" at the end."""
        left = max(0, self.size - self._at)
        count = left if count < 0 else min(count, left)
        if self._whole is not None:
            data = os.pread(self._whole.fileno(), count, self._at)
            self._at += len(data)
            return data
        pieces = []
        while count > 0:
            if not self._start <= self._at < self._start + len(self._piece):
                self._fetch(count)
            at = self._at - self._start
            pieces.append(self._piece[at : at + count])
            self._at += len(pieces[-1])
            count -= len(pieces[-1])
        return b"".join(pieces)

    def _fetch(self, wanted: int) -> None:
        follows = self._at == self._start + len(self._piece)
        self._ahead = min(self._ahead * 4, LARGEST_PIECE) if follows else FIRST_PIECE
        end = min(self.size, self._at + max(self._ahead, min(wanted, LARGEST_PIECE)))
        self._piece = retried(lambda: self._range(self._at, end))
        self._start = self._at

    def _range(self, start: int, end: int) -> bytes:
        with _ask(self.url, start, end) as answer:
            if answer.status != 206:
                raise OSError(errno.EIO, f"{self.url}: the server does not serve ranges any more")
            if _version(answer) != self._version or _first(answer) != start:
                raise OSError(errno.EIO, f"{self.url}: changed while it was being read")
            return _body(answer, end - start, self.url)

    def _open(self) -> _Version:
        with _ask(self.url, 0, FIRST_PIECE) as answer:
            version = _version(answer)
            if answer.status == 206:
                if version.size < 0 or _first(answer) != 0:
                    raise OSError(errno.EIO, f"{self.url}: the server states no length of the file")
                self._piece = _body(answer, min(FIRST_PIECE, version.size), self.url)
            elif answer.status != 416:
                self._whole, size = _fetch_whole(answer, self.url, version)
                version = _Version(size, version.mark)
            return version


def _ask(url: str, start: int, end: int) -> http.client.HTTPResponse:
    headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity", "User-Agent": "sluice"}
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT
        )
    except urllib.error.HTTPError as error:
        # An empty file has no first byte: its length is stated with the refusal.
        if error.code == 416 and (error.headers.get("Content-Range") or "").strip() == "bytes */0":
            return error  # type: ignore[return-value]
        raise _refusal(error, url) from None
    except urllib.error.URLError as error:
        reason = error.reason
        raise OSError(errno.EIO, f"{url}: {getattr(reason, 'strerror', None) or reason}") from None
    except (http.client.HTTPException, ValueError) as error:
        number = errno.EINVAL if isinstance(error, ValueError | http.client.InvalidURL) else errno.EIO
        raise OSError(number, f"{url}: {error or type(error).__name__}") from None
    return answer


def _refusal(error: urllib.error.HTTPError, url: str) -> OSError:
    message = f"{url}: the server answers {error.code}"
    if error.code in _GONE:
        return FileNotFoundError(errno.ENOENT, message)
    if error.code >= 500 or error.code in _AGAIN:
        stated = (error.headers.get("Retry-After") or "").strip()
        if stated.isdigit():
            time.sleep(min(float(stated), LONGEST_WAIT))
        return OSError(errno.EIO, message)
    return PermissionError(errno.EACCES, message)


def _version(answer: http.client.HTTPResponse) -> _Version:
    mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
    total = (answer.headers.get("Content-Range") or "").rpartition("/")[2].strip()
    if answer.status == 200:
        total = answer.headers.get("Content-Length") or ""
    return _Version(int(total) if total.isdigit() else -1, mark)


def _first(answer: http.client.HTTPResponse) -> int:
    stated = (
        (answer.headers.get("Content-Range") or "").lower().removeprefix("bytes").strip().partition("-")[0]
    )
    return int(stated) if stated.isdigit() else -1


def _body(answer: http.client.HTTPResponse, count: int, url: str) -> bytes:
    try:
        data = answer.read(count)
    except http.client.HTTPException as error:
        raise OSError(errno.EIO, f"{url}: {error}") from None
    if len(data) < count:
        raise OSError(errno.EIO, f"{url}: the answer ends after {len(data)} of {count} bytes")
    return data


def _fetch_whole(answer: http.client.HTTPResponse, url: str, version: _Version) -> tuple[IO[bytes], int]:
    for one in _kept:
        if one.url == url and one.version == version and version.mark and version.size >= 0:
            return one.file, version.size
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (kept for the next time)
    size = 0
    try:
        while data := answer.read(_COPY):
            file.write(data)
            size += len(data)
    except http.client.HTTPException as error:
        raise OSError(errno.EIO, f"{url}: {error}") from None
    if 0 <= version.size != size:
        raise OSError(errno.EIO, f"{url}: the answer ends after {size} of {version.size} bytes")
    file.flush()
    _kept[:] = [_Whole(url, version, file)]
    return file, size
