"""What a receipt says a shard took: when it began, how long, and the memory of the worker and of its children."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.engine.meter import Meter, core_seconds
from pipeline.ledger import Cost, Ledger
from pipeline.stages import STAGES
from pipeline.store import open_folder

pytestmark = pytest.mark.xdist_group("engines")

BLOCK = 256 << 20  # more than what else comes and goes in a test's process


def costs(run: Path) -> list[Cost]:
    ledger = Ledger(open_folder(run))
    return [receipt.cost for stage in STAGES for receipt in ledger.closed(stage)]


def test_memory_is_that_of_the_shard_alone() -> None:
    quiet = Meter().cost().peak_memory
    meter = Meter()
    block = bytearray(BLOCK)
    del block
    assert meter.cost().peak_memory >= quiet + BLOCK * 3 // 4
    if sys.platform == "linux":
        assert Meter().cost().peak_memory < quiet + BLOCK // 2


def test_the_memory_of_children_counts() -> None:
    meter = Meter()
    alone = meter.cost().peak_memory
    code = f"block = bytearray({BLOCK}); print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        assert meter.cost().peak_memory >= alone + BLOCK
        child.communicate(b"\n")


def test_time() -> None:
    before, used, meter = time.time(), core_seconds(), Meter()
    while core_seconds() < used + 0.05:
        pass
    found = meter.cost()
    assert before - 0.001 <= found.started <= found.started + found.wall_seconds <= time.time() + 0.002
    assert found.core_seconds > 0
    assert found.host


def test_every_stage_notes_it(clean: Path) -> None:
    found = costs(clean)
    assert len(found) >= 15
    assert all(0 < one.started <= one.started + one.wall_seconds <= time.time() for one in found)
    assert all(one.peak_memory > 20 << 20 for one in found)
