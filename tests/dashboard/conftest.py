"""A small real run that the views are asked about."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.dashboard.view import House
from pipeline.dashboard.views import training
from pipeline.dashboard.views.training import TrainingAnswer
from pipeline.dashboard.watch import Seen, Watched
from pipeline.store import open_folder
from tests.pipeline.conftest import PAGES, ROOT, SMALL, sets, sluice
from tests.served import run_quality


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded sample, 200 pages, through the recipe `tiny` to the corpus."""
    folder = tmp_path_factory.mktemp("dashboard")
    sluice("sample", folder / "sample.warc.gz", "--pages", str(PAGES))
    sluice("run", "tiny", "--input", folder / "sample.warc.gz", "--out", folder / "run", "--until", "corpus")
    return folder / "run"


@pytest.fixture(scope="session")
def quality_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred pages of plain prose through two filters, made in seconds; see tests/served.py."""
    return run_quality(tmp_path_factory.mktemp("quality"))


def seen_of(path: Path) -> Seen:
    """The last snapshot of a run folder."""
    return Watched(open_folder(path), "run").look_to_the_end()


class Trained(NamedTuple):
    """A run with its training, and what was seen of it when a signal had stopped it in the middle of that."""

    run: Path
    stopped: Seen
    answer: TrainingAnswer  # then
    steps: list[dict[str, Any]]  # that were logged then
    version: str  # of a snapshot before the training began to write


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The sample through `tiny` with its arms, stopped once while the stable model was trained."""
    folder = tmp_path_factory.mktemp("trained")
    run = folder / "run"
    sluice("sample", folder / "sample.warc.gz", "--pages", str(PAGES))
    words: list[str | Path] = ["run", "tiny", "--input", folder / "sample.warc.gz", "--out", run]
    words += sets([*SMALL, "train.tokens=150000", "tokenize.vocabulary=300"])
    sluice(*words, "--until", "tokens")
    before = seen_of(run).version
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *map(str, words)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not any(
        path.stat().st_size for path in run.glob("_work/*/metrics.jsonl")
    ):
        time.sleep(0.02)  # there is no event to wait for
    while process.poll() is None:  # the first lets the training go on for a while, the second ends it
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
    _, talk = process.communicate(timeout=300)
    assert process.returncode == 143, talk
    stopped = seen_of(run)
    (metrics,) = run.glob("_work/*/metrics.jsonl")
    steps = [json.loads(line) for line in metrics.read_text().splitlines()]
    answer = training.answer(House({"run": stopped}, 0.04), stopped, training.TrainingQuestion())
    sluice(*words)
    return Trained(run, stopped, answer, steps, before)
