"""Zstandard frames inside a seekable file (RFC 8878), and the dictionary of a `.warc.zst`, read with bounded memory.

IIPC's "Zstandard Compression for WARC Files" 1.0 makes each record one frame or several, and lets the file begin with a
dictionary for all of them, in a skippable frame of the magic number 0x184D2A5D, itself compressed or not. Other
skippable frames may stand anywhere and hold nothing of the WARC. A frame is fed to the decompressor block by block, as
a block gives 128 KiB at most: so no few bytes become many at once, and its end is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import zstandard

from pipeline.members import HEAD, Packing, Source

MAGIC = b"\x28\xb5\x2f\xfd"
DICTIONARY_BYTES = 32 << 20  # the specification demands 8 MiB, compressed and not
WINDOW_BYTES = 128 << 20  # it demands 8 MiB; the program zstd takes 128
_DICTIONARY_FRAME = b"\x5d\x2a\x4d\x18"
_DICTIONARY_MAGIC = b"\x37\xa4\x30\xec"
_LONGEST_HEADER = 18
_BLOCK = 128 << 10
_RAW, _RLE, _RESERVED = 0, 1, 3

Dictionary = zstandard.ZstdCompressionDict


def begins_zstd(head: bytes) -> bool:
    """Whether `head` begins with a frame, skippable ones included."""
    return head.startswith(MAGIC) or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50)


class Frame:
    """The decompressed bytes of the frame at `offset`, none for a skippable one; see `pipeline.members.Member`."""

    def __init__(self, source: Source, offset: int, dictionary: Dictionary | None = None) -> None:
        self.offset = offset
        self.end: int | None = None
        self.fault: str | None = None
        self.produced = 0
        self.checked = False
        self._source = source
        self._at = offset
        self._ready = b""  # of the block that was read last
        self._taken = 0
        head = source.read(offset, _LONGEST_HEADER)
        if begins_zstd(head) and not head.startswith(MAGIC):
            self._pass_over(head)
        else:
            self._open(head, dictionary)

    @property
    def reached(self) -> int:
        """Offset in the file after the bytes that were decompressed so far."""
        return self._at

    def _pass_over(self, head: bytes) -> None:
        end = self.offset + 8 + int.from_bytes(head[4:8], "little")
        following = self._source.read(end, 4)
        if len(head) < 8 or end > self._source.size:
            self.fault = "truncated"
        elif following and not begins_zstd(following) and following.strip(b"\0"):
            self.fault = "corrupt_member"  # a damaged length would pass over records
        else:
            self.end = self._at = end

    def _open(self, head: bytes, dictionary: Dictionary | None) -> None:
        try:
            parameters = zstandard.get_frame_parameters(head)
            self._at += zstandard.frame_header_size(head)
        except zstandard.ZstdError:
            at_end = len(head) < _LONGEST_HEADER and MAGIC.startswith(head[:4])
            self.fault = "truncated" if at_end else "corrupt_member"
            return
        self.checked = parameters.has_checksum
        if parameters.window_size > WINDOW_BYTES:
            self.fault = "oversize"
        elif parameters.dict_id and (dictionary is None or dictionary.dict_id() != parameters.dict_id):
            self.fault = "bad_dictionary"
        else:
            whole = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=WINDOW_BYTES)
            self._inflate = whole.decompressobj()
            self._inflate.decompress(head[: self._at - self.offset])

    def read(self, count: int) -> bytes:
        """The next 1 to `count` bytes; b"" at the end of the frame or at its fault."""
        while self._taken == len(self._ready):
            if self.fault is not None or self.end is not None:
                return b""
            self._ready, self._taken = self._block(), 0
            self.produced += len(self._ready)
        data = self._ready[self._taken : self._taken + count]
        self._taken += len(data)
        return data

    def _block(self) -> bytes:
        """Decompresses the next block, and checks the checksum after the last one."""
        head = self._source.read(self._at, 3)
        last, kind, size = _block_header(head)
        stored = 3 + (1 if kind == _RLE else size)
        if len(head) == 3 and (kind == _RESERVED or size > _BLOCK):
            self.fault = "corrupt_member"
            return b""
        block = self._source.read(self._at, stored)
        if len(block) < stored:
            self.fault = "truncated"
            return b""
        try:
            data: bytes = self._inflate.decompress(block)
        except zstandard.ZstdError:
            self.fault = "corrupt_member"
            return b""
        self._at += stored
        if last:
            self._finish()
        return data

    def _finish(self) -> None:
        if self.checked:
            stated = self._source.read(self._at, 4)
            if len(stated) < 4:
                self.fault = "truncated"
                return
            try:
                self._inflate.decompress(stated)
            except zstandard.ZstdError:
                self.fault = "bad_crc"
            self._at += 4
        self.end = self._at


def zstd_packing(source: Source) -> Packing:
    """How the frames of a file are opened, with the dictionary at its head if it has one that can be read."""
    return Packing(MAGIC, _may_open, partial(Frame, dictionary=read_dictionary(source)))


def _may_open(source: Source, offset: int, is_record: Callable[[bytes], bool]) -> bool:
    try:
        at = offset + zstandard.frame_header_size(source.read(offset, _LONGEST_HEADER))
    except zstandard.ZstdError:
        return False
    _, kind, size = _block_header(source.read(at, 3))
    if kind == _RESERVED or size > _BLOCK:
        return False
    if kind in (_RAW, _RLE) and size >= HEAD:  # what a long first block begins with is seen as it lies
        return is_record(source.read(at + 3, HEAD) if kind == _RAW else source.read(at + 3, 1) * HEAD)
    return True


def _block_header(data: bytes) -> tuple[int, int, int]:
    """Whether a block is the last one, its kind and its size (RFC 8878, 3.1.1.2)."""
    word = int.from_bytes(data, "little")
    return word & 1, word >> 1 & 3, word >> 3


def read_dictionary(source: Source) -> Dictionary | None:
    """The dictionary in the first frame of a file; None if there is none, or none that can be read within limits."""
    head = source.read(0, 8)
    size = int.from_bytes(head[4:8], "little")
    if not head.startswith(_DICTIONARY_FRAME) or size > DICTIONARY_BYTES:
        return None
    data = source.read(8, size)
    if data.startswith(MAGIC):
        frame, data = Frame(source, 8), b""
        while len(data) <= DICTIONARY_BYTES and (piece := frame.read(DICTIONARY_BYTES)):
            data += piece
        if frame.fault is not None or frame.end != 8 + size:
            return None
    if not data.startswith(_DICTIONARY_MAGIC):
        return None
    try:
        dictionary = Dictionary(data, dict_type=zstandard.DICT_TYPE_FULLDICT)
        zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj().decompress(MAGIC)
    except zstandard.ZstdError:
        return None
    return dictionary
