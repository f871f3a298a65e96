"""The page: what the sections need, and Jinja templates that print it.

Crawled text cannot act: autoescape is on, every printed value goes through `visible`, which draws control and
bidirectional characters as escapes, no address becomes a link, and the policy in the head allows no script, no
connection and no style but the page's own, which it names by digest.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.ledger import CORE_HOUR_PRICE
from pipeline.recipe import resolved
from pipeline.report import amounts, funnel, planted, provenance, samples, signals, training
from pipeline.report.charts import bar, short
from pipeline.report.run import Run
from pipeline.report.token_rate import token_rate
from pipeline.show import duration, show_text, size
from pipeline.sums import plain

_TEMPLATES = ("report.html", "corpus.html", "training.html", "provenance.html")


def render(run: Run, price: float = CORE_HOUR_PRICE) -> str:
    """The whole page; `price` is that of a core-hour."""
    style = _resource("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    templates = {name: _resource(name) for name in _TEMPLATES}
    template = environment(templates).get_template("report.html")
    return template.render(style=Markup(style), style_digest=digest, **_facts(run, price))


def _resource(name: str) -> str:
    return (resources.files("pipeline.report") / name).read_text("utf-8")


def environment(templates: Mapping[str, str]) -> jinja2.Environment:
    """What all pages are printed with: autoescape, invisible characters drawn, numbers as people read them."""
    found = jinja2.Environment(
        loader=jinja2.DictLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "n": _count,
        "percent": _percent,
        "size": size,
        "duration": duration,
        "figures": _figures,
        "short": short,
    }
    found.globals |= {"bar": bar, "newline": Markup("\n")}
    return found


def visible(value: Any) -> Any:
    """Text with nothing in it that a person cannot see; markup of our own as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return show_text(value, max(len(value), 1))
    return value


def _count(value: float) -> str:
    return f"{value:,}"


def _percent(part: float, whole: float) -> str:
    if not whole:
        return "–"
    return "< 0.1 %" if 0 < part / whole < 0.0005 else f"{100 * part / whole:.1f} %"


def _figures(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _facts(run: Run, price: float) -> dict[str, Any]:
    """Everything the templates name."""
    steps = funnel.funnel(run)
    rules, silent = funnel.rules(run)
    found = training.models(run)
    local, job = provenance.commands(run)
    return {
        "run": run,
        "counts": run.counts,
        "missing": [name for name in run.active if name not in run.ended],
        "lost": [(stage, one) for stage, lost in run.lost.items() for one in lost],
        "corpus_bytes": plain(run.closed["corpus"], "bytes"),
        "steps": steps,
        "step_costs": {one.group: one.core_seconds for one in amounts.costs(run)},
        "step_tokens": [amounts.estimated(step.bytes, run) for step in steps],
        "rate": token_rate(run),
        "exact_tokens": amounts.exact_tokens(run),
        "pages": max(steps[1].left, 1),
        "measured": plain(run.closed["filter"], "in"),
        "rules": rules,
        "silent": silent,
        "domains": funnel.domains(run),
        "languages": funnel.languages(run),
        "histograms": signals.histograms(run),
        "failures": samples.failures(run),
        "kept": samples.kept(run),
        "dropped": samples.dropped(run) if run.closed["filter"] else [],
        "contaminated": samples.contaminated(run),
        "planted": planted.planted(run),
        "models": found,
        "loss_charts": training.loss_charts(training.lines(run, found), training.phases(run)),
        "scores_chart": training.scores_chart(found),
        "scored": training.domains(found),
        "windowing": _windowing(run),
        "effects": training.effects(run, found),
        "exposure": training.exposure(run),
        "plan": training.plan(run),
        "cost": provenance.cost(run, price),
        "local_command": local,
        "job_command": job,
        "versions": provenance.versions(),
        "recipe_lines": resolved(run.recipe).splitlines(),
    }


def _windowing(run: Run) -> str:
    receipts = run.closed["eval"]
    return str(receipts[0].values.get("scores", {}).get("windowing", "")) if receipts else ""
