"""A server with Common Crawl's layout that misbehaves on request: real sockets, one thread a connection."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CRAWL = "CC-MAIN-2024-10"
FILES = 24
PAGES = 3  # records a file


def record(number: int, body: bytes, digest: str | None = None) -> bytes:
    """One WARC record as one gzip member."""
    stated = f"WARC-Payload-Digest: sha1:{digest}\r\n" if digest else ""
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number:032d}>\r\n"
        f"WARC-Target-URI: http://example.com/{number}\r\nWARC-Date: 2024-02-20T21:10:55Z\r\n{stated}"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0)


def noise(seed: object, count: int) -> bytes:
    """Bytes that do not compress, the same every time."""
    blocks = (hashlib.sha256(f"{seed}/{number}".encode()).digest() for number in range(count // 32 + 1))
    return b"".join(blocks)[:count]


def page(seed: object, count: int = 4000) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + noise(seed, count)


def warc(number: int) -> bytes:
    """A small WARC file: pages of noise."""
    return b"".join(record(PAGES * number + page_, page(f"{number}/{page_}")) for page_ in range(PAGES))


def warc_path(number: int, kind: str = "warc") -> str:
    segment, ending = 1707947473347 + number % 4, {"warc": "warc", "wet": "warc.wet"}[kind]
    return f"crawl-data/{CRAWL}/segments/{segment}.0/{kind}/CC-MAIN-20240220211055-{number:05}.{ending}.gz"


def layout() -> dict[str, bytes]:
    """Every file of the mirror by its path."""
    files = {warc_path(number): warc(number) for number in range(FILES)}
    files |= {warc_path(number, "wet"): warc(number + 100) for number in range(FILES)}
    for kind in ("warc", "wet"):
        lines = "".join(f"{warc_path(number, kind)}\n" for number in range(FILES))
        files[f"crawl-data/{CRAWL}/{kind}.paths.gz"] = gzip.compress(lines.encode(), mtime=0)
    crawls = [
        {
            "id": CRAWL,
            "name": "February/March 2024 Index",
            "from": "2024-02-20T21:10:55",
            "to": "2024-03-05T16:13:56",
        },
        {"id": "CC-MAIN-2023-50", "name": "November/December 2023 Index"},
    ]
    files["collinfo.json"] = json.dumps(crawls).encode()
    return files


def write_layout(folder: Path) -> None:
    """The same mirror as a folder."""
    for path, data in layout().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


class Request(BaseHTTPRequestHandler):
    """One request: the next fault of its path, or a proper answer."""

    protocol_version = "HTTP/1.1"
    server: Mirror

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        with self.server.lock:
            self.server.asked.append((path, dict(self.headers)))
            waiting = self.server.faults.get(path, [])
            fault = waiting.pop(0) if waiting else self.server.always.get(path)
        with contextlib.suppress(ConnectionError):
            if fault is not None:
                fault(self)
            elif path in self.server.files:
                self.serve(self.server.files[path])
            else:
                self.answer(404)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self, data: bytes, cut: int | None = None, length: int | None = None) -> None:
        """As a good server does; `cut`: close after so many bytes; `length`: what Content-Length says instead."""
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        start, stop = 0, len(data)
        condition = self.headers.get("If-Range")
        if asked and condition in (None, etag):
            first, _, last = asked.partition("-")
            start, stop = int(first), min(int(last) + 1 if last else len(data), len(data))
            if start >= len(data):
                self.answer(416, Content_Range=f"bytes */{len(data)}")
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(stop - start if length is None else length))
        self.end_headers()
        body = data[start:stop]
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None or (length is not None and length > len(body)):
            self.close_connection = True

    def reset(self) -> None:
        """End the connection with a reset."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


Fault = Callable[[Request], None]


def refuse(status: int, **headers: str) -> Fault:
    return lambda request: request.answer(status, b"no", **headers)


def cut(count: int) -> Fault:
    """Send `count` bytes of the body, then close."""
    return lambda request: request.serve(request.server.files[request.path.lstrip("/")], cut=count)


def say_length(change: int, ranges: bool = True) -> Fault:
    """A Content-Length that is wrong by `change`."""

    def fault(request: Request) -> None:
        if not ranges:
            del request.headers["Range"]
        data = request.server.files[request.path.lstrip("/")]
        request.serve(data, length=len(data) + change)

    return fault


def ignore_range(request: Request) -> None:
    data = request.server.files[request.path.lstrip("/")]
    request.answer(200, data, ETag=f'"{hashlib.sha256(data).hexdigest()[:16]}"')


def drop(request: Request) -> None:
    request.reset()


class Mirror(ThreadingHTTPServer):
    """The server. `faults[path]` are used up one a request, `always[path]` is not; `asked` lists what came in."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.files = layout()
        self.faults: dict[str, list[Fault | None]] = {}
        self.always: dict[str, Fault] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.lock = threading.Lock()
        self.release = threading.Event()  # for faults that hold an answer back

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def count(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that were killed


@contextlib.contextmanager
def serving() -> Iterator[Mirror]:
    mirror = Mirror()
    thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield mirror
    finally:
        mirror.release.set()
        mirror.shutdown()
        mirror.server_close()
        thread.join()
