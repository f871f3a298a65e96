"""Predictions of fastText classifiers (Joulin et al. 2016, 2017), the sum of each word remembered.

fastText adds up the vectors of a text's words, of their character n-grams and of n-grams of words. A word's sum is the
same wherever it stands, so that known words cost one addition; fastText's own library hashes and decodes all n-grams
of every word. Probabilities agree with its to five digits (`benchmarks/language.py`): sums are in 64 bits here, in 32
there. With the losses ns and ova its sigmoids come from a table of 512 steps, here too; a sum that rounds to another
step differs by up to .008.

Reads every published kind of file: `.bin` and `.ftz`, versions 11 and 12, all four losses
(`filters.models.fasttext_format`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from filters.models import fasttext_loops as loops
from filters.models.fasttext_format import FastTextError, read

__all__ = ["FastTextError", "Model"]

Array = np.ndarray[Any, Any]

_REMEMBERED = 1 << 14  # words; a new one takes the place of an old one with the same last bits
_PREFIX = loops.LABEL.decode()


class Memory(NamedTuple):
    """Words that were met: their hash (0: free place), fastText's hash of them, and the sum of their rows."""

    known: Array  # uint64[places]
    kinds: Array  # int64[places]
    sums: Array  # float64[places, dimension + 1]


class Model:
    """A supervised model. Words are remembered from text to text, which changes no result.

    `data` is the file's content in any buffer, such as a read-only `mmap`, and stays in use: of a mapped file,
    processes share the pages. Opening costs some 0.2 seconds a million words. FastTextError says what is wrong with a
    file; a damaged number is found only when a text meets it, and then is a FastTextError too.
    """

    def __init__(self, data: Any) -> None:
        self.labels, matrix, tables, self._output, self._loss, self._tree = read(data)
        self._matrix, self._tables = matrix, tables
        self._places = {name: at for at, name in enumerate(self.labels)}
        self.dimension = self._output.shape[1]
        places = min(_REMEMBERED, 1 << max(4, ((1 << 21) // (self.dimension + 1)).bit_length() - 1))  # 16 MiB
        zeros = (
            np.zeros(places, np.uint64),
            np.zeros(places, np.int64),
            np.zeros((places, self.dimension + 1)),
        )
        self._memory = Memory(*zeros)

    def predict(self, text: str) -> tuple[str, float]:
        """The label of the highest probability and that probability, of a text taken as one line.

        A text without a known word or n-gram has no label: `("", 0.0)`.
        """
        scores = self._scores(text)
        if scores is None:
            return "", 0.0
        if self._tree is not None:
            best, score = loops.best_leaf(self._tree.children, self._tree.labels, scores)
            return self.labels[best], float(np.exp(score))
        chances = self._chances(scores)
        best = int(np.argmax(chances))
        return self.labels[best], float(chances[best])

    def probabilities(self, text: str) -> Array:
        """The probability of each of `labels`, float64; all 0 for a text without a known word or n-gram.

        They add up to 1 with the losses softmax and hs (there nearly, as in fastText); ns and ova judge each label by
        itself.
        """
        scores = self._scores(text)
        if scores is None:
            return np.zeros(len(self.labels))
        if self._tree is not None:
            leaves: Array = loops.all_leaves(self._tree.children, self._tree.labels, scores)
            return leaves
        return self._chances(scores)

    def score(self, text: str, label: str) -> float:
        """The probability of one label, named with `__label__` or without; KeyError names those that there are."""
        return float(self.probabilities(text)[self.place(label)])

    def place(self, label: str) -> int:
        """Where a label, named with `__label__` or without, stands in `labels`; KeyError names those that there are."""
        for name in (label, _PREFIX + label):
            if name in self._places:
                return self._places[name]
        raise KeyError(f"no label {label!r}: the model has {', '.join(self.labels[:10])}")

    def _scores(self, text: str) -> Array | None:
        """The output layer's sums, float32[labels]; None if nothing of the text is known."""
        total = np.zeros(self.dimension + 1)
        data = np.frombuffer(
            bytearray(text.encode("utf-8", "replace")), np.uint8
        )  # writable, as the loops expect
        loops.add_line(data, total, *self._memory, *self._tables, *self._matrix)
        if not total[-1]:
            return None
        with np.errstate(invalid="ignore", over="ignore"):
            scores: Array = self._output @ (total[:-1] / total[-1]).astype(np.float32)
        if not np.isfinite(scores).all():
            raise FastTextError("the model has numbers that are not finite: its file is damaged")
        return scores

    def _chances(self, scores: Array) -> Array:
        if self._loss in ("ns", "ova"):
            steps = np.clip((scores + np.float32(8)) * np.float32(32), 0, 512).astype(np.int64)
            return _SIGMOID[steps + (scores > 8)]
        exponents = np.exp(scores - scores.max()).astype(np.float64)
        return exponents / exponents.sum()


# fastText's table of sigmoids from -8 to 8: 0 below; what lies above has the place after the last.
_SIGMOID = np.append(1 / (1 + np.exp(8 - np.arange(513) / 32)), 1.0)
