"""A mark for a cell of a table: where a value lies against its threshold."""

from __future__ import annotations

from markupsafe import Markup

from pipeline.report.axes import element, line, number


def against(value: object, drop_when: str, threshold: object) -> Markup:
    """Where a value lies against its threshold, which stands in the middle; half of it left, twice it right of that.

    The side that drops is shaded. Empty for labels, for what was not measured and for rules that are switched off.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Markup("")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or value < 0 or threshold < 0:
        return Markup("")
    if value != value or drop_when not in ("<", "<=", ">", ">="):
        return Markup("")
    place = 0.5 if value == threshold else value / (value + threshold)
    at = 4 + 92 * place
    less = drop_when in ("<", "<=")
    below, above = value < threshold, value > threshold
    drops = (below if less else above) or (value == threshold and "=" in drop_when)
    return element(
        "svg",
        element("rect", x=4.0 if less else 50.0, y=2, width=46, height=8, class_="drops"),
        line(4, 6, 96, 6, "axis"),
        line(50, 1, 50, 11, "threshold"),
        element("circle", cx=number(at), cy=6, r=3, class_="lost" if drops else "left"),
        viewBox="0 0 100 12",
        class_="against",
        aria_hidden="true",
    )
