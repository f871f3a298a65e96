"""Which records of a crawl are PDFs, and the table that lists them: where they are, how large, whether cut short."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipeline.charset import valid
from pipeline.http import Response, header
from pipeline.page import response_of, stated_type, why_no_page
from pipeline.record import Record

PDF_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("date", pa.string()),
        ("warc_file", pa.string()),
        ("warc_offset", pa.int64()),
        ("warc_length", pa.int64()),
        ("warc_offset_in", pa.string()),
        ("size", pa.int64()),  # bytes of the body as the record holds it, codings not undone
        ("truncated", pa.string()),  # why it is not the whole file, null if nothing says so
    ]
)
_MAGIC = b"%PDF-"
_HEAD_BYTES = 8192  # looked at before a record's header is parsed
_TYPES_OF_RECORDS = ("response", "resource")
_MAGIC_WITHIN = 1024  # bytes; readers accept a file that begins later than at once (ISO 32000-1, annex H)
_TYPES = ("application/pdf", "application/x-pdf", "application/acrobat", "application/vnd.pdf", "text/pdf")


def is_pdf(record: Record, response: Response) -> bool:
    """Whether a record that is no HTML is a PDF, by its stated type or by how it begins."""
    if response.status not in (None, 200) or response.fault is not None:
        return False
    return stated_type(record, response) in _TYPES or _MAGIC in response.raw[:_MAGIC_WITHIN]


def pdf_row(record: Record) -> dict[str, Any] | None:
    """What `PDF_SCHEMA` says of a PDF beside its place; None for other records, at next to no cost.

    `truncated` is the reason in `WARC-Truncated` (`length`, `time`, `disconnect`, `unspecified`), else `short` where
    the server announced more bytes than there are. `size` is right for a record cut at the reader's limits, too.
    """
    head = record.body[:_HEAD_BYTES]
    if record.type not in _TYPES_OF_RECORDS or (_MAGIC not in head and b"pdf" not in head.lower()):
        return None
    response = response_of(record)
    if why_no_page(record, response) != "not_html" or not is_pdf(record, response):
        return None
    size = _size(record, response)
    truncated = _record_header(record, "warc-truncated")
    announced = header(response.headers, "content-length") or ""
    if truncated is None and announced.isdecimal() and len(announced) < 19 and int(announced) > size:
        truncated = "short"
    return {
        "url": valid(record.url or ""),
        "date": record.date,
        "size": size,
        "truncated": valid(truncated)[:40] if truncated else None,
    }


def _size(record: Record, response: Response) -> int:
    stated = _record_header(record, "content-length") or ""
    cut = record.truncated and stated.isdecimal() and len(stated) < 19
    block = int(stated) if cut else len(record.body)
    return block - (len(record.body) - len(response.raw))


def _record_header(record: Record, name: str) -> str | None:
    return next((value.strip().lower() for key, value in record.headers if key.lower() == name), None)
