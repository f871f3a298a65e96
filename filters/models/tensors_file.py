"""Named arrays with settings as one file, in the layout of safetensors: models made here are data, never code.

Eight bytes with the length of the header, the header in JSON (name -> dtype, shape, place; settings under
`__metadata__`), the arrays. Written the same way every time. Read from any buffer of bytes, so that a mapped file is
shared by all processes; every length and place is checked first, since a file can be anybody's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_KINDS = {"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64, "U64": np.uint64}
_NAMES = {np.dtype(kind): name for name, kind in _KINDS.items()}
_LONGEST_HEADER = 1 << 20  # bytes


class TensorsError(ValueError):
    """The file is no model of this kind; the message says why."""


def pack(arrays: Mapping[str, Array], settings: Mapping[str, Any]) -> bytes:
    """Arrays and JSON-able settings as the bytes of a file. Arrays of 8 bytes a number come before those of 4."""
    entries: dict[str, Any] = {"__metadata__": {"settings": json.dumps(settings, sort_keys=True)}}
    place = 0
    ordered = sorted(
        arrays.items(), key=lambda item: -item[1].itemsize
    )  # so that each is aligned, without gaps
    for name, array in ordered:
        entries[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    body = b"".join(np.ascontiguousarray(array).tobytes() for _, array in ordered)
    return len(header).to_bytes(8, "little") + header + body


def unpack(data: Any, kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays, as views of `data`, and settings of a file. TensorsError if it is not one whose settings name `kind`."""
    buffer = np.frombuffer(data, np.uint8)
    try:
        size = int.from_bytes(buffer[:8].tobytes(), "little")
        if len(buffer) < 8 or size > min(_LONGEST_HEADER, len(buffer) - 8):
            raise TensorsError("not a model file: it has no header")
        entries = json.loads(buffer[8 : 8 + size].tobytes())
        settings = json.loads(entries.pop("__metadata__")["settings"])
        if settings["kind"] != kind:
            raise TensorsError(f"a model of kind {settings['kind']!r}, not {kind!r}")
        return {name: _array(buffer[8 + size :], entry) for name, entry in entries.items()}, settings
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        json.JSONDecodeError,
        UnicodeDecodeError,
    ) as error:
        raise TensorsError(
            f"not a model file of kind {kind!r}: {type(error).__name__} in its header"
        ) from None


def _array(body: Array, entry: Any) -> Array:
    dtype = np.dtype(_KINDS[entry["dtype"]])
    first, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    whole = all(isinstance(one, int) and one >= 0 for one in (first, end, *shape))
    if not whole or first > end or end > len(body) or end - first != math.prod(shape) * dtype.itemsize:
        raise TensorsError("not a model file: an array is not where its header says")
    if first % dtype.itemsize:
        raise TensorsError("not a model file: an array is not aligned")
    return body[first:end].view(dtype).reshape(shape)
