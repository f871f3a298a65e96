"""The scale benchmark finds what was planted, and its measures are right where the answer is known."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.duplicates_scale import Links, family, joined, pairs, recall, status
from benchmarks.synthetic import Asked, generate
from pipeline.dedup.settings import DedupSettings, MinHashSettings
from tests.pipeline.conftest import ROOT

SCRIPT = ROOT / "benchmarks" / "duplicates_scale.py"


def test_links_are_joined_whatever_their_order() -> None:
    one, other = np.array([5, 2, 7, 4]), np.array([4, 7, 5, 9])
    expected = [0, 1, 2, 3, 2, 2, 6, 2, 8, 2]
    assert joined(10, one, other).tolist() == expected
    assert joined(10, other[::-1].copy(), one[::-1].copy()).tolist() == expected


def test_recall_beside_what_hashing_finds() -> None:
    settings = DedupSettings(minhash=MinHashSettings(bands=1, rows=1))
    row = recall("a bin", np.array([0.5, 0.75]), np.array([False, True]), np.array([True, False]), settings)
    assert row == {
        "bin": "a bin",
        "pairs": 2,
        "found": 0.5,
        "both_left": 0.5,
        "theory": 0.625,
        "verified": 0.375,
    }


def test_a_pair_of_no_cluster_is_told(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    asked = Asked(documents=2000, words=60)
    generate(asked, tmp_path)
    truth = pq.read_table(tmp_path / "truth" / "truth.parquet").to_pydict()
    boilerplate = np.array(truth["kind"]) == "boilerplate"
    ids, sources = np.array(truth["id"]), np.array(truth["source"])
    exact, near, trap = (truth["kind"].index(kind) for kind in ("exact", "near", "boilerplate"))
    rows = [exact, near, trap]
    links = Links(
        ids[rows], sources[rows], np.array([1.0, truth["jaccard"][near], 0.9]), np.array([True, False, False])
    )
    found = pairs(asked, links, ids, sources, boilerplate, DedupSettings())
    assert (found["reported"], found["exact"], found["unplanted"], found["unplanted_boilerplate"]) == (
        3,
        1,
        1,
        1,
    )
    assert found["least"] == truth["jaccard"][trap]
    assert found["similarity_error"] == pytest.approx(0.9 - truth["jaccard"][trap])
    assert found["below_floor"] == 1 + (truth["jaccard"][near] < 0.6)


def test_a_process_and_its_children() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in family(os.getpid())
        assert os.getpid() not in family(child.pid)
        assert status(child.pid, "VmHWM") > 1 << 20
    assert status(child.pid, "VmHWM") == 0


def test_planted_copies_are_found(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--documents", "1500", "3000", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "core-seconds per document flat within" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    exact = [line for line in lines if line[:1] == ["exact"]]
    assert [(line[1], line[2]) for line in exact] == [("75", "1.000"), ("150", "1.000")]
    alike = [float(line[3]) for line in lines if line[:2] == ["[0.85,", "1)"]]
    assert len(alike) == 2
    assert min(alike) > 0.95
    again = subprocess.run([*command, "--paper"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert again.stdout == done.stdout[done.stdout.index("\n   documents") :]
