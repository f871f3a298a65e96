"""The report of a classifier: one page with reliability, what thresholds keep, and whom it over- and under-scores.

As in a run's report, text that was crawled cannot act: every value is escaped and made visible, nothing is loaded.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.report.charts import Panel, Series, line_chart
from pipeline.report.page import visible


def write_report(card: dict[str, Any], path: Path) -> None:
    """Write the page of a card."""
    style = (resources.files("pipeline.report") / "report.css").read_text("utf-8")
    template = (resources.files("pipeline.classify") / "classifier.html").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, finalize=visible, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"n": lambda value: f"{value:,}", "figures": _figures}
    metrics = card["metrics"]
    page = environment.from_string(template).render(
        card=card,
        metrics=metrics,
        charts=_charts(metrics) if metrics.get("auc") else [],
        groups=_groups(metrics["bias"]) if metrics.get("auc") else [],
        style=Markup(style),
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )
    path.write_text(page, encoding="utf-8")


def _figures(value: float, digits: int = 3) -> str:
    return f"{value:,.{digits}f}"


def _groups(bias: dict[str, Any]) -> list[tuple[str, Sequence[dict[str, Any]]]]:
    return [
        ("Languages", bias["languages"]),
        ("Top-level domains", bias["top_level_domains"]),
        ("Most over-scored registered domains", bias["over_scored"]),
        ("Most under-scored registered domains", bias["under_scored"]),
    ]


def _charts(metrics: dict[str, Any]) -> list[Markup]:
    def points(name: str) -> list[tuple[float, float]]:
        return [(row["said"], row["true"]) for row in metrics[name]]

    reliability = line_chart(
        "Reliability",
        "Share of positives by mean score, in ten bins of equally many held-out examples",
        [
            Panel(
                "share that is positive",
                190,
                [
                    Series("as it should be", "c5", [(0.0, 0.0), (1.0, 1.0)]),
                    Series("calibrated", "c0", points("reliability")),
                    Series("as the model says", "c1", points("reliability_uncalibrated")),
                ],
                0.0,
                1.0,
            )
        ],
        "mean score",
    )
    curve = metrics["kept"]["curve"]
    kept = line_chart(
        "What a threshold keeps",
        f"Shares of {metrics['kept']['of']} with at least this calibrated score",
        [
            Panel(
                "share that is kept",
                190,
                [
                    Series(name, class_, [(row["threshold"], row[name]) for row in curve])
                    for name, class_ in (("pages", "c0"), ("words", "c1"), ("positives", "c2"))
                ],
                0.0,
                1.0,
            )
        ],
        "threshold of the calibrated score",
    )
    return [reliability, kept]
