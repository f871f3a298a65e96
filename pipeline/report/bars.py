"""Bar charts: how many things have a size, on logarithmic axes, and two values side by side for each of some names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from pipeline.report.axes import Frame, element, figure, line, linear, short, text, ticks, x_axis
from pipeline.report.charts import LEFT, RIGHT, WIDTH

_CLASSES = ("bar-first", "bar-second")


class Column(NamedTuple):
    """One bar: what stands under it, and how many."""

    label: str
    number: int


class Both(NamedTuple):
    """Two values of one name; the second is None where it is not known (yet)."""

    name: str
    first: float
    second: float | None


def columns(title: str, description: str, bars: Sequence[Column], x_label: str, y_label: str) -> Markup:
    """Upright bars over a logarithmic axis from below 1, each with its number; one of 0 is left out."""
    most = max((one.number for one in bars), default=0)
    if not most:
        return Markup("")
    frame = Frame(LEFT, 34.0, RIGHT, 190.0)
    top = math.ceil(math.log10(most * 1.3))
    y = linear(math.log10(0.5), top, frame.bottom, frame.top)
    parts = [text(4, 14, y_label, class_="label")]
    for power in range(top + 1):
        parts.append(line(frame.left, y(power), frame.right, y(power), "grid"))
        parts.append(text(frame.left - 6, y(power) + 4, short(10.0**power), "end"))
    step = min((frame.right - frame.left) / len(bars), 60.0)
    for number, one in enumerate(bars):
        middle = frame.left + step * (number + 0.5)
        parts.append(text(middle, frame.bottom + 16, one.label, "middle"))
        if not one.number:
            continue
        high = y(math.log10(one.number))
        parts.append(
            element(
                "rect",
                x=middle - 0.36 * step,
                y=high,
                width=0.72 * step,
                height=frame.bottom - high,
                class_="kept",
            )
        )
        parts.append(text(middle, high - 4, short(one.number) if step < 34 else f"{one.number:,}", "middle"))
    parts.append(line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    parts.append(text((LEFT + RIGHT) / 2, frame.bottom + 32, x_label, "middle", "label"))
    return figure(WIDTH, 230, title, description, parts)


def both(title: str, description: str, names: tuple[str, str], rows: Sequence[Both], x_label: str) -> Markup:
    """Two bars for every row, one under the other, over an axis from 0; `names` say what they are."""
    if not rows:
        return Markup("")
    known = any(row.second is not None for row in rows)
    parts = []
    for place, name in enumerate(names[: 1 + known]):
        parts.append(element("rect", x=LEFT, y=6 + 16 * place, width=16, height=8, class_=_CLASSES[place]))
        parts.append(text(LEFT + 21, 14 + 16 * place, name))
    top, step = 36.0 if known else 22.0, 24.0 if known else 16.0
    frame = Frame(108, top, RIGHT, top + step * len(rows))
    most = max(max(row.first, row.second or 0.0) for row in rows) or 1.0
    x = linear(0.0, most * 1.04, frame.left, frame.right)
    values = ticks(0.0, most * 1.04, 5)
    parts += [line(x(value), frame.top, x(value), frame.bottom, "grid") for value in values]
    for number, row in enumerate(rows):
        at = top + number * step
        parts.append(text(frame.left - 8, at + step / 2 + 4, row.name, "end"))
        for place, value in enumerate((row.first, row.second)):
            if value is None:
                continue
            wide = max(x(value) - frame.left, 0.8 if value else 0.0)
            parts.append(
                element(
                    "rect",
                    x=frame.left,
                    y=at + 3 + 9 * place,
                    width=wide,
                    height=8.0,
                    class_=_CLASSES[place],
                )
            )
    parts += x_axis(frame, x, values, x_label)
    return figure(WIDTH, int(frame.bottom + 40), title, description, parts)


def of_sizes(ranges: Iterable[Any]) -> list[Column]:
    """A bar for every range of sizes, which has `low`, `high` and `clusters`."""
    return [
        Column(str(one.low) if one.low == one.high else f"{short(one.low)}–{short(one.high)}", one.clusters)
        for one in ranges
    ]


def shares(domains: Iterable[Any]) -> list[Both]:
    """Percentages for every domain that has a `share`, and what is `seen` of it or None."""
    return [
        Both(one.domain, 100 * one.share, None if one.seen is None else 100 * one.seen) for one in domains
    ]


def exposed(rows: Iterable[Any]) -> list[Both]:
    """Tokens of every domain as `planned` and as `read` or None."""
    return [Both(one.domain, one.planned, one.read) for one in rows]
