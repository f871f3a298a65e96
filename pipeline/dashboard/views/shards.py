"""Shards over time: how far stages are, how fast they go, what they take, and which shards take long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from pipeline.dashboard.timeline import Array, Work, clock, curves, most_at_once, work_of
from pipeline.dashboard.view import BadQuestion, House, View
from pipeline.dashboard.watch import Seen
from pipeline.errors import nearest

ACROSS, UP = 60, 16  # cells that a stage's shards are drawn in, by start and by duration
HOSTS = 50  # listed
At = Annotated[int, msgspec.Meta(ge=0)]
Most = Annotated[int, msgspec.Meta(ge=1, le=200)]


class ShardsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Shards of one `stage` (empty: of all), the largest by `sort` first, or the earliest: `limit` from `offset` on.

    `slowness` is the time that a shard took over the median of its stage.
    """

    stage: str = ""
    sort: Literal["slowness", "started", "wall", "core", "memory", "documents", "bytes"] = "slowness"
    limit: Most = 30
    offset: At = 0


class ShardsStage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: shards `done` of `planned` (null until the stages before are closed), `given_up` of them.

    `core_seconds` of processor time; `wall_median`, `wall_p95`, `wall_max` seconds that a shard took, the longest being
    `slowest`; `memory_median`, `memory_p95`, `memory_max` bytes of its peak (null where not noted). `started` and
    `ended` are Unix times of the first beginning and the last end, null where not noted, `working_seconds` the time in
    between without long pauses; `documents` and `bytes` (of input for extract, else of text; 0 where not counted) that
    were worked on, and how many a second of that time (`documents_per_second`, `bytes_per_second`). Of a stage under
    way `seconds_left` is what the rest takes at the speed so far, counted from the last end, and `expected_end` that
    time; both are null otherwise.
    """

    stage: str
    closed: bool
    done: int
    planned: int | None
    given_up: int
    core_seconds: float
    started: float | None
    ended: float | None
    working_seconds: float | None
    wall_median: float
    wall_p95: float
    wall_max: float
    slowest: str
    memory_median: int | None
    memory_p95: int | None
    memory_max: int | None
    documents: int
    bytes: int
    documents_per_second: float | None
    bytes_per_second: float | None
    seconds_left: float | None
    expected_end: float | None


class ShardsCurve(msgspec.Struct, frozen=True, kw_only=True):
    """One stage over working time, a number a bin: mean shards `at_work`, `documents` and `bytes` a second.

    `most_at_once` shards were worked on at one moment; the quickest took `wall_least` seconds, the slowest `wall_most`.
    """

    stage: str
    most_at_once: int
    wall_least: float
    wall_most: float
    at_work: list[float]
    documents: list[float]
    bytes: list[float]


class ShardsCell(msgspec.Struct, frozen=True, kw_only=True):
    """Shards of a stage that began and lasted about as long: `number` of them, mean `begin` (seconds of work) and
    `wall` (seconds)."""

    stage: str
    begin: float
    wall: float
    number: int


class ShardsTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """Working time: `seconds` of it from Unix time `began` on, in `bins`; `pauses` long ones are left out.

    `curves` are what was done in each bin by stage, `cells` how long shards took."""

    began: float
    seconds: float
    bins: int
    pauses: int
    curves: list[ShardsCurve]
    cells: list[ShardsCell]


class ShardsRow(msgspec.Struct, frozen=True, kw_only=True):
    """One shard of a `stage`: Unix time when it was `started` (null: not noted), `wall_seconds` that it took,
    `slowness`: how many times its stage's median, processor seconds (`core_seconds`), peak memory in bytes (null: not
    noted), documents and bytes worked on, and the `host`.
    """

    stage: str
    shard: str
    started: float | None
    wall_seconds: float
    slowness: float
    core_seconds: float
    memory: int | None
    documents: int
    bytes: int
    host: str


class ShardsHost(msgspec.Struct, frozen=True, kw_only=True):
    """One machine, `host`: its shards, their `core_seconds` and documents, and `memory_max`, the largest peak in bytes
    (null: not noted)."""

    host: str
    shards: int
    core_seconds: float
    documents: int
    memory_max: int | None


class ShardsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All stages; the `timeline` (null where no shard noted when it was begun); shards that fit, `rows` of `matching`.

    `hosts` are the machines with most core-seconds, of `hosts_all`."""

    stages: list[ShardsStage]
    timeline: ShardsTimeline | None
    matching: int
    rows: list[ShardsRow]
    hosts: list[ShardsHost]
    hosts_all: int


