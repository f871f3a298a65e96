"""The header block of one WARC or ARC record, and how to tell where the next record begins.

WARC headers (ISO 28500, versions 0.17 to 1.1) are parsed by warcio, which accepts folded lines, bare LF and undeclared
Latin-1. ARC headers are one line: five fields in version 1 (URL, IP address, date, media type, length), ten in
version 2.
"""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import UTC, datetime

import msgspec
from warcio.statusandheaders import StatusAndHeadersParser

_WARC = StatusAndHeadersParser(["WARC/"])
_ARC_SCHEMES = (b"http", b"dns:", b"ftp", b"file", b"urn:", b"whois", b"mailto", b"metadata:", b"screenshot:")
_DATE_FORMATS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_LINE = 4096  # the longest line of an ARC header that is believed


class RecordHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a record says about itself. `length`: the body's length in bytes, None where it is missing or no number."""

    type: str
    url: str | None
    date: str | None
    record_id: str | None
    content_type: str | None
    length: int | None
    headers: list[tuple[str, str]]


def opens_warc(data: bytes) -> bool:
    """Whether `data` begins with the version line of a WARC record."""
    return data.startswith(b"WARC/") and data[5:6].isdigit() and b":" in data[:_LINE]


def opens_arc(data: bytes) -> bool:
    """Whether `data` begins with the header line of an ARC record."""
    if not data.startswith((b"filedesc://", *_ARC_SCHEMES)):
        return False
    line, newline, _ = data[:_LINE].partition(b"\n")
    return bool(newline) and _arc_fields(line) is not None


def opens_record(data: bytes) -> bool:
    """Whether `data` begins with a record of either format."""
    return opens_warc(data) or opens_arc(data)


def may_open_record(data: bytes) -> bool:
    """Whether `data`, the last bytes of a file, may be the beginning of a record's header."""
    if data.startswith(b"WARC/") or b"WARC/".startswith(data):
        return True
    return b"\n" not in data and any(data.startswith(s) or s.startswith(data) for s in _ARC_SCHEMES)


def find_record(data: bytes, start: int = 0) -> int:
    """Offset of the first line in `data`, from `start` on, that opens a record; -1 if no line does.

    A hole of zero bytes ends a line, too.
    """
    for opening, opens in ((b"WARC/", opens_warc), *((scheme, opens_arc) for scheme in (b"http", b"dns:"))):
        at = data.find(opening, start)
        while at != -1:
            if (at == 0 or data[at - 1] in b"\n\0") and opens(data[at : at + _LINE]):
                return at
            at = data.find(opening, at + 1)
    return -1


def header_end(data: bytes) -> int:
    """Offset after the header block that starts `data`; -1 if it does not end there."""
    if not data.startswith(b"WARC/"):
        return data.find(b"\n") + 1 or -1
    ends = [at + len(blank) for blank in (b"\n\r\n", b"\n\n") if (at := data.find(blank)) != -1]
    return min(ends) if ends else -1


def parse_header(block: bytes) -> RecordHeader | None:
    """The header in `block`, which `header_end` has measured; None if it is no header."""
    return _parse_warc(block) if block.startswith(b"WARC/") else _parse_arc(block)


def _parse_warc(block: bytes) -> RecordHeader | None:
    try:
        parsed = _WARC.parse(io.BytesIO(block))
    except (EOFError, ValueError):
        return None
    fields: dict[str, str] = {}
    for name, value in parsed.headers:
        fields.setdefault(name.lower(), value.strip())
    url = fields.get("warc-target-uri")
    if url and url.startswith("<") and url.endswith(">"):  # wget 1.19 and older
        url = url[1:-1]
    length = fields.get("content-length", "")
    return RecordHeader(
        type=fields.get("warc-type", "").lower(),
        url=url.replace(" ", "%20") if url else None,
        date=iso_date(fields.get("warc-date")),
        record_id=fields.get("warc-record-id"),
        content_type=fields.get("content-type"),
        length=int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None,
        headers=parsed.headers,
    )


def _arc_fields(line: bytes) -> list[bytes] | None:
    for count in (5, 10):
        fields = line.rstrip(b"\r\n").rsplit(b" ", count - 1)
        if len(fields) != count or b":" not in fields[0] or not fields[-1].isdigit() or len(fields[-1]) > 18:
            continue
        if fields[2].isdigit() and 8 <= len(fields[2]) <= 17:
            return fields
    return None


def _parse_arc(line: bytes) -> RecordHeader | None:
    fields = _arc_fields(line)
    if fields is None:
        return None
    url, address, date, media = (_text(field) for field in fields[:4])
    return RecordHeader(
        type="warcinfo" if url.startswith("filedesc:") else "response",
        url=url,
        date=iso_date(date[:14]),
        record_id=None,
        content_type=media,
        length=int(fields[-1]),
        headers=[("IP-Address", address), ("Archive-Date", date), ("Content-Type", media)],
    )


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def iso_date(value: str | None) -> str | None:
    """`value` as `YYYY-MM-DDThh:mm:ssZ`; None if it is no date.

    Accepts W3C dates of any precision, with an offset from UTC or without (then it is UTC), and the 4 to 14 digits
    of ARC and CDX.
    """
    value = (value or "").strip()
    try:
        if value.isascii() and value.isdigit():
            parsed = datetime.strptime(value, _DATE_FORMATS[len(value)])
        elif len(value) == 7:
            parsed = datetime.strptime(value, "%Y-%m")
        else:
            parsed = datetime.fromisoformat(value)
        parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        return None
    return parsed.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def digest_agrees(header: RecordHeader, body: bytes) -> bool | None:
    """Whether `body` has the WARC-Block-Digest that its header states; None if it states none that can be checked."""
    stated = next((value for name, value in header.headers if name.lower() == "warc-block-digest"), None)
    return None if stated is None else _has_digest(stated, body)


def _has_digest(stated: str, body: bytes) -> bool | None:
    algorithm, _, value = stated.strip().lower().partition(":")
    algorithm = algorithm.replace("-", "")
    if algorithm not in ("md5", "sha1", "sha256", "sha512"):
        return None
    digest = hashlib.new(algorithm, body, usedforsecurity=False).digest()
    return value in (digest.hex(), base64.b32encode(digest).decode().lower())
