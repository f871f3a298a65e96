"""Digests: of files, and of settings in one canonical form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

_CHUNK = 1 << 20


def sha256_file(path: Path) -> str:
    """SHA-256 of a local file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def canonical(value: object) -> bytes:
    """`value` as JSON with sorted keys: equal values give equal bytes in every process."""
    return msgspec.json.encode(msgspec.to_builtins(value), order="sorted")


def fingerprint(value: object) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def combine(digests: Iterable[str]) -> str:
    """One digest over an ordered sequence of digests."""
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()
