"""Verbs about filters: `filters train` makes the classifiers that filters judge with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pipeline.cli.arguments import Json
from pipeline.errors import UsageError, nearest


def train(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="folder for the model, its card and its report")
    ],
    positives: Annotated[
        list[str],
        typer.Option("--positives", metavar="PATH", help="run folders, Parquet or JSONL (.gz, .zst)"),
    ] = [],  # noqa: B006
    negatives: Annotated[
        list[str], typer.Option("--negatives", metavar="PATH", help="likewise, what to tell them from")
    ] = [],  # noqa: B006
    labelled: Annotated[
        list[str], typer.Option("--labelled", metavar="PATH", help="likewise, with a label in a column")
    ] = [],  # noqa: B006
    label_column: Annotated[
        str, typer.Option("--label-column", metavar="NAME", help="of --labelled")
    ] = "label",
    positive_label: Annotated[
        str | None, typer.Option("--positive-label", metavar="VALUE", help="this label against the rest")
    ] = None,
    wikipedia: Annotated[
        list[str],
        typer.Option(
            "--wikipedia",
            metavar="LINKS",
            help="what Wikipedia cites: externallinks SQL, page XML, or lists of addresses, hosts or domains",
        ),
    ] = [],  # noqa: B006
    pages: Annotated[
        list[str], typer.Option("--pages", metavar="PATH", help="pages of one crawl, for --wikipedia")
    ] = [],  # noqa: B006
    level: Annotated[
        str | None, typer.Option("--level", metavar="url|host|domain", help="what LINKS are compared by")
    ] = None,
    min_citations: Annotated[int, typer.Option("--min-citations", min=1, help="of a list with counts")] = 1,
    preset: Annotated[
        str, typer.Option("--preset", metavar="wikiref|dclm|small", help="parameters of fastText")
    ] = "wikiref",
    settings: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="one parameter, such as epoch=10")
    ] = [],  # noqa: B006
    max_per_class: Annotated[
        int, typer.Option("--max-per-class", min=1, help="examples of a label")
    ] = 200_000,
    min_characters: Annotated[
        int, typer.Option("--min-characters", min=1, help="of a text, of any label")
    ] = 200,
    match_length: Annotated[
        bool, typer.Option("--match-length", help="as many examples of each label in each bin of lengths")
    ] = False,
    folds: Annotated[int, typer.Option("--folds", min=2, max=100, help="parts by registered domain")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="of the folds and of fastText")] = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="trainings at once (all cores)")
    ] = None,
    quantize: Annotated[
        bool, typer.Option("--quantize", help="write model.ftz, some ten times smaller")
    ] = False,
    json: Json = False,
) -> None:
    """Train a fastText classifier: of two sets of documents, of labelled ones, or of what Wikipedia cites of a crawl.

    Judged on registered domains that it has not seen, beside a baseline that sees only length and address; calibrated;
    equal inputs give equal bytes. With fewer than 500 positives it is trained but called not usable.

    Example: sluice filters train --positives run/corpus --negatives run/extracted --out model --min-characters 1
    """
    from pipeline.classify import tasks
    from pipeline.classify.job import Work, cores, run
    from pipeline.wikipedia.links import LEVELS

    if level is not None and level not in LEVELS:
        raise UsageError(f"--level {level}: url, host or domain")
    limits = tasks.Limits(max_per_class, min(20_000, max_per_class), min_characters, match_length)
    parameters = _parameters(preset, settings, seed)
    kinds = [bool(positives or negatives), bool(labelled), bool(wikipedia or pages)]
    if sum(kinds) != 1:
        raise UsageError("name --positives and --negatives, or --labelled, or --wikipedia and --pages")
    if kinds[0]:
        task = tasks.contrast(positives, negatives, limits, _talk)
    elif kinds[1]:
        task = tasks.labelled(labelled, label_column, positive_label, limits, _talk)
    else:
        task = tasks.cited(wikipedia, pages, level, min_citations, limits, _talk)
    work = Work(parameters, preset, folds, seed, workers or cores(), quantize)
    card = run(task, work, out, _talk)
    if json:
        print(msgspec.json.encode(card).decode())
        return
    for line in lines(card):
        print(line)
    print(f"model: {out / card['model']['file']}\ncard: {out / 'card.json'}\nreport: {out / 'report.html'}")


def _talk(said: str) -> None:
    print(f"sluice: {said}", file=sys.stderr)


def _parameters(preset: str, settings: list[str], seed: int) -> Any:
    from pipeline.classifiers import PRESETS, Settings

    if preset not in PRESETS:
        raise UsageError(f"--preset {preset}: {' or '.join(PRESETS)}{nearest(preset, list(PRESETS))}")
    values = {**msgspec.to_builtins(PRESETS[preset]), "seed": seed}
    for setting in settings:
        name, given, value = setting.partition("=")
        if not given:
            raise UsageError(f"--set {setting}: NAME=VALUE")
        if name not in values:
            raise UsageError(f"--set {name}: no parameter of fastText{nearest(name, list(values))}")
        values[name] = value
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"--set: {error}") from None


def lines(card: dict[str, Any]) -> list[str]:
    """What a person is told of a trained classifier."""
    facts, metrics = card["from"], card["metrics"]
    said = [f"{card['what']}: " + ", ".join(f"{count:,} {label}" for label, count in card["labels"].items())]
    if "auc" in metrics:
        where = f" (level: {facts['level']})" if "level" in facts else ""
        areas = [_area(metrics["auc"]), _area(metrics["baseline"]["auc"])]
        said.append(f"leave-domain-out AUC{where}: {areas[0]}; length and address alone: {areas[1]}")
        said.append(
            f"expected calibration error: {metrics['ece']:.3f} (uncalibrated {metrics['ece_uncalibrated']:.3f})"
        )
    elif "accuracy" in metrics:
        said.append(
            f"accuracy on unseen domains: {metrics['accuracy']:.3f}, mean F1 {metrics['macro_f1']:.3f}; always "
            f"{metrics['baseline']['says']}: {metrics['baseline']['accuracy']:.3f}"
        )
    if not card["usable"]:
        said.append("not usable: " + "; ".join(card["not_usable_because"]))
    return said


def _area(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
