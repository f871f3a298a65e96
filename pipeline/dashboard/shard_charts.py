"""The charts of the view `shards`, drawn from its answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from pipeline.dashboard.views.shards import ShardsCurve, ShardsTimeline
from pipeline.report.charts import Panel, Series, line_chart
from pipeline.report.lanes import Lane, Spot, lanes, spots

_UNITS = (
    (172_800.0, 86_400.0, "days"),
    (7_200.0, 3_600.0, "hours"),
    (180.0, 60.0, "minutes"),
    (0.0, 1.0, "seconds"),
)
_COLOURS = 6


def moment(seconds: float | None) -> str:
    """A Unix time as people read it, in UTC; a dash where there is none."""
    return "–" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _unit(time: ShardsTimeline) -> tuple[float, str]:
    """Seconds of a unit that suits the length, and the name of the horizontal axis."""
    unit, name = next((unit, name) for least, unit, name in _UNITS if time.seconds >= least)
    pauses = f", {time.pauses} pause{'s' if time.pauses > 1 else ''} left out" if time.pauses else ""
    return unit, f"{name} of work since {moment(time.began)}{pauses}"


def _colour(curves: Sequence[ShardsCurve]) -> dict[str, str]:
    return {one.stage: f"c{(at + 1) % _COLOURS}" for at, one in enumerate(curves)}


def at_work(time: ShardsTimeline) -> Markup:
    """A lane a stage: how many shards were worked on at once."""
    unit, label = _unit(time)
    colours = _colour(time.curves)
    rows = [Lane(one.stage, colours[one.stage], one.at_work) for one in time.curves]
    told = f"Lanes of {len(rows)} stages over working time; the height is the number of shards worked on at once."
    return lanes("Shards at work", told, rows, time.seconds / unit, label)


def began(time: ShardsTimeline) -> Markup:
    """Shards by when they began and how long they took."""
    unit, label = _unit(time)
    colours = _colour(time.curves)
    found = [
        Spot(one.begin / unit, one.wall, one.number, one.stage, colours.get(one.stage, "c0"))
        for one in time.cells
    ]
    told = (
        "Circles: shards by when they were begun and by the seconds that they took, on a logarithmic scale."
    )
    return spots("How long shards took", told, found, time.seconds / unit, label, "seconds a shard took")


def throughput(time: ShardsTimeline) -> Markup:
    """Documents and megabytes a second by stage."""
    unit, label = _unit(time)
    colours = _colour(time.curves)
    wide = time.seconds / unit / time.bins

    def series(values: Sequence[float], one: ShardsCurve, scale: float) -> Series:
        points = [((at + 0.5) * wide, value * scale) for at, value in enumerate(values)]
        return Series(one.stage, colours[one.stage], points)

    documents = [series(one.documents, one, 1.0) for one in time.curves if any(one.documents)]
    sizes = [series(one.bytes, one, 1e-6) for one in time.curves if any(one.bytes)]
    panels = [
        Panel(name, 110, found, low=0.0)
        for name, found in (
            ("documents a second", documents),
            ("MB a second: input of extract, else text", sizes),
        )
        if found
    ]
    return line_chart("Throughput", "Lines of stages over working time.", panels, label)
