"""The charts of the view `shards`, drawn from its answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from pipeline.dashboard.views.shards import ShardsCurve, ShardsTimeline
from pipeline.report.axes import short
from pipeline.report.lanes import Lane, Spot, Strip, lanes, strips

_UNITS = (
    (172_800.0, 86_400.0, "days"),
    (7_200.0, 3_600.0, "hours"),
    (180.0, 60.0, "minutes"),
    (0.0, 1.0, "seconds"),
)


def moment(seconds: float | None) -> str:
    """A Unix time as people read it, in UTC; a dash where there is none."""
    return "–" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _unit(time: ShardsTimeline) -> tuple[float, str]:
    """Seconds of a unit that suits the length, and the name of the horizontal axis."""
    unit, name = next((unit, name) for least, unit, name in _UNITS if time.seconds >= least)
    pauses = f", {time.pauses} pause{'s' if time.pauses > 1 else ''} left out" if time.pauses else ""
    return unit, f"{name} of work since {moment(time.began)}{pauses}"


def at_work(time: ShardsTimeline) -> Markup:
    """A lane a stage: how many shards were worked on at once."""
    told = "A lane for each stage over working time; its height is the number of shards worked on at once."
    found = [(one, one.at_work, f"{one.most_at_once:,}") for one in time.curves]
    return _lanes("Shards at work", told, time, found, "most at once")


def documents(time: ShardsTimeline) -> Markup:
    """A lane a stage: documents a second."""
    told = "A lane for each stage over working time; its height is the number of documents a second."
    found = [(one, one.documents, short(max(one.documents))) for one in time.curves if any(one.documents)]
    return _lanes("Documents a second", told, time, found, "most documents a second")


def megabytes(time: ShardsTimeline) -> Markup:
    """A lane a stage: megabytes a second, of input for `extract` and of text for other stages."""
    told = "A lane for each stage over working time; its height is the number of megabytes a second."
    found = [(one, one.bytes, short(max(one.bytes) / 1e6)) for one in time.curves if any(one.bytes)]
    return _lanes("Megabytes a second", told, time, found, "most MB a second")


def _lanes(
    title: str,
    told: str,
    time: ShardsTimeline,
    found: Sequence[tuple[ShardsCurve, Sequence[float], str]],
    y_label: str,
) -> Markup:
    unit, label = _unit(time)
    rows = [Lane(one.stage, values, most) for one, values, most in found]
    return lanes(title, told, rows, time.seconds / unit, label, y_label) if rows else Markup("")


def began(time: ShardsTimeline) -> Markup:
    """A lane a stage: shards by when they began and how long they took."""
    unit, label = _unit(time)
    told = (
        "A lane for each stage: circles are shards, by when they were begun and by the seconds that they took, on a "
        "logarithmic scale from the stage's quickest shard to its slowest."
    )
    rows = [
        Strip(
            one.stage,
            [Spot(of.begin / unit, of.wall, of.number) for of in time.cells if of.stage == one.stage],
            one.wall_least,
            one.wall_most,
        )
        for one in time.curves
    ]
    return strips("How long shards took", told, rows, time.seconds / unit, label, "least and most seconds")
