"""Sentences as spaCy's rule-based splitter counts them, from word flags alone.

A sentence ends after a token that is a sentence mark; further marks and punctuation still belong to it, and the next
other token (white space beyond one space included) begins the next sentence.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.words import PUNCTUATION, SENTENCE_MARK, Words

Array = np.ndarray[Any, Any]

_MARK, _PUNCTUATION = np.uint8(SENTENCE_MARK), np.uint8(PUNCTUATION)


@compiled("void(int64[::1], int32[::1], uint8[::1], int64[::1])")
def _count(offsets: Array, ids: Array, flags: Array, out: Array) -> None:
    for text in range(len(offsets) - 1):
        sentences, ended = 1, False
        for i in range(offsets[text], offsets[text + 1]):
            flag = flags[ids[i]]
            if flag & _MARK:
                ended = True
            elif ended and not flag & _PUNCTUATION:
                sentences += 1
                ended = False
        out[text] = sentences


def sentence_counts(words: Words) -> Array:
    """Sentences of each text; a text without words counts as one."""
    out = np.zeros(len(words.offsets) - 1, np.int64)
    _count(words.offsets, words.ids, np.ascontiguousarray(words.flags), out)
    return out
