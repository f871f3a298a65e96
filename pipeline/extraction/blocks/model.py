"""The model of `blocks`: which blocks of a page are main text.

`model.npz` is made by `python -m benchmarks.extraction.train` from pages whose main text people marked; it holds
numbers and names only. Boosted trees see the columns of `features` and give each block the probability that it is main
text; the cells of a data table share one.
"""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from importlib.resources.abc import Traversable
from typing import IO, Any, NamedTuple

import numpy as np

from pipeline.extraction.blocks.columns import NAMES
from pipeline.extraction.blocks.counts import Lexicon, count
from pipeline.extraction.blocks.features import measure
from pipeline.extraction.blocks.names import hash_table
from pipeline.extraction.blocks.scan import END, IN_PRE, IS_TITLE, START, Scan
from pipeline.extraction.blocks.tables import share
from pipeline.extraction.blocks.trees import Trees, probability

Array = np.ndarray[Any, Any]

_DOLLAR, _BACKSLASH = b"$\\"
_PREFORMATTED = 0.3  # of the threshold (`benchmarks/extraction/preformatted.py`)


class Model(NamedTuple):
    """Trees over `columns.NAMES`, weights of words, and the least probability of a block that is kept, by `favor`."""

    trees: Trees
    words: Lexicon
    classes: Lexicon
    thresholds: dict[str, float]


def lexicon(hashes: Array, weights: Array) -> Lexicon:
    """A lexicon of words given by their hashes."""
    keys, positions = hash_table([int(value) for value in hashes])
    return Lexicon(keys, positions, np.asarray(weights, np.float32))


def save(model: Model, file: IO[bytes], hashes: tuple[Array, Array]) -> None:
    """Writes a model; `hashes` are those of the words and of the classes, in the order of their weights."""
    arrays: dict[str, Any] = {f"trees_{name}": value for name, value in model.trees._asdict().items()}
    arrays["columns"] = np.array(NAMES)
    for name, known, lexicon_ in zip(("words", "classes"), hashes, (model.words, model.classes), strict=True):
        arrays[name], arrays[f"{name}_weights"] = known, lexicon_.weights
    arrays["favor"] = np.array(list(model.thresholds))
    arrays["thresholds"] = np.array(list(model.thresholds.values()))
    np.savez_compressed(file, **arrays)


def load(file: IO[bytes]) -> Model:
    """Reads a model that `save` wrote; nothing in the file can act. Raises ValueError if it sees other columns."""
    with np.load(file, allow_pickle=False) as arrays:
        if tuple(arrays["columns"].tolist()) != NAMES:
            raise ValueError("the model was trained on other columns: train it again")
        return Model(
            trees=Trees(*(np.ascontiguousarray(arrays[f"trees_{name}"]) for name in Trees._fields)),
            words=lexicon(arrays["words"], arrays["words_weights"]),
            classes=lexicon(arrays["classes"], arrays["classes_weights"]),
            thresholds={
                str(name): float(value)
                for name, value in zip(arrays["favor"], arrays["thresholds"], strict=True)
            },
        )


def _file() -> Traversable:
    return resources.files("pipeline.extraction.blocks") / "model.npz"


@functools.cache
def shipped() -> Model:
    """The model that comes with Sluice. Cost: some 50 ms, once a process."""
    with _file().open("rb") as file:
        return load(file)


@functools.cache
def model_digest() -> str:
    """SHA-256 of the model's file: other numbers give other texts."""
    return hashlib.sha256(_file().read_bytes()).hexdigest()


def main_text(page: Scan, model: Model, favor: str, comments: bool) -> Array:
    """bool[blocks]: what is main text. `comments` keeps what readers wrote below it, too."""
    if not len(page.blocks):
        return np.zeros(0, np.bool_)
    return keep(page, chance(page, model, comments), model.thresholds[favor])


def keep(page: Scan, chances: Array, threshold: float) -> Array:
    """bool[blocks]: the blocks whose chances are at least the threshold, or a share of it where text is preformatted.

    Few marked pages have `<pre>`, so that the trees are unsure of it; what stands in it is nearly always somebody's
    own. A displayed formula goes with the text beside it: by itself it looks like nothing that the trees learned.
    """
    least = np.where(page.blocks[:, IN_PRE] > 0, _PREFORMATTED * threshold, threshold)
    return _with_displayed(page, (chances >= least) & (page.blocks[:, IS_TITLE] == 0))


def _with_displayed(page: Scan, keep: Array) -> Array:
    """`keep` (bool[blocks]) and every block beside a kept one that is a formula, `$$...$$` or `\\[...\\]`."""
    keep = keep.copy()
    first = page.text[page.blocks[:, START]]
    opens = (first == _DOLLAR) | (first == _BACKSLASH)
    formulas = [index for index in np.flatnonzero(opens & ~keep).tolist() if _is_displayed(page, index)]
    for index in formulas:
        keep[index] = index > 0 and keep[index - 1]
    for index in reversed(formulas):
        keep[index] |= index + 1 < len(keep) and keep[index + 1]
    return keep


def _is_displayed(page: Scan, index: int) -> bool:
    start, end = page.blocks[index, START], page.blocks[index, END]
    if end - start < 5 or page.blocks[index, IN_PRE] or page.blocks[index, IS_TITLE]:
        return False
    ends = page.text[start : start + 2].tobytes() + page.text[end - 2 : end].tobytes()
    return ends in (b"$$$$", b"\\[\\]")


def chance(page: Scan, model: Model, comments: bool) -> Array:
    """float64[blocks]: the probability of each block."""
    rows = measure(page, count(page.text, page.blocks), model.words, model.classes, comments=comments)
    return share(page, probability(model.trees, rows))
