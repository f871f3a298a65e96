"""Which records are pages: a response with status 200 (or none, as in HTTP 0.9) whose content is HTML.

A `conversion` record of plain text, as WET files consist of, is a page that was extracted already.
"""

from __future__ import annotations

from pipeline.charset import charset_parameter
from pipeline.http import Response, decode_body, header, parse_response
from pipeline.record import Record

_HTML = ("text/html", "application/xhtml+xml")
_TAGS = [
    "html",
    "head",
    "script",
    "iframe",
    "h1",
    "div",
    "font",
    "table",
    "a",
    "style",
    "title",
    "b",
    "body",
    "br",
    "p",
]
_SNIFFED_BYTES = 32 << 20  # of a body whose media type is not stated


def response_of(record: Record) -> Response:
    """The HTTP response in a record; where there is none, one of unknown status with the record's own media type."""
    response = parse_response(record.body)
    if response.status is None and not response.headers and (own := own_type(record)):
        return Response(status=None, headers=[("content-type", own)], raw=response.raw, fault=response.fault)
    return response


def own_type(record: Record) -> str | None:
    """The media type that a record states for a block that is not HTTP, or None."""
    stated = record.content_type
    return None if stated is None or stated.lower().startswith("application/http") else stated


def holds_text(record: Record) -> bool:
    """Whether a record is the plain text of a page, made by somebody else's extraction."""
    media = (record.content_type or "").partition(";")[0].strip().lower()
    return record.type == "conversion" and media == "text/plain"


def text_of(record: Record) -> Response:
    """The text of such a record as a body, whatever it begins with; without a stated charset it is UTF-8."""
    stated = record.content_type or ""
    if charset_parameter(stated) is None:
        stated = "text/plain; charset=utf-8"
    return Response(status=None, headers=[("content-type", stated)], raw=record.body)


def why_no_page(record: Record, response: Response) -> str | None:
    """Why a record is not a page to extract, or None."""
    if response.status is not None and response.status != 200:
        return "not_ok"
    if response.fault is not None:
        return None
    media = stated_type(record, response)
    if "/" in media:
        return None if media in _HTML else "not_html"
    return None if looks_like_html(decode_body(response, _SNIFFED_BYTES).data) else "not_html"


def stated_type(record: Record, response: Response) -> str:
    """The media type, lower case without parameters, that the crawler identified or else the server stated, or ""."""
    identified = next((v for k, v in record.headers if k.lower() == "warc-identified-payload-type"), None)
    stated = identified or header(response.headers, "content-type") or ""
    return stated.partition(";")[0].partition(",")[0].strip().lower()


def looks_like_html(data: bytes) -> bool:
    """Whether `data` starts as HTML does, by the patterns of the MIME Sniffing Standard (section 7.1)."""
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"<!doctype html", b"<!--")):
        return True
    if head.startswith(b"<?xml"):
        return b"<html" in head
    return any(
        head.startswith(f"<{tag}{end}".encode()) for tag in _TAGS for end in (" ", ">", "\n", "\t", "\r")
    )
