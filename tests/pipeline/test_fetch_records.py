"""Single records by the lines of an index: asked for together, checked one by one, listed whatever became of them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from pipeline.errors import UsageError
from pipeline.fetch import ranges
from pipeline.fetch.cdx import LARGEST, Unread, Wanted, read_cdx, read_cdx_file
from pipeline.fetch.download import Tools
from pipeline.fetch.patience import Patience
from pipeline.fetch.ranges import merge, place_of, portions, unique
from pipeline.fetch.record_check import record_fault
from pipeline.fetch.records import Outcome, cost, fetch_records, receive_range
from pipeline.fetch.source import PastEnd, Refused
from tests.pipeline import mirror
from tests.pipeline.conftest import ROOT, sluice
from tests.pipeline.mirror import Mirror, Request, noise, page, record, refuse, serving
from tests.pipeline.test_fetch import QUICK, listing, tools

BIG = "crawl-data/CC-MAIN-2024-10/segments/1.0/warc/big.warc.gz"
SMALL = "crawl-data/CC-MAIN-2024-10/segments/2.0/warc/small.warc.gz"


def digest_of(text: object) -> str:
    return base64.b32encode(hashlib.sha1(str(text).encode()).digest()).decode()


def build() -> tuple[dict[str, bytes], list[Wanted]]:
    """Two WARC files, and a line of an index for each record; every fifth page stands in both."""
    files: dict[str, bytes] = {}
    found: list[Wanted] = []
    for path, count in ((BIG, 40), (SMALL, 10)):
        data = b""
        for number in range(count):
            name = f"both {number}" if number % 5 == 0 else f"{path} {number}"
            member = record(number, page(name, 3000), digest_of(name))
            found.append(
                Wanted(
                    file=path,
                    offset=len(data),
                    length=len(member),
                    digest=digest_of(name),
                    url=f"http://example.com/{name}",
                )
            )
            data += member
        files[path] = data
    return files, found


FILES, ALL = build()


@pytest.fixture
def server() -> Iterator[Mirror]:
    with serving() as running:
        running.files |= FILES
        yield running


def rows(folder: Path, outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / outcome.listing).read_text().splitlines()]


def check(folder: Path, outcome: Outcome, files: dict[str, bytes] = FILES) -> list[dict[str, Any]]:
    """Every row of the listing tells the truth, and the WARC files hold what the rows say and nothing else."""
    listed = rows(folder, outcome)
    held: dict[str, set[tuple[int, int]]] = {name: set() for name in outcome.warcs}
    for row in listed:
        if row["state"] == "fetched":
            held[row["warc_file"]].add((row["warc_offset"], row["warc_length"]))
            data = (folder / row["warc_file"]).read_bytes()
            there = data[row["warc_offset"] : row["warc_offset"] + row["warc_length"]]
            assert there == files[row["file"]][row["offset"] : row["offset"] + row["length"]]
    for name, spans in held.items():
        at = 0
        for offset, length in sorted(spans):
            assert offset == at
            at += length
        assert at == (folder / name).stat().st_size
        with open(folder / name, "rb") as file:
            assert sum(1 for _ in ArchiveIterator(file)) == len(spans)
    return listed


def line(one: Wanted, form: str = "cdxj") -> str:
    fields = {
        "url": one.url,
        "mime": "text/html",
        "status": "200",
        "digest": one.digest,
        "length": str(one.length),
        "offset": str(one.offset),
        "filename": one.file,
    }
    if form == "json":
        return json.dumps({"urlkey": "com,example)/", "timestamp": "20240220211055", **fields})
    if form == "cdxj":
        return f"com,example)/ 20240220211055 {json.dumps(fields)}"
    url = str(one.url).replace(" ", "%20")
    return f"com,example)/ 20240220211055 {url} text/html 200 {one.digest} - - {one.length} {one.offset} {one.file}"


# reading an index


def test_the_three_forms_of_a_line() -> None:
    for form in ("cdxj", "json", "cdx"):
        lines = [" CDX N b a m s k r M S V g", "", *(line(one, form) for one in ALL[:5])]
        found = list(read_cdx(lines))
        assert [place_of(one) for one in found if isinstance(one, Wanted)] == [
            place_of(one) for one in ALL[:5]
        ]
        assert [one.digest for one in found if isinstance(one, Wanted)] == [one.digest for one in ALL[:5]]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("garbage", "neither JSON nor 11 fields"),
        ('{"filename": "a.warc.gz"}', "offset"),
        ('{"filename": "../../etc/passwd", "offset": 1, "length": 2}', "no path"),
        ('{"filename": "http://evil/a", "offset": 1, "length": 2}', "no path"),
        ('{"filename": "a.gz", "offset": -1, "length": 2}', "no range"),
        ('{"filename": "a.gz", "offset": 1, "length": 0}', "no range"),
        ('{"filename": "a.gz", "offset": "1e3", "length": 9}', "no range"),
        ('{"filename": "a.gz", "offset": "9999999999999999999", "length": 9}', "no range"),
        (f'{{"filename": "a.gz", "offset": 1, "length": {LARGEST + 1}}}', "more than"),
        ('{"filename": "a.gz", "offset": 1, "length": 2', "truncated"),
    ],
)
def test_lines_that_name_no_record(text: str, why: str) -> None:
    found = list(read_cdx([line(ALL[0]), text]))
    assert isinstance(found[1], Unread)
    assert why in found[1].why
    assert found[1].line == 2


@given(st.lists(st.text(max_size=120), max_size=5))
def test_any_text_is_read_or_told(lines: list[str]) -> None:
    lines = [text for text in lines if not text.strip().startswith("CDX ")]
    assert all(isinstance(one, Unread | Wanted) for one in read_cdx(lines))


def test_files_of_lines(tmp_path: Path) -> None:
    plain = tmp_path / "a.cdxj"
    plain.write_text("\n".join(map(line, ALL)))
    packed = tmp_path / "a.cdxj.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_cdx_file(str(packed)) == read_cdx_file(str(plain))
    plain.write_text("nothing\n")
    for path, said in ((str(plain), "line 1"), ("/nowhere", "No such file")):
        with pytest.raises(UsageError, match=said):
            read_cdx_file(path)
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UsageError):
        read_cdx_file(str(packed))
    plain.write_text(" CDX N b a\n")
    with pytest.raises(UsageError, match="not 'N b a m s k r M S V g'"):
        read_cdx_file(str(plain))


# planning


def want(
    offset: int, length: int = 10, file: str = "a.gz", digest: str | None = None, revisit: bool = False
) -> Wanted:
    return Wanted(file=file, offset=offset, length=length, digest=digest, revisit=revisit)


def test_close_records_share_a_request() -> None:
    near = [want(0), want(10), want(25), want(200), want(0, file="b.gz")]
    assert [(one.file, one.start, one.stop, len(one.records)) for one in merge(near, gap=5)] == [
        ("a.gz", 0, 35, 3),
        ("a.gz", 200, 210, 1),
        ("b.gz", 0, 10, 1),
    ]
    assert len(merge(near, gap=0)) == 4
    long = [want(0, 10 << 20), want(10 << 20, 10 << 20)]
    assert len(merge(long)) == 2
    assert merge([]) == []


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 500), st.integers(1, 40)), max_size=40),
    st.integers(0, 50),
)
def test_every_record_is_in_one_request(places: list[tuple[str, int, int]], gap: int) -> None:
    chosen = sorted(
        {
            place_of(want(offset, length, file)): want(offset, length, file)
            for file, offset, length in places
        }.items()
    )
    found = merge([one for _, one in chosen], gap)
    assert [place_of(inside) for one in found for inside in one.records] == [key for key, _ in chosen]
    for one in found:
        assert all(
            one.start <= inside.offset and inside.offset + inside.length <= one.stop for inside in one.records
        )


def test_equal_digests_are_asked_for_once() -> None:
    first, again, other, bare = want(0, digest="A"), want(50, digest="A"), want(90, digest="B"), want(99)
    revisit = want(3, digest="A", revisit=True)
    found = unique([revisit, again, first, other, bare])
    assert found[place_of(first)] == found[place_of(revisit)] == found[place_of(again)] == again
    assert found[place_of(other)] == other
    assert found[place_of(bare)] == bare
    assert unique([revisit])[place_of(revisit)] == revisit
    kept = unique([revisit, again, first], repeats=True)
    assert all(place_of(one) == key for key, one in kept.items())


def test_portions_depend_on_records_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "PORTION_BYTES", 100)
    monkeypatch.setattr(ranges, "PORTION_RECORDS", 4)
    chosen = [want(number * 10) for number in range(10)]
    assert portions(chosen) == portions(reversed(chosen))
    assert [len(part) for part in portions(chosen)] == [4, 4, 2]
    assert [len(part) for part in portions([want(0, 60), want(60, 60), want(120, 500), want(700)])] == [
        1,
        1,
        1,
        1,
    ]
    assert portions([]) == []


def test_cost_asks_nobody() -> None:
    found = cost(ALL)
    assert (found.wanted, found.records, found.files) == (50, 48, 2)
    assert found.requests == 2
    assert found.bytes <= sum(map(len, FILES.values()))
    assert cost(ALL, repeats=True).records == 50
    assert cost(ALL, gap=0).requests > 2


# what is a record


def test_record_faults() -> None:
    good = record(1, page("x"), digest_of("x"))
    assert record_fault(good) is None
    assert record_fault(good, digest_of("x")) is None
    for data, why in (
        (good[:-1], "cut inside"),
        (good[:20], "cut inside"),
        (b"", "cut inside"),
        (good + b"x", "1 bytes after"),
        (good + good, "bytes after"),
        (good[1:], "no whole gzip member"),
        (gzip.compress(b"<html>"), "no WARC record"),
        (gzip.compress(b""), "no WARC record"),
        (gzip.compress(b"WAR"), "no WARC record"),
        (good[:-5] + bytes(5), "no whole gzip member"),
    ):
        assert why in str(record_fault(data)), why
    assert "another record" in str(record_fault(good, digest_of("y")))


def test_a_small_member_of_a_large_record_takes_no_memory() -> None:
    bomb = gzip.compress(b"WARC/1.0\r\n\r\n" + bytes(300 << 20), compresslevel=1)
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20)); "
    code = (
        limit
        + "from pipeline.fetch.record_check import record_fault as fault; print(fault(sys.stdin.buffer.read()))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=bomb, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.strip() == b"None"


# fetching


def test_records_arrive_listed_and_whole(server: Mirror, tmp_path: Path) -> None:
    outcome = fetch_records(ALL, tmp_path, tools(server), 4)
    assert outcome.counts == {"fetched": 48, "repeat": 2, "failed": 0}
    listed = check(tmp_path, outcome)
    assert [row["offset"] for row in listed] == [one.offset for one in ALL]
    for row in listed:
        if row["state"] == "repeat":
            twin = next(other for other in listed if other["digest"] == row["digest"])
            assert (row["warc_file"], row["warc_offset"]) == (twin["warc_file"], twin["warc_offset"])
    asked = len(server.asked)
    assert asked == 2
    assert fetch_records(ALL, tmp_path, tools(server), 4) == outcome
    assert len(server.asked) == asked


def test_the_same_bytes_whatever_the_connections_and_the_gap(server: Mirror, tmp_path: Path) -> None:
    made = []
    for number, (connections, gap) in enumerate([(1, 0), (8, 0), (3, 1 << 20)]):
        folder = tmp_path / str(number)
        fetch_records(ALL[::2], folder, tools(server), connections, gap=gap)
        made.append(listing(folder))
    assert made[0] == made[1] == made[2]


def test_several_output_files(server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "PORTION_RECORDS", 7)
    outcome = fetch_records(ALL, tmp_path, tools(server), 2)
    assert len(outcome.warcs) == 7
    check(tmp_path, outcome)


def test_cuts_and_refusals_on_the_way(server: Mirror, tmp_path: Path) -> None:
    server.faults[BIG] = [mirror.cut(100), refuse(503, Retry_After="0"), mirror.drop]
    server.faults[SMALL] = [refuse(429)]
    outcome = fetch_records(ALL, tmp_path, tools(server), 2)
    assert outcome.counts["failed"] == 0
    check(tmp_path, outcome)


def test_a_server_without_ranges_is_told(server: Mirror, tmp_path: Path) -> None:
    server.always[BIG] = mirror.ignore_range
    outcome = fetch_records(ALL[3:6], tmp_path, tools(server), 2)
    assert outcome.counts["failed"] == 3
    assert "no ranges" in str(outcome.failed[0].why)
    assert outcome.warcs == []


def test_what_failed_is_had_later_and_nothing_else_is_asked_for(server: Mirror, tmp_path: Path) -> None:
    whole = fetch_records(ALL, tmp_path / "clean", tools(server), 2, gap=0)
    server.always[SMALL] = refuse(404)
    first = fetch_records(ALL, tmp_path / "out", tools(server), 2, gap=0)
    assert first.counts["failed"] == 8
    assert all("HTTP 404" in str(row.why) for row in first.failed)
    check(tmp_path / "out", first)
    del server.always[SMALL]
    server.asked.clear()
    assert fetch_records(ALL, tmp_path / "out", tools(server), 2, gap=0) == whole
    assert {path for path, _ in server.asked} == {SMALL}
    assert listing(tmp_path / "out") == listing(tmp_path / "clean")


def test_a_repeat_of_what_failed_failed(server: Mirror, tmp_path: Path) -> None:
    server.always[BIG] = refuse(404)
    listed = rows(tmp_path, fetch_records(ALL, tmp_path, tools(server), 2))
    twins = [row for row in listed if row["file"] == SMALL and "of equal digest" in row.get("why", "")]
    assert len(twins) == 2


def test_damage_costs_one_record(server: Mirror, tmp_path: Path) -> None:
    data = bytearray(FILES[BIG])
    data[ALL[7].offset + 200] ^= 255
    server.files[BIG] = bytes(data)
    wrong = [
        *ALL[:41],
        Wanted(file=BIG, offset=ALL[3].offset + 1, length=50),
        Wanted(file=BIG, offset=ALL[3].offset, length=ALL[3].length - 5),
        Wanted(file=BIG, offset=len(data) - 10, length=50),
        Wanted(file=BIG, offset=len(data) + 10_000_000, length=50),
        Wanted(file=SMALL, offset=ALL[41].offset, length=ALL[41].length, digest=digest_of("other")),
    ]
    outcome = fetch_records(wrong, tmp_path, tools(server), 2)
    assert [row.why and row.why[:20] for row in outcome.failed] == [
        "no whole gzip member",
        "no whole gzip member",
        "cut inside its gzip ",
        f"the file ends at {len(data)}"[:20],
        f"the file ends at {len(data)}"[:20],
        "another record than ",
    ]
    assert outcome.failed[0].offset == ALL[7].offset


def test_lines_that_say_nothing_are_listed(server: Mirror, tmp_path: Path) -> None:
    outcome = fetch_records([ALL[0], Unread(line=2, why="garbage")], tmp_path, tools(server), 2)
    assert rows(tmp_path, outcome)[1] == {"state": "failed", "line": 2, "why": "garbage"}


def test_a_damaged_output_is_made_again(server: Mirror, tmp_path: Path) -> None:
    outcome = fetch_records(ALL, tmp_path, tools(server), 2)
    clean = listing(tmp_path)
    path = tmp_path / outcome.warcs[0]
    data = bytearray(path.read_bytes())
    data[999] ^= 1
    for wrong, whole in ((bytes(data), True), (bytes(data[:-1]), False)):
        path.write_bytes(wrong)
        fetch_records(ALL, tmp_path, tools(server, whole=whole), 2)
        assert listing(tmp_path) == clean


def test_a_range_is_received_whole_or_not(server: Mirror) -> None:
    def ask(start: int, stop: int) -> bytes:
        return receive_range(ranges.Range(file=SMALL, start=start, stop=stop, records=()), tools(server))

    data = FILES[SMALL]
    assert ask(5, 50) == data[5:50]
    assert ask(0, len(data) + 100) == data
    with pytest.raises(PastEnd):
        ask(len(data), len(data) + 1)
    server.files[SMALL] = b""
    with pytest.raises(Refused):
        ask(5, 6)


def test_refusals_in_a_row_end_the_asking(server: Mirror, tmp_path: Path) -> None:
    server.always[BIG] = refuse(403)
    quick = tools(server)
    once = Tools(source=quick.source, gate=quick.gate, patience=Patience(tries=1), display=quick.display)
    outcome = fetch_records(ALL[:40:2], tmp_path, once, 2, gap=0)
    assert outcome.counts["failed"] == 20
    assert len(server.asked) <= 10
    assert "not asked for" in str(outcome.failed[-1].why)


# the command


def cdx_file(folder: Path, lines: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lines.cdxj").write_text("\n".join(lines))
    return folder / "lines.cdxj"


def test_the_command(server: Mirror, tmp_path: Path) -> None:
    lines = cdx_file(tmp_path, [*map(line, ALL), "garbage"])
    words = ["fetch", "--cdx", lines, "--base", server.base, *QUICK]
    dry = sluice(*words, "--dry-run", "--json", check=False)
    assert dry.returncode == 3
    planned = json.loads(dry.stdout)
    assert (planned["wanted"], planned["records"], planned["requests"], planned["unread"]) == (50, 48, 2, 1)
    assert not server.asked
    done = sluice(*words, "--out", tmp_path / "out", "--json", check=False)
    assert done.returncode == 3
    assert "line 51: neither JSON nor 11 fields" in done.stderr
    told = json.loads(done.stdout)
    assert (told["fetched"], told["repeat"], told["failed"]) == (48, 2, 1)
    printed = sluice(*words, "--out", tmp_path / "out", check=False).stdout.splitlines()
    assert printed == [str(tmp_path / "out" / name) for name in [*told["warcs"], told["listing"]]]
    read = sluice("records", tmp_path / "out" / told["warcs"][0]).stdout.splitlines()
    assert len(read) == 48


def test_lines_from_standard_input(server: Mirror, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "pipeline",
        "fetch",
        "--cdx",
        "-",
        "--base",
        server.base,
        "--out",
        str(tmp_path),
        *QUICK,
    ]
    text = "\n".join(line(one, "json") for one in ALL[:3])
    done = subprocess.run(words, input=text, cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_at_any_request_it_ends_with_the_same_bytes(
    server: Mirror, tmp_path: Path, number: signal.Signals
) -> None:
    lines = cdx_file(tmp_path, [line(one) for one in ALL[::2]])
    words = ["fetch", "--cdx", str(lines), "--base", server.base, *QUICK, "--gap", "0", "--connections", "2"]
    sluice(*words, "--out", tmp_path / "clean")
    total = len(server.asked)
    out = tmp_path / "out"
    victim: list[subprocess.Popen[bytes]] = []
    left = [2, 4, 6]  # requests after which the server kills its client

    def kill(request: Request) -> None:
        with server.lock:
            due = bool(left) and len(server.asked) >= left[0]
            if due:
                left.pop(0)
                server.asked.clear()
        if due:
            os.kill(victim[-1].pid, number)
            victim[-1].wait()
        request.serve(FILES[request.path.lstrip("/")])

    server.always = {BIG: kill, SMALL: kill}
    while left:
        server.asked.clear()
        with server.lock:
            line_ = [sys.executable, "-m", "pipeline", *words, "--out", str(out)]
            victim.append(
                subprocess.Popen(line_, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            )
        assert victim[-1].wait(60) == (-9 if number == signal.SIGKILL else 128 + number)
        assert not list(out.glob("*.jsonl"))
    server.asked.clear()
    server.always = {}
    sluice(*words, "--out", out)
    asked = len(server.asked)
    assert listing(out) == listing(tmp_path / "clean")
    assert asked < total


def test_two_at_once_in_one_folder(server: Mirror, tmp_path: Path) -> None:
    lines = cdx_file(tmp_path, [line(one) for one in ALL])
    words = [
        "fetch",
        "--cdx",
        str(lines),
        "--base",
        server.base,
        *QUICK,
        "--gap",
        "0",
        "--out",
        str(tmp_path / "out"),
    ]
    both = [
        subprocess.Popen([sys.executable, "-m", "pipeline", *words], cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    printed = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert printed[0] == printed[1]
    assert len(server.asked) == cost(ALL, gap=0).requests


def test_noise_is_the_same_every_time() -> None:
    """The fixtures themselves: two builds of the mirror are equal, so digests may be compared between runs."""
    assert build() == (FILES, ALL)
    assert len(noise("x", 100)) == 100
    assert io.BytesIO(FILES[BIG]).read(2) == b"\x1f\x8b"
