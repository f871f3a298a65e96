"""Extractors against marked main text: F1, precision, recall and time a page, by source and by language.

    python -m benchmarks.extraction [--data DIR] [--skip-unseen] [--pages N]

First every extractor that is shipped, over the marked pages: `blocks` there with models that have not seen the page's
host (5 folds; pages whose host is made up are left out of its mean and that of the others). Then, with each source left
out of the training, what a corpus of pages marked by others would be given. Then what reading the files costs, and what
the cascade saves. Nothing of the pages is printed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import cascade
from benchmarks.extraction import reading
from benchmarks.extraction.evaluate import Judged, of_unseen_hosts, of_unseen_sources, scores_at
from benchmarks.extraction.gold import MANUAL, WITH_COMMENTS, GoldPage, score, tokens
from benchmarks.extraction.labels import Labelled
from benchmarks.extraction.train import labelled
from pipeline.extraction import EXTRACTORS, Extractor
from pipeline.extraction.blocks.model import shipped
from pipeline.extraction.wishes import Wishes

FAST = "trafilatura, fast"
WITH = "trafilatura, comments where marked"


def _fast(html: str, url: str, wishes: Wishes) -> str:
    from trafilatura import extract

    return extract(html, fast=True, include_comments=False) or ""


def timed(extractor: Extractor, pages: Iterable[GoldPage]) -> tuple[dict[str, str], float]:
    """Texts by page and milliseconds of processor time a page, after a first page that loads what is needed."""
    found: dict[str, str] = {}
    spent = 0.0
    extractor("<p>text</p>", "", Wishes("balanced"))
    for page in pages:
        began = time.process_time()
        try:
            found[page.sha1] = extractor(page.html, page.url, Wishes("balanced"))
        except Exception:
            found[page.sha1] = ""  # in the pipeline it is a failed page
        spent += time.process_time() - began
    return found, 1000 * spent / len(found)


def with_comments(pages: Sequence[Labelled]) -> dict[str, str]:
    """trafilatura's text with comments, of the pages whose source counts them as main text."""
    from trafilatura import extract

    return {
        page.page.sha1: extract(page.page.html, include_comments=True) or ""
        for page in pages
        if page.page.source in WITH_COMMENTS
    }


def row(name: str, scores: np.ndarray, milliseconds: float | None) -> str:
    f1, precision, recall = scores.mean(axis=0)
    spent = f"{milliseconds:.1f}" if milliseconds is not None else ""
    return f"| {name} | {f1:.3f} | {precision:.3f} | {recall:.3f} | {spent} |"


def by(
    name: str, key: Callable[[GoldPage], str], pages: Sequence[Labelled], f1: dict[str, np.ndarray]
) -> None:
    """A table of mean F1 by a property of the page, of groups of at least ten pages."""
    groups = Counter(key(page.page) for page in pages)
    print(f"\n| {name} | pages | " + " | ".join(f1) + " |\n|---|---:|" + "---:|" * len(f1))
    for group, count in groups.most_common():
        if count >= 10:
            chosen = np.array([key(page.page) == group for page in pages])
            means = " | ".join(f"{values[chosen].mean():.3f}" for values in f1.values())
            print(f"| {group or '?'} | {count} | {means} |")


def means_of_unseen_sources(pages: Sequence[Labelled], baseline: dict[str, float], threshold: float) -> None:
    sources = sorted({page.page.source for page in pages if page.page.kind == MANUAL})
    print("\n| source left out | pages | blocks | trafilatura | difference |\n|---|---:|---:|---:|---:|")
    ours, theirs = [], []
    for source, judged in of_unseen_sources(pages, sources):
        manual = [pair for pair in judged if pair[0].page.sha1 in baseline]
        found = scores_at(manual, threshold)[:, 0]
        other = np.array([baseline[page.page.sha1] for page, _ in manual])
        print(
            f"| {source} | {len(found)} | {found.mean():.3f} | {other.mean():.3f} | {(found - other).mean():+.3f} |"
        )
        ours.append(found)
        theirs.append(other)
    all_ours, all_theirs = np.concatenate(ours), np.concatenate(theirs)
    mean, other_mean = all_ours.mean(), all_theirs.mean()
    print(f"| all | {len(all_ours)} | {mean:.3f} | {other_mean:.3f} | {mean - other_mean:+.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    parser.add_argument(
        "--skip-unseen", action="store_true", help="no training: the shipped model, on what it knows"
    )
    parser.add_argument("--pages", type=int, help="every n-th page only, so that about this many are left")
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of marked pages with --data or SLUICE_DATA")
    pages = labelled(options.data)
    manual = [page for page in pages if page.page.kind == MANUAL]
    manual = manual[:: max(1, len(manual) // options.pages)] if options.pages else manual
    gold = {page.page.sha1: Counter(tokens(page.page.text)) for page in manual}
    scores: dict[str, np.ndarray] = {}
    spent: dict[str, float] = {}
    for name, extractor in {**EXTRACTORS, FAST: _fast}.items():
        texts, spent[name] = timed(extractor, [page.page for page in manual])
        scores[name] = np.array([score(texts[page.page.sha1], gold[page.page.sha1]) for page in manual])
    own = with_comments(manual)
    scores[WITH] = scores["trafilatura"].copy()
    for at, page in enumerate(manual):
        if page.page.sha1 in own:
            scores[WITH][at] = score(own[page.page.sha1], gold[page.page.sha1])
    known = np.array([page.page.known_host for page in manual])
    threshold = shipped().thresholds["balanced"]
    judged: dict[str, dict[str, Judged]] = {}
    if not options.skip_unseen:
        names = ("blocks", "blocks, comments where marked")
        for name, pairs in zip(names, of_unseen_hosts(pages, wishes=[False, True]), strict=True):
            judged[name] = {page.page.sha1: (page, chances) for page, chances in pairs}
    table = {name: values[known] for name, values in scores.items()}
    for name, found in judged.items():
        chosen = [found[page.page.sha1] for page in manual if page.page.known_host]
        table[name] = scores_at(chosen, threshold)
    note = "its model has seen no page of the host" if judged else "its model has seen these pages"
    print(f"\n{int(known.sum())} pages with a known host; blocks: {note}\n")
    print("| extractor | F1 | precision | recall | ms a page |\n|---|---:|---:|---:|---:|")
    for name, values in table.items():
        print(row(name, values, spent.get(name)))
    named = [page for page in manual if page.page.known_host]
    f1 = {name: values[:, 0] for name, values in table.items()}
    by("source", lambda page: page.source, named, f1)
    by("language", lambda page: page.language, named, f1)
    if not options.skip_unseen:
        baseline = {page.page.sha1: scores["trafilatura"][at, 0] for at, page in enumerate(manual)}
        means_of_unseen_sources(pages, baseline, threshold)
    files = sorted((options.data / "web").glob("*.warc.gz"))
    reading.report(files)
    for extractor in ("trafilatura", "blocks"):
        print(f"\nThe cascade before {extractor}:\n")
        cascade.compare([str(file) for file in files], "fineweb", extractor)


if __name__ == "__main__":
    main()
