"""Charts of work over time: curves and circles, a lane a stage, each with its name beside it."""

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
    line,
    linear,
    number,
    short,
    text,
    ticks,
    x_axis,
)
from pipeline.report.charts import RIGHT, WIDTH

_LANE = 22  # height, and what is between two
_GAP = 10
_TALL = 38  # height of a lane of circles
_SPREAD = math.log10(
    2
)  # of a lane of circles at least, so that shards that all take about as long look like it


class Lane(NamedTuple):
    """A name and its values, one for each equal part of the horizontal axis."""

    name: str
    values: Sequence[float]
    most: str  # what stands at its right end: its height


class Spot(NamedTuple):
    """So many things at one place."""

    x: float
    y: float
    number: int


class Strip(NamedTuple):
    """A name, its things, and the least and the largest of their heights, which stand at its right end."""

    name: str
    spots: Sequence[Spot]
    least: float
    most: float


def lanes(
    title: str, description: str, rows: Sequence[Lane], length: float, x_label: str, y_label: str
) -> Markup:
    """A filled curve a lane, each to its own height, which `y_label` says the meaning of."""
    frame = Frame(92, 22, RIGHT - 36, 22 + (_LANE + _GAP) * len(rows))
    x = linear(0.0, length, frame.left, frame.right)
    marks = ticks(0.0, length, 6)
    parts = [text(WIDTH - 4, 12, y_label, "end", "label")]
    parts += [line(x(value), frame.top, x(value), frame.bottom, "grid") for value in marks]
    for at, row in enumerate(rows):
        bottom = frame.top + (_LANE + _GAP) * (at + 1) - _GAP / 2
        parts.append(element("polygon", points=_outline(row.values, bottom, x, length), class_="dot c1"))
        parts.append(line(frame.left, bottom, frame.right, bottom, "grid"))
        parts.append(text(frame.left - 8, bottom - 5, row.name, "end"))
        parts.append(text(WIDTH - 4, bottom - 5, row.most, "end"))
    parts += x_axis(frame, x, marks, x_label)
    return figure(WIDTH, int(frame.bottom + 40), title, description, parts)


def _outline(values: Sequence[float], bottom: float, x: Scale, length: float) -> str:
    """The points of steps from the bottom line and back to it; equal neighbours share one."""
    most, step = max(values, default=0.0) or 1.0, length / max(len(values), 1)
    places = [f"{number(x(0.0))},{number(bottom)}"]
    for at, value in enumerate(values):
        y = number(bottom - _LANE * value / most)
        if at and value == values[at - 1]:
            places.pop()
        else:
            places.append(f"{number(x(at * step))},{y}")
        places.append(f"{number(x((at + 1) * step))},{y}")
    return " ".join([*places, f"{number(x(length))},{number(bottom)}"])


def strips(
    title: str, description: str, rows: Sequence[Strip], length: float, x_label: str, y_label: str
) -> Markup:
    """Circles, a lane a name, each on a logarithmic scale of its own; areas grow with the logarithm of a number."""
    step = _TALL + _GAP
    frame = Frame(92, 22, RIGHT - 36, 22 + step * len(rows))
    x = linear(0.0, length, frame.left, frame.right)
    marks = ticks(0.0, length, 6)
    parts = [text(WIDTH - 4, 12, y_label, "end", "label")]
    parts += [line(x(value), frame.top, x(value), frame.bottom, "grid") for value in marks]
    for at, row in enumerate(rows):
        bottom = frame.top + step * (at + 1) - _GAP / 2
        low, high = math.log10(max(row.least, 1e-3)), math.log10(max(row.most, 1e-3))
        pad = max(_SPREAD - (high - low), 0.0) / 2
        y = linear(low - pad, high + pad, bottom - 5, bottom - _TALL + 5)
        for one in row.spots:
            radius = 2.0 + 1.2 * math.log2(one.number) ** 0.7 if one.number > 1 else 2.0
            label = element("title", f"{row.name}: {one.number:,} of about {short(one.y)}")
            place = {"cx": x(one.x), "cy": y(math.log10(max(one.y, 1e-3)))}
            parts.append(element("circle", label, **place, r=radius, class_="dot spot c1"))
        parts.append(line(frame.left, bottom, frame.right, bottom, "grid"))
        parts.append(text(frame.left - 8, bottom - _TALL / 2 + 4, row.name, "end"))
        ends = [(row.most, bottom - _TALL + 11), (row.least, bottom - 2)]
        if short(row.most) == short(row.least):
            ends = [(row.most, bottom - _TALL / 2 + 4)]
        parts += [text(WIDTH - 4, height, short(value), "end") for value, height in ends]
    parts += x_axis(frame, x, marks, x_label)
    return figure(WIDTH, int(frame.bottom + 40), title, description, parts)
