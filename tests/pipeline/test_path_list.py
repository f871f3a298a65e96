"""Path lists: what a line means, and errors that name it."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
import zstandard

from pipeline.errors import UsageError
from pipeline.estimate import estimate
from pipeline.inputs import expand, find_inputs
from pipeline.path_list import LONGEST, is_path_list, is_remote, read_path_list
from pipeline.recipe import load
from tests.pipeline.conftest import sluice
from tests.pipeline.test_http_file import Server
from tests.pipeline.test_http_file import server as _server

server = _server
CC = "https://data.commoncrawl.org/crawl-data/CC-MAIN-2024-10/warc.paths.gz"
LINE = "crawl-data/CC-MAIN-2024-10/segments/1/warc/CC-MAIN-1.warc.gz"


def resolved(line: str, path: str, base: str | None = None) -> str:
    (found,) = read_path_list(io.BytesIO(line.encode()), path, base)
    return found


@pytest.mark.parametrize(
    ("line", "path", "base", "meant"),
    [
        ("a.warc", "/data/x.paths", None, "/data/a.warc"),
        ("sub/a.warc", "x.paths", None, "sub/a.warc"),
        ("../a.warc", "/data/in/x.paths", None, "/data/in/../a.warc"),
        ("/other/a.warc", "/data/x.paths", None, "/other/a.warc"),
        ("https://h/a.warc", "/data/x.paths", None, "https://h/a.warc"),
        ("s3://b/a.warc", "/data/x.paths", "https://h/", "s3://b/a.warc"),
        (LINE, "/data/warc.paths", None, f"/data/{LINE}"),
        (LINE, "/data/warc.paths", "https://data.commoncrawl.org/", f"https://data.commoncrawl.org/{LINE}"),
        (LINE, "/data/warc.paths", "s3://commoncrawl", f"s3://commoncrawl/{LINE}"),
        (LINE, "/data/warc.paths", "/mirror/", f"/mirror/{LINE}"),
        (LINE, "/mirror/crawl-data/CC-MAIN-2024-10/warc.paths.gz", None, f"/mirror/{LINE}"),
        (LINE, CC, None, f"https://data.commoncrawl.org/{LINE}"),
        (LINE, CC.replace("https://data.", "s3://").replace(".org", ""), None, f"s3://commoncrawl/{LINE}"),
        ("a.warc", "https://h/x/list.txt", None, "https://h/x/a.warc"),
    ],
)
def test_what_a_line_means(line: str, path: str, base: str | None, meant: str) -> None:
    assert resolved(line, path, base) == meant


@pytest.mark.parametrize(
    ("lines", "path", "base", "said"),
    [
        ("a.warc\n../b.warc\n", CC, None, r"warc\.paths\.gz:2: \.\./b\.warc: leads out"),
        ("/etc/passwd", CC, None, r":1: /etc/passwd: leads out"),
        ("file:///etc/passwd", CC, None, "http, https and s3"),
        ("/a.warc", "x.paths", "https://h/", "leads out"),
        ("# fine\n\na\x1bb.warc", "x.paths", None, r"x\.paths:3: a\\u001bb\.warc: no path"),
        ("a" * 5000, "x.paths", None, "too long"),
        ("a.warc\nb.paths.gz", "x.paths", None, r"x\.paths:2: b\.paths\.gz: a path list in a path list"),
        ("# nothing\n\n", "x.paths", None, "names no file"),
    ],
)
def test_errors_name_the_line(lines: str, path: str, base: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_path_list(io.BytesIO(lines.encode()), path, base)


def test_lists_that_cannot_be_read() -> None:
    with pytest.raises(UsageError, match=r"x\.paths:2: .*UTF-8"):
        read_path_list(io.BytesIO(b"a.warc\nb\xff.warc\n"), "x.paths")
    packed = gzip.compress(b"a.warc\n" * 1000, mtime=0)
    for damaged in (packed[:-9], packed[:20] + b"\xff" * 9 + packed[29:]):
        with pytest.raises(UsageError, match="does not decompress"):
            read_path_list(io.BytesIO(damaged), "x.paths.gz")
    with pytest.raises(UsageError, match="MiB"):
        read_path_list(io.BytesIO(zstandard.compress(bytes(LONGEST + 1))), "x.paths.zst")


def test_which_names_are_lists() -> None:
    lists = ("warc.paths", "warc.paths.gz", "WET.PATHS.ZST", "files.txt", "files.txt.gz")
    assert all(is_path_list(name) for name in lists)
    assert not any(is_path_list(name) for name in ("x.warc.gz", "x.txt.warc.gz", "paths", "x.jsonl", "x.gz"))
    assert [is_remote(path) for path in ("s3://b/x", "https://h/x", "file:///x", "/x", "x")] == [True] * 2 + [
        False
    ] * 3


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / f"{name}.warc").write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_lists_as_inputs(listed: Path, pack: type[bytes]) -> None:
    path = listed / "x.paths"
    path.write_bytes(pack(b"\xef\xbb\xbf# two files\r\nb.warc\r\n\r\na.warc\r\nb.warc\r\ngone.warc\r\n"))
    found = find_inputs([str(path)])
    assert [(file.name, file.size) for file in found] == [("a.warc", 1), ("b.warc", 1), ("gone.warc", -1)]
    assert next(expand(f"file://{path}")) == str(listed / "b.warc")
    assert [file.name for file in find_inputs([str(listed / "*.paths")])] == ["a.warc", "b.warc", "gone.warc"]


def test_a_list_of_which_nothing_is_here_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "warc.paths").write_text(LINE)
    with pytest.raises(UsageError, match="--base"):
        find_inputs([str(tmp_path / "warc.paths")])
    with pytest.raises(UsageError, match="nowhere"):
        find_inputs([str(tmp_path / "nowhere.paths")])


def test_lists_over_http(server: Server, sample: Path, tmp_path: Path) -> None:
    server.files[f"/{LINE}"] = sample.read_bytes()
    server.files["/crawl-data/CC-MAIN-2024-10/warc.paths.gz"] = gzip.compress(LINE.encode() + b"\n")
    remote = f"{server.url}/crawl-data/CC-MAIN-2024-10/warc.paths.gz"
    (tmp_path / "warc.paths").write_text(LINE + "\n")
    words = [
        "--input",
        tmp_path / "warc.paths",
        "--base",
        server.url,
        "--set",
        "extract.extractor=resiliparse",
    ]
    sluice("run", "tiny", *words, "--out", tmp_path / "run", "--until", "extract")
    assert [file.size for file in find_inputs([remote])] == [sample.stat().st_size]
    found = estimate(load("tiny"), [str(tmp_path / "warc.paths")], None, 5, 0.04, server.url)
    assert found["bytes"] == sample.stat().st_size
    lines = sluice("records", remote).stdout.splitlines()
    assert lines[0].startswith("CC-MAIN-1.warc.gz\t0\t")


def test_nothing_is_fetched_that_was_not_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "warc.paths").write_text(LINE + "\n")
    done = sluice("plan", "tiny", "--input", tmp_path / "warc.paths", check=False)
    assert (done.returncode, server.asked) == (2, [])
