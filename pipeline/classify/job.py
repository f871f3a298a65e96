"""Trains a classifier and judges it on domains that it did not see: the model, its card and its report in one folder.

Memory: the sampled texts, and one model for each of the trainings that run at once. Time: one training for each fold
and one on all examples, each on one thread.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from filters.models import fasttext_text
from filters.models.fasttext_text import one_line
from pipeline import classifiers
from pipeline.classifiers import PREFIX, Settings, Trained, label_word
from pipeline.classify.examples import Example
from pipeline.classify.figures import binary, multiclass
from pipeline.classify.matching import domain_of, fold_of
from pipeline.errors import UsageError
from pipeline.fasttext_file import open_model
from pipeline.store import sha256_file

Array = np.ndarray[Any, Any]
Talk = Callable[[str], object]

FEWEST = 500  # positives, or examples of a label: with fewer a model is trained but called not usable


class Task(NamedTuple):
    """What to learn, and from what."""

    what: str  # in words, for the report
    positive: str | None  # the label whose score counts; None where all labels do
    examples: list[Example]  # ordered by key
    crawl: list[Example]  # pages as they come, for the shares that a threshold keeps; may be empty
    facts: dict[str, Any]  # for the card: where the examples come from


class Work(NamedTuple):
    """How to go about it."""

    settings: Settings
    preset: str
    folds: int = 5
    seed: int = 0
    workers: int = 1
    quantize: bool = False


class Judged(NamedTuple):
    """Held-out probabilities of the examples and of the crawl's pages; float64[rows, labels], NaN if never held out."""

    labels: list[str]
    examples: Array
    crawl: Array
    folds: Array  # of the examples
    domains: list[str]  # of the examples


def run(task: Task, work: Work, out: Path, talk: Talk) -> dict[str, Any]:
    """Train, judge and write `out`: the model, card.json and report.html. Returns the card.

    The card holds no time and no path, so that equal inputs give equal bytes. UsageError where there is one class only.
    """
    from pipeline.classify.report import write_report

    labels = sorted({example.label for example in task.examples})
    counts = {label: sum(example.label == label for example in task.examples) for label in labels}
    if len(labels) < 2:
        raise UsageError(f"one class only ({labels[0] if labels else 'no examples'}): nothing to tell apart")
    _distinct(labels)
    out.mkdir(parents=True, exist_ok=True)
    judged = _judge(task, work, labels, out, talk)
    talk(f"training on all {len(task.examples):,} examples")
    model = out / ("model.ftz" if work.quantize else "model.bin")
    trained = classifiers.train(_pairs(task.examples), work.settings, model, work.quantize)
    figures = _figures(task, judged)
    reasons = _reasons(task, counts, figures)
    card: dict[str, Any] = {
        "what": task.what,
        "labels": counts,
        "positive": task.positive,
        "usable": not reasons,
        "not_usable_because": reasons,
        "model": {"file": model.name, "sha256": sha256_file(model), "bytes": model.stat().st_size},
        "text_form": fasttext_text.VERSION,
        "training": {
            "preset": work.preset,
            "parameters": msgspec.to_builtins(work.settings),
            "folds": work.folds,
            "seed": work.seed,
            "threads": 1,
            "fasttext": _fasttext_version(),
            "ended_with": trained._asdict(),
        },
        "from": task.facts,
        "calibration": figures.get("calibration"),
        "metrics": figures,
    }
    (out / "card.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")
    write_report(card, out / "report.html")
    return card


def _distinct(labels: Sequence[str]) -> None:
    words: dict[str, str] = {}
    for label in labels:
        other = words.setdefault(label_word(label), label)
        if other != label:
            raise UsageError(f"the labels {other!r} and {label!r} are the same word for fastText")


def _pairs(examples: Sequence[Example]) -> list[tuple[str, str]]:
    return [(example.label, example.text) for example in examples]


