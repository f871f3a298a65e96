"""The verbs, in one table. Each has an example in its help, and tests run every one of them."""

from __future__ import annotations

from collections.abc import Callable

import typer

from pipeline.cli import compare, corpus, dashboard, fetch, filters, inspect, learn, publish, retune, run

app = typer.Typer(
    name="sluice",
    help="From Common Crawl WARC files to a pretraining corpus and a trained, annealed language model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

VERBS: dict[str, Callable[..., None]] = {
    "demo": run.demo,
    "sample": run.sample,
    "fetch": fetch.fetch,
    "recipes": run.recipes,
    "signals": run.signals,
    "plan": run.plan,
    "run": run.run,
    "retune": retune.retune,
    "extract": corpus.extract,
    "filter": corpus.filter_,
    "dedup": corpus.dedup,
    "tokenize": corpus.tokenize,
    "records": inspect.records,
    "status": inspect.status,
    "stats": inspect.stats,
    "compare": compare.compare,
    "why": inspect.why,
    "verify": inspect.verify,
    "repair": inspect.repair,
    "gc": inspect.gc,
    "dashboard": dashboard.dashboard,
    "report": publish.report,
    "card": publish.card,
    "eval": learn.evaluate,
    "generate": learn.generate,
    "doctor": learn.doctor,
}

# Verbs of their own under a word: `sluice filters train`.
GROUPS: dict[str, dict[str, Callable[..., None]]] = {"filters": {"train": filters.train}}

for name, verb in VERBS.items():
    app.command(name)(verb)
for name, verbs in GROUPS.items():
    group = typer.Typer(
        help=filters.__doc__, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    for word, verb in verbs.items():
        group.command(word)(verb)
    app.add_typer(group, name=name)
