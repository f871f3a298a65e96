"""Named arrays in one file, read by ranges: what stages of deduplication hand to each other.

Layout: 8 bytes of magic, the length of the header (uint32), the header (JSON: name to dtype, width, rows, position, and
position of the checksums), then for each array its bytes and a CRC-32 (uint32) for every 64 KiB of them. Numbers are
little-endian. A reader that wants rows a to b reads the blocks that hold them, and checks these.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec
import numpy as np

from pipeline.store import Folder

Array = np.ndarray

_MAGIC = b"sluiceA1"
_BLOCK = 64 << 10
_AHEAD = 4096  # bytes read at first, which hold most headers


class _Place(msgspec.Struct, frozen=True):
    dtype: str
    width: int  # numbers in a row; 0 for an array of one dimension
    rows: int
    at: int  # bytes after the header
    checksums: int  # bytes after the header


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays of one dimension, or of two with rows of a fixed width; same arrays, same bytes."""
    places: dict[str, _Place] = {}
    at = 0
    ready: list[Array] = []
    for name, given in arrays.items():
        array = np.ascontiguousarray(given, dtype=given.dtype.newbyteorder("<"))
        checksums = at + array.nbytes
        width = array.shape[1] if array.ndim == 2 else 0
        places[name] = _Place(array.dtype.str, width, len(array), at, checksums)
        at = checksums + 4 * -(-array.nbytes // _BLOCK)
        ready.append(array)
    header = msgspec.json.encode(places)
    with open(path, "wb") as file:
        file.write(_MAGIC + len(header).to_bytes(4, "little") + header)
        for array in ready:
            data = memoryview(array.reshape(-1).view(np.uint8).data)
            file.write(data)
            sums = [zlib.crc32(data[start : start + _BLOCK]) for start in range(0, len(data), _BLOCK)]
            file.write(np.array(sums, dtype="<u4").tobytes())


class ArrayFile:
    """Arrays of a file of `write_arrays`, read by ranges of rows. Raises OSError where it is damaged."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._name = f"{folder.url}/{name}"
        self._file: IO[bytes] = folder.open(name)
        head = self._file.read(_AHEAD)
        length = int.from_bytes(head[8:12], "little")
        head += self._file.read(max(0, 12 + length - len(head)))
        if head[:8] != _MAGIC or len(head) < 12 + length:
            raise OSError(f"{self._name} is damaged: it does not begin as a file of arrays does")
        self._start = 12 + length
        try:
            self._places = msgspec.json.decode(head[12 : self._start], type=dict[str, _Place])
        except msgspec.DecodeError as error:
            raise OSError(f"{self._name} is damaged: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def rows(self, name: str) -> int:
        """Rows of an array."""
        return self._places[name].rows

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        """Rows `start` to `stop` (all by default) of an array."""
        place = self._places[name]
        stop = place.rows if stop is None else stop
        dtype = np.dtype(place.dtype)
        row_bytes = dtype.itemsize * (place.width or 1)
        first, last = start * row_bytes, stop * row_bytes
        data = self._checked(place, first, last, place.rows * row_bytes) if last > first else bytearray()
        array = np.frombuffer(data, dtype=dtype).astype(dtype.newbyteorder("="), copy=False)
        return array.reshape(-1, place.width) if place.width else array

    def _checked(self, place: _Place, first: int, last: int, size: int) -> memoryview:
        blocks = range(first // _BLOCK, -(-last // _BLOCK))
        begin, end = blocks.start * _BLOCK, min(blocks.stop * _BLOCK, size)
        data = memoryview(self._at(place.at + begin, end - begin))
        sums = np.frombuffer(self._at(place.checksums + 4 * blocks.start, 4 * len(blocks)), dtype="<u4")
        for number, expected in enumerate(sums.tolist()):
            if zlib.crc32(data[number * _BLOCK : (number + 1) * _BLOCK]) != expected:
                raise OSError(f"{self._name} is damaged: a checksum does not fit")
        return data[first - begin : last - begin]

    def _at(self, position: int, length: int) -> bytearray:
        self._file.seek(self._start + position)
        data = bytearray(length)  # so that arrays over it can be written to, as compiled loops want them
        if self._file.readinto(data) != length:  # type: ignore[attr-defined]
            raise OSError(f"{self._name} is damaged: it ends too early")
        return data
