"""When the shards of a run were worked on, as arrays, and what that adds up to over time.

A run of ten thousand shards has some hundred thousand receipts: they are read into arrays once a snapshot, and every
curve is made from sorted sums, so a chart holds a bounded number of points and none of them costs a pass of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pipeline.dashboard.watch import Seen
from pipeline.ledger import Receipt
from pipeline.report.run import Run

BINS = 120  # of a curve
_PAUSE = 0.02  # share of the working time; longer times at which nothing was worked on are left out
Array = np.ndarray[Any, Any]


class Work(NamedTuple):
    """The receipts of all stages as columns, (receipts,), in the order of stages; `stage` and `host` are numbers."""

    stages: list[str]
    hosts: list[str]
    receipts: list[Receipt]
    stage: Array
    host: Array
    started: Array  # Unix time; NaN where not noted
    wall: Array  # seconds
    core: Array  # seconds
    memory: Array  # bytes; 0: not noted
    documents: Array
    bytes: Array  # of input for `extract`, of text for other stages that count it

    @property
    def ended(self) -> Array:
        """Unix time at which the work on each shard ended; NaN where not noted."""
        return self.started + self.wall

    def of(self, stage: str) -> Array:
        """Where the receipts of one stage stand, (those,)."""
        return np.flatnonzero(self.stage == self.stages.index(stage))


_known: dict[str, tuple[str, Work]] = {}
_lock = threading.Lock()


def work_of(seen: Seen) -> Work:
    """The work of a snapshot; kept for each run until there is something new."""
    with _lock:
        version, work = _known.get(seen.run.folder.url, ("", None))
        if work is None or version != seen.version:
            work = read_work(seen.run)
            _known[seen.run.folder.url] = (seen.version, work)
        return work


def read_work(run: Run) -> Work:
    """The receipts of a run, as far as it is, as columns."""
    stages = [name for name in run.active if run.closed[name]]
    receipts = [receipt for name in stages for receipt in run.closed[name]]
    costs = [receipt.cost for receipt in receipts]
    hosts = sorted({cost.host for cost in costs})
    number = {host: at for at, host in enumerate(hosts)}
    started = np.array([cost.started for cost in costs], np.float64)
    return Work(
        stages=stages,
        hosts=hosts,
        receipts=receipts,
        stage=np.repeat(np.arange(len(stages)), [len(run.closed[name]) for name in stages]),
        host=np.array([number[cost.host] for cost in costs], np.int64),
        started=np.where(started > 0, started, np.nan),
        wall=np.array([cost.wall_seconds for cost in costs], np.float64),
        core=np.array([cost.core_seconds for cost in costs], np.float64),
        memory=np.array([cost.peak_memory for cost in costs], np.int64),
        documents=np.array([cost.documents for cost in costs], np.int64),
        bytes=np.array([_size(receipt) for receipt in receipts], np.int64),
    )


def _size(receipt: Receipt) -> int:
    if receipt.cost.bytes_in:
        return receipt.cost.bytes_in
    counted = receipt.counts.get("in_bytes", receipt.counts.get("bytes", 0))
    return counted if isinstance(counted, int) else 0


class Clock(NamedTuple):
    """Working time: the times at which at least one shard was worked on, long pauses left out.

    `begins`, `ends` are Unix times of the stretches of work, `before` the seconds of work before each.
    """

    begins: Array
    ends: Array
    before: Array

    @property
    def length(self) -> float:
        """Seconds of work in all."""
        return float(self.before[-1] + self.ends[-1] - self.begins[-1]) if len(self.begins) else 0.0

    @property
    def pauses(self) -> int:
        """How many long pauses are left out."""
        return max(len(self.begins) - 1, 0)

    def at(self, times: Array) -> Array:
        """Seconds of work up to each Unix time."""
        if not len(self.begins):
            return np.zeros(len(times))
        stretch = np.clip(np.searchsorted(self.begins, times, side="right") - 1, 0, None)
        inside = np.clip(times - self.begins[stretch], 0, self.ends[stretch] - self.begins[stretch])
        return np.asarray(self.before[stretch] + inside)


def clock(started: Array, ended: Array) -> Clock:
    """The working time of these shards; NaN where it is not noted."""
    known = ~np.isnan(started)
    starts, ends = started[known], ended[known]
    if not len(starts):
        return Clock(np.empty(0), np.empty(0), np.empty(0))
    order = np.argsort(starts, kind="stable")
    starts, latest = starts[order], np.maximum.accumulate(ends[order])
    gaps = starts[1:] - latest[:-1]
    busy = latest[-1] - starts[0] - gaps[gaps > 0].sum()
    cuts = np.flatnonzero(gaps > max(_PAUSE * busy, 1.0)) + 1
    begins = starts[np.concatenate([[0], cuts])]
    stops = latest[np.concatenate([cuts - 1, [len(latest) - 1]])]
    before = np.concatenate([[0.0], np.cumsum(stops - begins)[:-1]])
    return Clock(begins, stops, before)


def most_at_once(started: Array, ended: Array) -> int:
    """How many of these were under way at one moment at most; those whose start is not noted apart."""
    known = ~np.isnan(started)
    starts, ends = np.sort(started[known]), np.sort(ended[known])
    under_way = np.arange(1, len(starts) + 1) - np.searchsorted(ends, starts, side="right")
    # One that takes no time counts while it begins.
    return int(np.maximum(under_way, 1).max(initial=0)) if len(starts) else 0


def per_bin(starts: Array, ends: Array, amounts: Array, edges: Array) -> Array:
    """How much of `amounts`, each spread evenly from its start to its end, falls between each two edges, (edges - 1,).

    What takes less than a hundredth of a bin is taken to last that long; the sum is that of `amounts` where the edges
    span all of it.
    """
    spans = np.maximum(ends - starts, (edges[1] - edges[0]) / 100)
    begins = np.minimum(starts, edges[-1] - spans)
    rates = amounts / spans
    done = _integral(begins, rates, edges) - _integral(begins + spans, rates, edges)
    return np.diff(done)


def _integral(times: Array, rates: Array, edges: Array) -> Array:
    """Sum of rates * (edge - time) over the times before each edge, from sorted sums."""
    order = np.argsort(times, kind="stable")
    origin = edges[0]
    times, rates = times[order] - origin, rates[order]
    summed = np.concatenate([[0.0], np.cumsum(rates)])
    moments = np.concatenate([[0.0], np.cumsum(rates * times)])
    upto = np.searchsorted(times, edges - origin, side="right")
    return np.asarray(summed[upto] * (edges - origin) - moments[upto])


def curves(
    work: Work, amounts: Mapping[str, Array], bins: int = BINS
) -> tuple[Array, dict[str, dict[str, Array]]]:
    """Amounts a second over working time, by name and stage; the edges of the bins in seconds of work, (bins + 1,)."""
    time = clock(work.started, work.ended)
    edges = np.linspace(0.0, max(time.length, 1e-6), bins + 1)
    known = ~np.isnan(work.started)
    starts, ends = np.zeros(len(known)), np.zeros(len(known))
    starts[known], ends[known] = time.at(work.started[known]), time.at(work.ended[known])
    wide = edges[1] - edges[0]
    found: dict[str, dict[str, Array]] = {name: {} for name in amounts}
    for stage in work.stages:
        own = work.of(stage)
        own = own[known[own]]
        for name, values in amounts.items():
            if len(own):
                found[name][stage] = np.maximum(per_bin(starts[own], ends[own], values[own], edges), 0) / wide
    return edges, found
