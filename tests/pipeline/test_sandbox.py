"""Extraction in killable children: hostile pages lose only themselves, in bounded time and memory."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.extraction import EXTRACTORS, Extraction
from pipeline.sandbox import Failure, Page, Sandbox
from pipeline.zygote import PROGRESS_SIZE, Progress

# An extractor that does what the page says. It sleeps in C with the interpreter's lock held: no signal handler runs.
HOSTILE = """
import ctypes, os, time
from pipeline.extraction import Extraction
held = []
def extract(html, url, **options):
    word, _, rest = html.partition(":")
    if word == "abort": os.abort()
    if word == "exit": os._exit(3)
    if word == "segfault": ctypes.string_at(0)
    if word == "hang": ctypes.PyDLL(None).sleep(600)
    if word == "sleep": time.sleep(float(rest))
    if word == "work":
        while time.process_time() < float(rest): pass
    if word == "memory": bytearray(int(rest))
    if word == "leak": held.append(bytearray(int(rest)))
    if word == "fork": os.fork()
    if word == "daemon" and os.fork() == 0: time.sleep(600)
    if word == "raise": raise ValueError(rest)
    if word == "long": return Extraction(rest * 1_000_000)
    if word == "surrogate": return Extraction("a\\ud800b", "\\udfff", others=[{"text": "\\ud800"}])
    if word == "options": return Extraction(repr(options))
    if word == "pid": return Extraction(str(os.getpid()))
    if word == "seed": return Extraction(repr(os.environ.get("PYTHONHASHSEED")) + time.tzname[0])
    return Extraction(html, url)
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "hostile_extractor.py").write_text(HOSTILE)
    sys.path.append(str(folder))
    yield "hostile_extractor:extract"
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def sandbox(target: str) -> Iterator[Sandbox]:
    with Sandbox(target, timeout=0.5, memory=256 << 20) as made:
        yield made


def pages(*html: str) -> list[Page]:
    return [Page(text, f"http://example.com/{number}") for number, text in enumerate(html)]


# Seconds. Hostile pages hold a parser for minutes; how closely the limit is kept depends on what else the machine does,
# and `benchmarks/hostile_pages.py` measures it.
SOON = 20


def outcome(results: list[Extraction | Failure]) -> list[str]:
    return [result.kind if isinstance(result, Failure) else result.text for result in results]


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(process: int) -> bool:
    limit = time.monotonic() + 10
    while alive(process) and time.monotonic() < limit:
        time.sleep(0.02)  # there is no event to wait for: the process belongs to nobody here
    return not alive(process)


def test_results_come_back_in_order(sandbox: Sandbox) -> None:
    results = sandbox.extract(pages(*(f"page {number} é" for number in range(300))))
    assert outcome(results) == [f"page {number} é" for number in range(300)]
    assert results[7] == Extraction("page 7 é", "http://example.com/7")
    assert sandbox.extract([]) == []


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        ("abort:", "crash"),
        ("exit:", "crash"),
        ("segfault:", "crash"),
        ("hang:", "timeout"),
        ("sleep:600", "timeout"),
        (f"memory:{1 << 30}", "memory"),
        ("raise:no", "extractor_error"),
    ],
)
def test_a_hostile_page_loses_only_itself(sandbox: Sandbox, page: str, kind: str) -> None:
    assert outcome(sandbox.extract(pages("a", "b", page, "c"))) == ["a", "b", kind, "c"]
    assert outcome(sandbox.extract(pages(page, page))) == [kind, kind]
    assert outcome(sandbox.extract(pages("d"))) == ["d"]


def test_messages_say_what_happened(sandbox: Sandbox) -> None:
    results = sandbox.extract(pages("abort:", "exit:", "hang:", f"memory:{1 << 30}", "raise:details"))
    messages = [result.message for result in results if isinstance(result, Failure)]
    for part, message in zip(
        ("SIGABRT", "status 3", "0.5 s", "256 MiB", "ValueError: details"), messages, strict=True
    ):
        assert part in message


def test_the_time_limit_holds(sandbox: Sandbox) -> None:
    sandbox.extract(pages("warm"))
    start = time.monotonic()
    assert outcome(sandbox.extract(pages("hang:", "a"))) == ["timeout", "a"]
    assert time.monotonic() - start < SOON
    # It is a limit for a page: many that stay below it may take longer together.
    assert "timeout" not in outcome(sandbox.extract(pages(*["sleep:0.1"] * 8)))


