"""A small real input, and one clean run over it that other runs are compared with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.store import open_folder
from pipeline.store.parquet import read_table

ROOT = Path(__file__).resolve().parents[2]
PAGES = 200

# The whole road, small: what the sample's 200 pages can feed in a few seconds of training.
SMALL = [
    "tokenize.vocabulary=512",
    "train.tokens=40000",
    "train.depth=1",
    "train.width=64",
    "train.sequence=64",
    "train.checkpoint_steps=10",
]


def sluice(
    *words: str | Path, check: bool = True, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would; with `check` a non-zero exit code fails the test with what was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        timeout=600,
    )
    if check and done.returncode:
        pytest.fail(f"exit {done.returncode}: {' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}")
    return done


def sets(pairs: Sequence[str]) -> list[str]:
    """`--set` options."""
    return [word for pair in pairs for word in ("--set", pair)]


def stats(run: Path | str) -> dict[str, Any]:
    """`stats --json` of a run."""
    found: dict[str, Any] = json.loads(sluice("stats", run, "--json").stdout)
    return found


def rows(run: Path, under: str) -> dict[str, dict[str, Any]]:
    """All rows of one of a run's folders of tables, by id."""
    folder = open_folder(run)
    tables = [read_table(folder, f"{under}/{name}") for name in folder.names(under)]
    return {row["id"]: row for table in tables for row in table.to_pylist()}


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded sample, 200 pages."""
    path = tmp_path_factory.mktemp("sample") / "sample.warc.gz"
    sluice("sample", path, "--pages", str(PAGES))
    return path


@pytest.fixture(scope="session")
def clean(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole road on the sample, once, undisturbed."""
    run = tmp_path_factory.mktemp("clean") / "run"
    sluice("run", "tiny", "--input", sample, "--out", run, *sets(SMALL))
    return run


@pytest.fixture(scope="session")
def piece(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 4.5 MB of a real file, by whole records: some 250 pages in two ranges."""
    from pipeline.warc import read_records

    path = tmp_path_factory.mktemp("piece") / "piece.warc.gz"
    with open(data_dir / "web" / "TEST-PUBLIC-00001.warc.gz", "rb") as file:
        end = max(event.offset + event.length for event in read_records(file, 0, 4_500_000))
        file.seek(0)
        path.write_bytes(file.read(end))
    return path