def answer(house: House, seen: Seen, asked: ShardsQuestion) -> ShardsAnswer:
    """Shards as far as the run is; raises BadQuestion for a stage that the run does not have."""
    work = work_of(seen)
    if asked.stage and asked.stage not in seen.run.active:
        raise BadQuestion(
            f"this run has no stage `{asked.stage}`{nearest(asked.stage, list(seen.run.active))}", 404
        )
    everything = np.arange(len(work.receipts))
    chosen = everything
    if asked.stage:
        chosen = work.of(asked.stage) if asked.stage in work.stages else everything[:0]
    hosts = _hosts(work, chosen)
    slowness = _slowness(work)
    return ShardsAnswer(
        stages=[_stage(work, one) for one in seen.status["stages"]],
        timeline=_timeline(work, chosen, [asked.stage] if asked.stage else work.stages),
        matching=len(chosen),
        rows=[_row(work, at, slowness) for at in _ranked(work, chosen, slowness, asked)],
        hosts=hosts[:HOSTS],
        hosts_all=len(hosts),
    )


def _stage(work: Work, status: Mapping[str, Any]) -> ShardsStage:
    name, closed = str(status["stage"]), bool(status["closed"])
    own = work.of(name) if name in work.stages else np.empty(0, np.int64)
    wall, memory = work.wall[own], work.memory[own]
    time = clock(work.started[own], work.ended[own])
    length = time.length if len(time.begins) else None
    documents, size = int(work.documents[own].sum()), int(work.bytes[own].sum())
    left = None
    if not closed and length and len(own) and status["shards"] is not None:
        left = length / len(own) * max(status["shards"] - len(own), 0)
    ended = float(time.ends[-1]) if length is not None else None
    noted = memory[memory > 0]
    return ShardsStage(
        stage=name,
        closed=closed,
        done=len(own),
        planned=status["shards"],
        given_up=status["given_up"],
        core_seconds=round(float(work.core[own].sum()), 3),
        started=float(time.begins[0]) if length is not None else None,
        ended=ended,
        working_seconds=length,
        wall_median=_percentile(wall, 50),
        wall_p95=_percentile(wall, 95),
        wall_max=_percentile(wall, 100),
        slowest=work.receipts[int(own[wall.argmax()])].shard if len(own) else "",
        memory_median=int(_percentile(noted, 50)) if len(noted) else None,
        memory_p95=int(_percentile(noted, 95)) if len(noted) else None,
        memory_max=int(noted.max()) if len(noted) else None,
        documents=documents,
        bytes=size,
        documents_per_second=documents / length if length else None,
        bytes_per_second=size / length if length else None,
        seconds_left=left,
        expected_end=ended + left if ended is not None and left is not None else None,
    )