FROZEN = """
import os, sys
sys.path.append(sys.argv[1])
from pipeline.sandbox import Failure, Page, Sandbox
with Sandbox("hostile_extractor:extract", timeout=0.5) as sandbox:
    sandbox.extract([Page("warm", "")])
    print(sandbox.process_id, flush=True)
    found = sandbox.extract([Page(sys.argv[2], "")])
    print([result.kind if isinstance(result, Failure) else result.text for result in found])
"""


def at_work(zygote: int) -> int:
    """The child of a zygote that has worked for 0.1 s."""
    children = Path(f"/proc/{zygote}/task/{zygote}/children")
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        for child in children.read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                if int(fields[11]) >= os.sysconf("SC_CLK_TCK") // 10:  # proc(5): utime
                    return int(child)
        time.sleep(0.001)  # there is no event to wait for
    raise AssertionError("no child works")


@pytest.mark.parametrize(("page", "charged"), [("work:0.4", False), ("work:1.75", True)])
def test_a_machine_that_stood_still_fails_no_page(target: str, page: str, charged: bool) -> None:
    """Stop reader, zygote and child for three times the limit, the child amid a page that stays below it.

    Where the machine's clocks went on, the page is charged for that time: only the reader is stopped.
    """
    reader = subprocess.Popen(
        [sys.executable, "-c", FROZEN, sys.path[-1], page], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    zygote = int(reader.stdout.readline())
    child = at_work(zygote)
    frozen = [reader.pid] if charged else [reader.pid, zygote, child]
    for process in frozen:
        os.kill(process, signal.SIGSTOP)
    time.sleep(1.5)
    for process in frozen:  # the reader first
        os.kill(process, signal.SIGCONT)
        time.sleep(0.1)
    assert reader.stdout.read() == f"['{page}']\n"
    assert reader.wait(60) == 0


def test_progress_that_is_being_written_is_not_read() -> None:
    with mmap.mmap(-1, PROGRESS_SIZE) as shared:
        assert Progress.read(shared) is None
        noted = Progress(7, 12.5, 0.25, 4321)
        noted.write(shared)
        assert Progress.read(shared) == noted
        for part in (8, 16, 24):  # half written, over zeros
            noted.write(shared)
            shared[part:32] = bytes(32 - part)
            assert Progress.read(shared) is None


def test_a_late_page_that_waits_is_given_a_moment(sandbox: Sandbox) -> None:
    """For a disk, or for us; what waits on is killed."""
    assert outcome(sandbox.extract(pages("sleep:0.6", "sleep:600", "a"))) == ["sleep:0.6", "timeout", "a"]


def test_a_page_does_not_fail_for_what_others_left_behind(sandbox: Sandbox) -> None:
    leaks = [f"leak:{100 << 20}"] * 6
    assert outcome(sandbox.extract(pages(*leaks))) == leaks


def test_forking_extractors(sandbox: Sandbox) -> None:
    assert outcome(sandbox.extract(pages("a", "fork:", "b", "fork:", "c"))) == [
        "a",
        "fork:",
        "b",
        "fork:",
        "c",
    ]
    start = time.monotonic()
    assert outcome(sandbox.extract(pages("daemon:", "b"))) == ["daemon:", "b"]
    assert time.monotonic() - start < SOON  # nobody waits for what it left running


def test_large_results_do_not_block(sandbox: Sandbox) -> None:
    results = sandbox.extract(pages(*["long:x"] * 40))
    assert [len(text) for text in outcome(results)] == [1_000_000] * 40


def test_results_are_valid_text(sandbox: Sandbox) -> None:
    (result,) = sandbox.extract(pages("surrogate:"))
    assert isinstance(result, Extraction)
    assert result.text.encode() == b"a?b"
    assert result.others == [{"text": "?"}]


def test_every_batch_starts_from_the_same_process_and_settings(sandbox: Sandbox, target: str) -> None:
    first, second = outcome(sandbox.extract(pages("pid:", "pid:")))
    assert first == second
    assert outcome(sandbox.extract(pages("pid:"))) != [first]
    assert outcome(sandbox.extract(pages("seed:"))) == ["'0'UTC"]
    with Sandbox(target, {"favor": "recall"}) as made:
        assert outcome(made.extract(pages("options:"))) == ["{'favor': 'recall'}"]


def test_an_extractor_that_cannot_be_loaded_is_an_error() -> None:
    with Sandbox("no_such_module:extract") as made, pytest.raises(RuntimeError, match="no_such_module"):
        made.extract(pages("a"))


def test_a_lost_zygote_is_started_again(target: str) -> None:
    with Sandbox(target, timeout=5) as made:
        made.extract(pages("a"))
        assert made.process_id is not None
        os.kill(made.process_id, signal.SIGKILL)
        assert outcome(made.extract(pages("b", "c"))) == ["b", "c"]


def test_close_ends_the_zygote(target: str) -> None:
    made = Sandbox(target)
    made.extract(pages("a"))
    process = made.process_id
    made.close()
    assert process is not None
    assert wait_until_gone(process)
    assert outcome(made.extract(pages("b"))) == ["b"]  # it starts again
    made.close()


@pytest.mark.parametrize("page", ["quiet:", "hang:"])
def test_zygote_and_child_die_with_their_worker(target: str, page: str) -> None:
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "import threading\n"
        "from pipeline.sandbox import Page, Sandbox\n"
        f"made = Sandbox({target!r}, timeout=100)\n"
        "child = made.extract([Page('pid:', '')])[0].text\n"
        f"threading.Thread(target=made.extract, args=([Page({page!r}, '')],), daemon=True).start()\n"
        "print(made.process_id, flush=True)\n"
        "threading.Event().wait()\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    zygote = int(worker.stdout.readline())
    worker.kill()
    worker.wait()
    worker.stdout.close()
    assert wait_until_gone(zygote)
    assert all(wait_until_gone(process) for process in in_session(zygote))


def in_session(leader: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                found.append(int(path.parent.name))
    return found


def test_several_sandboxes_at_once(target: str) -> None:
    found: dict[int, list[str]] = {}

    def work(number: int) -> None:
        with Sandbox(target, timeout=1) as made:
            found[number] = outcome(made.extract(pages(f"page {number}", "abort:", *["x"] * 50)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [f"page {number}", "crash", *["x"] * 50] for number in range(4)}


SENTENCE = (
    "<p>On day {} the weather was fine and so we went for a long walk along the river, from the old mill to the bridge "
    "that the village had built after the flood, where we sat and ate what was left of the bread and of the cheese.</p>"
)
ARTICLE = "".join(SENTENCE.format(number) for number in range(12))
GOOD = f"<html lang='en-GB'><head><title> A  walk </title></head><body><article>{ARTICLE}</article></body></html>"
HOSTILE_PAGES = {
    "200,000 attributes": "<html><body><div "
    + " ".join(f"a{n}='1'" for n in range(200_000))
    + ">x</div></body></html>",
    "100,000 nested tags": "<html><body>" + "<div>" * 100_000 + "text",
    "unclosed script": "<html><body><p>text</p><script>" + "var a = 1;" * 500_000,
    "entities": "<html><body><p>" + "&amp;" * 900_000,
    "half open tags": "<html><body><p>" + "<" * 1_000_000,
}


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_real_extractors_meet_hostile_pages(extractor: str) -> None:
    options = {"extractors": [extractor], "favor": "precision", "comments": False}
    with Sandbox("pipeline.extraction:extract_page", options, timeout=1.0) as made:
        (expected,) = made.extract(pages(GOOD))
        assert isinstance(expected, Extraction)
        assert expected.text.count("along the river") == 12
        assert (expected.title, expected.language) == ("A walk", "en-GB")
        for name, html in HOSTILE_PAGES.items():
            start = time.monotonic()
            before, hostile, after = made.extract(pages(GOOD, html, GOOD))
            assert time.monotonic() - start < SOON, name
            assert (before, after) == (expected, expected), name
            assert isinstance(hostile, Extraction) or hostile.kind == "timeout", name


def test_a_busy_machine_decides_no_page_s_fate(target: str) -> None:
    """On one core wanted by others too, a page gets the processor time of its limit, however long that takes."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        with Sandbox(target, timeout=1.0) as made:
            made.extract(pages("fine"))
            started = time.monotonic()
            assert outcome(made.extract(pages("work:0.8"))) == ["work:0.8"]
            waited = time.monotonic() - started
            assert outcome(made.extract(pages("work:5", "fine"))) == ["timeout", "fine"]
    finally:
        os.sched_setaffinity(0, cores)
        for hog in hogs:
            hog.kill()
    assert waited > 1.0  # otherwise nothing was shown
