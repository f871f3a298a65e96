"""References of words as files: written, read back, and refused where they are something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from filters.models.unigrams import of_texts
from pipeline import unigrams
from pipeline.named_assets import KINDS
from pipeline.unigrams import NoReferenceError

TEXTS = ["one two three two", "three three"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    unigrams.train(TEXTS, path)
    read = KINDS["unigrams"].load(path)
    for one, other in zip(read, of_texts(TEXTS), strict=True):
        assert np.array_equal(one, other)


def test_the_same_texts_give_the_same_bytes(tmp_path: Path) -> None:
    for name, texts in (("a", TEXTS), ("b", TEXTS[::-1])):
        unigrams.train(texts, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("damage", ["text", "pickle", "size", "full", "kind", "floor", "missing", "cut"])
def test_other_files_are_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "mine.npz"
    made = of_texts(TEXTS)
    arrays = {"keys": made.keys, "shares": made.shares, "floor": np.float64(made.floor)}
    if damage == "pickle":
        arrays["keys"] = np.array([{}], object)
    elif damage == "size":
        arrays = arrays | {"keys": made.keys[:-1], "shares": made.shares[:-1]}
    elif damage == "full":
        arrays["keys"] = np.ones_like(made.keys)  # a look-up would never end
    elif damage == "kind":
        arrays["shares"] = made.shares.astype(np.float64)
    elif damage == "floor":
        arrays["floor"] = np.float64("nan")
    elif damage == "missing":
        del arrays["floor"]
    if damage == "text":
        path.write_text("no archive")
    else:
        with path.open("wb") as file:
            np.savez(file, **arrays)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(NoReferenceError, match=r"mine\.npz is no reference"):
        unigrams.load(path)


def test_wordfreq(tmp_path: Path) -> None:
    import gzip

    import msgspec

    path = tmp_path / "small.msgpack.gz"
    # groups 0, 100 and 300: shares in the proportion 1 : .1 : .001; a number and two words at once are left out
    groups = [[] for _ in range(301)]
    groups[0], groups[100], groups[300] = ["the"], ["of", "00"], ["rare", "two words"]
    path.write_bytes(gzip.compress(msgspec.msgpack.encode([{"format": "cB", "version": 1}, *groups])))
    read = unigrams.load_wordfreq((path,))
    assert sorted(read.shares[read.shares > 0].tolist()) == pytest.approx(
        [0.001 / 1.101, 0.1 / 1.101, 1 / 1.101]
    )