def _percentile(values: Array, percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else 0.0


def _slowness(work: Work) -> Array:
    """Seconds that each shard took over the median of its stage; 1 where that is nothing."""
    medians = np.array([np.median(work.wall[work.of(name)]) for name in work.stages])
    own = medians[work.stage] if len(medians) else np.empty(0)
    return np.where(own > 0, work.wall / np.maximum(own, 1e-9), 1.0)


def _ranked(work: Work, chosen: Array, slowness: Array, asked: ShardsQuestion) -> list[int]:
    keys = {
        "slowness": -slowness,
        "started": np.nan_to_num(work.started, nan=np.inf),
        "wall": -work.wall,
        "core": -work.core,
        "memory": -work.memory,
        "documents": -work.documents,
        "bytes": -work.bytes,
    }
    order = chosen[np.argsort(keys[asked.sort][chosen], kind="stable")]
    return [int(at) for at in order[asked.offset : asked.offset + asked.limit]]


def _row(work: Work, at: int, slowness: Array) -> ShardsRow:
    receipt = work.receipts[at]
    cost = receipt.cost
    return ShardsRow(
        stage=receipt.stage,
        shard=receipt.shard,
        started=cost.started or None,
        wall_seconds=cost.wall_seconds,
        slowness=round(float(slowness[at]), 2),
        core_seconds=cost.core_seconds,
        memory=cost.peak_memory or None,
        documents=cost.documents,
        bytes=int(work.bytes[at]),
        host=cost.host,
    )


def _timeline(work: Work, chosen: Array, shown: list[str]) -> ShardsTimeline | None:
    time = clock(work.started, work.ended)
    if not len(time.begins):
        return None
    edges, found = curves(work, {"at_work": work.wall, "documents": work.documents, "bytes": work.bytes})
    return ShardsTimeline(
        began=float(time.begins[0]),
        seconds=time.length,
        bins=len(edges) - 1,
        pauses=time.pauses,
        curves=[
            ShardsCurve(
                stage=stage,
                most_at_once=most_at_once(work.started[work.of(stage)], work.ended[work.of(stage)]),
                wall_least=float(_noted(work, work.of(stage)).min()),
                wall_most=float(_noted(work, work.of(stage)).max()),
                **{name: _short(of[stage]) for name, of in found.items()},
            )
            for stage in shown
            if stage in found["at_work"]
        ],
        cells=_cells(work, chosen, time.at(np.nan_to_num(work.started)), time.length),
    )


def _short(values: Array) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _noted(work: Work, own: Array) -> Array:
    """Seconds that those of these shards took whose start is noted."""
    return np.asarray(work.wall[own[~np.isnan(work.started[own])]])


def _cells(work: Work, chosen: Array, begin: Array, length: float) -> list[ShardsCell]:
    """Shards by stage, start and logarithm of duration, in a bounded number of cells of each stage."""
    own = chosen[~np.isnan(work.started[chosen])]
    if not len(own):
        return []
    height = np.log10(np.maximum(work.wall[own], 1e-3))
    stage = work.stage[own]
    lows, highs = np.full(len(work.stages), np.inf), np.full(len(work.stages), -np.inf)
    np.minimum.at(lows, stage, height)
    np.maximum.at(highs, stage, height)
    spans = np.maximum(highs - lows, 1e-9)[stage]
    across = np.minimum(begin[own] / max(length, 1e-9) * ACROSS, ACROSS - 1).astype(np.int64)
    up = np.minimum((height - lows[stage]) / spans * UP, UP - 1).astype(np.int64)
    places = (stage * ACROSS + across) * UP + up
    cells, at, numbers = np.unique(places, return_inverse=True, return_counts=True)
    begins = np.bincount(at, begin[own]) / numbers
    walls = np.bincount(at, work.wall[own]) / numbers
    return [
        ShardsCell(
            stage=work.stages[int(cell) // (ACROSS * UP)],
            begin=round(float(begin), 3),
            wall=round(float(wall), 3),
            number=int(number),
        )
        for cell, begin, wall, number in zip(cells, begins, walls, numbers, strict=True)
    ]


def _hosts(work: Work, chosen: Array) -> list[ShardsHost]:
    hosts, number = work.host[chosen], len(work.hosts)
    shards = np.bincount(hosts, minlength=number)
    core = np.bincount(hosts, work.core[chosen], number)
    documents = np.bincount(hosts, work.documents[chosen], number)
    memory = np.zeros(number, np.int64)
    np.maximum.at(memory, hosts, work.memory[chosen])
    order = [int(at) for at in np.lexsort((np.arange(number), -core)) if shards[at]]
    return [
        ShardsHost(
            host=work.hosts[at],
            shards=int(shards[at]),
            core_seconds=round(float(core[at]), 3),
            documents=int(documents[at]),
            memory_max=int(memory[at]) or None,
        )
        for at in order
    ]


VIEW = View("shards", "Shards", "h", ShardsQuestion, ShardsAnswer, answer)
