"""The pure rules of a fetch: which files, when to ask, what an answer means, what is whole."""

from __future__ import annotations

import gzip
import io
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cli.fetch import agent, bytes_of
from pipeline.errors import UsageError, UserError
from pipeline.fetch.crawls import is_path, list_path, local_names, read_crawls, read_paths
from pipeline.fetch.display import Display
from pipeline.fetch.ending import fault_of
from pipeline.fetch.http_source import content_range, validator
from pipeline.fetch.patience import Gate, Halted, Patience, pause, persist, retry_after
from pipeline.fetch.pool import Breaker, work
from pipeline.fetch.sampling import sample
from pipeline.fetch.source import Refused, Trouble
from tests.pipeline.mirror import noise, warc


@settings(deadline=None)
@given(total=st.integers(1, 600), count=st.integers(1, 600), seed=st.text(max_size=8))
def test_a_sample_grows_without_changing(total: int, count: int, seed: str) -> None:
    whole = sample(total, total, seed)
    assert sorted(whole) == list(range(total))
    assert sample(total, count, seed) == whole[:count]


@pytest.mark.parametrize("count", [2, 8, 64, 1024])
def test_a_sample_is_spread(count: int) -> None:
    total = 1 << 16
    drawn = sample(total, count, "CC-MAIN-2024-10\n0")
    assert len({position * count // total for position in drawn}) == count


def test_every_position_is_as_likely() -> None:
    counts = [0] * 10
    for seed in range(4000):
        counts[sample(10, 1, str(seed))[0]] += 1
    assert all(330 < count < 470 for count in counts), counts


def test_a_sample_of_nothing() -> None:
    assert sample(0, 5, "x") == sample(5, 0, "x") == []
    assert sample(1, 5, "x") == [0]


def test_waits_double_and_differ_between_files() -> None:
    patience = Patience(first=1.0, longest=60.0)
    for failures in range(1, 12):
        whole = min(2.0 ** (failures - 1), 60.0)
        drawn = {pause(patience, f"file {number}", failures) for number in range(50)}
        assert len(drawn) == 50
        assert all(whole / 2 <= wait <= whole for wait in drawn)
    assert pause(patience, "a", 3) == pause(patience, "a", 3)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 100.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 100.0),
        ("Sun, 06 Nov 1994 08:40:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        (None, None),
        ("٣", None),
        ("9" * 5000, 999999999999.0),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, 784111777 - 100) == seconds


class Clock:
    """A clock that stands still but for waiting."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False


def test_requests_and_bytes_keep_to_their_rates() -> None:
    clock = Clock()
    gate = Gate(byte_rate=1000, request_rate=4, clock=clock, sleep=clock.sleep)
    for _ in range(9):
        gate.request()
    assert clock.now == pytest.approx(1002.0)
    for _ in range(10):
        gate.took(500)
    assert clock.now == pytest.approx(1007.0)


def test_a_pause_that_a_server_asks_for_holds_for_all() -> None:
    clock = Clock()
    gate = Gate(clock=clock, sleep=clock.sleep)
    gate.hold(30)
    gate.hold(10)
    gate.request()
    assert clock.now == pytest.approx(1030.0)


def test_retry_after_is_waited_for() -> None:
    clock = Clock()
    gate = Gate(clock=clock, sleep=clock.sleep)
    errors = [Trouble("busy", wait=7.0), Trouble("busy")]

    def attempt() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert persist(attempt, "x", Patience(first=0.5), gate, lambda text: None) == "done"
    assert clock.waits[0] == 7.0
    assert 0.5 <= clock.waits[1] <= 1.0


def test_attempts_are_counted_in_a_row_without_progress() -> None:
    clock = Clock()
    gate = Gate(clock=clock, sleep=clock.sleep)
    calls: list[int] = []

    def attempt() -> None:
        calls.append(1)
        raise Trouble("cut", progress=len(calls) < 10)

    with pytest.raises(Refused, match="tried 3 times"):
        persist(attempt, "x", Patience(tries=3), gate, lambda text: None)
    assert len(calls) == 11


def test_a_stop_ends_every_wait() -> None:
    gate = Gate(request_rate=0.001)
    gate.request()
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(Halted):
            gate.request()
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    gate.stop()
    thread.join(5)
    assert ended.is_set()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_names_from_a_server_do_not_act_in_a_terminal(stream: io.StringIO) -> None:
    with Display(stream) as display:
        display.plan(2)
        display.begin("[/bold]\x1b]0;title\x07[red]", 100, 10)
        display.got("[/bold]\x1b]0;title\x07[red]", 5)
        display.say("[/bold]\x1b[2J\u202e")
        display.lost("nobody")
        display.end("[/bold]\x1b]0;title\x07[red]")
    said = stream.getvalue()
    assert "\x1b]0" not in said
    assert "\x1b[2J[" not in said
    assert "\u202e" not in said
    assert "[/bold]\\u001b[2J\\u202e" in said


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    with Display(stream, quiet=True) as display:
        display.say("x")
        display.got("x", 1)
    assert stream.getvalue() == ""


def test_a_breaker_opens_after_failures_in_a_row() -> None:
    breaker = Breaker(3)
    for failed in (True, True, False, True, True):
        breaker.count(failed)
    assert not breaker.open
    breaker.count(True)
    breaker.count(False)
    assert breaker.open
    assert "3 requests" in breaker.why


def test_a_job_that_raises_ends_all() -> None:
    gate = Gate()

    def run(job: int) -> int:
        if job == 3:
            raise UserError("full")
        gate.wait(30 if job > 3 else 0)
        return job

    with pytest.raises(UserError, match="full"):
        list(work(range(100), run, 2, gate))
    with pytest.raises(Halted):
        gate.wait(0)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bytes 5-9/10", (5, 10)),
        ("bytes 5-9/*", (5, None)),
        ("BYTES 0-0/1", (0, 1)),
        ("bytes */10", None),
        ("items 1-2/3", None),
        ("bytes a-b/c", None),
        ("bytes 5-9", None),
        ("", None),
        (None, None),
    ],
)
def test_content_range(value: str | None, found: tuple[int, int | None] | None) -> None:
    assert content_range(value) == found


def test_validators() -> None:
    assert validator('"a"', "Sun, 06 Nov 1994 08:49:37 GMT") == '"a"'
    assert validator('W/"a"', "Sun, 06 Nov 1994 08:49:37 GMT") == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert validator('W/"a"', None) is None
    assert validator(None, None) is None


def test_every_cut_of_a_file_is_found(tmp_path: Path) -> None:
    """At every byte: only a cut between two members leaves a whole file, which its length then tells."""
    data = warc(0)[:6000] + gzip.compress(b"WARC/1.0 last", mtime=0)
    data = gzip.compress(noise(1, 300), mtime=0) + gzip.compress(noise(2, 300), mtime=0)
    between = len(gzip.compress(noise(1, 300), mtime=0))
    path = tmp_path / "x"
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        for whole in (False, True):
            assert (fault_of(path, "x.gz", whole) is None) == (length in (between, len(data))), length


def test_ends_of_files(tmp_path: Path) -> None:
    path = tmp_path / "x"
    good = warc(0)
    for data, fault in (
        (good, None),
        (good + bytes(512), None),
        (good + b"garbage", "gzip member"),
        (b"<html>Slow down</html>", "not gzip"),
        (b"", "empty"),
        (
            gzip.compress(noise(0, 18 << 20), compresslevel=1, mtime=0),
            None,
        ),  # one member, longer than the tail
    ):
        path.write_bytes(data)
        for whole in (False, True):
            found = fault_of(path, "x.warc.gz", whole)
            assert (found is None) == (fault is None), (fault, found)
            assert fault is None or fault in str(found)
    assert fault_of(path, "x.txt") is None
    path.write_bytes(b"PAR1 but no more")
    assert "Parquet" in str(fault_of(path, "x.gz.parquet"))


def test_paths_that_could_lead_out_are_none() -> None:
    assert is_path("crawl-data/CC-MAIN-2024-10/segments/1707947473347.0/warc/CC-MAIN-1-00000.warc.gz")
    for text in (
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a/./b",
        "a\\b",
        "a\0",
        "a b",
        "a\nb",
        "ä",
        "a%2e",
        "~/a",
    ):
        assert not is_path(text), text
    with pytest.raises(UsageError, match="one of warc"):
        list_path("CC-MAIN-2024-10", "arc")


def test_lists_of_paths() -> None:
    assert read_paths(gzip.compress(b"a/b\nc/d\n"), "warc") == ["a/b", "c/d"]
    table = b"t/subset=warc/part-0.parquet\nt/subset=robotstxt/part-0.parquet\n"
    assert read_paths(gzip.compress(table), "cc-index-table") == ["t/subset=warc/part-0.parquet"]
    for packed, said in (
        (b"<html>", "damaged"),
        (gzip.compress(b"a/b\n")[:-4], "cut short"),
        (gzip.compress(b"a/b\na/b\n"), "twice"),
        (gzip.compress(b"a/b\n../c\n"), "line 2"),
    ):
        with pytest.raises(UserError, match=said):
            read_paths(packed, "warc")


def test_files_of_one_name_get_several() -> None:
    paths = ["s/1/warc/a.gz", "s/2/warc/a.gz", "s/2/warc/b.gz"]
    assert list(local_names(paths).values()) == ["1-a.gz", "2-a.gz", "b.gz"]


def test_crawls() -> None:
    found = read_crawls(
        b'[{"id": "CC-MAIN-2024-10", "from": "2024-02-20", "to": "2024-03-05", "x": [1]}, {"id": "A"}]'
    )
    assert [(crawl.id, crawl.from_, crawl.to) for crawl in found] == [
        ("CC-MAIN-2024-10", "2024-02-20", "2024-03-05"),
        ("A", "", ""),
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1000", 1000),
        ("20MB", 20_000_000),
        ("512KiB", 524288),
        ("1.5 G", 3 << 29),
        ("128KiB", 131072),
        ("0", 0),
    ],
)
def test_bytes_of(text: str, count: int) -> None:
    assert bytes_of(text, "--rate") == count


@pytest.mark.parametrize("text", ["", "fast", "-1", "1e400", "nan", "10 bananas", "inf"])
def test_no_bytes(text: str) -> None:
    with pytest.raises(UsageError, match="--rate"):
        bytes_of(text, "--rate")


def test_agent() -> None:
    assert agent(None).startswith("sluice")
    assert agent("me@example.com").endswith(" (me@example.com)")
    with pytest.raises(UsageError):
        agent("a\r\nHost: b")
