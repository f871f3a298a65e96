"""Records of a file that can only be read from its start: not compressed, or compressed without regard to records."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.bytestream import ByteStream
from pipeline.gzip_members import Member, Source, find_member, only_zeros
from pipeline.record import HEAD, Block, Damage, ReadLimits, Record, damage, read_block, to_record
from pipeline.record_header import find_record, may_open_record, opens_record

_SLACK = 8  # bytes by which tools state a length too small or too large, counting separators or not
_SCAN = 1 << 20  # bytes searched at once for the next record


class _Inflated:
    """The decompressed bytes of all members of a file, one after another."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._member = Member(source, 0)
        self.fault: str | None = None  # the fault that ended the bytes; a wrong checksum does not end them
        self.bad_crc = False

    def read(self, count: int) -> bytes:
        while not (data := self._member.read(count)):
            end, fault = self._member.end, self._member.fault
            self.bad_crc = self.bad_crc or fault == "bad_crc"
            if end is None:
                self.fault = fault
                return b""
            if end >= self._source.size or only_zeros(self._source, end, self._source.size):
                return b""
            self._member = Member(self._source, end)
        return data

    def recover(self) -> bool:
        """Goes on with the next member that opens a record, after a fault; False if there is none."""
        if self.fault is None:
            return False
        found = find_member(self._source, self._member.offset + 1, self._source.size, opens_record)
        if found is None:
            return False
        self._member, self.fault = Member(self._source, found), None
        return True


class _Stored:
    """The bytes of a file that is not compressed."""

    fault: str | None = None
    bad_crc = False

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def read(self, count: int) -> bytes:
        data = self._source.read(self._at, count)
        self._at += len(data)
        return data

    def recover(self) -> bool:
        return False


def stream_records(source: Source, inflate: bool, limits: ReadLimits) -> Iterator[Record | Damage]:
    """All records and damaged ranges of `source`, inflated first or as it is; offsets are those of the stream read."""
    data = _Inflated(source) if inflate else _Stored(source)
    offset_in = "stream" if inflate else "file"
    stream = ByteStream(data.read)
    seen = told = False  # a record was met; the fault that ends the bytes was reported
    while True:
        stream.skip_newlines()
        offset = stream.position
        block = read_block(stream, limits)
        if block.fault == "end":
            if data.fault and not told:
                yield damage(offset, 0, data.fault, offset_in)
            if not data.recover():
                break
            stream, told = ByteStream(data.read, offset), False
            continue
        newlines = stream.skip_newlines()
        fits = not block.fault and not block.missing and _fits(stream)
        if fits or (not block.fault and not block.missing and _mend(block, newlines, stream)):
            seen = True
            length = stream.position - offset
            yield to_record(block, offset, length, offset_in, None if fits else "wrong_length")
            continue
        kind = _pass_over(block, newlines, stream, data.fault)
        if kind in ("zeros", "garbage") and not stream.peek(1) and (kind == "zeros" or not seen):
            break  # padding at the end, or nothing but garbage
        seen, told = True, kind == data.fault
        yield damage(offset, stream.position - offset, kind, offset_in)
    if not seen:
        yield damage(0, source.size, "not_warc")
    elif data.bad_crc:
        yield damage(stream.position, 0, "corrupt_member", offset_in)


def _fits(stream: ByteStream) -> bool:
    """Whether what follows a record is another one, padding or nothing."""
    tail = stream.peek(HEAD)
    return opens_record(tail) or not tail.strip(b"\0") or (len(tail) < HEAD and may_open_record(tail))


def _mend(block: Block, newlines: bytes, stream: ByteStream) -> bool:
    """Gives `block` the length that makes the next record begin right after it, if that is nearly what it states."""
    if block.truncated:
        return False
    kept = max(0, len(block.body) - _SLACK)
    beside = block.body[kept:] + newlines + stream.peek(HEAD)
    at = find_record(beside, 1)
    if not 0 < at <= len(block.body) - kept + len(newlines) + 2 * _SLACK:
        return False
    stream.give_back(block.body[kept:] + newlines)
    stream.take(at)
    block.body = (block.body[:kept] + beside[:at]).removesuffix(b"\r\n\r\n")
    return True


def _pass_over(block: Block, newlines: bytes, stream: ByteStream, fault: str | None) -> str:
    """Moves `stream` from a failed record to the next one; returns the kind of damage."""
    short = block.missing > 0 or block.fault == "truncated"
    stream.give_back((block.raw or (b"" if block.truncated else block.body)) + newlines)
    zeros = True
    found = -1
    while data := stream.peek(_SCAN):
        found = find_record(data, 1)
        if found >= 0 or len(data) < _SCAN:
            zeros = zeros and not data[: found if found >= 0 else len(data)].strip(b"\0")
            stream.take(found if found >= 0 else len(data))
            break
        zeros = zeros and not data.strip(b"\0")
        stream.take(len(data) - HEAD)
    if block.fault == "garbage" and zeros:
        return "zeros"
    if found < 0 and (short or block.fault == "bad_header"):
        return fault or ("truncated" if short else "bad_header")
    return "bad_header" if block.fault == "truncated" else block.fault or "wrong_length"
