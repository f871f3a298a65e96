"""Reads n-gram models in ARPA's format, as SRILM, KenLM's `lmplz` and others write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from filters.models.ngram_model import MOST, NgramModel, Ngrams, make_model
from filters.text import layout
from filters.text.token_hashes import extended, tokens

Array = np.ndarray[Any, Any]


class ArpaError(ValueError):
    """The lines are no ARPA model; the message says which and why."""


def read_arpa(lines: Iterable[str]) -> NgramModel:
    """A model from the lines of an ARPA file. Its words are what stands between white space, as written.

    Some 3 us an n-gram. ArpaError names the line.
    """
    numbered = enumerate((line.rstrip("\n") for line in lines), 1)
    counts = _header(numbered)
    orders = []
    for size, count in enumerate(counts, 1):
        words, numbers = _section(numbered, size, count)
        codes, bounds = layout.code_points(words)
        hashes = tokens(codes, bounds, "spaces", False).hashes
        if len(hashes) != count * size:
            raise ArpaError(f"a word among the {size}-grams has white space in it")
        hashes = hashes.reshape(count, size)
        keys = np.ascontiguousarray(hashes[:, -1])
        for column in range(size - 2, -1, -1):
            keys = _extended(keys, hashes[:, column])
        orders.append(Ngrams(keys, numbers[:, 0].copy(), numbers[:, 1].copy()))
    return make_model(orders, "spaces")


def _extended(keys: Array, before: Array) -> Array:
    return np.array([extended(key, token) for key, token in zip(keys, before, strict=True)], np.uint64)


def _header(lines: Iterator[tuple[int, str]]) -> list[int]:
    for _, line in lines:
        if line.strip() == "\\data\\":
            break
    else:
        raise ArpaError("no line `\\data\\`: not an ARPA model")
    counts: list[int] = []
    for number, line in lines:
        name, _, count = line.partition("=")
        if not line.strip():
            if counts:
                return counts
            continue
        if name.split() != ["ngram", str(len(counts) + 1)] or not count.strip().isdecimal():
            raise ArpaError(f"line {number}: expected `ngram {len(counts) + 1}=COUNT`")
        counts.append(int(count))
        if len(counts) > MOST:
            raise ArpaError(f"line {number}: more than {MOST} orders")
    raise ArpaError("the file ends in its header")


def _section(lines: Iterator[tuple[int, str]], size: int, count: int) -> tuple[list[str], Array]:
    """The words of each n-gram of one order, and its two numbers."""
    for number, line in lines:
        if line.strip():
            if line.strip() != f"\\{size}-grams:":
                raise ArpaError(f"line {number}: expected `\\{size}-grams:`")
            break
    words: list[str] = []
    numbers = np.zeros((count, 2), np.float32)
    for row in range(count):
        number, line = next(lines, (0, ""))
        fields = [field for field in line.replace("\t", " ").split(" ") if field]
        try:
            if len(fields) not in (size + 1, size + 2):
                raise ValueError
            numbers[row, : len(fields) - size] = [float(one) for one in (fields[0], *fields[size + 1 :])]
        except ValueError:
            raise ArpaError(
                f"line {number}: expected a number, {size} words and perhaps a number"
                if number
                else f"the file ends before all {count} {size}-grams"
            ) from None
        words.append(" ".join(fields[1 : size + 1]))
    if not np.isfinite(numbers).all():
        raise ArpaError(f"a {size}-gram's numbers are not finite")
    return words, numbers
