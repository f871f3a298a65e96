"""What people see: inert text, sizes and durations, progress as bars in a terminal and lines elsewhere."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.engine.task import Done, Failed, Progress, Task
from pipeline.ledger import Cost, Receipt
from pipeline.progress import Display, Meter, summary
from pipeline.show import duration, show_text, size
from pipeline.stages.stage import Shard
from tests.pipeline.conftest import ROOT, sluice


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07", "\\u001b]0;owned\\u0007"),
        ("\x1b[2J", "\\u001b[2J"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("a\u2028b\x00c", "a\\u2028b\\u0000c"),
        ("line\nline", "line\u23celine"),
        ("[bold]x[/b]", "[bold]x[/b]"),
        ("\U000e0041", "\\U000e0041"),
        (None, ""),
        ("é中", "é中"),
    ],
)
def test_nothing_acts_in_a_terminal(hostile: str | None, shown: str) -> None:
    assert show_text(hostile) == shown


def test_long_text_is_cut() -> None:
    assert show_text("x" * 1000, 10) == "x" * 10 + "…"


def test_units() -> None:
    assert [size(0), size(1023), size(1536), size(5 << 30)] == ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]
    assert [duration(0.25), duration(59), duration(61), duration(3661)] == [
        "0.2 s",
        "59 s",
        "1:01 min",
        "1:01 h",
    ]


def _task(name: str) -> Task:
    return Task(run="r", stage="extract", fingerprint="f", recipe=b"{}", shard=Shard(name=name, inputs=[]))


def _receipt(name: str) -> Receipt:
    cost = Cost(core_seconds=1.0, wall_seconds=1.0, bytes_in=2048, documents=100)
    counts: dict[str, int | dict[str, int]] = {"failed": {"timeout": 2, "crash": 1}}
    fields = {"inputs": [], "outputs": [], "histograms": {}, "values": {}}
    return Receipt(stage="extract", shard=name, key="k", fingerprint="f", counts=counts, cost=cost, **fields)  # type: ignore[arg-type]


def test_a_meter_counts_what_happened() -> None:
    meter = Meter("extract", 5, [_receipt("before")])
    meter.take(Progress(task=_task("a"), data={"documents": 40, "failed": 1}))
    assert "40 documents" in meter.describe()
    meter.take(Done(task=_task("a"), receipt=_receipt("a")))
    meter.take(Failed(task=_task("b"), reason="its worker died"))
    assert (meter.finished, meter.documents, meter.failed, meter.given_up) == (3, 100, 3, 1)
    line = meter.describe()
    assert "100 documents" in line
    assert "3 failed" in line
    assert "1 shards given up" in line
    assert " left" in line


def test_plain_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    with Display(["extract"], stream) as display:
        display.stage("extract", 2, [])
        display.event(Done(task=_task("a"), receipt=_receipt("a")))
        display.event(Failed(task=_task("b"), reason="died \x1b[2J"))
        display.closed("extract")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "extract: 2 shards"
    assert "shard b given up: died \\u001b[2J" in lines[1]
    assert lines[2].startswith("extract: done in ")
    assert "\x1b" not in stream.getvalue()


def test_bars_in_a_terminal(sample: Path, tmp_path: Path) -> None:
    """A real pseudo-terminal: the bars are drawn, and the shards and stages they name are the run's."""
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "run",
        "tiny",
        "--input",
        str(sample),
        "--out",
        str(tmp_path / "run"),
    ]
    process = subprocess.Popen(
        [*command, "--until", "extract"],
        cwd=ROOT,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    assert process.wait(60) == 0
    assert "━".encode() in seen
    assert b"all stages" in seen
    assert b"1/1" in seen


def test_the_summary_adds_up(clean: Path) -> None:
    from pipeline.stats import stats
    from pipeline.store import open_folder

    stream = io.StringIO()
    summary(stats(open_folder(clean)), Console(file=stream, width=100))
    rows = [line.split() for line in stream.getvalue().splitlines() if line.rstrip().endswith("%")]
    rows = rows[: [row[0] for row in rows].index("all") + 1]  # another table, of tokens by year, follows
    numbers = [int(row[-3].replace(",", "")) for row in rows]
    assert sum(numbers[:-1]) == numbers[-1] == stats(open_folder(clean))["records"]


def test_quiet_says_nothing(sample: Path, tmp_path: Path) -> None:
    done = sluice(
        "run", "tiny", "--input", sample, "--out", tmp_path / "run", "--until", "extract", "--quiet"
    )
    assert (done.stdout, done.stderr) == ("", "")
