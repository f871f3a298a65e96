"""Records of the WARCs inside a WACZ, Webrecorder's zip archive (WACZ 1.1.1), and of any other file of records.

The WARCs of a WACZ lie below `archive/`, stored or deflated. They are read where they lie; nothing is extracted to a
path. A range of the file owns the WARCs whose entries begin in it.

Records are placed by their offset in the decompressed WARC (`offset_in` is "stream"), to which `BETWEEN` is added for
each WARC that lies before it in the archive: so ids are unique, and `divmod(offset, BETWEEN)` gives the number of the
WARC and the offset in it. A damaged range is given in bytes of the WACZ where the WARC is stored, and as its whole
entry where it is deflated. A zip whose directory cannot be read is searched for records like any damaged file, which
finds those of stored WARCs, at their offset in the file; finding none is one failure, `bad_zip`.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import IO, NamedTuple, cast

from pipeline.members import Source
from pipeline.record import Damage, ReadLimits, Record, damage
from pipeline.warc import Reached, read_records

BETWEEN = 1 << 40
MOST_INFLATED = 200  # times: no WARC shrinks so much, a bomb does
_DIRECTORY_BYTES = 64 << 20  # of the zip's list of entries
_LOCAL_HEADER = 30  # bytes before the name
_PIECE = 1 << 16
_STEP = 4 << 20  # inflated bytes between two places from which inflating can begin again
_MOST_PLACES = 256  # of them that are kept, 40 KiB each
_SUFFIXES = (".warc", ".arc", ".wet", ".wat")


class Entry(NamedTuple):
    """A WARC in the archive: where its bytes lie in the file, and what the directory says of them."""

    name: str
    number: int
    begin: int  # of its local header
    data: int  # of its bytes
    stored: int
    size: int
    deflated: bool
    crc: int


class _Directory:
    """The file as `zipfile` sees it while it reads the directory: no more than a directory is read at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(count if 0 <= count <= _DIRECTORY_BYTES else _DIRECTORY_BYTES + 1)
        if len(data) > _DIRECTORY_BYTES:
            raise zipfile.BadZipFile("the directory is too large")
        return data


def read_file(
    file: IO[bytes],
    start: int = 0,
    end: int | None = None,
    *,
    name: str = "",
    limits: ReadLimits | None = None,
    reached: Reached | None = None,
) -> Iterator[Record | Damage]:
    """Records and damaged ranges of a WARC, ARC or WACZ that start in [`start`, `end`); see `warc.read_records`."""
    file.seek(0)
    is_zip = name.lower().endswith(".wacz") or file.read(4) == b"PK\x03\x04"
    entries = find_entries(file) if is_zip else None
    if entries is not None:
        yield from _read_entries(file, entries, start, end, limits)
        return
    for event in read_records(file, start, end, limits=limits, reached=reached):
        if is_zip and isinstance(event, Damage) and event.kind == "not_warc":
            event = damage(event.offset, event.length, "bad_zip")
        yield event


def find_entries(file: IO[bytes]) -> list[Entry] | None:
    """The WARCs of a WACZ, as they lie; None where the directory cannot be read or contradicts itself."""
    size = file.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(_Directory(file)) as archive:
            listed = sorted(archive.infolist(), key=lambda info: info.header_offset)
    except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, UnicodeDecodeError):
        return None
    ends = [info.header_offset + _LOCAL_HEADER + info.compress_size for info in listed]
    overlap = any(end > after.header_offset for end, (_, after) in zip(ends, pairwise(listed), strict=False))
    if overlap or any(end > size for end in ends) or (listed and listed[0].header_offset < 0):
        return None
    warcs = [info for info in listed if _is_warc(info.filename)]
    return [_entry(file, info, number) for number, info in enumerate(warcs)]


def _is_warc(path: str) -> bool:
    stem = path.lower().removesuffix(".gz").removesuffix(".zst")
    return path.startswith("archive/") and stem.endswith(_SUFFIXES)


def _entry(file: IO[bytes], info: zipfile.ZipInfo, number: int) -> Entry:
    """`data` is 0 where the entry is encrypted, packed by another method or without its local header."""
    file.seek(info.header_offset)
    local = file.read(_LOCAL_HEADER)
    known = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and not info.flag_bits & 1
    data = 0
    if known and local.startswith(b"PK\x03\x04") and len(local) == _LOCAL_HEADER:
        names = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        data = info.header_offset + _LOCAL_HEADER + names
    deflated = info.compress_type == zipfile.ZIP_DEFLATED
    stored, size = info.compress_size, info.file_size
    return Entry(info.filename, number, info.header_offset, data, stored, size, deflated, info.CRC)


