"""Whether the bytes that came are the record that was asked for."""

from __future__ import annotations

import zlib

_HEAD = 16 << 10  # inflated bytes that hold a WARC header
_PIECE = 1 << 20
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def record_fault(data: bytes, digest: str | None = None) -> str | None:
    """What is wrong with bytes that should be one gzip member with one WARC record; None if nothing is.

    Inflates in pieces, so that a small member of a large record takes no memory. A `digest` (SHA-1 in base 32) must be
    the one that the record states of its payload, where it states one.
    """
    inflate = zlib.decompressobj(31)
    head = b""
    rest = data
    while not inflate.eof:
        try:
            piece = inflate.decompress(rest, _PIECE)
        except zlib.error as error:
            return f"no whole gzip member ({error})"
        if len(head) < _HEAD:
            head += piece[: _HEAD - len(head)]
            if not b"WARC/".startswith(head[:5]) and not head.startswith(b"WARC/"):
                return "no WARC record"
        rest = inflate.unconsumed_tail
        if not piece and not rest and not inflate.eof:
            return "cut inside its gzip member"
    if inflate.unused_data:
        return f"{len(inflate.unused_data)} bytes after its gzip member"
    if not head.startswith(b"WARC/"):
        return "no WARC record"
    stated = _stated_digest(head)
    if digest and stated and stated != digest:
        return f"another record than the index says: its payload's digest is {stated}"
    return None


def _stated_digest(head: bytes) -> str | None:
    for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"warc-payload-digest":
            kind, _, text = value.strip().decode("ascii", "replace").partition(":")
            return text if kind.lower() == "sha1" and len(text) == 32 and _BASE32.issuperset(text) else None
    return None
