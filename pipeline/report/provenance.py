"""What the run cost, and how to repeat it: hours by stage, bytes, a price, hosts, commands, versions."""

from __future__ import annotations

import os
import platform
import re
import shlex
from importlib import metadata
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from pipeline.dedup.settings import DEDUP_STAGES, LINES_STAGES
from pipeline.ledger import CORE_HOUR_PRICE
from pipeline.report.run import Run
from pipeline.road import PUBLIC

_PACKAGES = (
    "sluice", "datatrove", "fasttext-numpy2-wheel", "fastokens", "google-re2", "msgspec", "numba", "numpy", "pyarrow",
    "ray", "resiliparse", "safetensors", "spacy", "tokenizers", "torch", "trafilatura", "warcio",
)  # fmt: skip
_SECRET = re.compile(r"(?i)(?:^|[&_-])(?:sig|signature|token|key|accesskeyid|credential|password|secret)=")


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
    """What the run took, by stage and in all. Bytes are of files as stored, compressed where they are."""

    stages: list[StageCost]
    core_seconds: float
    wall_seconds: float
    bytes_in: int  # read of the inputs and of robots.txt files
    bytes_out: int  # of all published files, also those that were released since
    hosts: list[str]
    price_per_core_hour: float

    @property
    def core_hours(self) -> float:
        """Processor time of all stages, in hours."""
        return self.core_seconds / 3600

    @property
    def price(self) -> float:
        """Core-hours times the price of one, in its currency; disks and transfers cost extra."""
        return self.core_hours * self.price_per_core_hour


def cost(run: Run, price_per_core_hour: float = CORE_HOUR_PRICE) -> Cost:
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
    everything = [one for closed in run.closed.values() for one in closed]
    return Cost(
        stages=stages,
        core_seconds=total,
        wall_seconds=sum(one.wall_seconds for one in stages),
        bytes_in=sum(one.cost.bytes_in for one in everything),
        bytes_out=sum(output.bytes for one in everything for output in one.outputs),
        hosts=sorted({one.cost.host for one in everything if one.cost.host}),
        price_per_core_hour=price_per_core_hour,
    )


def without_credentials(path: str) -> str:
    """An address without a password or a signature in it, which a page that is shown to others must not tell."""
    if "://" not in path:
        return path
    parts = urlsplit(path)
    query = "" if _SECRET.search(parts.query) else parts.query
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


def commands(run: Run, listed: str | None = None) -> tuple[str, str]:
    """The command that repeats this run, and the same as a Ray job; with `listed` a path list stands for the inputs."""
    until = _until(run)
    recipe = f"{run.folder.url}/recipe.yaml"
    out = f"{run.folder.url}-again"
    inputs = [
        without_credentials(path) for path in ([listed] if listed else [file.path for file in run.inputs])
    ]
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
