"""Hosts and addresses looked up in long lists of hashes, in compiled loops linear in the bytes that are asked about."""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.hashing import START, add, hash_bytes, is_listed, mixed

Array = np.ndarray[Any, Any]

_DOT, _SLASH, _QUESTION, _AND = 46, 47, 63, 38
_LONGEST_HOST = 253  # bytes; of what is longer only the end can be a host


@compiled("void(uint8[::1], int64[::1], boolean[::1], uint64[::1], boolean[::1])")
def hosts_listed(data: Array, bounds: Array, whole: Array, hashes: Array, out: Array) -> None:
    """Sets `out` where a host, or unless `whole` the rest after one of its dots, is in the list."""
    for host in range(len(out)):
        first, end = bounds[host], bounds[host + 1]
        for start in range(max(first, end - _LONGEST_HOST), end):
            begins = start == first or (not whole[host] and data[start - 1] == _DOT)
            if begins and is_listed(hashes, hash_bytes(data, start, end)):
                out[host] = True
                break


@compiled("void(uint8[::1], int64[::1], uint64[::1], boolean[::1])")
def addresses_listed(data: Array, bounds: Array, hashes: Array, out: Array) -> None:
    """Sets `out` where an address, or what it begins with before one of `/ ? &`, is in the list."""
    if len(hashes) == 0:
        return
    for address in range(len(out)):
        state = np.uint64(START)
        for i in range(bounds[address], bounds[address + 1]):
            byte = data[i]
            ends = byte == _SLASH or byte == _QUESTION or byte == _AND
            if ends and i > bounds[address] and is_listed(hashes, mixed(state)):
                out[address] = True
                break
            state = add(state, np.uint64(byte))
        if bounds[address + 1] > bounds[address] and not out[address]:
            out[address] = is_listed(hashes, mixed(state))
