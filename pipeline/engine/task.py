"""A task: one shard of one stage as plain data, and what a worker does with it.

Tasks cross process and machine borders as bytes of msgpack; only receipts come back.
"""

from __future__ import annotations

import errno
import gc
import os
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from pipeline.engine.meter import Meter
from pipeline.ledger import Ledger, Receipt
from pipeline.recipe import Recipe, from_builtins
from pipeline.stages import STAGES
from pipeline.stages.redecide import SHORTCUTS, adopted
from pipeline.stages.stage import Attempt, Shard, Source
from pipeline.store import CommitError, open_folder

ATTEMPTS = 3  # tries at a shard whose worker dies


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to do. `recipe` is the resolved recipe as JSON."""

    run: str
    stage: str
    fingerprint: str
    recipe: bytes
    shard: Shard
    source: Source | None = None  # an earlier run that may spare the work


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A shard's receipt is in the ledger."""

    task: Task
    receipt: Receipt


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A shard was given up: its worker died or raised on every attempt."""

    task: Task
    reason: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a running shard is."""

    task: Task
    data: dict[str, Any]


Event = Done | Failed | Progress


@lru_cache(maxsize=4)
def _recipe(encoded: bytes) -> Recipe:
    return from_builtins(msgspec.json.decode(encoded))


def prepare_worker() -> None:
    """Keep libraries from starting threads of their own, and the garbage collector from looking too often.

    A worker is one core, and its memory stays small. It builds tables of millions of strings, which the collector went
    through again and again: a fifth of the time of stage `filter`.
    """
    gc.set_threshold(100_000, 20, 50)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def perform(task: Task, report: Callable[[Mapping[str, Any]], None]) -> Receipt:
    """Run one shard here and commit it; returns the receipt that counts."""
    folder = open_folder(task.run)
    attempt = Attempt(
        stage=task.stage,
        fingerprint=task.fingerprint,
        shard=task.shard,
        recipe=_recipe(task.recipe),
        folder=folder,
        report=_paced(report),
    )
    meter = Meter()
    try:
        if task.source is not None and (receipt := adopted(attempt, task.source)) is not None:
            read = {"bytes_in": receipt.cost.bytes_in, "documents": receipt.cost.documents}
            cost = msgspec.structs.replace(meter.cost(), **read)
            return Ledger(folder).commit(msgspec.structs.replace(receipt, cost=cost))
        if task.source is not None and task.stage in task.source.receipts and task.stage in SHORTCUTS:
            SHORTCUTS[task.stage](task.shard, attempt, task.source)
        else:
            STAGES[task.stage].run(task.shard, attempt)
        return attempt.publish(Ledger(folder), meter.cost)
    finally:
        attempt.discard()


_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def describe(error: BaseException, task: Task) -> str:
    """A defect in one line, with the place in our code where it came up; with `!` in front no shard can go on."""
    if isinstance(error, CommitError):
        return f"!{error}"
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return f"!no space left for {task.run} ({error.strerror}): free some and run again"
    if isinstance(error, FileNotFoundError) and str(error.filename or "").startswith(task.run):
        return f"!{error.filename} is missing: run `sluice repair {task.run}`"
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "site-packages" not in file:
            place = f" ({os.path.basename(file)}:{trace.tb_lineno})"  # noqa: PTH119
        trace = trace.tb_next
    return f"{type(error).__name__}: {str(error)[:300]}{place}"


def _paced(report: Callable[[Mapping[str, Any]], None]) -> Callable[[Mapping[str, Any]], None]:
    """At most five reports a second leave a worker."""
    last = 0.0

    def paced(data: Mapping[str, Any]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= 0.2:
            last = now
            report(data)

    return paced
