"""Verbs that walk the road, or say how it would go: demo, sample, recipes, signals, plan, run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pipeline.cli.arguments import (
    Accept,
    Address,
    Base,
    EngineName,
    Extractor,
    Inputs,
    Json,
    Keep,
    Price,
    Quiet,
    Settings,
    Workers,
    check_paths,
    with_extractor,
)
from pipeline.cli.execute import execute
from pipeline.inputs import find_inputs
from pipeline.ledger import CORE_HOUR_PRICE
from pipeline.recipe import load, resolved, shipped

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="a shipped recipe's name or a YAML file")]


def run(
    recipe: RecipeName,
    input_: Inputs = [],  # noqa: B006 (typer copies it)
    out: Annotated[str, typer.Option("--out", metavar="RUN", help="run folder: a path or a URL")] = "run",
    settings: Settings = [],  # noqa: B006
    until: Annotated[
        str | None, typer.Option("--until", metavar="STAGE", help="stop after this stage")
    ] = None,
    engine: EngineName = "local",
    address: Address = None,
    workers: Workers = None,
    accept_changed: Accept = False,
    keep: Keep = False,
    quiet: Quiet = False,
    base: Base = None,
    extractor: Extractor = None,
) -> None:
    """Do everything the recipe names. Running again resumes, and recomputes nothing that is done.

    Stages: extract, filter, dedup, corpus, tokenizer, tokens, train, anneal, eval, report.

    Example: sluice run fineweb --input sample.warc.gz --out run --until corpus
    """
    check_paths(input_, out, base)
    code = execute(
        load(recipe, with_extractor(settings, extractor)),
        find_inputs(input_, base),
        out,
        until=until,
        engine_name=engine,
        address=address,
        workers=workers,
        accept_changed=accept_changed,
        keep=keep,
        quiet=quiet,
    )
    raise typer.Exit(code)


def demo(
    out: Annotated[str, typer.Option("--out", metavar="RUN", help="run folder")] = "demo",
    engine: EngineName = "local",
    workers: Workers = None,
    settings: Settings = [],  # noqa: B006
    until: Annotated[
        str | None, typer.Option("--until", metavar="STAGE", help="stop after this stage")
    ] = None,
    pages: Annotated[int | None, typer.Option("--pages", min=60, help="a smaller sample")] = None,
    quiet: Quiet = False,
) -> None:
    """The whole road on the embedded sample: WARC to an annealed model, with a report.

    Example: sluice demo --out demo --until corpus --pages 200
    """
    folder = Path(out) / "sample"
    path = folder / "sample.warc.gz"
    if not path.is_file() or not Path(f"{path}.truth.jsonl").is_file():
        if not quiet:
            print("making the sample from the prose that is installed here", file=sys.stderr, flush=True)
        _write_sample(path, pages)
    code = execute(
        load("tiny", settings),
        find_inputs([str(path)]),
        out,
        until=until,
        engine_name=engine,
        workers=workers,
        quiet=quiet,
    )
    if not quiet:
        _after_demo(out, until)
    raise typer.Exit(code)


def _write_sample(path: Path, pages: int | None) -> None:
    from pipeline.sample import write_sample

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial.{path.name}")
    write_sample(partial, pages)
    # The truth first: a sample without it would be written again.
    Path(f"{partial}.truth.jsonl").replace(f"{path}.truth.jsonl")
    partial.replace(path)


def _after_demo(out: str, until: str | None) -> None:
    from pipeline.stages.examples import example_id

    console = Console(file=sys.stderr, soft_wrap=True, highlight=False, markup=False)
    if until is None:
        console.print(f"\nThe report, one file to open in a browser:   {out}/report.html")
    found = example_id(out)
    if found:
        console.print(f"Why one page was dropped:                    sluice why {out} '{found}'")
    console.print(f"What every filter did, with sliders:         sluice dashboard {out}")
    if until is None:
        console.print(
            f"Let the model write:                         sluice generate {out}/model --prompt 'The '"
        )
    console.print(
        "The same on your own WARC files:             sluice run fineweb --input FILE.warc.gz --out run"
    )


def sample(
    out: Annotated[Path, typer.Argument(metavar="OUT.warc.gz", help="file to write")],
    pages: Annotated[int | None, typer.Option("--pages", min=60, help="write fewer pages")] = None,
) -> None:
    """Write the embedded sample WARC and, beside it, OUT.truth.jsonl: what each page is and what should become of it.

    Example: sluice sample sample.warc.gz --pages 200
    """
    from pipeline.sample import write_sample

    if out.parent != Path() and not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}")
    print(msgspec.json.encode(write_sample(out, pages)._asdict(), enc_hook=str).decode())


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="show this one, every default spelled out")
    ] = None,
    json: Json = False,
) -> None:
    """The shipped recipes.

    Example: sluice recipes fineweb
    """
    if name is not None:
        recipe = load(name)
        print(msgspec.json.encode(recipe).decode() if json else resolved(recipe), end="\n" if json else "")
        return
    rows = [{"name": one, "description": load(one).description} for one in shipped()]
    if json:
        print(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        print(f"{row['name']:<12} {row['description']}")


def signals(json: Json = False) -> None:
    """Every signal column and rule: unit, direction, default threshold, source.

    Example: sluice signals --json
    """
    from filters import catalogue

    rows = catalogue()
    if json:
        print(msgspec.json.encode(rows).decode())
        return
    table = Table("rule", "column", "drop when", "unit", "source", box=None)
    for row in rows:
        rule = f"{row['filter']}.{row['rule']}" if row.get("rule") else row["filter"]
        limit = (
            f"{row.get('direction') or ''} {row.get('threshold') if row.get('threshold') is not None else ''}"
        )
        table.add_row(rule, str(row["column"]), limit.strip(), str(row["unit"]), str(row["source"]))
    Console(width=160).print(table)


def plan(
    recipe: RecipeName,
    input_: Inputs = [],  # noqa: B006
    out: Annotated[str | None, typer.Option("--out", metavar="RUN", help="count what is done there")] = None,
    settings: Settings = [],  # noqa: B006
    pages: Annotated[int, typer.Option("--pages", min=1, help="pages of the measured sample")] = 100,
    price: Price = CORE_HOUR_PRICE,
    json: Json = False,
    base: Base = None,
) -> None:
    """What a run would do: shards, cost predicted from a measured sample, and what is wrong with the recipe's rules.

    Example: sluice plan fineweb --input sample.warc.gz --pages 20
    """
    from pipeline.estimate import estimate

    result = estimate(load(recipe, settings), input_, out, pages, price, base)
    if json:
        print(msgspec.json.encode(result).decode())
        return
    rules, findings, lost = (result.pop(name) for name in ("rules", "findings", "lost_by_year"))
    for key, value in result.items():
        print(
            f"{key.replace('_', ' '):<28} {value:,}"
            if isinstance(value, int | float)
            else f"{key:<28} {value}"
        )
    if rules:
        print(f"\n{'rule':<40}{'fires on':>10}{'alone':>8}{'spared':>8}   of {result['sample_pages']} pages")
    for one in rules:
        if one["documents"] or one["excused"]:
            print(f"{one['rule']:<40}{one['documents']:>10,}{one['alone']:>8,}{one['excused']:>8,}")
    if lost.get("scopes"):
        _print_lost(lost)
    print("\nfindings" if findings else "\nno findings: every rule drops its canary and keeps the plain page")
    for problem, places in _grouped(findings).items():
        print(f"  {problem[0]:<8} {', '.join(places)}: {problem[1]}")


def _print_lost(lost: dict[str, Any]) -> None:
    """Tokens lost to duplicates by year and scope."""
    from pipeline.dedup.lost import YearLoss, lines

    if lost["measured_on"] == "run":
        print("\ntokens lost to duplicates in the run, estimated")
    else:
        print(
            "\ntokens lost to duplicates, estimated, by scope (the recipe's first), among kept pages of the sample:"
        )
        print("a sample finds fewer than the whole input, where each page has more that it may be a copy of")
    scopes = msgspec.convert(lost["scopes"], dict[str, list[YearLoss]])
    for line in lines(scopes):
        print(line)


def _grouped(findings: Sequence[dict[str, str]]) -> dict[tuple[str, str], list[str]]:
    """Severity and problem to the places that have it, errors first."""
    found: dict[tuple[str, str], list[str]] = {}
    for severity in ("error", "warning", "note"):
        for one in findings:
            if one["severity"] == severity:
                found.setdefault((severity, one["problem"]), []).append(one["where"])
    return found
