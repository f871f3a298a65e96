"""How near `blocks` comes to marked text on pages that its model has not seen: by host, and leaving one source out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.extraction.gold import WITH_COMMENTS, score, tokens
from benchmarks.extraction.labels import Labelled
from benchmarks.extraction.learn import FOLDS, fold, learn, shares_of
from pipeline.extraction.blocks.model import Model, chance, keep
from pipeline.extraction.blocks.render import render

Array = np.ndarray[Any, Any]
Judged = tuple[Labelled, Array]  # a page and the probability of each of its blocks

_ANY = {"balanced": 0.5}


def judge(model: Model, pages: Sequence[Labelled], comments: bool) -> list[Judged]:
    """The probabilities that a model gives; with `comments`, where the source counts them as main text."""
    return [
        (page, chance(page.scan, model, comments and page.page.source in WITH_COMMENTS)) for page in pages
    ]


def of_unseen_hosts(pages: Sequence[Labelled], wishes: Sequence[bool] = (False,)) -> list[list[Judged]]:
    """Every page with a known host, judged by a model of the pages of other hosts, in `FOLDS` folds.

    One list for each of `wishes`, which says whether comments are kept where the page's source counts them.
    """
    shares = shares_of(pages)
    found: list[list[Judged]] = [[] for _ in wishes]
    for number in range(FOLDS):
        model, _ = learn([page for page in pages if fold(page.page.host) != number], shares, _ANY)
        unseen = [page for page in pages if fold(page.page.host) == number and page.page.known_host]
        for judged, comments in zip(found, wishes, strict=True):
            judged += judge(model, unseen, comments)
    return found


def of_unseen_sources(
    pages: Sequence[Labelled], sources: Sequence[str], comments: bool = False
) -> Iterator[tuple[str, list[Judged]]]:
    """The pages of each source, judged by a model of the pages of other sources and other hosts."""
    shares = shares_of(pages)
    for source in sources:
        hosts = {page.page.host for page in pages if page.page.source == source}
        rest = [page for page in pages if page.page.source != source and page.page.host not in hosts]
        model, _ = learn(rest, shares, _ANY)
        yield source, judge(model, [page for page in pages if page.page.source == source], comments)


def scores_at(judged: Sequence[Judged], threshold: float) -> Array:
    """F1, precision and recall of each page's text at a threshold, [pages, 3]."""
    found = []
    for page, chances in judged:
        text = render(page.scan, keep(page.scan, chances, threshold))
        found.append(score(text, Counter(tokens(page.page.text))))
    return np.array(found)
