"""Gzip members inside a seekable file (RFC 1952), read with bounded memory.

`Member` inflates one in pieces and checks its trailer itself, so that a wrong checksum and a broken deflate stream can
be told apart.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from pipeline.members import HEAD, Packing, Source

MAGIC = b"\x1f\x8b\x08"
BLOCK = 1 << 16  # compressed bytes handed to zlib at once
LONGEST_HEADER = 1 << 17  # name, comment and extra field of a gzip header
_LIKELY_HEADER = 1 << 10  # of a member that is looked for: no writer of WARCs comes near


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
    """The decompressed bytes of the gzip member at `offset`; see `pipeline.members.Member`."""

    checked = True

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


def _may_open(source: Source, offset: int, _: Callable[[bytes], bool]) -> bool:
    return (header_length(source.read(offset, _LIKELY_HEADER)) or -1) > 0


GZIP = Packing(MAGIC, _may_open, Member)
