"""Garbage: files in a run's public folders that no receipt names, and what killed workers left in `_tmp`."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.ledger import Ledger
from pipeline.stages import STAGES
from pipeline.stats import require_run
from pipeline.store import Folder


def collect(folder: Folder) -> int:
    """Remove them; returns how many files went. No run may be under way in the folder."""
    require_run(folder)
    ledger = Ledger(folder)
    removed = 0
    for stage in STAGES.values():
        named = {
            output.name
            for name in ledger.names(stage.name)
            for output in ledger.receipt(stage.name, name).outputs
        }
        for under in {*stage.folders, *(name.rsplit("/", 1)[0] for name in named)}:
            for name in folder.names(under):
                if f"{under}/{name}" not in named and not _owned_by_another(
                    ledger, stage.name, f"{under}/{name}"
                ):
                    folder.remove(f"{under}/{name}")
                    removed += 1
    if "://" not in folder.url:
        left = Path(folder.url) / "_tmp"
        removed += sum(path.is_file() for path in left.rglob("*"))
        shutil.rmtree(left, ignore_errors=True)
    return removed


def _owned_by_another(ledger: Ledger, stage: str, name: str) -> bool:
    return any(
        output.name == name
        for other in STAGES
        if other != stage
        for receipt in ledger.names(other)
        for output in ledger.receipt(other, receipt).outputs
    )
