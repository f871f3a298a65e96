"""Inputs behind http: ranges, servers without them, refusals, failures that pass, versions that change."""

from __future__ import annotations

import http.server
import io
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.extract import ExtractSettings, Tally, extract_range, records
from pipeline.inputs import describe, find_inputs, name_of, open_input
from pipeline.store import http_file
from pipeline.store.http_file import HttpFile
from tests.pipeline.conftest import sluice, stats

DATA = random.Random(7).randbytes(3_000_000)


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; what it does wrong is set by its attributes."""

    files: dict[str, bytes]
    ranges = True
    stated = True  # the length of the file
    mark = "one"
    failures: list[tuple[int, dict[str, str]]]  # answered before anything else: status and headers
    short = 0  # bytes by which the next answer is cut
    asked: list[tuple[str, str | None, int]]  # path, range, status

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.server.asked.append((self.path, self.headers.get("Range"), status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        cut, self.server.short = self.server.short, 0
        self.wfile.write(body[: len(body) - cut])

    def do_GET(self) -> None:
        server = self.server
        if server.failures:
            self.answer(*server.failures.pop(0))
            return
        data = server.files.get(self.path.partition("?")[0])
        if data is None:
            self.answer(404, {})
            return
        stated, mark = self.headers.get("Range"), {"ETag": f'"{server.mark}"'} if server.mark else {}
        if not server.ranges or stated is None:
            self.answer(200, mark | ({"Content-Length": str(len(data))} if server.stated else {}), data)
            return
        first, last = (int(value) for value in stated.removeprefix("bytes=").split("-"))
        if first >= len(data):
            self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
            return
        body = data[first : last + 1]
        place = {"Content-Range": f"bytes {first}-{first + len(body) - 1}/{len(data)}"}
        self.answer(206, mark | place | {"Content-Length": str(len(body))}, body)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.files, server.failures, server.asked = {"/x.bin": DATA, "/empty": b""}, [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    http_file._kept.clear()


def check_reads(file: HttpFile) -> None:
    draw = random.Random(1)
    for _ in range(30):
        at, count = draw.randrange(len(DATA) + 10), draw.choice([1, 100, 70_000, 400_000])
        file.seek(at)
        assert file.read(count) == DATA[at : at + count]
    assert file.seek(-5, io.SEEK_END) == len(DATA) - 5
    assert (file.read(), file.read(), file.tell()) == (DATA[-5:], b"", len(DATA))
    buffer = bytearray(10)
    file.seek(3)
    assert file.readinto(memoryview(buffer)) == 10
    assert bytes(buffer) == DATA[3:13]
    assert (file.size, file.readable(), file.seekable()) == (len(DATA), True, True)


def test_a_server_with_ranges(server: Server) -> None:
    file = HttpFile(f"{server.url}/x.bin")
    check_reads(file)
    assert {status for _, _, status in server.asked} == {206}
    server.asked.clear()
    file.seek(0)
    whole = b"".join(iter(lambda: file.read(10_000), b""))
    assert whole == DATA
    assert len(server.asked) <= 5, "pieces grow while reads follow each other"


@pytest.mark.parametrize("stated", [True, False])
def test_a_server_without_ranges_is_asked_for_the_whole(server: Server, stated: bool) -> None:
    server.ranges, server.stated = False, stated
    check_reads(HttpFile(f"{server.url}/x.bin"))
    assert len(server.asked) == 1
    if stated:
        server.short = len(DATA)  # not read: the file is here already
        check_reads(HttpFile(f"{server.url}/x.bin"))
        server.mark, server.files["/x.bin"] = "two", DATA[:1000]
        assert HttpFile(f"{server.url}/x.bin").read() == DATA[:1000]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_empty_file(server: Server, ranges: bool) -> None:
    server.ranges = ranges
    file = HttpFile(f"{server.url}/empty")
    assert (file.size, file.read()) == (0, b"")


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, FileNotFoundError), (410, FileNotFoundError), (403, PermissionError), (401, PermissionError)],
)
def test_refusals_are_final(server: Server, status: int, error: type[OSError]) -> None:
    server.failures = [(status, {})] * 9
    with pytest.raises(error, match=str(status)):
        HttpFile(f"{server.url}/x.bin")
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_what_fails_for_a_moment_is_asked_again(server: Server, status: int) -> None:
    server.failures = [(status, {"Retry-After": "0"}), (status, {})]
    assert HttpFile(f"{server.url}/x.bin").read(100) == DATA[:100]
    assert [status for _, _, status in server.asked] == [status, status, 206]


def test_patience_ends(server: Server) -> None:
    server.failures = [(503, {})] * 99
    with pytest.raises(OSError, match="503"):
        HttpFile(f"{server.url}/x.bin")
    assert len(server.asked) == 5


def test_a_server_says_how_long_to_wait(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    server.failures = [
        (503, {"Retry-After": "7"}),
        (503, {"Retry-After": "86400"}),
        (503, {"Retry-After": "soon"}),
    ]
    HttpFile(f"{server.url}/x.bin")
    assert [seconds for seconds in waited if seconds > 5] == [7.0, http_file.LONGEST_WAIT]


@pytest.mark.parametrize("ranges", [True, False])
def test_answers_that_are_cut_short_are_asked_again(server: Server, ranges: bool) -> None:
    server.ranges, server.short = ranges, 1000
    file = HttpFile(f"{server.url}/x.bin")
    server.short = 1000 if ranges else 0
    file.seek(2_000_000)
    assert file.read(500_000) == DATA[2_000_000:2_500_000]


@pytest.mark.parametrize("change", ["mark", "size", "ranges"])
def test_two_versions_are_never_mixed(server: Server, change: str) -> None:
    file = HttpFile(f"{server.url}/x.bin")
    if change == "mark":
        server.mark = "two"
    elif change == "size":
        server.files["/x.bin"] = DATA + b"x"
    else:
        server.ranges = False
    file.seek(2_000_000)
    with pytest.raises(OSError, match=r"changed|ranges"):
        file.read(10)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        HttpFile("http://127.0.0.1:9/x.bin")
    for url in ("http://[::1", "http://127.0.0.1:port/x"):
        with pytest.raises(OSError, match="http"):
            HttpFile(url)


def test_names_and_descriptions(server: Server, tmp_path: Path) -> None:
    assert name_of("https://host/a/b.warc.gz?signature=a/b#c") == "b.warc.gz"
    assert name_of("s3://bucket/what?.warc") == "what?.warc"
    (tmp_path / "x.bin").write_bytes(DATA)
    here, there = describe(str(tmp_path / "x.bin")), describe(f"{server.url}/x.bin?token=1")
    assert (there.name, there.kind, there.size, there.digest) == (
        here.name,
        here.kind,
        here.size,
        here.digest,
    )
    assert describe(f"{server.url}/nowhere.warc.gz").digest == "missing"
    server.failures = [(403, {})]
    with pytest.raises(UserError, match="403"):
        describe(f"{server.url}/x.bin")
    assert open_input(f"{server.url}/x.bin").read(3) == DATA[:3]


def test_pages_from_a_server_without_ranges(server: Server, sample: Path) -> None:
    server.ranges, server.files["/in/sample.warc.gz"] = False, sample.read_bytes()
    url, size = f"{server.url}/in/sample.warc.gz", sample.stat().st_size
    settings = ExtractSettings(extractor="resiliparse", page_timeout=1.0)
    found = [
        [
            row
            for part in extract_range(path, 0, size // 2, settings, Tally())
            for row in part.documents.to_pylist()
        ]
        for path in (url, str(sample))
    ]
    assert found[0] == found[1] != []


def test_the_road_over_http(server: Server, sample: Path, tmp_path: Path) -> None:
    server.files["/in/sample.warc.gz"] = sample.read_bytes()
    url = f"{server.url}/in/sample.warc.gz"
    words = ["--set", "extract.extractor=resiliparse"]
    sluice("extract", "tiny", "--input", sample, "--out", tmp_path / "here", *words)
    sluice("extract", "tiny", "--input", url, "--out", tmp_path / "there", *words)
    assert stats(tmp_path / "there")["digest"] == stats(tmp_path / "here")["digest"]
    assert len(list(records(url))) == stats(tmp_path / "there")["records"]
    gone = f"{server.url}/in/gone.warc.gz"
    done = sluice("extract", "tiny", "--input", url, gone, "--out", tmp_path / "two", *words, check=False)
    assert done.returncode == 3, done.stderr
    assert stats(tmp_path / "two")["failed"]["missing"] == 1
    assert [file.size > 0 for file in find_inputs([url, gone])] == [False, True]


def test_refused_over_http(server: Server, tmp_path: Path) -> None:
    def run(*words: Any) -> str:
        done = sluice("extract", "tiny", "--out", tmp_path / "x", "--input", *words, check=False)
        assert done.returncode in (1, 2)
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1
        return done.stderr

    server.failures = [(403, {})]
    assert "403" in run(f"{server.url}/x.warc.gz")
    assert "globs" in run(f"{server.url}/*.warc.gz")
    assert "names no file" in run(f"{server.url}/")
    assert "no such file" in run(f"{server.url}/nowhere.warc.gz")
