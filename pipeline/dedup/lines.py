"""Lines and paragraphs that several documents share: their keys, and which copies are cut.

A part is a line (between newlines), or a paragraph: a run of lines that are not blank. Blank lines are never compared:
they belong to the part before them. What is compared:

- `c4`: the stripped part in lower case, as `_emit_url_to_lines` of C4's code (tfds c4_utils) takes it. One copy of all
  is kept, in the page whose MD5 of the address is smallest: at random, but always the same one.
- `ccnet`: its normal form (`filters.ccnet.normal_form`), as `normalize_for_dedup` of cc_net makes it. The first copy
  in the order of the inputs is kept.

In both the copies within a document count too: the kept document keeps the first of its own. A key is the first 64
bits of the SHA-1, which are cc_net's; C4's code takes MD5, by which the same parts are equal. Among 100 billion parts
some 270 pairs of different ones have one key.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.text import layout
from pipeline.dedup.runs import Entries

Array = np.ndarray[Any, Any]

_GONE = 0xFFFFFFFF


class PartKeys(NamedTuple):
    """The parts of some texts: text `t` has those from `offsets[t]` to `offsets[t + 1]`."""

    offsets: Array  # (texts + 1,) of int64
    keys: Array  # (parts,) of uint64
    lines: Array  # (parts,) of uint32, the number of the first line of each in its text


@functools.cache
def _as_is() -> Array:
    return np.arange(0x110000, dtype=np.uint32)


@compiled(
    "int64(int64[::1], int64[::1], int64[::1], boolean, int64[::1], uint32[::1], int64[::1], int64[::1])",
    bare=True,
)
def _parts(
    offsets: Array,
    starts: Array,
    ends: Array,
    paragraphs: bool,
    part_offsets: Array,
    lines: Array,
    part_starts: Array,
    part_ends: Array,
) -> int:
    """Lines that are not blank, or runs of them, of stripped lines."""
    count = 0
    for text in range(len(offsets) - 1):
        inside = False
        for line in range(offsets[text], offsets[text + 1]):
            if starts[line] == ends[line]:
                inside = False
                continue
            if inside and paragraphs:
                part_ends[count - 1] = ends[line]
                continue
            lines[count] = line - offsets[text]
            part_starts[count], part_ends[count] = starts[line], ends[line]
            count += 1
            inside = True
        part_offsets[text + 1] = count
    return count


@compiled("uint32(uint32, uint32)", bare=True)
def _rotated(value: Any, bits: Any) -> Any:
    return (value << bits) | (value >> np.uint32(np.uint32(32) - bits))


@compiled("void(uint32[::1], uint32[::1])", bare=True)
def _compress(state: Array, words: Array) -> None:
    """One block of SHA-1 (FIPS 180-4): `words` are the block's 16 and room for 64 more."""
    for i in range(16, 80):
        words[i] = _rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], np.uint32(1))
    a, b, c, d, e = state[0], state[1], state[2], state[3], state[4]
    for i in range(80):
        if i < 20:
            mix, constant = (b & c) | (~b & d), np.uint32(0x5A827999)
        elif i < 40:
            mix, constant = b ^ c ^ d, np.uint32(0x6ED9EBA1)
        elif i < 60:
            mix, constant = (b & c) | (b & d) | (c & d), np.uint32(0x8F1BBCDC)
        else:
            mix, constant = b ^ c ^ d, np.uint32(0xCA62C1D6)
        turned = np.uint32(_rotated(a, np.uint32(5)) + mix + e + constant + words[i])
        a, b, c, d, e = turned, a, _rotated(b, np.uint32(30)), c, d
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e


@compiled("int64(uint32[::1], uint32[::1], int64, uint32)", bare=True)
def _feed(state: Array, words: Array, size: int, byte: Any) -> int:
    """Take one more byte in; `size` are those before it."""
    at = size & 63
    if at & 3:
        words[at >> 2] = (words[at >> 2] << np.uint32(8)) | byte
    else:
        words[at >> 2] = byte
    if at == 63:
        _compress(state, words)
    return size + 1


