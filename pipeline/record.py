"""A record or a damaged range of a WARC file, and reading one record from a stream within limits."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from pipeline.bytestream import ByteStream
from pipeline.record_header import RecordHeader, header_end, may_open_record, opens_record, parse_header

HEAD = 4096  # bytes looked at to tell a record


class ReadLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of one record is held in memory, in bytes."""

    record_bytes: int = 16 << 20  # of a record's body; the rest is passed over
    header_bytes: int = 256 << 10
    skipped_bytes: int = 4 << 30  # inflated bytes passed over before a member is given up


@dataclass(slots=True)
class Record:
    """One record, whole as far as its archive says.

    `offset` and `length` are bytes of the file as stored (`offset_in` "file"), or of the decompressed file ("stream").
    A record that follows another one in the same gzip member of a per-record file has the member's offset plus its
    number there, and length 0. `body` is the record's block, HTTP header included, cut at `ReadLimits.record_bytes`
    (`truncated`). `problem` names a fault that it was kept in spite of: `bad_crc` (the gzip checksum differs, and
    the record has the digest that it states or states none), `bad_digest` (it has not, and nothing else is wrong),
    `wrong_length` (Content-Length is not the length of what the archive holds as this record).
    """

    offset: int
    length: int
    offset_in: str
    type: str
    url: str | None
    date: str | None
    record_id: str | None
    content_type: str | None
    body: bytes
    truncated: bool = False
    problem: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Damage:
    """A range that yielded no record.

    `kind`: `not_warc` (the whole input), `truncated` (the file ends inside a record), `corrupt_member`, `garbage`
    (bytes that are neither gzip nor a record), `zeros` (a hole), `bad_header`, `wrong_length` (Content-Length leads
    nowhere), `oversize` (a header, a record or the window of a zstd frame beyond the limits), `bad_dictionary` (the
    dictionary that the zstd frames need is not in the file, or cannot be read), `bad_zip` (a WACZ of which the
    directory or an entry cannot be read).
    """

    offset: int
    length: int
    offset_in: str
    kind: str
    message: str


_MESSAGES = {
    "not_warc": "no WARC or ARC record in the file",
    "truncated": "the file ends inside the record",
    "corrupt_member": "the gzip member or zstd frame does not decompress",
    "garbage": "bytes that are neither a compressed member nor a record",
    "zeros": "a run of zero bytes",
    "bad_header": "the record header cannot be read or names no length",
    "wrong_length": "Content-Length does not lead to the next record",
    "oversize": "larger than the limits allow",
    "bad_dictionary": "the dictionary that the zstd frames need is missing or cannot be read",
    "bad_zip": "the zip archive cannot be read",
}


@dataclass(slots=True)
class Block:
    """One record as read.

    `fault` says why there is none (`end`: no bytes are left); `missing` counts the bytes of the body that did not come.
    """

    header: RecordHeader | None = None
    body: bytes = b""
    truncated: bool = False
    missing: int = 0
    fault: str | None = None
    raw: bytes = b""  # what was consumed of a record that failed, for looking inside
    head: int = 0  # bytes of the header


def read_block(stream: ByteStream, limits: ReadLimits) -> Block:
    """The record that starts at the stream's position; fault `end` at the end of the stream."""
    size = 4096
    while True:
        data = stream.peek(size)
        if not data:
            return Block(fault="end")
        opens = opens_record(data)
        stop = header_end(data) if opens else -1
        if stop > 0:
            break
        if len(data) < size:
            fault = "truncated" if opens or may_open_record(data) else "garbage"
            return Block(fault=fault, raw=stream.take(len(data)))
        if not opens or size >= limits.header_bytes:
            return Block(fault="oversize" if opens else "garbage", raw=stream.take(len(data)))
        size *= 4
    block = stream.take(stop)
    header = parse_header(block)
    if header is None or header.length is None or not header.type:
        return Block(fault="bad_header", raw=block)
    found = Block(header=header, missing=header.length, head=stop)
    fill(found, stream, limits)
    return found


def fill(block: Block, stream: ByteStream, limits: ReadLimits) -> None:
    """Reads what is missing of a body, as far as the stream has it; beyond the limits the bytes are passed over."""
    more = stream.take(min(block.missing, limits.record_bytes - len(block.body)))
    block.body += more
    block.missing -= len(more)
    if len(block.body) == limits.record_bytes and block.missing:
        passed = stream.skip(min(block.missing, limits.skipped_bytes))
        block.truncated, block.missing = True, block.missing - passed
        if passed == limits.skipped_bytes:
            block.body, block.fault = b"", "oversize"


def to_record(block: Block, offset: int, length: int, offset_in: str, problem: str | None = None) -> Record:
    """The record that a block without a fault is."""
    header = block.header
    assert header is not None
    return Record(
        offset=offset,
        length=length,
        offset_in=offset_in,
        type=header.type,
        url=header.url,
        date=header.date,
        record_id=header.record_id,
        content_type=header.content_type,
        body=block.body,
        truncated=block.truncated,
        problem=problem,
        headers=header.headers,
    )


def damage(offset: int, length: int, kind: str, offset_in: str = "file") -> Damage:
    """Damage of a kind, with its message."""
    return Damage(offset, length, offset_in, kind, _MESSAGES[kind])
