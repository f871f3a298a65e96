"""Data tables: rows whose cells are short and hold one block each, unlike tables that lay out a page."""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from pipeline.extraction.blocks.names import TABLE, TD, TH, TR
from pipeline.extraction.blocks.scan import (
    ELEMENT,
    END,
    END_BLOCK,
    FIRST_BLOCK,
    LEVEL,
    PARENT,
    START,
    TAG,
    Scan,
)

Array = np.ndarray[Any, Any]

_CELL_BYTES = 200  # a longer cell holds text that is laid out, not data


def data_cells(page: Scan) -> Array:
    """bool[blocks]: each is the only block of its cell, in a row of at least two such cells, all of them short."""
    found: Array = _data_cells(page.blocks, page.elements, TD, TH, TR, _CELL_BYTES)
    return found


def share(page: Scan, chances: Array) -> Array:
    """The cells of a data table all get the mean of theirs, weighted by bytes: a table is kept whole or not at all."""
    cells = data_cells(page)
    return _share(page.blocks, page.elements, cells, TABLE, chances) if cells.any() else chances


@compiled("int64(int32[:, ::1], int64, int64)")
def above(elements: Array, element: Any, tag: Any) -> Any:
    """The nearest element of a name, `element` included; 0 where there is none."""
    while element > 0 and elements[element, TAG] != tag:
        element = elements[element, PARENT]
    return element


@compiled("boolean[::1](int32[:, ::1], int32[:, ::1], int64, int64, int64, int64)")
def _data_cells(blocks: Array, elements: Array, td: Any, th: Any, tr: Any, most: Any) -> Array:
    found = np.zeros(len(blocks), np.bool_)
    for row in range(1, len(elements)):
        if elements[row, TAG] != tr:
            continue
        first, end = elements[row, FIRST_BLOCK], elements[row, END_BLOCK]
        plain = end - first > 1
        for block in range(first, end):
            cell = blocks[block, ELEMENT]
            while elements[cell, LEVEL] > elements[row, LEVEL] + 1:
                cell = elements[cell, PARENT]
            is_cell = elements[cell, TAG] == td or elements[cell, TAG] == th
            alone = elements[cell, FIRST_BLOCK] == block and elements[cell, END_BLOCK] == block + 1
            plain &= is_cell and alone and blocks[block, END] - blocks[block, START] <= most
        if plain:
            found[first:end] = True
    return found


@compiled("float64[::1](int32[:, ::1], int32[:, ::1], boolean[::1], int64, float64[::1])")
def _share(blocks: Array, elements: Array, cells: Array, table_tag: Any, chances: Array) -> Array:
    sums = np.zeros((len(elements), 2))
    tables = np.zeros(len(blocks), np.int32)
    found = chances.copy()
    for block in range(len(blocks)):
        if cells[block]:
            tables[block] = above(elements, np.int64(blocks[block, ELEMENT]), table_tag)
            size = float(blocks[block, END] - blocks[block, START])
            sums[tables[block], 0] += size * chances[block]
            sums[tables[block], 1] += size
    for block in range(len(blocks)):
        if cells[block]:
            found[block] = sums[tables[block], 0] / sums[tables[block], 1]
    return found
