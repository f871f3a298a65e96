"""The HTTP response inside a WARC record: status line, headers, and the body as its reader would have seen it.

Crawlers store what the wire carried, what they made of it, or a mixture: bodies that are already de-chunked or inflated
under headers that say otherwise. A coding is therefore undone only where the bytes bear it out (RFC 9112 section 7.1,
RFC 9110 section 8.4); bytes that don't are taken as they are. Everything that inflates does so in pieces up to a limit.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise

import msgspec

HEADER_BYTES = 256 << 10
MOST_CODINGS = 5
MOST_MEMBERS = 10_000  # gzip members or zstd frames of one body
_PIECE = 1 << 16
_BROTLI_PIECE = 1 << 12
_BROTLI_TAIL = 64  # bytes
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW = 32 << 20
_ZSTD_PIECE = 256  # coded bytes at once: four of them can stand for 128 KiB

Headers = list[tuple[str, str]]


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A response as stored. `status` is None where the record has no status line; then `raw` is the whole block.

    `fault` is `bad_http` where a status line or header block cannot be read.
    """

    status: int | None
    headers: Headers
    raw: bytes
    fault: str | None = None


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A body with transfer and content codings undone, as far as that went.

    `problem` names what cost a part of it (`bad_chunks`, `bad_encoding`); `fault` what cost all of it (`oversize`,
    `bad_encoding`).
    """

    data: bytes
    problem: str | None = None
    fault: str | None = None


class _OversizeError(Exception):
    pass


class _BrokenError(Exception):
    pass


def parse_response(block: bytes) -> Response:
    """Splits a response record's block into status, headers and stored body.

    Header names are lower-cased; values are UTF-8 where they are valid UTF-8, else Latin-1. Folded lines are joined. A
    line that begins a tag where a header should be ends the headers.
    """
    if block[:5].upper() != b"HTTP/":
        return Response(status=None, headers=[], raw=block)
    head = block[:HEADER_BYTES]
    line, at = _line(head, 0)
    status = _status(line)
    headers: Headers = []
    while status is not None:
        start = at
        line, at = _line(head, at)
        if not line.rstrip(b"\r\n"):
            break
        if line.startswith(b"<"):
            at = start
            break
        if line[:1] in b" \t" and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {_text(line)}".strip())
            continue
        name, colon, value = line.partition(b":")
        if colon:
            headers.append((_text(name).lower(), _text(value)))
    if status is None or (at >= HEADER_BYTES and len(block) > HEADER_BYTES):
        return Response(status=status, headers=headers, raw=b"", fault="bad_http")
    return Response(status=status, headers=headers, raw=block[at:])


def _line(head: bytes, at: int) -> tuple[bytes, int]:
    end = head.find(b"\n", at) + 1 or len(head)
    return head[at:end], end


def _status(line: bytes) -> int | None:
    parts = line.split(None, 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() and len(parts[1]) == 3 else None


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()


def header(headers: Headers, name: str) -> str | None:
    """The first value of header `name` (lower case), or None."""
    return next((value for key, value in headers if key == name), None)


def decode_body(response: Response, limit: int) -> Body:
    """The body of `response` without transfer and content codings; fault `oversize` beyond `limit` bytes."""
    data, problem = response.raw, None
    if response.fault:
        return Body(data=b"", fault=response.fault)
    if "chunked" in (header(response.headers, "transfer-encoding") or "").lower():
        data, problem = dechunk(data)
    codings = [
        coding.strip().lower()
        for key, value in response.headers
        if key == "content-encoding"
        for coding in value.split(",")
        if coding.strip()
    ]
    if len(codings) > MOST_CODINGS:
        return Body(data=b"", fault="bad_encoding")
    for coding in reversed(codings):
        try:
            data, whole = _decode(coding, data, limit)
        except _OversizeError:
            return Body(data=b"", fault="oversize")
        except _BrokenError:
            return Body(data=b"", fault="bad_encoding")
        problem = problem or (None if whole else "bad_encoding")
    if len(data) > limit:
        return Body(data=b"", fault="oversize")
    return Body(data=data, problem=problem)


def dechunk(data: bytes) -> tuple[bytes, str | None]:
    """`data` without its chunk framing, and the problem `bad_chunks` if that breaks off.

    Data whose first line is no chunk size, or whose first chunk does not end where it says, is returned as it is.
    """
    pieces: list[bytes] = []
    at = 0
    while True:
        line, after = _line(data[at : at + 4096], 0)
        size = _chunk_size(line)
        if size == 0:
            return (b"".join(pieces), None) if pieces or _is_trailer(data[after:]) else (data, None)
        end = at + after + (size or 0)
        closed = data[end : end + 2] == b"\r\n" or data[end : end + 1] == b"\n"
        if size is None or (not closed and end < len(data)):
            if not pieces:
                return data, None  # no chunks at all
            rest = data[at:] if size is None else data[at + after : end]
            return b"".join([*pieces, rest]), "bad_chunks"
        if not closed and not pieces and not line.endswith(b"\r\n"):
            return data, None
        pieces.append(data[at + after : end])
        if not closed:
            return b"".join(pieces), "bad_chunks"
        at = end + (2 if data[end : end + 1] == b"\r" else 1)


def _is_trailer(data: bytes) -> bool:
    first = data.partition(b"\n")[0].strip()
    return not first or b":" in first


def _chunk_size(line: bytes) -> int | None:
    digits = line.partition(b";")[0].strip()
    if not line.endswith(b"\n") or not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        return None
    return int(digits, 16)


def _decode(coding: str, data: bytes, limit: int) -> tuple[bytes, bool]:
    """Undoes one content coding; also whether the coded data was whole. Data that is not so coded stays as it is."""
    if coding in ("gzip", "x-gzip"):
        return _collect(_gunzip(data), limit) if data.startswith(b"\x1f\x8b\x08") else (data, True)
    if coding == "deflate":
        zlib_header = len(data) > 1 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return _first(data, limit, *([_unzlib] if zlib_header else []), _undeflate)
    if coding == "zstd":
        return _collect(_unzstd(data), limit) if data.startswith(_ZSTD_MAGIC) else (data, True)
    if coding == "br":
        return _first(data, limit, _unbrotli)
    return data, True


def _first(data: bytes, limit: int, *decoders: Callable[[bytes], Iterator[bytes]]) -> tuple[bytes, bool]:
    """The result of the first decoder that gets through or at least yields something; else `data` itself."""
    partial: tuple[bytes, bool] | None = None
    for decoder in decoders:
        try:
            decoded, whole = _collect(decoder(data), limit)
        except _BrokenError:
            continue
        if whole:
            return decoded, True
        partial = partial or (decoded, False)
    if _looks_like_text(data):
        return data, True
    if partial is None:
        raise _BrokenError
    return partial


def _looks_like_text(data: bytes) -> bool:
    head = data[:512].lstrip()
    if head.startswith((b"<", b"\xef\xbb\xbf")) or not head:
        return True
    if any(byte < 32 and byte not in b"\t\n\f\r" for byte in head):
        return False
    # Cut off inside a character, valid UTF-8 is invalid in its last three bytes at most.
    return len(head.decode("utf-8", "ignore").encode()) >= len(head) - 3


def _collect(pieces: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    data: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            data.append(piece)
            size += len(piece)
            if size > limit:
                raise _OversizeError
    except _BrokenError:
        if not size:
            raise
        return b"".join(data), False
    return b"".join(data), True


def _inflate(data: bytes, window_bits: int) -> Iterator[bytes]:
    at = members = 0
    while at < len(data):
        inflater = zlib.decompressobj(window_bits)
        while not inflater.eof:
            coded = inflater.unconsumed_tail
            if not coded:
                coded, at = data[at : at + _PIECE], min(at + _PIECE, len(data))
            try:
                piece = inflater.decompress(coded, _PIECE)
            except zlib.error as error:
                raise _BrokenError from error
            if piece:
                yield piece
            elif at == len(data) and not inflater.unconsumed_tail and not inflater.eof:
                raise _BrokenError
        at -= len(inflater.unused_data)
        members += 1
        if window_bits <= 16 or data[at : at + 2] != b"\x1f\x8b":
            return
        if members == MOST_MEMBERS:
            raise _BrokenError


def _gunzip(data: bytes) -> Iterator[bytes]:
    return _inflate(data, 16 + zlib.MAX_WBITS)


def _unzlib(data: bytes) -> Iterator[bytes]:
    return _inflate(data, zlib.MAX_WBITS)


def _undeflate(data: bytes) -> Iterator[bytes]:
    return _inflate(data, -zlib.MAX_WBITS)


def _unbrotli(data: bytes) -> Iterator[bytes]:
    import brotli

    inflater = brotli.Decompressor()
    # What follows the end of the stream is an error that takes the last piece along, so the end comes byte by byte.
    tail = max(0, len(data) - _BROTLI_TAIL)
    cuts = [*range(0, tail, _BROTLI_PIECE), *range(tail, len(data) + 1)]
    try:
        for start, end in pairwise(cuts):
            piece = inflater.process(data[start:end], output_buffer_limit=_PIECE)
            while piece or not inflater.can_accept_more_data():
                yield piece
                piece = inflater.process(b"", output_buffer_limit=_PIECE)
            if inflater.is_finished():
                return
    except brotli.error as error:
        raise _BrokenError from error
    raise _BrokenError


def _unzstd(data: bytes) -> Iterator[bytes]:
    import zstandard

    at = frames = 0
    try:
        while data.startswith(_ZSTD_MAGIC, at):
            if frames == MOST_MEMBERS:
                raise _BrokenError
            frames += 1
            inflater = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
            while not inflater.eof:
                if at >= len(data):
                    raise _BrokenError
                yield inflater.decompress(data[at : at + _ZSTD_PIECE])
                at += _ZSTD_PIECE
            at = min(at, len(data)) - len(inflater.unused_data)
    except zstandard.ZstdError as error:
        raise _BrokenError from error
