"""Whole files from a server that misbehaves: what is published is whole, what is not had is told."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.fetch.display import Display
from pipeline.fetch.download import Tools, download, read_small
from pipeline.fetch.http_source import HttpSource
from pipeline.fetch.patience import Gate, Patience
from pipeline.fetch.place import State, known, locked, note, open_place
from pipeline.fetch.source import Gone
from tests.pipeline import mirror
from tests.pipeline.mirror import CRAWL, Mirror, Request, cut, refuse, serving, warc, warc_path

PATH = warc_path(0)
NAME = PATH.rpartition("/")[2]
QUICK = ["--backoff", "0.001", "--timeout", "5", "--requests", "1000"]


@pytest.fixture
def server() -> Iterator[Mirror]:
    with serving() as running:
        yield running


def tools(server: Mirror, tries: int = 4, whole: bool = False, timeout: float = 5.0, base: str = "") -> Tools:
    gate = Gate()
    return Tools(
        source=HttpSource(base or server.base, gate, "sluice/test", timeout),
        gate=gate,
        patience=Patience(tries=tries, first=0.001, longest=0.01),
        display=Display(io.StringIO()),
        whole=whole,
    )


def get(server: Mirror, folder: Path, **settings: Any) -> Any:
    return download(PATH, open_place(folder, NAME), tools(server, **settings))


def listing(folder: Path) -> dict[str, str]:
    """Every file under a folder with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_file_arrives_whole_and_is_not_asked_for_again(server: Mirror, tmp_path: Path) -> None:
    found = get(server, tmp_path)
    assert found.state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)
    assert found.sha256 == hashlib.sha256(warc(0)).hexdigest()
    assert sorted(path.name for path in (tmp_path / "_fetch").iterdir()) == [f"{NAME}.json"]
    asked = len(server.asked)
    assert get(server, tmp_path).state == "had"
    assert len(server.asked) == asked
    assert server.asked[0][1]["User-Agent"] == "sluice/test"
    assert server.asked[0][1]["Accept-Encoding"] == "identity"


def test_a_cut_connection_is_resumed_where_it_ended(server: Mirror, tmp_path: Path) -> None:
    server.faults[PATH] = [cut(1000), cut(500), mirror.drop]
    assert get(server, tmp_path).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)
    ranges = [headers.get("Range") for path, headers in server.asked]
    assert ranges == [None, "bytes=1000-", "bytes=1500-", "bytes=1500-"]
    etag = f'"{hashlib.sha256(warc(0)).hexdigest()[:16]}"'
    assert [headers.get("If-Range") for _, headers in server.asked] == [None, etag, etag, etag]


def test_a_server_without_ranges_starts_again(server: Mirror, tmp_path: Path) -> None:
    server.faults[PATH] = [cut(1000), mirror.ignore_range]
    assert get(server, tmp_path).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)


def test_a_changed_file_is_not_glued(server: Mirror, tmp_path: Path) -> None:
    def change(request: Request) -> None:
        server.files[PATH] = warc(7)
        request.reset()

    server.faults[PATH] = [cut(3000), change]
    assert get(server, tmp_path).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(7)


def test_a_changed_file_is_not_glued_where_the_server_ignores_if_range(
    server: Mirror, tmp_path: Path
) -> None:
    def new_range(request: Request) -> None:
        server.files[PATH] = warc(7)
        del request.headers["If-Range"]
        request.serve(warc(7))

    server.faults[PATH] = [cut(3000), new_range]
    assert get(server, tmp_path).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(7)


def test_without_a_validator_nothing_is_resumed(server: Mirror, tmp_path: Path) -> None:
    def bare(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(warc(0))))
        request.end_headers()
        request.wfile.write(warc(0)[:2000])
        request.close_connection = True

    server.faults[PATH] = [bare]
    assert get(server, tmp_path).state == "fetched"
    assert "Range" not in server.asked[1][1]
    assert (tmp_path / NAME).read_bytes() == warc(0)


