"""Compiled loops behind `ccnet`: normal forms of all lines of a batch. Linear on every text."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from filters.ccnet import REMOVED
from filters.compiled import compiled
from filters.text import layout
from filters.text.layout import NUMERIC, Parts

if TYPE_CHECKING:
    from filters.batch import Batch

Array = np.ndarray[Any, Any]

_GONE = 0xFFFFFFFF


@functools.cache
def forms() -> Array:
    """What stands for each lower-case code point in a normal form, uint32; `_GONE` for nothing."""
    table = np.arange(0x110000, dtype=np.uint32)
    table[[ord(character) for character in REMOVED]] = _GONE
    for code in np.flatnonzero(layout.traits() & NUMERIC).tolist():
        if chr(code).isdecimal():
            table[code] = ord("0")
    return table


@compiled("int64(uint32[::1], int64[::1], int64[::1], uint32[::1], uint32[::1], int64[::1], int64[::1])")
def _normal(
    codes: Array, starts: Array, ends: Array, table: Array, out: Array, out_starts: Array, out_ends: Array
) -> int:
    at = 0
    for line in range(len(starts)):
        out_starts[line] = at
        for i in range(starts[line], ends[line]):
            form = table[codes[i]]
            if form != _GONE:
                out[at] = form
                at += 1
        out_ends[line] = at
    return at


def normal_lines(batch: Batch) -> tuple[Array, Parts]:
    """The normal forms of the batch's lines as code points and spans, one for each of `batch.lines`."""
    codes, bounds = layout.code_points([text.lower() for text in batch.texts])
    lines = layout.stripped(codes, layout.lines(codes, bounds))
    out = np.empty(len(codes), np.uint32)
    starts, ends = np.zeros(len(lines.starts), np.int64), np.zeros(len(lines.starts), np.int64)
    size = _normal(codes, lines.starts, lines.ends, forms(), out, starts, ends)
    return out[:size].copy(), Parts(lines.offsets, starts, ends)


@compiled("void(int64[::1], int32[::1], int64[::1], int64[::1], int64, int64[:, ::1])")
def _repeated(offsets: Array, ids: Array, forms: Array, lengths: Array, distinct: int, out: Array) -> None:
    seen = np.full(distinct, -1, np.int64)
    for text in range(len(offsets) - 1):
        for line in range(offsets[text], offsets[text + 1]):
            out[text, 2] += lengths[line]
            if forms[line] and seen[ids[line]] == text:
                out[text, 0] += 1
                out[text, 1] += lengths[line]
            seen[ids[line]] = text


def repeated_lines(batch: Batch) -> Array:
    """Of each text: lines whose form came before on it, their characters, those of all lines; int64 [texts, 3]."""
    codes, forms = normal_lines(batch)
    ids, first = layout.numbered(codes, forms)
    out = np.zeros((len(batch), 3), np.int64)
    _repeated(batch.lines.offsets, ids, forms.lengths(), batch.lines.lengths(), len(first), out)
    return out
