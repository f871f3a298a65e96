"""The report's charts: lines over training, mirrored histograms of a signal, scores with intervals, bars in tables.

Each function takes numbers and returns inline SVG. All share one width, so that a chart is as readable on a telephone
as beside another one on a wide page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from pipeline.report.axes import (
    Frame,
    Scale,
    element,
    figure,
    legend,
    line,
    linear,
    number,
    short,
    text,
    ticks,
    x_axis,
    y_axis,
)

WIDTH = 460
LEFT, RIGHT = 46, 450
Point = tuple[float, float]


class Series(NamedTuple):
    """A named line; `faint` is drawn pale behind it, such as the values that it is the mean of."""

    name: str
    class_: str  # `c0` to `c5`
    points: Sequence[Point]
    faint: Sequence[Point] = ()


class Panel(NamedTuple):
    """A plot area with its own vertical axis; `low` and `high` are the values' own unless given."""

    label: str
    height: int
    series: Sequence[Series]
    low: float | None = None
    high: float | None = None


class Bin(NamedTuple):
    """One bar of a histogram from `start` to `end` on the horizontal axis, with both sides' shares."""

    start: float
    end: float
    kept: float
    dropped: float


class Mark(NamedTuple):
    """A threshold: where it stands on the horizontal axis, and what it says."""

    at: float
    label: str


class Score(NamedTuple):
    """A dot with its interval, if it has one."""

    value: float
    interval: tuple[float, float] | None


def line_chart(
    title: str, description: str, panels: Sequence[Panel], x_label: str, marks: Sequence[Mark] = ()
) -> Markup:
    """Panels one above the other over the same horizontal axis, which the marks cut through all of them."""
    xs = [x for panel in panels for series in panel.series for x, _ in (*series.points, *series.faint)]
    if not xs:
        return Markup("")
    low, high = min(xs), max(xs)
    scale = linear(low, high, LEFT, RIGHT)
    names = list(dict.fromkeys((series.name, series.class_) for panel in panels for series in panel.series))
    parts, used = legend(names, LEFT, 14, RIGHT)
    top = 14 + used + 12
    for at, panel in enumerate(panels):
        frame = Frame(LEFT, top, RIGHT, top + panel.height)
        parts += _panel(panel, frame, scale)
        shown = marks if at == 0 else [mark._replace(label="") for mark in marks]
        parts += _marks(shown, scale, low, high, frame.top, frame.bottom, stagger=12)
        if at == len(panels) - 1:
            parts += x_axis(frame, scale, ticks(low, high, 6), x_label)
        top += panel.height + 28
    return figure(WIDTH, int(top + 12), title, description, parts)


