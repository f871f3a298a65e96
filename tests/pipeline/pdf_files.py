"""PDF files written by hand, as small as the format allows (ISO 32000-1), for tests."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

LINE_HEIGHT = 14


def escaped(text: str) -> bytes:
    """A string object in WinAnsi."""
    body = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return b"(" + body.encode("cp1252") + b")"


def lines_of(*lines: str, size: int = 11, left: int = 72, top: int = 720) -> bytes:
    """A content stream that sets one line below the other; an empty line leaves a gap, a leading `>` indents."""
    out = [b"BT", b"/F1 %d Tf" % size]
    for number, line in enumerate(lines):
        indent = 18 if line.startswith(">") else 0
        place = b"1 0 0 1 %d %d Tm " % (left + indent, top - LINE_HEIGHT * number)
        if line:
            out.append(place + escaped(line.removeprefix(">")) + b" Tj")
    return b"\n".join([*out, b"ET"])


def pdf(
    *contents: bytes,
    info: dict[str, str] | None = None,
    trailer: bytes = b"",
    catalog: bytes = b"",
    deflate: bool = False,
) -> bytes:
    """A whole file: a page for each content stream, in Helvetica."""
    streams = [zlib.compress(content, 9) if deflate else content for content in contents]
    coding = b" /Filter /FlateDecode" if deflate else b""
    count = len(streams)
    kids = b" ".join(b"%d 0 R" % (5 + 2 * number) for number in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< %s >>"
        % b" ".join(b"/%s %s" % (key.encode(), escaped(value)) for key, value in (info or {}).items()),
    ]
    for number, stream in enumerate(streams):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (6 + 2 * number)
        )
        objects.append(b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(stream), coding, stream))
    return _file(objects, trailer)


def _file(objects: Sequence[bytes], trailer: bytes) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        trailer,
        start,
    )
    return bytes(out)
