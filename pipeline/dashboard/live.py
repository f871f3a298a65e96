"""What a training that is still going on has written: its steps and their speed, from its work folder.

Only of a run folder on a disk: elsewhere the work folder is the trainer's own, and metrics come with the receipt.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from pipeline.report.run import Run
    from pipeline.report.training import Logged, Pace
    from pipeline.store import Folder

_TAIL = 64 << 10  # bytes of the speeds that are read


class InTraining(NamedTuple):
    """A model that is being trained: its logged steps, thinned in a long run, and how fast the last one was."""

    model: str
    stage: str
    steps: list[Logged]
    pace: Pace | None


def written(folder: Folder) -> int:
    """Bytes of metrics in all work folders: changes with every logged step."""
    if "://" in folder.url:
        return 0
    found = 0
    for path in Path(folder.url).glob("_work/*/metrics.jsonl"):
        with contextlib.suppress(FileNotFoundError):  # a training that has just ended takes its folder away
            found += path.stat().st_size
    return found


def in_training(run: Run) -> list[InTraining]:
    """Models of this recipe whose stage has begun and whose receipt is not there yet; none on an object store."""
    if "://" in run.folder.url or run.recipe.train is None or not run.closed["tokens"]:
        return []
    if not run.folder.exists("_work"):
        return []
    arms = [arm.name for arm in run.recipe.train.anneal.arms]
    done = {receipt.shard for stage in ("train", "anneal") for receipt in run.closed[stage]}
    places = [("train", "stable"), *(("anneal", arm) for arm in arms if "stable" in done)]
    return [
        found
        for stage, model in places
        if model not in done and (found := _found(run, stage, model)) is not None
    ]


def _found(run: Run, stage: str, model: str) -> InTraining | None:
    from pipeline.report.training import logged

    folder = f"_work/{stage}-{model}-{_key(run, stage)}"
    try:
        size = run.folder.size(f"{folder}/metrics.jsonl")
        with run.folder.open(f"{folder}/metrics.jsonl") as file:
            steps = logged(file, size)
        if not steps:
            return None
        return InTraining(model, stage, steps, _pace(run.folder, folder))
    except OSError:  # not begun, or just finished
        return None


def _key(run: Run, stage: str) -> str:
    """What the work folder of this stage is named by: see `pipeline.stages.learn`."""
    from pipeline.ledger import shard_key
    from pipeline.road import fingerprints, lost_before
    from pipeline.stages.tables import as_input

    inputs = [
        as_input(output)
        for under, before in (("tokens", "tokens"), ("model/stable/checkpoint", "train"))
        for receipt in (run.closed[before] if before == "tokens" or stage == "anneal" else ())
        for output in receipt.outputs
        if output.folder == under
    ]
    lost = lost_before(run.active[: run.active.index(stage)], run.lost)
    return shard_key(fingerprints(run.recipe, run.active)[stage], [*inputs, *lost])


def _speed(folder: Folder, name: str) -> float | None:
    size = folder.size(name)
    with folder.open(name) as file:
        file.seek(max(0, size - _TAIL))
        lines = file.read(_TAIL).splitlines()
    for line in reversed(lines):
        try:
            row: Any = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(row, dict) and isinstance(row.get("tokens_per_second"), float):
            return float(row["tokens_per_second"])
    return None


def _pace(folder: Folder, work: str) -> Pace | None:
    """How fast the last step was, on the device that the trainer says it is on; None where it does not say."""
    from pipeline.report.training import pace

    speed = _speed(folder, f"{work}/timing.jsonl")
    try:
        place = msgspec.json.decode(folder.read(f"{work}/place.json"), type=_Place)
    except (OSError, msgspec.DecodeError):
        return None
    if speed is None:
        return None
    return pace(speed, place.flops_per_token, place.peak_flops, place.peak_measured, place.device)


class _Place(msgspec.Struct, frozen=True):
    """What is read of the trainer's `place.json`."""

    device: str
    flops_per_token: float
    peak_flops: float
    peak_measured: bool
