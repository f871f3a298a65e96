"""Answers as pages. Crawled text cannot act: see `pipeline/report/page.py`, whose environment this is."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
import msgspec

from pipeline.comparison import signal_compared
from pipeline.dashboard.view import House, View
from pipeline.dashboard.watch import Seen
from pipeline.report import bars
from pipeline.report.against import against
from pipeline.report.axes import short
from pipeline.report.page import environment

_SETTING = 80  # characters of a setting's value that are shown


def url(run: str, view: str, asked: Any = None, **changes: Any) -> str:
    """The address of a view with the parameters of `asked`, those in `changes` replaced; None leaves one out."""
    values: dict[str, Any] = {}
    if asked is not None:
        for field in msgspec.structs.fields(type(asked)):
            value = getattr(asked, field.name)
            if value != field.default:
                values[field.encode_name] = value
    values |= changes
    pairs = [(name, value) for name, value in values.items() if value is not None and value != ""]
    written = urlencode(pairs, doseq=True)
    return f"/{quote(run, safe='')}/{view}" + (f"?{written}" if written else "")


@cache
def _environment() -> jinja2.Environment:
    from pipeline.dashboard import shard_charts
    from pipeline.dashboard.views import signals, training

    folder = resources.files("pipeline.dashboard") / "templates"
    found = environment({entry.name: entry.read_text("utf-8") for entry in folder.iterdir()})
    found.globals |= {"url": url, "histogram": signals.drawn, "shown_signals": signals.shown_signals}
    found.globals |= {
        "moment": shard_charts.moment,
        "at_work": shard_charts.at_work,
        "began": shard_charts.began,
        "documents_chart": shard_charts.documents,
        "megabytes_chart": shard_charts.megabytes,
    }
    found.globals |= {"against": against, "signal_compared": signal_compared}
    found.filters["short"] = short
    found.filters["setting"] = setting
    found.globals |= {"url": url, "bars": bars, "training": training}
    return found


def setting(value: Any) -> str:
    """A recipe's value as compact JSON, cut; a dash for null."""
    if value is None:
        return "–"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SETTING else text[: _SETTING - 1] + "…"


def render(house: House, seen: Seen, view: View, asked: Any, answer: Any) -> str:
    """A view as a page: `templates/VIEW.html`."""
    from pipeline.dashboard.views import VIEWS

    template = _environment().get_template(f"{view.name}.html")
    return template.render(house=house, seen=seen, view=view, views=VIEWS, q=asked, a=answer, waits=False)


def render_index(house: House) -> str:
    """The list of runs."""
    return (
        _environment()
        .get_template("index.html")
        .render(house=house, seen=None, view=None, waits=bool(house.awaited))
    )


def render_error(status: int, message: str, waits: bool = False) -> str:
    """A refusal as a page, which asks again if it `waits`."""
    template = _environment().get_template("error.html")
    return template.render(seen=None, view=None, status=status, message=message, waits=waits)
