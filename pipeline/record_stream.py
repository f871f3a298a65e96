"""Records of a file that can only be read from its start: not compressed, or compressed without regard to records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.bytestream import ByteStream
from pipeline.http import HEADER_BYTES
from pipeline.members import Packing, Source, find_member, only_zeros
from pipeline.record import HEAD, Block, Damage, ReadLimits, Record, damage, read_block, to_record
from pipeline.record_header import digest_agrees, find_record, may_open_record, opens_record

_SLACK = 8  # bytes by which tools state a length too small or too large, counting separators or not
_SCAN = 1 << 20  # bytes searched at once for the next record
_AGAIN = 4 << 30  # bytes inflated a second time, after lengths that led nowhere, before they are given up


class _Lost(NamedTuple):
    """Bytes of the file that could not be inflated, and whether there is a record after them."""

    start: int
    stop: int
    found: bool


class _Inflated:
    """The decompressed bytes of all members of a file, one after another."""

    def __init__(self, source: Source, packing: Packing) -> None:
        self._source, self._packing = source, packing
        self._member = packing.open(source, 0)
        self._position = 0
        self._begun = [(0, 0)]  # where each member begins, in the decompressed bytes and in the file
        self._again = _AGAIN
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
            self._go_on(end)
        self._position += len(data)
        return data

    def _go_on(self, offset: int) -> None:
        self._member, self.fault = self._packing.open(self._source, offset), None
        self._begun.append((self._position, offset))

    def recover(self) -> _Lost | None:
        """Goes on with the next member that opens a record; None where no fault has ended the bytes."""
        if self.fault is None:
            return None
        lost, begun = self._member.reached, self._member.offset
        found = find_member(
            self._source, self._packing, self._member.offset + 1, self._source.size, opens_record
        )
        if found is not None:
            self._go_on(found)
        stop = self._source.size if found is None else found
        # A wrong size is known at the end alone: then any byte of the member may be the damaged one.
        return _Lost(lost if lost < stop else begun, stop, found is not None)

    def stream_at(self, position: int, beyond: int) -> ByteStream | None:
        """A stream from `position` on, which lies before `beyond`; None once too much was inflated twice."""
        self._begun = [place for place in self._begun if place[0] <= position]
        self._again -= beyond - self._begun[-1][0]
        if self._again < 0:
            return None
        self._position, offset = self._begun[-1]
        self._member, self.fault = self._packing.open(self._source, offset), None
        while self._position < position and self.read(min(position - self._position, _SCAN)):
            pass
        return ByteStream(self.read, position)


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

    def pass_over(self, count: int) -> int:
        passed = max(0, min(count, self._source.size - self._at))
        self._at += passed
        return passed

    def recover(self) -> None:
        return None

    def stream_at(self, position: int, beyond: int) -> ByteStream:
        self._at = position
        return ByteStream(self.read, position, self.pass_over)


def stream_records(source: Source, packing: Packing | None, limits: ReadLimits) -> Iterator[Record | Damage]:
    """All records and damaged ranges of `source`, inflated first or as it is; offsets are those of the stream read.

    Where the compressed stream itself breaks, the lost range is given in bytes of the file.
    """
    data = _Inflated(source, packing) if packing else _Stored(source)
    offset_in = "stream" if packing else "file"
    stream = data.stream_at(0, 0)
    assert stream is not None
    seen = told = False  # a record was met; the fault that ends the bytes was reported
    while True:
        stream.skip_newlines()
        offset = stream.position
        block = read_block(stream, limits)
        if block.fault == "end":
            fault, lost = data.fault, data.recover()
            if fault and lost and not told:
                yield damage(lost.start, lost.stop - lost.start, fault)
            if lost is None or not lost.found:
                break
            stream, told = ByteStream(data.read, offset), False
            continue
        newlines = stream.skip_newlines()
        if not block.fault and not block.missing and (problem := _accept(block, newlines, stream)) != "no":
            seen = True
            yield to_record(block, offset, stream.position - offset, offset_in, problem)
            continue
        if block.header and (block.truncated or block.fault):
            # Too much was passed over to be handed back: look again at what came after the header.
            again = data.stream_at(offset + block.head, stream.position)
            stream, newlines = again or stream, newlines if again is None else b""
        kind = _pass_over(block, newlines, stream, data.fault)
        if kind in ("zeros", "garbage") and not stream.peek(1) and (kind == "zeros" or not seen):
            break  # padding at the end, or nothing but garbage
        seen, told = True, kind == data.fault
        yield damage(offset, stream.position - offset, kind, offset_in)
    if not seen:
        yield damage(0, source.size, "not_warc")
    elif data.bad_crc:
        yield damage(0, source.size, "corrupt_member")


def _accept(block: Block, newlines: bytes, stream: ByteStream) -> str | None:
    """Whether a record is one as it was read ("no" if not), and what is wrong with it (None if nothing is)."""
    assert block.header is not None
    sound = None if block.truncated else digest_agrees(block.header, block.body)
    if not sound and _cut(block, newlines, stream):
        return "wrong_length"
    if _fits(stream):
        return "bad_digest" if sound is False else None
    if sound or (sound is None and newlines == b"\r\n\r\n" and not block.truncated):
        return None  # the damage begins after it
    return "wrong_length" if _mend(block, newlines, stream) else "no"


def _fits(stream: ByteStream) -> bool:
    """Whether what follows a record is another one, padding or nothing."""
    tail = stream.peek(HEAD)
    return opens_record(tail) or not tail.strip(b"\0") or (len(tail) < HEAD and may_open_record(tail))


def _cut(block: Block, newlines: bytes, stream: ByteStream) -> bool:
    """Cuts off later records that a length too large by mistake has taken in; whether there were any."""
    at = -1 if block.truncated else taken_in(block.body)
    if at < 0:
        return False
    stream.give_back(block.body[at:] + newlines)
    block.body = block.body[:at].removesuffix(b"\r\n\r\n")
    return True


def taken_in(body: bytes) -> int:
    """Where in a record's body a later record begins that is no part of it; -1 if there is none.

    A page may be a WARC itself, so the response's own Content-Length must say that it ends before.
    """
    stated = _http_end(body)
    if stated is None or stated >= len(body):
        return -1
    at = find_record(body, max(1, stated - _SLACK))
    return at if at <= stated + _SLACK else -1


def _http_end(body: bytes) -> int | None:
    """Where the response in a record's body ends by its own Content-Length; None if it states none."""
    head = body[:HEADER_BYTES]
    ends = [at + len(blank) for blank in (b"\r\n\r\n", b"\n\n") if (at := head.find(blank)) != -1]
    if not body.startswith(b"HTTP/") or not ends:
        return None
    lines = head[: min(ends)].lower().split(b"\n")
    values = [
        value.strip()
        for name, _, value in (line.partition(b":") for line in lines)
        if name == b"content-length"
    ]
    if len(values) != 1 or not values[0].isdigit() or len(values[0]) > 18:
        return None
    return min(ends) + int(values[0])


def _mend(block: Block, newlines: bytes, stream: ByteStream) -> bool:
    """Gives `block` the length that makes the next record begin right after it, if that is nearly what it states."""
    if block.truncated:
        return False
    kept = max(0, len(block.body) - _SLACK)
    beside = block.body[kept:] + newlines + stream.peek(HEAD)
    at = find_record(beside, 1)
    if not 0 < at <= len(block.body) - kept + len(newlines) + 2 * _SLACK:
        return False
    # By chance the length may end near a record that is not the next one.
    if find_record(block.body, 1) >= 0 and not _confirmed(block.body, kept + at):
        return False
    stream.give_back(block.body[kept:] + newlines)
    stream.take(at)
    block.body = (block.body[:kept] + beside[:at]).removesuffix(b"\r\n\r\n")
    return True


def _confirmed(body: bytes, end: int) -> bool:
    """Whether the response's own Content-Length ends near `end`, so that records inside are of the page."""
    stated = _http_end(body)
    return stated is not None and abs(stated - end) <= _SLACK


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
