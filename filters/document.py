"""The Document: one row of an Arrow table, with the same columns on disk (Parquet) and in memory.

`SCHEMA` lists the fixed columns in order. Signal columns, named `<filter>_<signal>`, follow them once filters have
measured the document. Dates are ISO 8601 strings in UTC: they are shown and compared, never computed with.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # <basename>@<offset>, or the caller's own id
        ("url", pa.string()),
        ("date", pa.string()),  # when it was crawled
        ("published", pa.string()),  # when the page says it was published
        ("title", pa.string()),
        ("text", pa.large_string()),
        ("extractor", pa.string()),  # whose text it is; null for what came as text
        ("language", pa.string()),
        ("language_score", pa.float64()),
        ("language_declared", pa.string()),  # by page or HTTP header
        ("canonical", pa.string()),  # absolute address that the page names as its own
        ("license", pa.string()),  # addresses of stated licences, a space between them
        (
            "opt_out",
            pa.string(),
        ),  # opt-outs that page and HTTP headers state, as filters/optout.py reads them
        ("warc_file", pa.string()),  # base name of the input
        ("warc_offset", pa.int64()),  # bytes
        ("warc_length", pa.int64()),  # bytes
        ("warc_offset_in", pa.string()),  # "file": bytes as stored; "stream": bytes of the decompressed WARC
    ]
)

# The column of texts that other extractors of a union found, in its order, while it is open whose text is kept.
OTHERS = pa.field("others", pa.list_(pa.struct([("extractor", pa.string()), ("text", pa.large_string())])))


def empty() -> pa.Table:
    """A table of no documents."""
    return SCHEMA.empty_table()


def from_rows(rows: list[dict[str, object]]) -> pa.Table:
    """Documents from dictionaries; missing columns are null, unknown ones an error."""
    unknown = {key for row in rows for key in row} - set(SCHEMA.names)
    if unknown:
        raise ValueError(f"not columns of a Document: {sorted(unknown)}")
    return pa.Table.from_pylist(rows, schema=SCHEMA)