@pytest.mark.parametrize(("change", "why"), [(50, "cut the connection"), (-50, "not a whole gzip member")])
def test_a_wrong_length_once_and_always(server: Mirror, tmp_path: Path, change: int, why: str) -> None:
    server.faults[PATH] = [mirror.say_length(change)]
    assert get(server, tmp_path).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)
    server.always[PATH] = mirror.say_length(change, ranges=False)
    found = get(server, tmp_path / "always")
    assert found.state == "failed"
    assert why in found.why
    assert not (tmp_path / "always" / NAME).exists()


def test_a_length_that_promises_more_ends_with_the_whole_file(server: Mirror, tmp_path: Path) -> None:
    """A good server then says 416: nothing lies past what was received."""
    server.faults[PATH] = [mirror.say_length(50)]
    get(server, tmp_path)
    assert server.asked[1][1]["Range"] == f"bytes={len(warc(0))}-"


def test_a_file_that_is_truncated_at_its_source(server: Mirror, tmp_path: Path) -> None:
    server.files[PATH] = warc(0)[:-100]
    found = get(server, tmp_path)
    assert found.state == "failed"
    assert "twice the same" in found.why
    assert server.count(PATH) == 2
    assert not (tmp_path / NAME).exists()
    server.files[PATH] = warc(0)
    assert get(server, tmp_path).state == "fetched"


def test_every_member_is_checked_if_asked_for(server: Mirror, tmp_path: Path) -> None:
    damaged = bytearray(warc(0))
    damaged[2000] ^= 1
    server.files[PATH] = bytes(damaged)
    assert get(server, tmp_path / "ends").state == "fetched"
    found = get(server, tmp_path / "all", whole=True)
    assert found.state == "failed"
    assert "gzip" in found.why


def test_a_file_that_is_damaged_here_is_fetched_again_if_all_is_checked(
    server: Mirror, tmp_path: Path
) -> None:
    get(server, tmp_path)
    damaged = bytearray(warc(0))
    damaged[2000] ^= 1
    (tmp_path / NAME).write_bytes(damaged)
    assert get(server, tmp_path).state == "had"
    assert get(server, tmp_path, whole=True).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_server_is_asked_again(server: Mirror, tmp_path: Path, status: int) -> None:
    server.faults[PATH] = [refuse(status), refuse(status, Retry_After="0")]
    assert get(server, tmp_path).state == "fetched"
    assert server.count(PATH) == 3


def test_a_server_that_stays_busy_is_left_alone(server: Mirror, tmp_path: Path) -> None:
    server.always[PATH] = refuse(503)
    found = get(server, tmp_path)
    assert found.why == "HTTP 503 Service Unavailable (tried 4 times)"
    assert server.count(PATH) == 4


