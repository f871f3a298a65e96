"""Files over HTTP and HTTPS: ranges, redirects, validators, and servers that stall.

urllib3 keeps connections open, checks certificates and notices a body that ends early; what to do about each refusal
is decided here. Proxies come from the usual environment variables.
"""

from __future__ import annotations

import http.client
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from pipeline.fetch.patience import Gate, retry_after
from pipeline.fetch.source import Answer, Gone, PastEnd, Refused, Trouble

_BLOCK = 1 << 16
_SLOWEST = 1024  # bytes a second: a server that dribbles less is asked again
_REDIRECTS = 5
_WORTH_ASKING_AGAIN = {408, 421, 425, 429}


def content_range(value: str | None) -> tuple[int, int | None] | None:
    """(first byte, size of the whole file or None) of a `Content-Range` header; None if it is no such header."""
    unit, _, rest = (value or "").strip().partition(" ")
    span, slash, total = rest.strip().partition("/")
    first, dash, last = span.partition("-")
    if unit.lower() != "bytes" or not slash or not (total == "*" or _number(total)):
        return None
    if not dash or not _number(first) or not _number(last):
        return None
    return int(first), None if total == "*" else int(total)


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def validator(etag: str | None, modified: str | None) -> str | None:
    """What names a version of a file in `If-Range`: a strong ETag, else its last change (RFC 9110, 13.1.5)."""
    if etag and etag.startswith('"'):
        return etag
    return modified or None


def _in_words(error: Exception, host: str) -> str:
    """A network error as a person reads it."""
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, NameResolutionError):
        return f"{host} is not known here: is there a network?"
    if isinstance(cause, ConnectTimeoutError | NewConnectionError):
        return f"{host} does not answer: is there a network?"
    if isinstance(cause, SSLError):
        return f"{host}: no safe connection ({cause})"
    if isinstance(cause, ReadTimeoutError | TimeoutError):
        return f"{host} went silent"
    if isinstance(cause, ProtocolError | http.client.HTTPException):
        return f"{host} cut the connection"
    return f"{host}: connection lost ({type(cause).__name__})"


class HttpSource:
    """Paths below a base URL. `timeout` in seconds holds for connecting and for each wait for bytes."""

    def __init__(
        self, base: str, gate: Gate, agent: str, timeout: float = 30.0, connections: int = 4
    ) -> None:
        self._base = base.rstrip("/") + "/"
        self._gate, self._timeout, self._connections = gate, timeout, connections
        self._headers = {"User-Agent": agent, "Accept-Encoding": "identity"}
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    def url(self, path: str) -> str:
        """The whole address of a path."""
        return self._base + urllib.parse.quote(path, safe="/=~-._")

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urllib.parse.urlsplit(url)
        proxy = urllib.request.getproxies().get(parts.scheme)
        if proxy and urllib.request.proxy_bypass(parts.netloc):
            proxy = None
        if proxy not in self._pools:
            self._pools[proxy] = (
                urllib3.ProxyManager(proxy, maxsize=self._connections)
                if proxy
                else urllib3.PoolManager(maxsize=self._connections)
            )
        return self._pools[proxy]

    def _ask(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=self._timeout, read=self._timeout)
        for _ in range(_REDIRECTS + 1):
            self._gate.request()
            host = urllib.parse.urlsplit(url).netloc
            try:
                response = self._pool(url).urlopen(
                    "GET",
                    url,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                    timeout=timeout,
                )
            except SSLError as error:
                raise Refused(_in_words(error, host)) from error
            except (HTTPError, http.client.HTTPException, OSError) as error:
                raise Trouble(_in_words(error, host)) from error
            target = response.get_redirect_location()
            if not target:
                return response
            response.close()
            url = _redirected(url, target)
        raise Refused(f"more than {_REDIRECTS} redirects")

    @contextmanager
    def open(
        self, path: str, start: int = 0, stop: int | None = None, mark: str | None = None
    ) -> Iterator[Answer]:
        """One GET; see `pipeline.fetch.source.Source`."""
        headers = dict(self._headers)
        ranged = start > 0 or stop is not None
        if ranged:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
            if mark is not None:
                headers["If-Range"] = mark
        url = self.url(path)
        response = self._ask(url, headers)
        finished = False
        try:
            first, size = _where(response, start, ranged)
            found = validator(response.headers.get("ETag"), response.headers.get("Last-Modified"))
            host = urllib.parse.urlsplit(url).netloc
            yield Answer(start=first, size=size, mark=found, blocks=self._blocks(response, host))
            finished = response.length_remaining == 0
        finally:
            if finished:
                response.release_conn()
            else:
                response.close()  # what is left of the body would have to be read before the next answer

    def _blocks(self, response: urllib3.BaseHTTPResponse, host: str) -> Iterator[bytes]:
        spent, got = 0.0, 0
        while True:
            began = time.monotonic()
            try:
                data = response.read1(_BLOCK, decode_content=False)
            except (HTTPError, http.client.HTTPException, OSError) as error:
                raise Trouble(_in_words(error, host)) from error
            if not data:
                return
            spent, got = spent + time.monotonic() - began, got + len(data)
            yield data
            self._gate.took(len(data))
            if spent >= self._timeout:
                if got < _SLOWEST * spent:
                    raise Trouble(f"{host} sends less than {_SLOWEST} bytes a second")
                spent, got = 0.0, 0


def _redirected(url: str, target: str) -> str:
    new = urllib.parse.urljoin(url, target)
    before, after = urllib.parse.urlsplit(url).scheme, urllib.parse.urlsplit(new).scheme
    if after not in ("http", "https") or (before == "https" and after == "http"):
        raise Refused(f"redirected from {before} to {after or 'nowhere'}")
    return new


def _where(response: urllib3.BaseHTTPResponse, start: int, ranged: bool) -> tuple[int, int | None]:
    """(offset of the first byte that comes, size of the file); raises for everything but 200 and 206."""
    status = response.status
    why = f"HTTP {status}" + (f" {response.reason}" if response.reason else "")
    if status == 206:
        found = content_range(response.headers.get("Content-Range"))
        if not ranged or found is None or found[0] != start:
            raise Trouble("the server sent another range than was asked for")
        return found
    if status == 200:
        length = response.headers.get("Content-Length")
        chunked = "Transfer-Encoding" in response.headers
        return 0, int(length) if length and not chunked and _number(length) else None
    if status == 416:
        total = (response.headers.get("Content-Range") or "").rpartition("/")[2]
        raise PastEnd(int(total) if _number(total) else None)
    if status in (404, 410):
        raise Gone(why)
    if status >= 500 or status in _WORTH_ASKING_AGAIN:
        raise Trouble(why, retry_after(response.headers.get("Retry-After"), time.time()))
    raise Refused(why)
