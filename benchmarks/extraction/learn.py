"""Learning which blocks are main text: weights of words, then boosted trees, from labelled pages.

The weights of a page's words are taken from pages of other hosts, so that the trees learn to trust them as far as they
hold on a page never seen. Every page counts the same, its blocks by their tokens.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import lightgbm
import numpy as np

from benchmarks.extraction.gold import WITH_COMMENTS, WITHOUT_TITLE
from benchmarks.extraction.labels import Labelled
from pipeline.extraction.blocks.features import measure
from pipeline.extraction.blocks.model import Lexicon, Model, lexicon
from pipeline.extraction.blocks.scan import END_BLOCK, END_WORD, FIRST_BLOCK, FIRST_WORD
from pipeline.extraction.blocks.trees import Trees

Array = np.ndarray[Any, Any]

FOLDS = 5
TREES = 200
_ROWS = 250  # blocks of one page that are learned from, at most
_HOSTS = 3  # a word of fewer hosts has no weight
_PAGES = 3  # of one host count in full
_PRIOR = 3.0  # pages' worth of the average
_WORDS = 30_000
_SEED = 1
_SETTINGS = {
    "objective": "cross_entropy",
    "learning_rate": 0.08,
    "num_leaves": 31,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "num_threads": 1,
    "seed": _SEED,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


def fold(host: str) -> int:
    """The fold of a host, by its name alone."""
    return zlib.crc32(host.encode()) % FOLDS


def of_classes(page: Labelled) -> tuple[Array, Array]:
    """Words of attributes, each once, and the share of main text in the elements that have it."""
    elements = page.scan.elements
    ends, firsts = elements[:, END_BLOCK], elements[:, FIRST_BLOCK]
    tokens, hits = (np.append(0, np.cumsum(values)) for values in (page.tokens, page.hits))
    lengths = elements[:, END_WORD] - elements[:, FIRST_WORD]
    owner = np.repeat(np.arange(len(elements)), lengths)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    words = page.scan.words[elements[owner, FIRST_WORD] + within]
    known, number = np.unique(words, return_inverse=True)
    total = np.bincount(number, (tokens[ends] - tokens[firsts])[owner])
    main = np.bincount(number, (hits[ends] - hits[firsts])[owner])
    return known[total > 0], main[total > 0] / total[total > 0]


def of_words(page: Labelled) -> tuple[Array, Array]:
    """Words of the text, each once, and the mean share of main text in the blocks where they stand."""
    known, number = np.unique(page.counted.words, return_inverse=True)
    main = page.hits / np.maximum(page.tokens, 1)
    return known, np.bincount(number, main[page.counted.block_of_word]) / np.bincount(number)


def weigh(found: Sequence[tuple[Array, Array]], hosts: Sequence[str]) -> tuple[Array, Array]:
    """(hashes, weights) of the words of some pages: log-odds above the average, shrunk towards 0."""
    pages_of = Counter(hosts)
    numbers = {host: number for number, host in enumerate(sorted(pages_of))}
    sizes = [len(words) for words, _ in found]
    words, shares = (np.concatenate([pair[side] for pair in found]) for side in (0, 1))
    counted = np.repeat([min(1.0, _PAGES / pages_of[host]) for host in hosts], sizes)
    host = np.repeat([numbers[name] for name in hosts], sizes)
    known, number = np.unique(words, return_inverse=True)
    main, total = np.bincount(number, shares * counted), np.bincount(number, counted)
    pairs = np.unique(np.stack([number, host], axis=1), axis=0)
    enough = np.bincount(pairs[:, 0], minlength=len(known)) >= _HOSTS
    if enough.sum() > _WORDS:
        enough &= total >= np.sort(total[enough])[-_WORDS]
    average = (shares * counted).sum() / counted.sum()
    odds = np.log((main + _PRIOR * average) / (total - main + _PRIOR * (1 - average)))
    weights = odds - np.log(average / (1 - average))
    enough &= np.abs(weights) > 0.1
    return known[enough], weights[enough].astype(np.float32)


class Lexicons:
    """The weights of words and classes learned from some pages."""

    def __init__(self, pages: Sequence[Labelled], shares: dict[str, tuple[Any, Any]]) -> None:
        hosts = [page.page.host for page in pages]
        self.words = weigh([shares[page.page.sha1][0] for page in pages], hosts)
        self.classes = weigh([shares[page.page.sha1][1] for page in pages], hosts)

    def both(self) -> tuple[Lexicon, Lexicon]:
        """As the extractor uses them."""
        return lexicon(*self.words), lexicon(*self.classes)


def shares_of(pages: Iterable[Labelled]) -> dict[str, tuple[Any, Any]]:
    """By page: `of_words`, `of_classes`."""
    return {page.page.sha1: (of_words(page), of_classes(page)) for page in pages}


def columns_of(page: Labelled, words: Lexicon, classes: Lexicon) -> Array:
    """What the trees learn from of one page, with what its source counts as main text."""
    comments, title = page.page.source in WITH_COMMENTS, page.page.source not in WITHOUT_TITLE
    return measure(page.scan, page.counted, words, classes, comments=comments, title=title)


def learn(
    pages: Sequence[Labelled], shares: dict[str, tuple[Any, Any]], thresholds: dict[str, float]
) -> tuple[Model, Lexicons]:
    """A model of some pages. Cost: about a minute for 2,500 pages."""
    rows, targets, weights = [], [], []
    for number in range(FOLDS):
        others = [page for page in pages if fold(page.page.host) != number]
        words, classes = Lexicons(others, shares).both()
        for page in pages:
            some, weight = _some(page)
            if fold(page.page.host) != number or not len(some):
                continue
            rows.append(columns_of(page, words, classes)[some])
            targets.append(page.hits[some] / page.tokens[some])
            weights.append(weight / weight.sum())
    weight = np.concatenate(weights)
    data = lightgbm.Dataset(
        np.vstack(rows), np.concatenate(targets), weight=weight * len(weight) / weight.sum()
    )
    booster = lightgbm.train(_SETTINGS, data, TREES)
    lexicons = Lexicons(pages, shares)
    return Model(_flat(booster), *lexicons.both(), thresholds), lexicons


def _some(page: Labelled) -> tuple[Array, Array]:
    """The blocks with text and their weights; of a page with many a draw that prefers long ones, seeded by the page."""
    there = np.flatnonzero(page.tokens > 0)
    weight = page.tokens[there] + 2.0
    if len(there) <= _ROWS:
        return there, weight
    chance = np.sqrt(weight)
    draw = np.random.default_rng(zlib.crc32(page.page.sha1.encode()))
    drawn = np.sort(draw.choice(len(there), _ROWS, replace=False, p=chance / chance.sum()))
    return there[drawn], weight[drawn] / chance[drawn]


def _flat(booster: Any) -> Trees:
    """The trees of a LightGBM model as arrays."""
    roots: list[int] = []
    features: list[int] = []
    thresholds: list[float] = []
    children: list[list[int]] = []
    leaves: list[float] = []

    def add(node: dict[str, Any]) -> int:
        if "leaf_value" in node:
            leaves.append(node["leaf_value"])
            return -len(leaves)
        at = len(features)
        features.append(node["split_feature"])
        thresholds.append(_at_most(node["threshold"]))
        children.append([0, 0])
        children[at] = [add(node["left_child"]), add(node["right_child"])]
        return at

    for tree in booster.dump_model()["tree_info"]:
        roots.append(add(tree["tree_structure"]))
    return Trees(
        np.array(roots, np.int32),
        np.array(features, np.int16),
        np.array(thresholds, np.float32),
        np.array(children, np.int32).reshape(-1, 2),
        np.array(leaves, np.float32),
    )


def _at_most(threshold: float) -> float:
    """The largest 32-bit number that is no larger: the trees compare 32-bit features."""
    near = np.float32(threshold)
    return float(near if near <= threshold else np.nextafter(near, np.float32(-np.inf)))
