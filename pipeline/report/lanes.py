"""Charts of work over time: a lane a stage, and shards by when they began and how long they took."""

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
)
from pipeline.report.charts import LEFT, RIGHT, WIDTH

_LANE = 22  # height, and what is between two
_GAP = 10


class Lane(NamedTuple):
    """A name and its values, one for each equal part of the horizontal axis."""

    name: str
    class_: str
    values: Sequence[float]
    most: str  # what stands at its right end: its height


class Spot(NamedTuple):
    """So many things at one place."""

    x: float
    y: float
    number: int
    name: str
    class_: str


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
        parts.append(
            element("polygon", points=_outline(row.values, bottom, x, length), class_=f"dot {row.class_}")
        )
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


def spots(
    title: str, description: str, found: Sequence[Spot], length: float, x_label: str, y_label: str
) -> Markup:
    """Circles over a logarithmic vertical axis; a circle's area grows with the logarithm of its number."""
    if not found:
        return Markup("")
    names = list(dict.fromkeys((one.name, one.class_) for one in found))
    parts, used = legend(names, LEFT, 14, RIGHT)
    frame = Frame(LEFT, 14 + used + 16, RIGHT, 14 + used + 196)
    heights = [math.log10(max(one.y, 1e-3)) for one in found]
    low, high = min(heights) - 0.1, max(heights) + 0.1
    x, y = linear(0.0, length, frame.left, frame.right), linear(low, high, frame.bottom, frame.top)
    parts.append(text(4.0, frame.top - 8, y_label, class_="label"))
    for power in _powers(low, high):
        at = y(math.log10(power))
        parts.append(line(frame.left, at, frame.right, at, "grid"))
        parts.append(text(frame.left - 6, at + 4, short(power), "end"))
    for one, height in zip(found, heights, strict=True):
        radius = 2.0 + 1.2 * math.log2(one.number) ** 0.7 if one.number > 1 else 2.0
        label = element("title", f"{one.name}: {one.number:,} of about {short(one.y)}")
        parts.append(
            element("circle", label, cx=x(one.x), cy=y(height), r=radius, class_=f"dot spot {one.class_}")
        )
    parts += x_axis(frame, x, ticks(0.0, length, 6), x_label)
    return figure(WIDTH, int(frame.bottom + 40), title, description, parts)


def _powers(low: float, high: float) -> list[float]:
    """Round values of a logarithmic axis: powers of ten, with 2 and 5 between them where there are few."""
    steps = (1, 2, 5) if high - low < 2 else (1,)
    powers = [step * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for step in steps]
    return [one for one in powers if low <= math.log10(one) <= high]
