"""The blocks that are kept, as text: paragraphs, lines, lists, rows of tables and code as a reader sees them.

A blank line stands where the HTML standard's rendering (section 15.3) puts a margin, a line end where a line begins
without one. List items get `- ` or their number, nested ones an indent; the cells of a row stand on one line.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from pipeline.extraction.blocks.names import LI, NUMBER, OL, TR
from pipeline.extraction.blocks.scan import (
    BROKEN,
    ELEMENT,
    END,
    FIRST_BLOCK,
    IN_PRE,
    ITEM,
    LEVEL,
    PARENT,
    START,
    TAG,
    Scan,
)
from pipeline.extraction.blocks.tables import above, data_cells

Array = np.ndarray[Any, Any]

_MARGINS = np.zeros(256, np.bool_)
for _name in "p h1 h2 h3 h4 h5 h6 pre blockquote ul ol dl table figure form hr".split():
    _MARGINS[NUMBER[_name]] = True
_LISTS = (NUMBER["ul"], NUMBER["ol"], NUMBER["dl"])
_DEEPEST_INDENT = 8

# How a block is joined to the one before.
_LINE, _PARAGRAPH, _CELL = range(3)


def render(page: Scan, keep: Array) -> str:
    """The text of the blocks where `keep` (bool[blocks]) is true."""
    shown = np.flatnonzero(keep).astype(np.int32)
    joins = np.zeros(len(shown), np.int32)
    items = np.zeros((len(shown), 2), np.int32)
    in_row = data_cells(page)
    _join(page.blocks, page.elements, shown, in_row, _MARGINS, np.array(_LISTS, np.int32), joins, items)
    text = page.text.tobytes()
    parts: list[str] = []
    for at, block in enumerate(shown.tolist()):
        own = text[page.blocks[block, START] : page.blocks[block, END]].decode("utf-8", "replace")
        if page.blocks[block, IN_PRE]:
            own = own.strip("\n").rstrip()
        if parts:
            parts.append(("\n", "\n\n", " | ")[joins[at]])
        depth, number = items[at]
        if depth:
            parts.append(
                "  " * min(int(depth) - 1, _DEEPEST_INDENT) + ("- " if number == 0 else f"{number}. ")
            )
        parts.append(own)
    return "".join(parts)


@compiled("boolean(int32[:, ::1], int64, boolean[::1], int32[::1])")
def _has_margin(elements: Array, element: Any, margins: Array, lists: Array) -> Any:
    tag = elements[element, TAG]
    if (tag == lists[0] or tag == lists[1] or tag == lists[2]) and above(elements, element, LI) > 0:
        return False  # a list within a list
    return margins[tag]


@compiled("int64(int32[:, ::1], int64, int64, boolean[::1], int32[::1])")
def _between(elements: Array, left: Any, right: Any, margins: Array, lists: Array) -> Any:
    """_PARAGRAPH where an element with a margin ends or starts on the way from one element to another."""
    while left != right:
        deeper = left if elements[left, LEVEL] >= elements[right, LEVEL] else right
        if _has_margin(elements, deeper, margins, lists):
            return _PARAGRAPH
        if deeper == left:
            left = np.int64(elements[left, PARENT])
        else:
            right = np.int64(elements[right, PARENT])
    return _LINE


@compiled(
    "void(int32[:, ::1], int32[:, ::1], int32[::1], boolean[::1], boolean[::1], int32[::1], int32[::1], int32[:, ::1])"
)
def _join(
    blocks: Array,
    elements: Array,
    shown: Array,
    in_row: Array,
    margins: Array,
    lists: Array,
    joins: Array,
    items: Array,
) -> None:
    before, item_before = np.int64(-1), np.int64(0)
    for at in range(len(shown)):
        block = np.int64(shown[at])
        element = np.int64(blocks[block, ELEMENT])
        item = above(elements, element, LI)
        if (
            item > 0
            and item != item_before
            and elements[item, FIRST_BLOCK] == block
            and not blocks[block, IN_PRE]
        ):
            depth, outer = 0, item
            while outer > 0:
                depth += 1
                outer = above(elements, np.int64(elements[outer, PARENT]), LI)
            items[at, 0] = depth
            if elements[elements[item, PARENT], TAG] == OL:
                items[at, 1] = elements[item, ITEM]
        item_before = item
        if before >= 0:
            last = np.int64(blocks[before, ELEMENT])
            same_row = above(elements, element, TR) == above(elements, last, TR)
            if in_row[block] and in_row[before] and same_row:
                joins[at] = _CELL
            elif block == before + 1 and blocks[block, BROKEN]:
                joins[at] = _PARAGRAPH if blocks[block, BROKEN] > 1 else _LINE
            elif last == element:
                joins[at] = _LINE if block == before + 1 else _PARAGRAPH
            else:
                joins[at] = _between(elements, last, element, margins, lists)
        before = block
