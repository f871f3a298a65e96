"""What is measured of every document before any filter: how much text was extracted. And the first rule of all."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from filters.types import Rule, Signal

SOURCE = "this project"
EMPTY_SIGNAL = Signal(
    "extract_characters", "characters", "of the extracted text, white space at its ends apart", SOURCE
)
BYTES_SIGNAL = Signal(
    "extract_bytes",
    "bytes",
    "of the extracted text in UTF-8; null where a cascade spared the extraction",
    SOURCE,
)
EMPTY_RULE = Rule("empty", EMPTY_SIGNAL.column, "<", 1, "a document without text says nothing")

SIGNALS = (EMPTY_SIGNAL, BYTES_SIGNAL)
RULES = (EMPTY_RULE,)


def text_bytes(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes of each text in UTF-8, 0 where it is null, (n,) of int64."""
    return pc.fill_null(pc.binary_length(texts), 0).cast(pa.int64())


def total_bytes(texts: pa.ChunkedArray) -> int:
    """Bytes of all these texts in UTF-8."""
    return pc.sum(pc.binary_length(texts)).as_py() or 0
