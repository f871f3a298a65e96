"""What every chart is drawn with: SVG elements as safe markup, scales, ticks.

Colours are classes (`c0`, `c1`, ...) that the page's style sheet gives for light and dark; lines and labels take the
text's own colour. Nothing here needs a script, and every text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from markupsafe import Markup, escape

Scale = Callable[[float], float]


def element(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """An SVG element. `class_` is `class`, other underscores are hyphens; children that are plain text are escaped."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value) if isinstance(value, float) else value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{Markup('').join(children)}</{name}>")


def number(value: float) -> str:
    """A coordinate: a tenth of a unit is less than a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def figure(width: int, height: int, title: str, description: str, parts: Iterable[Markup]) -> Markup:
    """A whole SVG with a title and a description for those who do not see it."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        class_="chart",
    )


def text(x: float, y: float, label: str, anchor: str = "start", class_: str | None = None) -> Markup:
    """A label."""
    return element("text", label, x=x, y=y, text_anchor=anchor if anchor != "start" else None, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Values from `low` to `high` onto coordinates from `start` to `end`."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """At most about `count` round values (1, 2 or 5 times a power of ten) from `low` to `high`."""
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return [low]
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def short(value: float) -> str:
    """A number on an axis: `1.5M`, `20k`, `0.003`."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


class Frame(NamedTuple):
    """The plot area inside a figure, in its coordinates."""

    left: float
    top: float
    right: float
    bottom: float


def x_axis(frame: Frame, scale: Scale, values: Iterable[float], label: str) -> list[Markup]:
    """The bottom line with ticks, their labels and the axis' name."""
    parts = [line(frame.left, frame.bottom, frame.right, frame.bottom, "axis")]
    for value in values:
        at = scale(value)
        parts.append(line(at, frame.bottom, at, frame.bottom + 4, "axis"))
        parts.append(text(at, frame.bottom + 16, short(value), "middle"))
    parts.append(text((frame.left + frame.right) / 2, frame.bottom + 32, label, "middle", "label"))
    return parts


def y_axis(frame: Frame, scale: Scale, values: Iterable[float], label: str) -> list[Markup]:
    """Horizontal grid lines with their labels; the axis' name stands above the plot."""
    parts = [text(4.0, frame.top - 8, label, class_="label")]
    for value in values:
        at = scale(value)
        parts.append(line(frame.left, at, frame.right, at, "grid"))
        parts.append(text(frame.left - 6, at + 4, short(value), "end"))
    return parts


def legend(names: list[tuple[str, str]], left: float, top: float, right: float) -> tuple[list[Markup], float]:
    """Swatches and names in rows, (name, class) each; returns the height they take."""
    parts: list[Markup] = []
    x, y = left, top
    for name, class_ in names:
        width = 36 + 6.8 * len(name)
        if x > left and x + width > right:
            x, y = left, y + 16
        parts.append(element("line", x1=x, y1=y - 4, x2=x + 16, y2=y - 4, class_=f"line {class_}"))
        parts.append(text(x + 21, y, name))
        x += width
    return parts, (y - top + 16 if names else 0)
