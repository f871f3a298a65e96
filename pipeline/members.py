"""Members: the separately compressed pieces of a file (gzip members, zstd frames), opened and found again after damage.

A WARC that is compressed "per record" is a chain of members. A packing says how one of them is opened (`gzip_members`,
`zstd_frames`); everything here holds for both. `find_member` looks for the next place where a member that holds a
record begins: the magic bytes, a plausible header, and the first line of a record once inflated. What it finds depends
on the bytes from that place on, and on nothing before: every reader that passes over the same damage resumes at the
same offset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, NamedTuple, Protocol

WINDOW = 1 << 18  # bytes read from the file at once
SCAN = 1 << 20  # bytes searched at once for the next member
_LINE_ENDS = 8  # bytes at most after a record
HEAD = 4096  # inflated bytes looked at to tell a record


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


class Member(Protocol):
    """The decompressed bytes of the member at `offset`.

    `fault` is None while all is well, then one of `corrupt_member` (it does not decompress, or there is no header),
    `truncated` (the file ends first), `bad_crc` (everything decompresses but the checksum differs), `oversize` (more
    memory is needed than is given) and `bad_dictionary` (it needs a dictionary that the file does not have). `end` is
    the offset after the member, known once `read` has returned b"" and the fault is None or `bad_crc`. `produced`
    counts the bytes that came, `reached` is the offset in the file after those that gave them; `checked` says whether
    the member has a checksum.
    """

    @property
    def offset(self) -> int:
        """Where the member begins in the file."""

    @property
    def end(self) -> int | None:
        """Where it ends, once that is known."""

    @property
    def fault(self) -> str | None:
        """What is wrong with it, so far."""

    @property
    def produced(self) -> int:
        """How many bytes came so far."""

    @property
    def checked(self) -> bool:
        """Whether it has a checksum."""

    @property
    def reached(self) -> int:
        """Offset in the file after the bytes that were inflated so far."""

    def read(self, count: int) -> bytes:
        """The next 1 to `count` bytes; b"" at the end of the member or at its fault."""


class Packing(NamedTuple):
    """How the members of a file are compressed: their magic bytes, opening one, and whether one may open at an offset.

    `may_open(source, offset, is_record)` is the cheap look before: False only where no member opens or no record in it.
    """

    magic: bytes
    may_open: Callable[[Source, int, Callable[[bytes], bool]], bool]
    open: Callable[[Source, int], Member]


class Chain:
    """A member, and after `join` those that carry its record on, read as one.

    `end`, `fault` and `reached` are those of the member that was read last, `produced` counts the bytes of all.
    """

    def __init__(self, source: Source, packing: Packing, offset: int) -> None:
        self._source, self._packing = source, packing
        self._member = packing.open(source, offset)
        self._before = 0
        self._offset = offset

    @property
    def offset(self) -> int:
        """Of the first member."""
        return self._offset

    @property
    def reached(self) -> int:
        """See `Member`."""
        return self._member.reached

    @property
    def end(self) -> int | None:
        """See `Member`."""
        return self._member.end

    @property
    def fault(self) -> str | None:
        """See `Member`."""
        return self._member.fault

    @property
    def produced(self) -> int:
        """See `Member`."""
        return self._before + self._member.produced

    @property
    def checked(self) -> bool:
        """See `Member`."""
        return self._member.checked

    def read(self, count: int) -> bytes:
        """The next 1 to `count` bytes; b"" at the end of the member or at its fault."""
        return self._member.read(count)

    def carries_on(self, missing: int, is_record: Callable[[bytes], bool]) -> bool:
        """Whether the next members, none of which opens a record, hold the `missing` bytes of one and no more.

        Reads ahead as far as the next record at most. Line ends may follow the bytes.
        """
        offset, found = self.end, 0
        while found < missing:
            if self.fault is not None or offset is None or offset >= self._source.size:
                return False
            member = self._packing.open(self._source, offset)
            head = head_of(member)
            if not head or is_record(head):
                return False
            while member.read(WINDOW):
                pass
            if member.fault is not None:
                return False
            found, offset = found + member.produced, member.end
        return found <= missing + _LINE_ENDS

    def join(self) -> None:
        """Goes on with the next member; `carries_on` has found it."""
        assert self.end is not None
        self._before += self._member.produced
        self._member = self._packing.open(self._source, self.end)


def head_of(member: Member) -> bytes:
    """The first `HEAD` bytes of a member that was just opened; fewer if there are no more."""
    head = b""
    while len(head) < HEAD and (piece := member.read(HEAD - len(head))):
        head += piece
    return head


def opens_record(source: Source, packing: Packing, offset: int, is_record: Callable[[bytes], bool]) -> bool:
    """Whether a member at `offset` inflates to something that `is_record` accepts."""
    return packing.may_open(source, offset, is_record) and is_record(head_of(packing.open(source, offset)))


def find_member(
    source: Source, packing: Packing, offset: int, stop: int, is_record: Callable[[bytes], bool]
) -> int | None:
    """The first offset in [`offset`, `stop`) where a member with a record opens; None if there is none."""
    magic = packing.magic
    while offset < stop:
        data = source.read(offset, min(SCAN, stop - offset + len(magic) - 1))
        at = data.find(magic)
        while at != -1:
            if offset + at < stop and opens_record(source, packing, offset + at, is_record):
                return offset + at
            at = data.find(magic, at + 1)
        if len(data) < len(magic):
            return None
        offset += len(data) - len(magic) + 1
    return None


def only_zeros(source: Source, offset: int, stop: int) -> bool:
    """Whether every byte in [`offset`, `stop`) is zero."""
    while offset < stop:
        data = source.read(offset, min(SCAN, stop - offset))
        if not data or data.count(0) != len(data):
            return False
        offset += len(data)
    return True
