"""Verbs that run one stage alone, on WARC files or on documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer

from pipeline.cli.arguments import (
    Accept,
    Address,
    EngineName,
    Inputs,
    Keep,
    Quiet,
    Settings,
    Workers,
    check_paths,
)
from pipeline.cli.execute import execute
from pipeline.errors import UsageError
from pipeline.recipe import Recipe, load

RecipeName = Annotated[str, typer.Argument(metavar="[RECIPE]", help="a shipped recipe's name or a YAML file")]
Out = Annotated[str, typer.Option("--out", metavar="DIR", help="a run folder with this stage's folders only")]


def _alone(
    recipe: Recipe,
    stages: Sequence[str],
    inputs: list[str],
    out: str,
    engine: str,
    address: str | None,
    workers: int | None,
    accept_changed: bool,
    keep: bool,
    quiet: bool,
) -> None:
    check_paths(inputs, out)
    code = execute(
        recipe,
        inputs,
        out,
        until=stages[-1],
        only=stages,
        engine_name=engine,
        address=address,
        workers=workers,
        accept_changed=accept_changed,
        keep=keep,
        quiet=quiet,
    )
    raise typer.Exit(code)


def extract(
    recipe: RecipeName = "fineweb",
    input_: Inputs = [],  # noqa: B006 (typer copies it)
    out: Out = "extracted",
    settings: Settings = [],  # noqa: B006
    engine: EngineName = "local",
    address: Address = None,
    workers: Workers = None,
    accept_changed: Accept = False,
    keep: Keep = False,
    quiet: Quiet = False,
) -> None:
    """WARC files to text.

    Example: sluice extract --input sample.warc.gz --out text
    """
    chosen = load(recipe, settings)
    _alone(chosen, ["extract"], input_, out, engine, address, workers, accept_changed, keep, quiet)


def filter_(
    recipe: RecipeName = "fineweb",
    input_: Inputs = [],  # noqa: B006
    out: Out = "filtered",
    settings: Settings = [],  # noqa: B006
    engine: EngineName = "local",
    address: Address = None,
    workers: Workers = None,
    accept_changed: Accept = False,
    keep: Keep = False,
    quiet: Quiet = False,
) -> None:
    """Measure every signal and decide: documents/ passed, dropped/ did not and says why.

    Example: sluice filter --input sample.warc.gz --out filtered --set filters.gopher_quality.min_words=30
    """
    chosen = load(recipe, settings)
    if chosen.filters is None:
        raise UsageError(f"the recipe {chosen.name} has no filters")
    _alone(chosen, ["filter"], input_, out, engine, address, workers, accept_changed, keep, quiet)


def dedup(
    recipe: RecipeName = "fineweb",
    input_: Inputs = [],  # noqa: B006
    out: Out = "deduplicated",
    settings: Settings = [],  # noqa: B006
    engine: EngineName = "local",
    address: Address = None,
    workers: Workers = None,
    accept_changed: Accept = False,
    keep: Keep = False,
    quiet: Quiet = False,
) -> None:
    """Find exact and near duplicates among the inputs as they are: duplicates/ lists them.

    Example: sluice dedup --input sample.warc.gz --out repeated
    """
    chosen = msgspec.structs.replace(load(recipe, settings), filters=None)
    if chosen.dedup is None:
        raise UsageError(f"the recipe {chosen.name} looks for no duplicates")
    _alone(
        chosen, ["signatures", "dedup"], input_, out, engine, address, workers, accept_changed, keep, quiet
    )


def tokenize(
    recipe: RecipeName = "fineweb",
    input_: Inputs = [],  # noqa: B006
    out: Out = "tokenized",
    settings: Settings = [],  # noqa: B006
    engine: EngineName = "local",
    address: Address = None,
    workers: Workers = None,
    accept_changed: Accept = False,
    keep: Keep = False,
    quiet: Quiet = False,
) -> None:
    """Train a tokenizer on the inputs as they are (or take the recipe's) and encode them into token shards.

    Example: sluice tokenize tiny --input sample.warc.gz --out tokenized --set tokenize.vocabulary=2048
    """
    chosen = msgspec.structs.replace(load(recipe, settings), filters=None, dedup=None)
    stages = ["tokenizer", "tokens"]
    _alone(chosen, stages, input_, out, engine, address, workers, accept_changed, keep, quiet)
