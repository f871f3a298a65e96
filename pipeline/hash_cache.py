"""Arrays of 64-bit numbers, kept in the user's cache folder between runs and mapped so that processes share them.

A file is the SHA-256 of its payload, then the payload. It is checked when it is read, so a damaged one is made anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any


def folder() -> Path:
    """Where cached files lie: `$XDG_CACHE_HOME/sluice`, else `~/.cache/sluice`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sluice"


def read(path: Path) -> Any:
    """The values of a cached file, mapped so that processes share them, or None if it is missing or damaged."""
    import numpy as np

    try:
        stored = np.memmap(
            path, np.uint8, "c"
        )  # numbers that nobody writes stay shared; loops want them writable
    except (OSError, ValueError):
        return None
    if (
        len(stored) < 40
        or len(stored) % 8
        or hashlib.sha256(stored[32:].data).digest() != stored[:32].tobytes()
    ):
        return None
    return stored[32:].view(np.uint64)


def write(path: Path, values: Any) -> None:
    """Publish a cached file whole, or not at all; a cache that cannot be written is no error."""
    payload = values.tobytes()
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = file.name
            file.write(hashlib.sha256(payload).digest())
            file.write(payload)
        Path(temporary).replace(path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
