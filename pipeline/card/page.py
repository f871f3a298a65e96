"""The card: what its template names, and the template filled in.

No crawled text gets into it: no title, no address, no host; labels of languages and domains only where they are plain
words. All other text, such as the recipe's name, is made inert on its way (`pipeline.card.markdown`).
"""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline import yaml
from pipeline.card.contents import Contents
from pipeline.card.header import citation, header, languages, pretty_name, sluice_version
from pipeline.card.judged import dropping_opt_outs, opt_outs, rules
from pipeline.card.limits import limits
from pipeline.card.markdown import code, fenced, finalize, labels
from pipeline.dedup.scope import crawl_labels
from pipeline.recipe import resolved
from pipeline.report import funnel, provenance
from pipeline.report.run import Run
from pipeline.show import duration, size
from pipeline.stats import plain

MANY = 20  # inputs; more are named by a path list
_DOMAINS, _LANGUAGES = 20, 12  # rows of a table
_NAMELESS = "no crawl named"


def render(run: Run, found: Contents | None, price: float, listed: str | None = None) -> str:
    """The whole card; `price` is that of a core-hour, `listed` a path list that stands for the inputs in commands."""
    template = _environment().get_template("card.md")
    head = yaml.dump(header(run, found))
    return f"---\n{head}---\n\n{template.render(**_facts(run, found, price, listed))}"


def _environment() -> jinja2.Environment:
    text = (resources.files("pipeline.card") / "card.md").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"card.md": text}),
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "n": lambda value: f"{value:,}",
        "percent": _percent,
        "size": size,
        "duration": duration,
        "figures": lambda value, digits: f"{value:,.{digits}f}",
        "code": code,
        "fenced": fenced,
        "python": _python,
    }
    return environment


def _percent(part: float, whole: float) -> str:
    if not whole:
        return "-"
    return "less than 0.1 %" if 0 < part / whole < 0.0005 else f"{100 * part / whole:.1f} %"


def _python(text: str) -> Markup:
    """A string of Python, in ASCII: one line with nothing in it that a person cannot see."""
    return Markup(json.dumps(text))


def _facts(run: Run, found: Contents | None, price: float, listed: str | None) -> dict[str, Any]:
    """Everything the template names."""
    counts = run.counts
    steps = funnel.funnel(run)
    local, job = provenance.commands(run, listed)
    spoken = found.languages if found is not None else Counter[str]()
    return {
        "run": run,
        "counts": counts,
        "found": found,
        "name": pretty_name(run),
        "citation": citation(run),
        "folder_name": f"./{run.folder.url.rpartition('/')[2]}",
        "version": sluice_version(),
        "missing": [name for name in run.active if name not in run.ended],
        "text_bytes": plain(run.closed["corpus"], "bytes"),
        "steps": steps,
        "pages": max(steps[1].left, 1),
        "rules": rules(run),
        "by_language": sorted(run.recipe.chain({}).languages) if run.recipe.filters is not None else [],
        "guarded": bool(run.recipe.chain({}).guards) if run.recipe.filters is not None else False,
        "measured": plain(run.closed["filter"], "in"),
        "domains": labels(counts["domains"], _DOMAINS),
        "spoken": labels(spoken, _LANGUAGES),
        "codes": languages(spoken),
        "licenses": _by_number(found.licenses) if found is not None else [],
        "crawls": sorted(Counter(label or _NAMELESS for label in crawl_labels(run.inputs).values()).items()),
        "named_crawls": any(crawl_labels(run.inputs).values()),
        "dedup": run.recipe.dedup,
        "masked_kinds": _masked_kinds(run),
        "opt_outs": opt_outs(run),
        "drop_opt_outs": dropping_opt_outs(run),
        "limits": limits(run, found),
        "cost": provenance.cost(run, price),
        "local_command": local,
        "job_command": job,
        "secrets": any(provenance.without_credentials(one.path) != one.path for one in run.inputs),
        "versions": provenance.versions(),
        "recipe_text": resolved(run.recipe),
    }


def _by_number(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _masked_kinds(run: Run) -> list[str]:
    from filters.pii import masked

    return list(masked(run.recipe.pii)) if run.recipe.pii is not None else []