def _read_entries(
    file: IO[bytes], entries: list[Entry], start: int, end: int | None, limits: ReadLimits | None
) -> Iterator[Record | Damage]:
    if not entries and start == 0:
        yield damage(0, file.seek(0, io.SEEK_END), "not_warc")
    for entry in entries:
        if entry.begin < start or (end is not None and entry.begin >= end):
            continue
        length = entry.data + entry.stored - entry.begin if entry.data else entry.stored + _LOCAL_HEADER
        fault = None
        if entry.size > max(_STEP, MOST_INFLATED * entry.stored):
            fault = "oversize"
        elif not entry.data or (not entry.deflated and entry.size != entry.stored):
            fault = "bad_zip"
        if fault is not None:
            yield damage(entry.begin, length, fault)
            continue
        opened = EntryFile(file, entry)
        for event in read_records(cast(IO[bytes], opened), limits=limits, in_stream=True):
            yield _placed(event, entry)
        if not opened.agrees():
            yield damage(entry.begin, length, "corrupt_member")


def _placed(event: Record | Damage, entry: Entry) -> Record | Damage:
    if event.offset_in == "stream":
        event.offset += entry.number * BETWEEN
    elif entry.deflated:
        event.offset, event.length = entry.data, entry.stored
    else:
        event.offset += entry.data
    return event


class EntryFile(io.RawIOBase):
    """The bytes of an entry, seekable. One that is deflated is inflated again from the last of some places kept.

    Bytes that cannot be inflated are missing at the end. Costs at most `_MOST_PLACES` copies of an inflater in memory.
    """

    def __init__(self, file: IO[bytes], entry: Entry) -> None:
        self._source = Source(file)
        self._entry = entry
        self._at = 0
        self._step = _STEP
        self._crc, self._checked = 0, 0
        self._broken = False
        # Each: bytes inflated, bytes read, the inflater as it was then, what it had not used.
        self._places = [(0, 0, zlib.decompressobj(-zlib.MAX_WBITS), b"")]
        self._now = self._fork(self._places[0])
        self.size = entry.size

    @staticmethod
    def _fork(place: tuple[int, int, zlib._Decompress, bytes]) -> tuple[int, int, zlib._Decompress, bytes]:
        return place[0], place[1], place[2].copy(), place[3]

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def seekable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def tell(self) -> int:
        """See `io.IOBase`."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `io.IOBase`."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes; b"" at the end."""
        left = max(0, self.size - self._at)
        count = left if count < 0 else min(count, left)
        if not self._entry.deflated:
            data = self._source.read(self._entry.data + self._at, count)
        else:
            data = self._inflated(count)
        if self._at <= self._checked < self._at + len(data):
            self._crc = zlib.crc32(data[self._checked - self._at :], self._crc)
            self._checked = self._at + len(data)
        self._at += len(data)
        return data

    def _inflated(self, count: int) -> bytes:
        if self._now[0] > self._at or self._now[0] + self._step < self._at:
            before = max(
                (place for place in self._places if place[0] <= self._at), key=lambda place: place[0]
            )
            if self._now[0] > self._at or before[0] > self._now[0]:
                self._now = self._fork(before)
        while self._now[0] < self._at and self._inflate(min(_PIECE, self._at - self._now[0])):
            pass
        pieces = []
        while count > 0 and self._now[0] >= self._at and (piece := self._inflate(min(count, _PIECE))):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def _inflate(self, count: int) -> bytes:
        """The next bytes after `_now`, which is moved; b"" at the end, or where they do not inflate."""
        made, used, inflater, pending = self._now
        data = b""
        while not data and not inflater.eof:
            if not pending:
                pending = self._source.read(self._entry.data + used, min(_PIECE, self._entry.stored - used))
                used += len(pending)
            if not pending:
                break
            try:
                data = inflater.decompress(pending, count)
            except zlib.error:
                self._broken = True
                return b""
            pending = inflater.unconsumed_tail
        self._now = (made + len(data), used, inflater, pending)
        if data and self._now[0] - self._places[-1][0] >= self._step:
            self._keep()
        return data

    def _keep(self) -> None:
        if len(self._places) == _MOST_PLACES:
            self._places, self._step = self._places[::2], self._step * 2
        self._places.append(self._fork(self._now))

    def agrees(self) -> bool:
        """Whether all bytes are there and have the checksum that the directory states. Reads what was not read yet."""
        self.seek(self._checked)
        while self.read(1 << 20):
            self.seek(self._checked)
        return not self._broken and self._checked == self.size and self._crc == self._entry.crc
