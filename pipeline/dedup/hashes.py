"""Hashes in compiled loops: MurmurHash3's finalizers, MurmurHash3_x64_128 (Appleby) and XXH64 (Collet).

None is for use against an adversary. Words of memory are read as a little-endian machine reads them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]

_C1 = np.uint64(0x87C37B91114253D5)
_C2 = np.uint64(0x4CF5AD432745937F)
_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)


@compiled("uint64(uint64)")
def mix64(value: Any) -> Any:
    """MurmurHash3's 64-bit finalizer: every input bit reaches every output bit."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@compiled("uint32(uint32)")
def mix32(value: Any) -> Any:
    """Its 32-bit one."""
    # Numba widens a product of two 32-bit numbers, so each is cut again.
    value = np.uint32(np.uint32(value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    value = np.uint32(np.uint32(value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@compiled("uint64(uint64, int64)")
def _rotated(value: Any, bits: int) -> Any:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@compiled("void(uint64[::1], int64, uint64, uint64[::1])")
def murmur128(blocks: Array, length: int, seed: Any, out: Array) -> None:
    """MurmurHash3_x64_128 of the first `length` bytes of `blocks`; bytes up to the next multiple of 16 must be zero."""
    first, second = seed, seed
    for at in range(0, length // 16 * 2, 2):
        first ^= _rotated(blocks[at] * _C1, 31) * _C2
        first = (_rotated(first, 27) + second) * np.uint64(5) + np.uint64(0x52DCE729)
        second ^= _rotated(blocks[at + 1] * _C2, 33) * _C1
        second = (_rotated(second, 31) + first) * np.uint64(5) + np.uint64(0x38495AB5)
    if length % 16:
        at = length // 16 * 2
        second ^= _rotated(blocks[at + 1] * _C2, 33) * _C1
        first ^= _rotated(blocks[at] * _C1, 31) * _C2
    first ^= np.uint64(length)
    second ^= np.uint64(length)
    first += second
    second += first
    first, second = mix64(first), mix64(second)
    first += second
    second += first
    out[0], out[1] = first, second


@compiled("uint64(uint8[::1], int64, int64)")
def _little_endian(data: Array, start: int, size: int) -> Any:
    value = np.uint64(0)
    for at in range(size):
        value |= np.uint64(data[start + at]) << np.uint64(8 * at)
    return value


@compiled("uint64(uint64, uint64)")
def _round(state: Any, lane: Any) -> Any:
    return _rotated(state + lane * _P2, 31) * _P1


@compiled("uint64(uint8[::1], int64, int64)")
def xxh64(data: Array, start: int, end: int) -> Any:
    """XXH64 of `data[start:end]` with seed 0."""
    at = start
    if end - start >= 32:
        one, two, three, four = _P1 + _P2, _P2, np.uint64(0), np.uint64(0) - _P1
        while at + 32 <= end:
            one = _round(one, _little_endian(data, at, 8))
            two = _round(two, _little_endian(data, at + 8, 8))
            three = _round(three, _little_endian(data, at + 16, 8))
            four = _round(four, _little_endian(data, at + 24, 8))
            at += 32
        value = _rotated(one, 1) + _rotated(two, 7) + _rotated(three, 12) + _rotated(four, 18)
        for lane in (one, two, three, four):
            value = (value ^ _round(np.uint64(0), lane)) * _P1 + _P4
    else:
        value = _P5
    value += np.uint64(end - start)
    while at + 8 <= end:
        value = _rotated(value ^ _round(np.uint64(0), _little_endian(data, at, 8)), 27) * _P1 + _P4
        at += 8
    if at + 4 <= end:
        value = _rotated(value ^ (_little_endian(data, at, 4) * _P1), 23) * _P2 + _P3
        at += 4
    while at < end:
        value = _rotated(value ^ (np.uint64(data[at]) * _P5), 11) * _P1
        at += 1
    value = (value ^ (value >> np.uint64(33))) * _P2
    value = (value ^ (value >> np.uint64(29))) * _P3
    return value ^ (value >> np.uint64(32))
