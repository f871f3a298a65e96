"""Pages to WARC: warcinfo, then request, response and metadata for each page, a gzip member a record, as Common Crawl.

Nothing here looks at a clock or draws a random number: dates count up from a fixed day in the order of the pages,
and record ids are name-based (UUID version 5) on the address and type of the record.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.sample.page import Page

FIRST_FETCH = datetime(2024, 3, 1, 6, 0, 0, tzinfo=UTC)
SECONDS_A_PAGE = 7


def write_warc(out: Path, pages: Sequence[Page]) -> None:
    """Write the pages, in order, to a gzipped WARC, which appears under its name when it is whole."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    partial = out.with_name(f".{out.name}.partial")
    with partial.open("wb") as sink:
        writer = WARCWriter(sink, gzip=True)

        def put(url: str, kind: str, body: bytes, at: int, http: object = None, **extra: str) -> None:
            headers = {"WARC-Record-ID": _record_id(kind, url), "WARC-Date": fetched(at)}
            headers |= {name.replace("_", "-"): value for name, value in extra.items()}
            record = writer.create_warc_record(
                url,
                kind,
                payload=io.BytesIO(body),
                length=len(body),
                http_headers=http,
                warc_headers_dict=headers,
            )
            writer.write_record(record)

        put("", "warcinfo", b"format: WARC File Format 1.0\r\ndescription: Web pages\r\n", 0)
        for at, page in enumerate(pages):
            split = urlsplit(page.url)
            target = (split.path or "/") + (f"?{split.query}" if split.query else "")
            wanted = [("Host", split.netloc), ("Accept", "text/html,*/*;q=0.5"), ("Accept-Encoding", "gzip")]
            ask = StatusAndHeaders(f"{target} HTTP/1.1", wanted, protocol="GET", is_http_request=True)
            length = (
                ()
                if dict(page.headers).get("Transfer-Encoding")
                else (("Content-Length", str(len(page.body))),)
            )
            answer = StatusAndHeaders(page.status, [*page.headers, *length], protocol="HTTP/1.1")
            response = _record_id("response", page.url)
            put(page.url, "request", b"", at, ask, WARC_Concurrent_To=response)
            put(page.url, "response", page.body, at, answer)
            put(
                page.url,
                "metadata",
                f"fetchTimeMs: {40 + at % 400}\r\n".encode(),
                at,
                WARC_Concurrent_To=response,
            )
    partial.replace(out)


def write_truth(out: Path, pages: Sequence[Page]) -> None:
    """Write a line of JSON for each page, in the order of the WARC."""
    partial = out.with_name(f".{out.name}.partial")
    with partial.open("w", encoding="utf-8", newline="\n") as sink:
        for page in pages:
            sink.write(json.dumps(page.truth, ensure_ascii=False, sort_keys=True) + "\n")
    partial.replace(out)


def fetched(at: int) -> str:
    """The WARC date of the page in place `at`."""
    return (FIRST_FETCH + timedelta(seconds=SECONDS_A_PAGE * at)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _record_id(kind: str, url: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {url}')}>"