def _fasttext_version() -> str:
    try:
        return version("fasttext-numpy2-wheel")
    except PackageNotFoundError:
        return "unknown"


def _judge(task: Task, work: Work, labels: list[str], out: Path, talk: Talk) -> Judged:
    """Scores of every example by a model that has seen no page of its domain."""
    domains = [domain_of(example) for example in task.examples]
    folds = np.array([fold_of(domain, work.folds, work.seed) for domain in domains])
    crawl_folds = np.array(
        [fold_of(domain_of(page), work.folds, work.seed) for page in task.crawl], dtype=np.int64
    )
    scores = np.full((len(task.examples), len(labels)), np.nan)
    crawl = np.full((len(task.crawl), len(labels)), np.nan)

    def one(fold: int) -> Trained | None:
        train = [example for example, place in zip(task.examples, folds, strict=True) if place != fold]
        if len({example.label for example in train}) < len(labels):
            return None
        with tempfile.TemporaryDirectory(prefix="fold.", dir=out) as folder:
            path = Path(folder) / "model.bin"
            trained = classifiers.train(_pairs(train), work.settings, path)
            for pages, places, found in (
                (task.examples, folds, scores),
                (task.crawl, crawl_folds, crawl),
            ):
                rows = np.flatnonzero(places == fold)
                found[rows] = predicted(path, [pages[row].text for row in rows], labels)
        return trained

    with ThreadPoolExecutor(max(1, min(work.workers, work.folds))) as pool:
        for fold, trained in enumerate(pool.map(one, range(work.folds))):
            if trained is None:
                talk(f"fold {fold + 1} of {work.folds}: left out, the other folds lack a label")
            else:
                again = f", rate {trained.lr:g} after NaN" if trained.tries > 1 else ""
                talk(f"fold {fold + 1} of {work.folds}: trained and judged{again}")
    return Judged(labels, scores, crawl, folds, domains)


def predicted(path: Path, texts: Sequence[str], labels: Sequence[str]) -> Array:
    """The probabilities of labels by the model in a file, float64[texts, labels]."""
    model = open_model(path)
    places = [model.place(PREFIX + label_word(label)) for label in labels]
    found = np.zeros((len(texts), len(labels)))
    for row, text in enumerate(texts):
        found[row] = model.probabilities(one_line(text))[places]
    return found


def _figures(task: Task, judged: Judged) -> dict[str, Any]:
    known = ~np.isnan(judged.examples[:, 0])
    examples = [example for example, there in zip(task.examples, known, strict=True) if there]
    domains = [domain for domain, there in zip(judged.domains, known, strict=True) if there]
    folds, scores = judged.folds[known], judged.examples[known]
    if task.positive is None:
        return multiclass(judged.labels, examples, scores)
    place = judged.labels.index(task.positive)
    pages = ~np.isnan(judged.crawl[:, place])
    crawl = [page for page, there in zip(task.crawl, pages, strict=True) if there]
    return binary(
        task.positive, examples, scores[:, place], folds, domains, crawl, judged.crawl[pages, place]
    )


def _reasons(task: Task, counts: dict[str, int], figures: dict[str, Any]) -> list[str]:
    """Why the model is not usable; empty if it is."""
    found = []
    if task.positive is not None and counts[task.positive] < FEWEST:
        found.append(f"{counts[task.positive]} positives, fewer than {FEWEST}")
    few = [label for label, count in counts.items() if count < FEWEST]
    if task.positive is None and few:
        found.append(
            f"{len(few)} of {len(counts)} labels have fewer than {FEWEST} examples: {', '.join(few[:5])}"
        )
    auc = figures.get("auc")
    if task.positive is not None and auc is None:
        found.append("it could not be judged: too few domains to hold any out")
    elif auc is not None and auc["value"] <= figures["baseline"]["auc"]["value"]:
        found.append("it is no better than the baseline that sees only length and address")
    elif auc is not None and auc["low"] <= 0.5:
        found.append("its interval of the AUC reaches chance")
    return found


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