@compiled("void(uint32[::1], int64[::1], int64[::1], uint32[::1], uint64[::1])")
def _hash(codes: Array, starts: Array, ends: Array, forms: Array, out: Array) -> None:
    """The first 8 bytes (little-endian) of the SHA-1 of each part's UTF-8, its characters replaced by `forms`."""
    state, words = np.zeros(5, np.uint32), np.zeros(80, np.uint32)
    for part in range(len(starts)):
        state[0], state[1], state[2] = 0x67452301, 0xEFCDAB89, 0x98BADCFE
        state[3], state[4] = 0x10325476, 0xC3D2E1F0
        size = 0
        for i in range(starts[part], ends[part]):
            code = forms[codes[i]]
            if code < 0x80:
                size = _feed(state, words, size, code)
                continue
            if code == np.uint32(_GONE):
                continue
            if code < 0x800:
                size = _feed(state, words, size, np.uint32(0xC0) | (code >> np.uint32(6)))
            else:
                if code < 0x10000:
                    size = _feed(state, words, size, np.uint32(0xE0) | (code >> np.uint32(12)))
                else:
                    size = _feed(state, words, size, np.uint32(0xF0) | (code >> np.uint32(18)))
                    size = _feed(
                        state, words, size, np.uint32(0x80) | ((code >> np.uint32(12)) & np.uint32(63))
                    )
                size = _feed(state, words, size, np.uint32(0x80) | ((code >> np.uint32(6)) & np.uint32(63)))
            size = _feed(state, words, size, np.uint32(0x80) | (code & np.uint32(63)))
        bits = np.uint64(size) * np.uint64(8)
        padded = _feed(state, words, size, np.uint32(0x80))
        while padded & 63 != 56:
            padded = _feed(state, words, padded, np.uint32(0))
        words[14], words[15] = np.uint32(bits >> np.uint64(32)), np.uint32(bits & np.uint64(0xFFFFFFFF))
        _compress(state, words)
        value = np.uint64(0)
        for i in range(8):
            byte = (state[i >> 2] >> np.uint32(24 - 8 * (i & 3))) & np.uint32(255)
            value |= np.uint64(byte) << np.uint64(8 * i)
        out[part] = value


def part_keys(
    texts: Sequence[str], variant: Literal["c4", "ccnet"], unit: Literal["lines", "paragraphs"]
) -> PartKeys:
    """The key of every part of every text."""
    from filters.loops.ccnet_loops import forms

    # To lower a text is to lower its lines: neither a newline nor white space at an end is a letter's neighbour.
    codes, bounds = layout.code_points([text.lower() for text in texts])
    lines = layout.stripped(codes, layout.lines(codes, bounds))
    most = len(lines.starts)
    offsets, numbers = np.zeros(len(bounds), np.int64), np.empty(most, np.uint32)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    count = _parts(*lines, unit == "paragraphs", offsets, numbers, starts, ends)
    keys = np.empty(count, np.uint64)
    _hash(codes, starts[:count], ends[:count], forms() if variant == "ccnet" else _as_is(), keys)
    return PartKeys(offsets, keys, numbers[:count].copy())


def ranks(urls: Sequence[str | None], ids: Sequence[str]) -> Array:
    """By which C4 chooses a page, the smallest first: 64 bits of the MD5 of its address, else of its id. uint64."""
    found = [
        hashlib.md5((url or id_).encode(), usedforsecurity=False).digest()[:8]
        for url, id_ in zip(urls, ids, strict=True)
    ]
    return np.frombuffer(b"".join(found), ">u8").astype(np.uint64)


def repeated(parts: Sequence[Entries], blocks: Sequence[int]) -> tuple[Array, Array, Array]:
    """All copies but the one that is kept: block (int32), row and line (uint32), sorted by these, each (copies,).

    `parts` are one range of keys of runs in the order of their documents, and `blocks` the block of each. Values are
    row and line; the two halves of the document's rank may follow, high half first, else the first copy is kept.
    """
    keys = np.concatenate([part.keys for part in parts])
    values = np.concatenate([part.values for part in parts])
    block = np.repeat(np.array(blocks, np.int32), [len(part.keys) for part in parts])
    # Both sorts are stable, so that equal ones stay in the order of documents and lines.
    if values.shape[1] == 4:
        rank = (values[:, 2].astype(np.uint64) << np.uint64(32)) | values[:, 3]
        order = np.lexsort((rank, keys))
    else:
        order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    again = order[1:][ordered[1:] == ordered[:-1]]
    block, row, line = block[again], values[again, 0], values[again, 1]
    order = np.lexsort((line, row, block))
    return block[order], row[order], line[order]
