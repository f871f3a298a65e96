"""Garbage: files that no receipt names, receipts of earlier recipes, what killed workers and trainings left."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.ledger import Ledger
from pipeline.lock import refuse_if_running
from pipeline.road import forget_checkpoints
from pipeline.stages import STAGES
from pipeline.stats import require_run
from pipeline.store import Folder
from pipeline.verify import stray


def collect(folder: Folder) -> int:
    """Remove them; returns how many files went. Refuses while a run is at work in the folder."""
    require_run(folder)
    refuse_if_running(folder)
    ledger = Ledger(folder)
    before = _count(folder)
    for stage in STAGES.values():
        if ledger.manifest(stage.name) is not None:
            ledger.clean(stage.name, stage.folders)
    for name in stray(folder, ledger):
        folder.remove(name)
    forget_checkpoints(folder)
    if "://" not in folder.url:
        shutil.rmtree(Path(folder.url) / "_tmp", ignore_errors=True)
    return before - _count(folder)


def _count(folder: Folder) -> int:
    if "://" not in folder.url:
        return sum(path.is_file() for path in Path(folder.url).rglob("*"))
    ledger = Ledger(folder)
    receipts = sum(len(ledger.names(stage)) for stage in STAGES)
    return receipts + sum(len(folder.names(under)) for stage in STAGES.values() for under in stage.folders)
