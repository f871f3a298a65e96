"""What the run cost, and how to repeat it: hours by stage, hosts, commands, versions."""

from __future__ import annotations

import os
import platform
import shlex
from importlib import metadata
from typing import NamedTuple

from pipeline.dedup.settings import DEDUP_STAGES, LINES_STAGES
from pipeline.report.run import Run
from pipeline.road import PUBLIC

_PACKAGES = (
    "sluice", "datatrove", "fasttext-numpy2-wheel", "fastokens", "google-re2", "msgspec", "numba", "numpy", "pyarrow",
    "ray", "resiliparse", "safetensors", "spacy", "tokenizers", "torch", "trafilatura", "warcio",
)  # fmt: skip


class StageCost(NamedTuple):
    """What one stage took. `longest` is its slowest shard's wall time, in seconds."""

    stage: str
    shards: int
    documents: int
    core_seconds: float
    share: float
    wall_seconds: float
    longest: float


class Cost(NamedTuple):
    """What the run took, by stage and in all."""

    stages: list[StageCost]
    core_seconds: float
    wall_seconds: float
    bytes_in: int
    hosts: list[str]


def cost(run: Run) -> Cost:
    """Sums over the receipts."""
    total = sum(run.counts["core_seconds"].values())
    stages = []
    for name, receipts in run.closed.items():
        if receipts:
            walls = [receipt.cost.wall_seconds for receipt in receipts]
            seconds = run.counts["core_seconds"][name]
            documents = sum(receipt.cost.documents for receipt in receipts)
            share = seconds / total if total else 0.0
            stages.append(StageCost(name, len(receipts), documents, seconds, share, sum(walls), max(walls)))
    hosts = sorted({one.cost.host for receipts in run.closed.values() for one in receipts if one.cost.host})
    return Cost(stages, total, sum(one.wall_seconds for one in stages), run.counts["bytes_in"], hosts)


def commands(run: Run) -> tuple[str, str]:
    """The command that repeats this run, and the same as a Ray job."""
    until = _until(run)
    recipe = f"{run.folder.url}/recipe.yaml"
    out = f"{run.folder.url}-again"
    inputs = [file.path for file in run.inputs]
    here = ["sluice", "run", recipe, "--input", *inputs, "--out", out, *until]
    # A job runs in a copy of the working directory: paths have to be whole.
    whole = [path if "://" in path else os.path.abspath(path) for path in inputs]  # noqa: PTH100 (may be a URL)
    work = [
        "python",
        "-m",
        "pipeline",
        "run",
        recipe,
        "--engine",
        "ray",
        "--input",
        *whole,
        "--out",
        out,
        *until,
    ]
    job = ["ray", "job", "submit", "--working-dir", ".", "--", *work]
    return shlex.join(here), shlex.join(job)


# Stages that no user names, and the one that brings them.
_ASKED_AS = {"ids": "extract"} | dict.fromkeys(DEDUP_STAGES, "dedup")
_ASKED_AS |= dict.fromkeys(("robots", "hosts", "sample", "calibrate"), "filter")


def _until(run: Run) -> list[str]:
    """`--until` with the last stage of a run that was stopped before the recipe's end."""
    if not run.ended or run.ended[-1] == run.active[-1]:
        return []
    last = run.ended[-1]
    if last in LINES_STAGES:  # they stand before different stages
        last = next(name for name in run.active[run.active.index(last) :] if name in PUBLIC)
    return ["--until", _ASKED_AS.get(last, last)]


def versions() -> list[tuple[str, str]]:
    """Python and the main packages where the report was written."""
    found = [("python", platform.python_version())]
    for name in _PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return found
