"""Words and sentences of any script as spans: Unicode's rules, and dictionaries where words have no spaces.

Chinese, Japanese, Thai, Lao, Khmer and Burmese words come from the dictionaries of ICU's word break iterator (Viterbi
over word costs for Chinese and Japanese, longest matches with look-ahead for the others): one algorithm and one pinned
version for all six. FineWeb-2 asks another splitter for each language, which does not always agree. On the Universal
Declaration of Human Rights, boundaries agree with jieba's (its Chinese) to .96 (F1), with Sudachi's (Japanese) to .94,
with PyThaiNLP's newmm (Thai, longer compounds) to .87, with khmer-nltk's to .90 and with laonlp's to .91. ICU keeps
Korean words whole, as they are written, where FineWeb-2's Kiwi has morphemes, and splits Tibetan into syllables.

Cost: 3 to 5 ns a character of scripts with spaces, 140 of Thai, Lao, Khmer and Burmese, 310 of Chinese and Japanese;
linear in length on any text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from filters.batch import Batch
from filters.compiled import compiled
from filters.text.layout import Parts
from filters.text.words import Words

Array = np.ndarray[Any, Any]
# Spans of the words of a text, in units of UTF-16, all of the text covered: the asset `word_breaker`.
Breaker = Callable[[str], Iterator[tuple[int, int]]]

_BETWEEN = 10  # a newline between two runs: no word crosses it


def icu_words(text: str) -> Iterator[tuple[int, int]]:
    """The breaker that everybody uses: ICU's, for the root locale."""
    from icu4py.breakers import WordBreaker

    return WordBreaker(text, "root").segments()


@compiled("int64(uint32[::1], int64[::1], int64[::1], uint32[::1], int64[::1])")
def _join(codes: Array, starts: Array, ends: Array, joined: Array, origins: Array) -> int:
    """Writes the runs one after the other with newlines between; for every unit of UTF-16 where it comes from."""
    units, size = 0, 0
    for run in range(len(starts)):
        for at in range(starts[run], ends[run]):
            joined[size] = codes[at]
            size += 1
            origins[units] = at
            units += 1
            if codes[at] > 0xFFFF:
                origins[units] = at
                units += 1
        joined[size] = _BETWEEN
        size += 1
        origins[units] = -1
        units += 1
    return size


def _split(codes: Array, starts: Array, ends: Array, breaker: Breaker) -> tuple[Array, Array]:
    """The words of runs, as starts and ends in `codes`."""
    size = int((ends - starts).sum()) + len(starts)
    joined, origins = np.empty(size, np.uint32), np.empty(2 * size, np.int64)
    _join(codes, starts, ends, joined, origins)
    text = joined.tobytes().decode("utf-32-le")
    spans = np.fromiter(chain.from_iterable(breaker(text)), np.int64).reshape(-1, 2)
    first, last = origins[spans[:, 0]], origins[spans[:, 1] - 1]
    inside = first >= 0
    return first[inside], last[inside] + 1


def word_parts(codes: Array, bounds: Array, breaker: Breaker = icu_words) -> Parts:
    """The words of each text: runs of letters and digits, and every mark or symbol as a part of its own."""
    from filters.text.word_breaks import word_runs

    parts, unspaced = word_runs(codes, bounds)
    if not unspaced.any():
        return parts
    starts, ends = _split(codes, parts.starts[unspaced], parts.ends[unspaced], breaker)
    starts = np.concatenate([parts.starts[~unspaced], starts])
    ends = np.concatenate([parts.ends[~unspaced], ends])
    order = np.argsort(starts, kind="stable")
    starts = starts[order]
    return Parts(np.searchsorted(starts, bounds).astype(np.int64), starts, ends[order])


def unicode_words(batch: Batch, breaker: Breaker = icu_words) -> Words:
    """The words of a batch's texts in any script, found once a batch."""
    return batch.part("unicode_words", lambda: Words(*unicode_parts(batch, breaker), batch.codes))


def unicode_parts(batch: Batch, breaker: Breaker = icu_words) -> Parts:
    """The spans of the words of a batch's texts in any script, found once a batch."""
    return batch.part("unicode_parts", lambda: word_parts(batch.codes, batch.bounds, breaker))


def sentence_counts(batch: Batch) -> Array:
    """Sentences of each text in any script, int64: `filters.text.sentence_breaks` says what ends one."""
    from filters.text.sentence_breaks import sentence_parts

    return batch.part("unicode_sentences", lambda: sentence_parts(batch.codes, batch.bounds)).counts()
