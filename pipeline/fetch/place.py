"""What lies in the folder of a fetch: finished files, and in `_fetch/` the unfinished ones and what is known of each.

`_fetch/NAME.part` holds a prefix of the file, `_fetch/NAME.json` which version of what it is a prefix of. A finished
file is renamed to its name, so that whatever has it is whole; its digest stays in `_fetch/NAME.json`. A lock a name
keeps two commands from writing one file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pipeline.errors import UsageError
from pipeline.store import CommitError, canonical, sha256_file

WORK = "_fetch"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file: its address, version, bytes, and once it is finished its SHA-256."""

    url: str
    mark: str | None = None
    size: int | None = None
    sha256: str | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one file is to lie."""

    name: str
    final: Path
    work: Path

    @property
    def part(self) -> Path:
        """The unfinished file."""
        return self.work / f"{self.name}.part"

    @property
    def note(self) -> Path:
        """Its State."""
        return self.work / f"{self.name}.json"

    @property
    def lock(self) -> Path:
        """Held by who writes it."""
        return self.work / f"{self.name}.lock"


def open_place(folder: Path, name: str, *, visible: bool = True) -> Place:
    """Where `name` lies in a folder of fetched files; `visible=False`: among what belongs to the fetch itself."""
    with explained(folder):
        (folder / WORK).mkdir(parents=True, exist_ok=True)
    return Place(name=name, final=(folder if visible else folder / WORK) / name, work=folder / WORK)


def local_folder(out: str) -> Path:
    """The folder that `--out` names; raises UsageError for a URL, since parts must be appended to."""
    if "://" in out and not out.startswith("file://"):
        raise UsageError(f"--out {out}: fetch writes to a local folder; copy it from there")
    return Path(out.removeprefix("file://"))


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Errors of the disk as one line that says what to do (CommitError)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CommitError(f"no space left in {folder}: free some and run again") from error
        raise CommitError(f"{folder} cannot be written: {error.strerror or error}") from error


def known(place: Place) -> State | None:
    """What was noted of a file; None if nothing, or nothing readable."""
    try:
        return msgspec.json.decode(place.note.read_bytes(), type=State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file whole or not at all. Only the holder of its lock may."""
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def note(place: Place, state: State) -> None:
    """Note what is known of a file."""
    write_whole(place.note, canonical(state))


def publish(place: Place, state: State) -> State:
    """Give the finished part its name, after noting its size and digest; durable once this returns."""
    descriptor = os.open(place.part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    finished = msgspec.structs.replace(state, size=size, sha256=sha256_file(place.part))
    note(place, finished)
    place.part.replace(place.final)
    descriptor = os.open(place.final.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return finished


@contextlib.contextmanager
def locked(place: Place, wait: bool) -> Iterator[bool]:
    """Hold a file's lock; yields False if another command has it and `wait` is False. It dies with the process."""
    while True:
        file = open(place.lock, "ab")  # noqa: SIM115 (closed below, whatever became of the lock)
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            yield False
            return
        if _is_at(place.lock, file.fileno()):
            break
        file.close()  # its last holder removed it while we waited: the next file of that name counts
    try:
        yield True
    finally:
        place.lock.unlink(missing_ok=True)
        file.close()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
