"""Repeated lines cut out of documents, and documents of which too little is left.

A list of cuts is a table, a row for each document that loses lines: which ones (numbers from 0, between newlines), how
many characters these had, and whether the document is emptied: no text is left, or too few sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.batch import Batch
from filters.text.words import WordSplitter

Array = np.ndarray[Any, Any]

CUTS = pa.schema(
    [
        ("id", pa.string()),
        ("row", pa.int64()),  # of its shard
        ("lines", pa.list_(pa.int32())),
        ("characters", pa.int64()),  # of these lines, newlines apart
        ("emptied", pa.bool_()),
    ]
)


def lines_to_cut(
    lines: Sequence[str], firsts: Sequence[int], unit: Literal["lines", "paragraphs"]
) -> list[int]:
    """The numbers of all lines that go with the repeated parts, which begin at `firsts` (sorted).

    Blank lines behind a part go with it, and those that would end the text then.
    """
    blank = [not line.strip() for line in lines]
    cut: list[int] = []
    for first in firsts:
        end = first + 1
        while unit == "paragraphs" and end < len(lines) and not blank[end]:
            end += 1
        while end < len(lines) and blank[end]:
            end += 1
        cut += range(first, end)
    gone = set(cut)
    left = [number for number in range(len(lines)) if number not in gone]
    if gone and left and max(gone) > left[-1]:  # the end of the text was cut
        while left and blank[left[-1]]:
            cut.append(left.pop())
    return sorted(cut)


def without(lines: Sequence[str], cut: Sequence[int]) -> str:
    """The text of the lines that are left."""
    gone = set(cut)
    return "\n".join(line for number, line in enumerate(lines) if number not in gone)


def sentences(texts: Sequence[str], splitter: WordSplitter | None = None) -> Array:
    """Sentences of each text, counted line by line as the filter `c4` counts them, (n,) of int64."""
    from filters.text import layout
    from filters.text.sentences import sentence_counts

    batch = Batch(texts, splitter=splitter)
    lines = layout.stripped(batch.codes, batch.lines)
    counts = sentence_counts(batch.words, lines.starts, lines.ends)
    return np.asarray(layout.total(lines.offsets, np.where(lines.lengths() > 0, counts, 0)), np.int64)


def emptied(texts: Sequence[str], min_sentences: int, splitter: WordSplitter | None = None) -> list[bool]:
    """Whether the texts that lost lines have too little left."""
    bare = [not text.strip() for text in texts]
    if not min_sentences:
        return bare
    few = sentences(texts, splitter) < min_sentences
    return [one or bool(other) for one, other in zip(bare, few, strict=True)]


def without_lines(table: pa.Table, cuts: pa.Table) -> pa.Table:
    """Documents without the lines that `cuts` lists by id; the text of an emptied one is null. Rows stay."""
    if not cuts.num_rows:
        return table
    places = pc.index_in(table["id"], value_set=cuts["id"].combine_chunks()).to_pylist()
    if not any(place is not None for place in places):
        return table
    column = table.schema.get_field_index("text")
    lines, gone = cuts["lines"].to_pylist(), cuts["emptied"].to_pylist()
    texts = table.column(column).to_pylist()
    for row, place in enumerate(places):
        if place is not None:
            texts[row] = (
                None if gone[place] or texts[row] is None else without(texts[row].split("\n"), lines[place])
            )
    field = table.schema.field(column)
    return table.set_column(column, field, pa.array(texts, field.type))
