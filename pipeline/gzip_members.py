"""Gzip members inside a seekable file, read with bounded memory and found again after damage.

A WARC compressed "per record" is a chain of gzip members (RFC 1952). `Member` inflates one of them in pieces and checks
its trailer itself, so that a wrong checksum and a broken deflate stream can be told apart. `find_member` looks for the
next place where a member that holds a record begins: the magic bytes, a plausible header, and a first line of a record
once inflated. What it finds depends on the bytes from that place on, and on nothing before: every reader that passes
over the same damage resumes at the same offset.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import IO

MAGIC = b"\x1f\x8b\x08"
BLOCK = 1 << 16  # compressed bytes handed to zlib at once
WINDOW = 1 << 18  # bytes read from the file at once
SCAN = 1 << 20  # bytes searched at once for the next member
HEAD = 4096  # inflated bytes looked at to tell a record
LONGEST_HEADER = 1 << 17  # name, comment and extra field of a gzip header
_LIKELY_HEADER = 1 << 10  # of a member that is looked for: no writer of WARCs comes near


class Source:
    """Random access to a binary file by offset, with a window kept for reads that follow each other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        self._start = 0
        self._window = b""

    def read(self, offset: int, count: int) -> bytes:
        """`count` bytes at `offset`; fewer only at the end of the file."""
        at = offset - self._start
        if not 0 <= at <= at + count <= len(self._window) and offset < self.size:
            self._file.seek(offset)
            self._start, self._window, at = offset, self._read(max(count, WINDOW)), 0
        return self._window[at : at + count] if 0 <= at <= len(self._window) else b""

    def _read(self, count: int) -> bytes:
        pieces: list[bytes] = []
        while count > 0 and (piece := self._file.read(count)):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]


def header_length(data: bytes) -> int | None:
    """Length of the gzip header that starts `data`; None if there is none, -1 if `data` ends inside it."""
    if not data.startswith(MAGIC):
        return -1 if MAGIC.startswith(data[:3]) else None
    if len(data) < 10:
        return -1
    flags = data[3]
    if flags & 0xE0:  # reserved bits: RFC 1952 demands zero
        return None
    at = 10
    if flags & 4:  # extra field
        if len(data) < at + 2:
            return -1
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (8, 16):  # file name, comment
        if flags & flag:
            at = data.find(b"\0", at) + 1
            if at == 0:
                return -1
    at += 2 if flags & 2 else 0  # header checksum
    return at if at <= len(data) else -1


class Member:
    """The decompressed bytes of the gzip member at `offset`.

    `fault` is None while all is well, then one of `corrupt_member` (the deflate stream breaks, or there is no gzip
    header), `truncated` (the file ends first) and `bad_crc` (everything inflates to the stated size but the checksum
    differs). `end` is the offset after the trailer, known once `read` has returned b"" and the fault is None or
    `bad_crc`.
    """

    def __init__(self, source: Source, offset: int) -> None:
        self._source = source
        self.offset = offset
        self.end: int | None = None
        self.fault: str | None = None
        self.produced = 0
        self._crc = 0
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._pending = b""
        header = header_length(source.read(offset, _LIKELY_HEADER))
        if header == -1 and source.size - offset > BLOCK:
            header = header_length(source.read(offset, LONGEST_HEADER))
        if header is None or header == -1:
            at_end = header == -1 and source.size - offset <= LONGEST_HEADER
            self.fault = "truncated" if at_end else "corrupt_member"
            header = 0
        self._at = offset + header

    @property
    def reached(self) -> int:
        """Offset in the file after the bytes that were inflated so far."""
        return self._at - len(self._pending)

    def read(self, count: int) -> bytes:
        """The next 1 to `count` bytes; b"" at the end of the member or at its fault."""
        if self.produced < HEAD:
            # zlib gives nothing of a piece that breaks off: a head must be found whoever asks, for however much.
            count = min(count, HEAD - self.produced)
        while self.fault is None and self.end is None:
            if not self._pending:
                self._pending = self._source.read(self._at, BLOCK)
                self._at += len(self._pending)
            if not self._pending:
                self.fault = "truncated"
                break
            try:
                data = self._inflate.decompress(self._pending, count)
            except zlib.error:
                self.fault = "corrupt_member"
                break
            self._pending = self._inflate.unconsumed_tail
            if data:
                self._crc = zlib.crc32(data, self._crc)
                self.produced += len(data)
            if self._inflate.eof:
                self._finish(self._at - len(self._inflate.unused_data))
            if data:
                return data
        return b""

    def _finish(self, trailer_at: int) -> None:
        trailer = self._source.read(trailer_at, 8)
        if len(trailer) < 8:
            self.fault = "truncated"
            return
        crc, size = struct.unpack("<II", trailer)
        if size != self.produced & 0xFFFFFFFF:
            self.fault = "corrupt_member"
            return
        self.end = trailer_at + 8
        if crc != self._crc:
            self.fault = "bad_crc"


def opens_record(source: Source, offset: int, is_record: Callable[[bytes], bool]) -> bool:
    """Whether a gzip member at `offset` inflates to something that `is_record` accepts."""
    if (header_length(source.read(offset, _LIKELY_HEADER)) or -1) < 0:
        return False
    member = Member(source, offset)
    head = b""
    while len(head) < HEAD and (piece := member.read(HEAD - len(head))):
        head += piece
    return is_record(head)


def find_member(source: Source, offset: int, stop: int, is_record: Callable[[bytes], bool]) -> int | None:
    """The first offset in [`offset`, `stop`) where a member with a record opens; None if there is none."""
    while offset < stop:
        data = source.read(offset, min(SCAN, stop - offset + len(MAGIC) - 1))
        at = data.find(MAGIC)
        while at != -1:
            if offset + at < stop and opens_record(source, offset + at, is_record):
                return offset + at
            at = data.find(MAGIC, at + 1)
        if len(data) < len(MAGIC):
            return None
        offset += len(data) - len(MAGIC) + 1
    return None


def only_zeros(source: Source, offset: int, stop: int) -> bool:
    """Whether every byte in [`offset`, `stop`) is zero."""
    while offset < stop:
        data = source.read(offset, min(SCAN, stop - offset))
        if not data or data.count(0) != len(data):
            return False
        offset += len(data)
    return True
