"""Killed anywhere and run again, a run ends with the bytes of one clean run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT, SMALL, sets, sluice, stats

pytestmark = pytest.mark.xdist_group("kills")

KILLS = 20
LONGEST = 14.0  # seconds into a run at which a kill may fall: its whole length on two cores


def _start(sample: Path, run: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipeline", "run", "tiny", "--input", str(sample), "--out", str(run)]
    with open(run.with_name(f"{run.name}.log"), "ab") as log:
        return subprocess.Popen([*command, *sets(SMALL)], cwd=ROOT, stdout=log, stderr=log)


def _said(run: Path) -> str:
    return run.with_name(f"{run.name}.log").read_text(errors="replace")


def _children(parent: int) -> list[int]:
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def test_random_kills(sample: Path, clean: Path, tmp_path: Path) -> None:
    """Twenty SIGKILLs at random moments: of the driver, or of one of its workers."""
    draw = random.Random(20)
    expected = stats(clean)["digest"]
    kills = rounds = 0
    while kills < KILLS:
        run = tmp_path / str(rounds)
        rounds += 1
        while kills < KILLS:
            process = _start(sample, run)
            try:
                process.wait(draw.uniform(0.2, LONGEST))
                assert process.returncode == 0, _said(run)
                break
            except subprocess.TimeoutExpired:
                victims = _children(process.pid) if draw.random() < 0.3 else []
                os.kill(draw.choice(victims) if victims else process.pid, signal.SIGKILL)
                kills += 1
                if victims:
                    # A dead worker costs an attempt, not the run.
                    assert process.wait(120) == 0, _said(run)
                    break
                process.wait()
        else:
            assert _start(sample, run).wait(120) == 0, _said(run)
        assert stats(run)["digest"] == expected
        sluice("verify", run)
    assert rounds > 1


def test_sigterm_stops_and_resumes(sample: Path, clean: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = _start(sample, run)
    while not (run / "recipe.yaml").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert process.wait(60) == 143
    assert time.monotonic() - started < 30
    sluice("run", "tiny", "--input", sample, "--out", run, *sets(SMALL))
    assert stats(run)["digest"] == stats(clean)["digest"]


def test_two_runs_at_once_in_one_folder(sample: Path, clean: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    both = [_start(sample, run) for _ in range(2)]
    assert [process.wait(300) for process in both] == [0, 0], _said(run)
    assert stats(run)["digest"] == stats(clean)["digest"]
    sluice("verify", run)


def test_a_shard_whose_workers_always_die_is_given_up(sample: Path, tmp_path: Path) -> None:
    """Every worker is killed as soon as it appears: the shard is given up, the exit code is 3, a later run mends it."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "pipeline", "run", "tiny", "--input", str(sample), "--out", str(run)]
    process = subprocess.Popen([*command, "--until", "extract"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        for child in _children(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    assert process.stderr is not None
    said = process.stderr.read()
    assert process.returncode == 3, said
    assert "given up" in said
    assert "SIGKILL" in said
    found = stats(run)
    assert found["failed"] == {"shard_given_up": 1}
    assert found["records"] == 1
    sluice("run", "tiny", "--input", sample, "--out", run, "--until", "extract")
    assert stats(run)["responses"] == 200
    assert not stats(run)["given_up"]