def _panel(panel: Panel, frame: Frame, x: Scale) -> list[Markup]:
    ys = [y for series in panel.series for _, y in (*series.points, *series.faint)]
    low = min(ys, default=0.0) if panel.low is None else panel.low
    high = max(ys, default=1.0) if panel.high is None else panel.high
    pad = (high - low) * 0.04 or 0.5
    low, high = (low - pad if panel.low is None else low), high + pad
    y = linear(low, high, frame.bottom, frame.top)
    parts = y_axis(frame, y, ticks(low, high, max(2, panel.height // 34)), panel.label)
    for series in panel.series:
        parts += [_line(series.faint, x, y, frame, f"faint {series.class_}")]
    for series in panel.series:
        parts += [_line(series.points, x, y, frame, f"line {series.class_}")]
    return parts


def _line(points: Sequence[Point], x: Scale, y: Scale, frame: Frame, class_: str) -> Markup:
    if not points:
        return Markup("")
    places = ((x(a), min(max(y(b), frame.top), frame.bottom)) for a, b in points if math.isfinite(b))
    return element("polyline", points=" ".join(f"{number(a)},{number(b)}" for a, b in places), class_=class_)


def histogram(
    title: str,
    description: str,
    bins: Sequence[Bin],
    marks: Sequence[Mark],
    labels: Sequence[tuple[float, str]],
    x_label: str,
) -> Markup:
    """Kept documents above the axis, dropped ones below, each as shares of its own side: both sides sum to 100 %.

    Heights are square roots of shares, so that one tall bar does not hide the others; the axis says so. `labels` are
    the ticks of the horizontal axis.
    """
    top, middle, bottom = 24.0, 98.0, 172.0
    low, high = min(one.start for one in bins), max(one.end for one in bins)
    x = linear(low, high, LEFT, RIGHT)
    tallest = max(max(one.kept, one.dropped) for one in bins) or 1.0
    height = linear(0.0, math.sqrt(tallest), 0.0, middle - top - 6)
    parts = [text(4, 14, "share of each side, square-root scale", class_="label")]
    for share in _shares(tallest, height):
        for side in (-1, 1):
            at = middle + side * height(math.sqrt(share))
            parts.append(line(LEFT, at, RIGHT, at, "grid"))
            parts.append(text(LEFT - 6, at + 4, f"{100 * share:g}%", "end"))
    for one in bins:
        left, right = x(one.start), x(one.end)
        wide = max(right - left - 0.6, 0.8)
        for share, class_ in ((one.kept, "kept"), (one.dropped, "dropped")):
            tall = height(math.sqrt(share))
            if share:
                y = middle - tall if class_ == "kept" else middle
                parts.append(element("rect", x=left, y=y, width=wide, height=max(tall, 0.8), class_=class_))
    parts.append(line(LEFT, middle, RIGHT, middle, "axis"))
    parts += _marks(marks, x, low, high, top, bottom)
    parts += [text(RIGHT, 14, "kept", "end", "side kept-text")]
    parts += [text(RIGHT, bottom + 32, "dropped", "end", "side dropped-text")]
    for value, label in labels:
        parts.append(line(x(value), bottom, x(value), bottom + 4, "axis"))
        parts.append(text(x(value), bottom + 16, label, "middle"))
    parts.append(text((LEFT + RIGHT) / 2, bottom + 32, x_label, "middle", "label"))
    return figure(WIDTH, 210, title, description, parts)


def _shares(tallest: float, height: Scale) -> list[float]:
    """Round shares whose labels find room above the axis and above each other."""
    found: list[float] = []
    for share in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
        below = height(math.sqrt(found[-1])) if found else 0.0
        if share <= tallest * 1.02 and height(math.sqrt(share)) >= below + 11:
            found.append(share)
    return found


def _marks(
    marks: Sequence[Mark],
    x: Scale,
    low: float,
    high: float,
    top: float,
    bottom: float,
    stagger: float = 0.0,
) -> list[Markup]:
    """Dashed lines with their labels, each label `stagger` below the one before it."""
    parts: list[Markup] = []
    for place, mark in enumerate(marks):
        if not low <= mark.at <= high:
            continue
        at = x(mark.at)
        right = at < (LEFT + RIGHT) / 2
        parts.append(line(at, top - 4, at, bottom, "threshold"))
        parts.append(
            text(
                at + 4 if right else at - 4,
                top + 4 + stagger * place,
                mark.label,
                "start" if right else "end",
                "mark",
            )
        )
    return parts


def score_chart(
    title: str,
    description: str,
    models: Sequence[tuple[str, str]],
    rows: Sequence[tuple[str, Sequence[Score | None]]],
    x_label: str,
) -> Markup:
    """A row a domain, a dot a model, (name, class) each; the line through a dot is its interval."""
    ends = [
        end
        for _, scores in rows
        for one in scores
        if one is not None
        for end in (one.value, *(one.interval or ()))
        if math.isfinite(end)
    ]
    if not ends:
        return Markup("")
    parts, used = legend(list(models), LEFT, 14, RIGHT)
    step = 9 * len(models) + 12
    top = 14 + used + 4.0
    frame = Frame(96, top, RIGHT, top + step * len(rows))
    pad = (max(ends) - min(ends)) * 0.05 or 0.1
    x = linear(min(ends) - pad, max(ends) + pad, frame.left, frame.right)
    values = ticks(min(ends) - pad, max(ends) + pad, 5)
    parts += [line(x(value), frame.top, x(value), frame.bottom, "grid") for value in values]
    for at, (name, scores) in enumerate(rows):
        first = top + at * step + 10
        parts.append(text(frame.left - 8, first + 9 * (len(models) - 1) / 2 + 4, name, "end"))
        for place, (one, (_, class_)) in enumerate(zip(scores, models, strict=True)):
            if one is None or not math.isfinite(one.value):
                continue
            y = first + 9 * place
            if one.interval:
                parts.append(line(x(one.interval[0]), y, x(one.interval[1]), y, f"line thin {class_}"))
            parts.append(element("circle", cx=x(one.value), cy=y, r=3.5, class_=f"dot {class_}"))
    parts += x_axis(frame, x, values, x_label)
    return figure(WIDTH, int(frame.bottom + 40), title, description, parts)


def bar(share: float, lost: float = 0.0) -> Markup:
    """A bar for a table's cell: `share` of the whole, then what was `lost` since the row before, paler."""
    share, lost = (min(max(value, 0.0), 1.0) for value in (share, lost))
    parts = [element("rect", x=0, y=1, width=100 * share, height=8, class_="left")]
    if lost:
        parts.append(element("rect", x=100 * share, y=1, width=100 * lost, height=8, class_="lost"))
    return element(
        "svg",
        *parts,
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        class_="bar",
        aria_hidden="true",
    )


__all__ = [
    "Bin",
    "Mark",
    "Panel",
    "Score",
    "Series",
    "bar",
    "histogram",
    "line_chart",
    "score_chart",
    "short",
]