@pytest.mark.parametrize("value", ["86400", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_who_asks_for_a_day_is_not_asked_again(server: Mirror, tmp_path: Path, value: str) -> None:
    server.always[PATH] = refuse(503, Retry_After=value)
    found = get(server, tmp_path)
    assert found.state == "failed"
    assert "run the command again then" in found.why
    assert server.count(PATH) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_final(server: Mirror, tmp_path: Path, status: int) -> None:
    server.always[PATH] = refuse(status)
    found = get(server, tmp_path)
    assert found.state == "failed"
    assert f"HTTP {status}" in found.why
    assert server.count(PATH) == 1


def test_redirects_are_followed_not_for_ever(server: Mirror, tmp_path: Path) -> None:
    server.always[PATH] = refuse(302, Location="/elsewhere.warc.gz")
    server.files["elsewhere.warc.gz"] = warc(0)
    server.faults["elsewhere.warc.gz"] = [cut(100)]
    assert get(server, tmp_path).state == "fetched"
    assert server.asked[-1][1]["Range"] == "bytes=100-"
    server.always["elsewhere.warc.gz"] = refuse(307, Location=f"/{PATH}")
    found = get(server, tmp_path / "round")
    assert found.why == "more than 5 redirects"
    server.always[PATH] = refuse(301, Location="file:///etc/passwd")
    assert get(server, tmp_path / "file").why == "redirected from http to file"


def test_a_silent_server_is_asked_again(server: Mirror, tmp_path: Path) -> None:
    def silent(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"x")
        server.release.wait()

    server.faults[PATH] = [silent]
    assert get(server, tmp_path, timeout=0.1).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)


def test_a_server_that_dribbles_is_asked_again(server: Mirror, tmp_path: Path) -> None:
    def dribble(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        while not server.release.wait(0.02):
            request.wfile.write(b"x")
            request.wfile.flush()

    server.faults[PATH] = [dribble]
    shared = tools(server, timeout=0.1)
    assert download(PATH, open_place(tmp_path, NAME), shared).state == "fetched"  # type: ignore[union-attr]
    assert "less than 1024 bytes a second" in shared.display.stream.getvalue()  # type: ignore[attr-defined]


def test_chunked_bodies_and_their_cuts(server: Mirror, tmp_path: Path) -> None:
    def chunked(whole: bool) -> mirror.Fault:
        def fault(request: Request) -> None:
            request.send_response(200)
            request.send_header("Transfer-Encoding", "chunked")
            request.end_headers()
            request.wfile.write(b"%x\r\n%s\r\n" % (len(warc(0)), warc(0)))
            if whole:
                request.wfile.write(b"0\r\n\r\n")
            request.close_connection = True

        return fault

    server.faults[PATH] = [chunked(False), chunked(True)]
    assert get(server, tmp_path).state == "fetched"
    assert server.count(PATH) == 2
    assert (tmp_path / NAME).read_bytes() == warc(0)


def test_content_encoding_does_not_unpack_the_file(server: Mirror, tmp_path: Path) -> None:
    server.always[PATH] = lambda request: request.answer(200, warc(0), Content_Encoding="gzip")
    assert get(server, tmp_path).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)


def test_another_file_under_the_name_is_not_touched(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"mine")
    found = get(server, tmp_path)
    assert found.state == "failed"
    assert "move it away" in found.why
    assert (tmp_path / NAME).read_bytes() == b"mine"
    (tmp_path / NAME).write_bytes(warc(0))
    assert get(server, tmp_path).state == "had"
    robots = PATH.replace("/warc/", "/robotstxt/")
    found = download(robots, open_place(tmp_path, NAME), tools(server))
    assert found is not None
    assert "use another --out" in str(found.why)


@pytest.mark.parametrize(
    "left",
    [
        State(url="http://elsewhere/other.gz", mark='"x"', size=10),
        State(url="", mark=None, size=None),
        None,
    ],
)
def test_a_part_of_something_else_is_not_continued(
    server: Mirror, tmp_path: Path, left: State | None
) -> None:
    place = open_place(tmp_path, NAME)
    place.part.write_bytes(b"x" * 100)
    if left is not None:
        note(place, left)
    else:
        place.note.write_bytes(b"torn{")
    assert get(server, tmp_path).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)


def test_a_part_longer_than_the_file_is_thrown_away(server: Mirror, tmp_path: Path) -> None:
    server.faults[PATH] = [cut(3000)]
    assert get(server, tmp_path, tries=1).state == "failed"
    place = open_place(tmp_path, NAME)
    assert place.part.stat().st_size == 3000
    assert known(place) is not None
    with open(place.part, "ab") as file:
        file.write(b"x" * 100_000)
    assert get(server, tmp_path).state == "fetched"
    assert (tmp_path / NAME).read_bytes() == warc(0)


def test_a_file_that_another_command_has_is_left_or_waited_for(server: Mirror, tmp_path: Path) -> None:
    place = open_place(tmp_path, NAME)
    with locked(place, wait=False) as mine:
        assert mine
        with locked(place, wait=False) as again:
            assert not again
        assert download(PATH, place, tools(server), wait=False) is None
    assert not place.lock.exists()
    found = download(PATH, place, tools(server), wait=False)
    assert found is not None


def test_a_proxy_of_the_environment_is_used(
    server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.base)
    monkeypatch.setenv("no_proxy", "")
    server.files[f"http://data.example/{PATH}"] = warc(0)
    shared = tools(server, base="http://data.example/")
    found = download(PATH, open_place(tmp_path, NAME), shared)
    assert found is not None
    assert found.state == "fetched"


def test_a_small_file_is_read_into_memory(server: Mirror) -> None:
    server.faults["collinfo.json"] = [cut(10)]
    assert json.loads(read_small("collinfo.json", tools(server)))[0]["id"] == CRAWL
    with pytest.raises(Gone):
        read_small("nothing", tools(server))
