"""Whole or invisible: a folder is filled under a temporary name, flushed, and renamed. The one place that renames.

A reader sees a folder under its final name with every file complete, or not at all; what a killed process left under
a temporary name is never read and is removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_PREFIX = ".unfinished-"


def flush(path: Path) -> None:
    """Force a file's content, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: Path, data: bytes) -> None:
    """Replace one file as a whole."""
    temporary = path.with_name(f"{_PREFIX}{path.name}")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    flush(path.parent)


@contextlib.contextmanager
def folder(target: Path) -> Iterator[Path]:
    """A new folder to write in; at the end of the block it becomes `target`, replacing what was there.

    An error inside the block leaves `target` as it was and removes the unfinished folder.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{_PREFIX}{target.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        for directory, _, names in os.walk(temporary):
            for name in names:
                flush(Path(directory, name))
            flush(Path(directory))
        _swap(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _swap(temporary: Path, target: Path) -> None:
    old = target.with_name(f"{_PREFIX}old-{target.name}")
    shutil.rmtree(old, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        target.rename(old)
    temporary.rename(target)
    flush(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def remove_unfinished(parent: Path) -> None:
    """Remove what a killed process left behind in `parent`."""
    if parent.is_dir():
        for entry in sorted(parent.iterdir()):
            if entry.name.startswith(_PREFIX):
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
