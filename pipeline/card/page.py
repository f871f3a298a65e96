"""The card: what its template names, and the template filled in.

No crawled text gets into it: no title, no address, no host; labels of languages and domains only where they are plain
words. All other text, such as the recipe's name, is made inert on its way (`pipeline.card.markdown`).
"""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple, get_args

import jinja2
from markupsafe import Markup

from pipeline import yaml
from pipeline.card.contents import Contents, contents
from pipeline.card.header import header, languages, pretty_name
from pipeline.card.limits import limits
from pipeline.card.markdown import code, fenced, finalize, labels
from pipeline.dedup.scope import crawl_labels
from pipeline.recipe import resolved
from pipeline.report import funnel, provenance
from pipeline.report.run import Run
from pipeline.show import duration, size
from pipeline.stats import plain

MANY = 20  # inputs; more are named by a path list
_DOMAINS, _LANGUAGES, _LICENSES = 20, 12, 12  # rows of a table
_NAMELESS = "no crawl named"


class RuleRow(NamedTuple):
    """One rule that is switched on: documents that it was the first to drop, and all that fail it."""

    rule: str
    condition: str
    first: int
    failing: int


def render(run: Run, price: float, listed: str | None = None) -> str:
    """The whole card; `price` is that of a core-hour, `listed` a path list that stands for the inputs in commands."""
    found = contents(run)
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
        "bibtex": _bibtex,
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


def _bibtex(text: str) -> Markup:
    """Letters, digits and spaces: what BibTeX and a block of code read as nothing else."""
    return Markup("".join(one if one.isalnum() or one in " .-" else " " for one in text))


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
        "folder_name": f"./{run.folder.url.rpartition('/')[2]}",
        "version": _version(),
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
        "licenses": labels(found.licenses, _LICENSES) if found is not None else [],
        "crawls": sorted(Counter(label or _NAMELESS for label in crawl_labels(run.inputs).values()).items()),
        "named_crawls": any(crawl_labels(run.inputs).values()),
        "dedup": run.recipe.dedup,
        "masked_kinds": _masked_kinds(run),
        "opt_outs": opt_outs(run),
        "drop_opt_outs": _drop_opt_outs(run),
        "limits": limits(run, found),
        "cost": provenance.cost(run, price),
        "local_command": local,
        "job_command": job,
        "secrets": any(provenance.without_credentials(one.path) != one.path for one in run.inputs),
        "versions": provenance.versions(),
        "recipe_text": resolved(run.recipe),
    }


def _version() -> str:
    try:
        return version("sluice")
    except PackageNotFoundError:  # a checkout that is not installed
        return "of a checkout"


def rules(run: Run) -> list[RuleRow]:
    """The rules of the recipe that are switched on or dropped something, in its order."""
    first, failing = funnel.first_dropped(run), funnel.failing_counts(run)
    rows = []
    for name, rule in funnel.recipe_rules(run):
        if rule.threshold is not None or first.get(name) or failing.get(name):
            condition = funnel.condition(rule) if rule.threshold is not None else "in some languages"
            rows.append(RuleRow(name, f"{rule.signal} {condition}", first.get(name, 0), failing.get(name, 0)))
    return rows


def opt_outs(run: Run) -> dict[str, int]:
    """Documents that passed the filters by the opt-out that they state, from the histograms of the receipts."""
    from filters.optout import Name

    found = {}
    for name in get_args(Name):
        stated = 0
        for receipt in run.closed["filter"]:
            kept = receipt.histograms.get(f"optout_{name}", {}).get("kept", {})
            stated += sum(number for edge, number in kept.items() if float(edge) > 0)
        found[name] = stated
    return found if any("optout_noai" in one.histograms for one in run.closed["filter"]) else {}


def _drop_opt_outs(run: Run) -> list[str]:
    """The opt-outs for which the recipe drops a page."""
    return [
        name
        for name, rule in funnel.recipe_rules(run)
        if name.startswith("optout.") and rule.threshold is not None
    ]


def _masked_kinds(run: Run) -> list[str]:
    from filters.pii import masked

    return list(masked(run.recipe.pii)) if run.recipe.pii is not None else []
