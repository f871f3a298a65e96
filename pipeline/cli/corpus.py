"""Verbs that run one stage alone, on WARC files or on documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import typer

from pipeline.cli.arguments import (
    Accept,
    Address,
    Base,
    EngineName,
    Extractor,
    Inputs,
    Keep,
    Quiet,
    Settings,
    Workers,
    check_paths,
    with_extractor,
)
from pipeline.cli.execute import execute
from pipeline.dedup.settings import DEDUP_STAGES
from pipeline.errors import UsageError
from pipeline.inputs import find_inputs
from pipeline.recipe import load

RecipeName = Annotated[str, typer.Argument(metavar="[RECIPE]", help="a shipped recipe's name or a YAML file")]
Out = Annotated[str, typer.Option("--out", metavar="DIR", help="a run folder with this stage's folders only")]


def _alone(stages: Sequence[str], section: str, left_out: Sequence[str], text: str) -> Callable[..., None]:
    """A verb that runs `stages` on the inputs as they are; `section` of the recipe must say how."""

    def verb(
        recipe: RecipeName = "fineweb",
        input_: Inputs = [],  # noqa: B006 (typer copies it)
        out: Out = "out",
        settings: Settings = [],  # noqa: B006
        engine: EngineName = "local",
        address: Address = None,
        workers: Workers = None,
        accept_changed: Accept = False,
        keep: Keep = False,
        quiet: Quiet = False,
        base: Base = None,
        extractor: Extractor = None,
    ) -> None:
        check_paths(input_, out, base)
        chosen = load(recipe, with_extractor(settings, extractor))
        if getattr(chosen, section) is None:
            raise UsageError(f"the recipe {chosen.name} says nothing under `{section}`")
        absent: dict[str, Any] = dict.fromkeys(left_out)
        code = execute(
            msgspec.structs.replace(chosen, **absent),
            find_inputs(input_, base),
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

    verb.__doc__ = text
    return verb


extract = _alone(
    ["extract"],
    "extract",
    ["filters"],  # none follow, so that nothing is screened
    """WARC files to text.

    Example: sluice extract --input sample.warc.gz --out text
    """,
)

filter_ = _alone(
    ["filter"],
    "filters",
    [],
    """Measure every signal and decide: documents/ passed, dropped/ did not and says why.

    Example: sluice filter --input sample.warc.gz --out filtered --set filters.gopher_quality.min_words=30
    """,
)

dedup = _alone(
    list(DEDUP_STAGES),
    "dedup",
    ["filters"],
    """Find exact and near duplicates among the inputs as they are: duplicates/ lists them.

    Example: sluice dedup --input sample.warc.gz --out repeated
    """,
)

tokenize = _alone(
    ["tokenizer", "tokens"],
    "tokenize",
    ["filters", "dedup"],
    """Train a tokenizer on the inputs as they are (or take the recipe's) and encode them into token shards.

    Example: sluice tokenize tiny --input sample.warc.gz --out tokenized --set tokenize.vocabulary=2048
    """,
)
