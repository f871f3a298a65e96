"""Verbs about filters: `filters train` makes the classifiers that filters judge with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pipeline.cli.arguments import Json
from pipeline.errors import UsageError, nearest

if TYPE_CHECKING:
    from pipeline.wikipedia.links import Level


Out = Annotated[Path, typer.Option(metavar="DIR", help="folder for the model, its card and its report")]
Positives = Annotated[
    list[str], typer.Option(metavar="PATH...", help="run folders, Parquet or JSONL (.gz, .zst)")
]
Negatives = Annotated[list[str], typer.Option(metavar="PATH...", help="likewise: what to tell them from")]
Labelled = Annotated[list[str], typer.Option(metavar="PATH...", help="likewise, with a label in a column")]
Column = Annotated[str, typer.Option(metavar="NAME", help="of --labelled")]
Label = Annotated[str | None, typer.Option(metavar="VALUE", help="this label against the rest")]
Wikipedia = Annotated[
    list[str],
    typer.Option(
        metavar="LINKS...",
        help="what Wikipedia cites: externallinks SQL, page XML, or lists of addresses, hosts or domains",
    ),
]
Pages = Annotated[list[str], typer.Option(metavar="PATH...", help="pages of one crawl, for --wikipedia")]
LevelName = Annotated[str | None, typer.Option(metavar="url|host|domain", help="what LINKS are compared by")]
Citations = Annotated[int, typer.Option(min=1, help="of a list with counts: names with fewer are left out")]
Preset = Annotated[str, typer.Option(metavar="wikiref|dclm|small", help="parameters of fastText")]
Parameters = Annotated[
    list[str], typer.Option("--set", metavar="NAME=VALUE", help="one parameter, such as epoch=10")
]
Most = Annotated[int, typer.Option(min=1, help="examples of a label")]
Least = Annotated[int, typer.Option(min=1, help="characters of a text, of any label")]
Match = Annotated[
    bool, typer.Option("--match-length", help="as many examples of each label in each bin of lengths")
]
Folds = Annotated[int, typer.Option(min=2, max=100, help="parts by registered domain")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of the folds and of fastText")]
Workers = Annotated[int | None, typer.Option(min=1, help="trainings at once (default: all cores)")]
Quantize = Annotated[bool, typer.Option("--quantize", help="write model.ftz, which is smaller")]


Kind = Annotated[
    str,
    typer.Option(
        metavar="fasttext|importance|ngrams|unigrams", help="a classifier, or a model of word counts"
    ),
]


def train(
    out: Out,
    kind: Kind = "fasttext",
    positives: Positives = [],  # noqa: B006 (the command line's default, never changed)
    negatives: Negatives = [],  # noqa: B006
    labelled: Labelled = [],  # noqa: B006
    label_column: Column = "label",
    positive_label: Label = None,
    wikipedia: Wikipedia = [],  # noqa: B006
    pages: Pages = [],  # noqa: B006
    level: LevelName = None,
    min_citations: Citations = 1,
    preset: Preset = "wikiref",
    settings: Parameters = [],  # noqa: B006
    max_per_class: Most = 200_000,
    min_characters: Least = 200,
    match_length: Match = False,
    folds: Folds = 5,
    seed: Seed = 0,
    workers: Workers = None,
    quantize: Quantize = False,
    json: Json = False,
) -> None:
    """Train a classifier: of two sets of documents, of labelled ones, or of what Wikipedia cites of a crawl.

    Judged on registered domains that it has not seen, beside a baseline that sees only length and address; calibrated;
    equal inputs give equal bytes. With fewer than 500 positives it is trained but called not usable.

    Other kinds count words of --positives: importance (against --negatives), ngrams (for perplexity), unigrams.

    Example: sluice filters train --positives run/corpus --negatives run/extracted --out model --preset small
    """
    from pipeline.classify import tasks
    from pipeline.classify.job import Work, cores, run

    limits = tasks.Limits(max_per_class, min(20_000, max_per_class), min_characters, match_length)
    if kind != "fasttext":
        _count(kind, positives, negatives, [labelled, wikipedia, pages], limits, out, json)
        return
    work = Work(_parameters(preset, settings, seed), preset, folds, seed, workers or cores(), quantize)
    kinds = [bool(positives or negatives), bool(labelled), bool(wikipedia or pages)]
    if sum(kinds) != 1:
        raise UsageError("name --positives and --negatives, or --labelled, or --wikipedia and --pages")
    if kinds[0]:
        task = tasks.contrast(positives, negatives, limits, _talk)
    elif kinds[1]:
        task = tasks.labelled(labelled, label_column, positive_label, limits, _talk)
    else:
        task = tasks.cited(wikipedia, pages, _level(level), min_citations, limits, _talk)
    _show(run(task, work, out, _talk), out, json)


def _count(
    kind: str,
    positives: list[str],
    negatives: list[str],
    others: list[list[str]],
    limits: Any,
    out: Path,
    json: bool,
) -> None:
    from pipeline.classify.tables import KINDS
    from pipeline.classify.tables import train as count

    if kind not in KINDS:
        known = ("fasttext", *KINDS)
        raise UsageError(f"--kind {kind}: {', '.join(known)}{nearest(kind, known)}")
    if any(others):
        raise UsageError(f"--kind {kind} takes --positives (and importance --negatives) alone")
    card = count(kind, positives, negatives, limits, out, _talk)
    if json:
        print(msgspec.json.encode(card).decode())
        return
    model = card["model"]
    print(f"model: {out / model['file']} ({model['bytes']:,} bytes)\ncard: {out / 'card.json'}")
    print(
        f"in a recipe: models: {{NAME: {{kind: {kind}, path: {out / model['file']}, sha256: {model['sha256']}}}}}"
    )


def _show(card: dict[str, Any], out: Path, json: bool) -> None:
    if json:
        print(msgspec.json.encode(card).decode())
        return
    for line in lines(card):
        print(line)
    model = out / card["model"]["file"]
    print(f"model: {model}\ncard: {out / 'card.json'}\nreport: {out / 'report.html'}")
    print(
        f"in a recipe: models: {{NAME: {{kind: fasttext, path: {model}, sha256: {card['model']['sha256']}}}}}"
    )


def _level(name: str | None) -> Level | None:
    from pipeline.wikipedia.links import LEVELS

    for level in LEVELS:
        if level == name:
            return level
    if name is None:
        return None
    raise UsageError(f"--level {name}: {', '.join(LEVELS)}{nearest(name, LEVELS)}")


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
        both = _area(metrics["with_baseline"])
        said.append(
            f"leave-domain-out AUC{where}: {areas[0]}; length and address alone: {areas[1]}; together: {both}"
        )
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
