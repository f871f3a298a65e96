"""The fuzz program, briefly, and that it notices what it is there to notice."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.pipeline.conftest import ROOT

PROGRAM = ROOT / "benchmarks" / "fuzz_reader.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_reader", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", [1, 2])
def test_random_input_brings_nothing_down(tmp_path: Path, seed: int) -> None:
    words = ["--engine", "random", "--seed", str(seed), "--executions", "3000", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, PROGRAM, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3,000 executions" in done.stdout
    assert "0 crashes, 0 hangs" in done.stdout


def test_every_packing_carries_its_records(fuzz: ModuleType) -> None:
    plain = b"".join(fuzz.made_up(number) for number in range(3))
    for number in range(fuzz.HTTP):
        data = fuzz.packed(bytes([number, 0, 0, 0, 0]) + plain)
        events = list(fuzz.read_file(io.BytesIO(data)))
        assert [event.url for event in events] == [f"http://a/{n}" for n in range(3)] * (
            2 if number in (6, 7) else 1
        )
    assert fuzz.packed(bytes([0, 2, 0, 3, 65]) + plain)[:6] == plain[:2] + b"AAA" + plain[5:6]


def test_crashes_and_hangs_are_told_and_kept(
    fuzz: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(data: bytes) -> None:
        assert b"crash" not in data
        while b"hang" in data:
            pass

    monkeypatch.setattr(fuzz, "check_file", check)
    session = fuzz.Session(tmp_path, 0.2)
    for word in (b"fine", b"crash", b"crash again", b"hang"):
        session.run(bytes(5) + word)
    assert fuzz.report(session.found, "inputs", 1.0) == 1
    assert "1 crashes, 1 hangs" in capsys.readouterr().out
    (hung,) = session.found["hangs"]
    assert (tmp_path / hung).read_bytes() == bytes(5) + b"hang"
    assert session.found["executions"] == 4
