"""How much of a text is no language: rows of symbols, menus of numbers, base64, repeated characters.

A part between white space is language if, without marks at its ends, at least half of its characters are letters
(with their marks), none of them five times in a row, and it is no code: a part, not mostly of letters without case,
that has more than two changes from a small letter to a capital, more than two between letters and digits, more than 40
cased letters without a break, or `://`.

The rule asks no model and no list, so that text of any language is language. It does not see words that are made up.
Cost: some 3 ns a character.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.batch import Batch
from filters.compiled import compiled
from filters.text.layout import DIGIT, LETTER, LOWER, MARK, UPPER, Parts, traits

Array = np.ndarray[Any, Any]

CASED = UPPER | LOWER
MAX_SAME = 4  # of one letter in a row
MAX_CHANGES = 2  # small letter to capital; letter to digit or back
MAX_CASED = 40  # letters in a row: longer words are compounds of chemistry


@compiled("boolean(uint32[::1], uint16[::1], int64, int64)")
def _is_language(codes: Array, known: Array, start: Any, end: Any) -> Any:
    said = LETTER | DIGIT | MARK
    while start < end and not known[codes[start]] & said:
        start += 1
    while end > start and not known[codes[end - 1]] & said:
        end -= 1
    letters, uncased, same, capitals, changes, cased, before = 0, 0, 0, 0, 0, 0, 0
    code = False
    for at in range(start, end):
        here = known[codes[at]]
        if here & (LETTER | MARK):
            letters += 1
            uncased += here & CASED == 0
        if here & LETTER:
            same = same + 1 if at > start and codes[at] == codes[at - 1] else 1
        cased = cased + 1 if here & CASED else 0
        capitals += before & LOWER != 0 and here & UPPER != 0
        changes += (before & CASED != 0 and here & DIGIT != 0) or (before & DIGIT != 0 and here & CASED != 0)
        code = code or cased > MAX_CASED or capitals > MAX_CHANGES or changes > MAX_CHANGES
        code = code or (codes[at] == 58 and at + 2 < end and codes[at + 1] == 47 and codes[at + 2] == 47)
        if same > MAX_SAME:
            return False
        before = here
    return letters > 0 and 2 * letters >= end - start and not (code and 2 * uncased < end - start)


@compiled("void(uint32[::1], uint16[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1])")
def _noise(
    codes: Array, known: Array, first: Array, last: Array, starts: Array, ends: Array, shares: Array
) -> None:
    for text in range(len(first)):
        noise, visible = 0, 0
        for part in range(first[text], last[text]):
            size = ends[part] - starts[part]
            visible += size
            if not _is_language(codes, known, starts[part], ends[part]):
                noise += size
        shares[text] = noise / visible if visible else 0.0


def noise_shares(batch: Batch, spans: Parts | None = None) -> Array:
    """The share of characters without white space that are in no part of language; 0 for blank text.

    Of each text, or of each span, which must not cut a part.
    """
    parts = batch.chunks
    if spans is None:
        first, last = parts.offsets[:-1], parts.offsets[1:]
    else:
        first, last = (np.searchsorted(parts.starts, edges) for edges in (spans.starts, spans.ends))
    shares = np.zeros(len(first))
    _noise(batch.codes, traits(), first, last, parts.starts, parts.ends, shares)
    return shares
