"""A folder that runs write into: the same few verbs on a disk and on an object store.

Names are relative and use `/`. Nothing is ever modified in place. `create` publishes only if the name is free (POSIX:
`link` of a finished file; object stores: conditional PUT), which is how the first committer wins; `replace` swaps a
whole object; `put` publishes a finished file under a name that contains its digest, so that repeating it is harmless.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from pipeline.store.retry import retried

_LOCK_TRIES, _LOCK_PAUSE = 50, 0.1  # seconds; publishing a receipt takes milliseconds


_OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")


class CommitError(Exception):
    """A finished result could not be published (no space, no permission); names the folder."""


class Folder(Protocol):
    """What the rest of the program needs of a place to keep files in."""

    url: str

    def exists(self, name: str) -> bool:
        """True if the name is there."""

    def names(self, under: str) -> list[str]:
        """Names of the files directly in `under`, sorted; empty if there is no such folder."""

    def size(self, name: str) -> int:
        """Bytes of the file."""

    def read(self, name: str) -> bytes:
        """The whole file."""

    def open(self, name: str) -> IO[bytes]:
        """The file for reading, seekable."""

    def create(self, name: str, data: bytes) -> bool:
        """Publish `data` if the name is free; False if somebody else was first."""

    def replace(self, name: str, data: bytes) -> None:
        """Publish `data` whatever was there, whole or not at all."""

    def put(self, file: Path, name: str) -> None:
        """Move a finished local file to `name`; the same content may be put again."""

    def remove(self, name: str) -> None:
        """Remove the file if it is there."""

    def local(self, name: str, scratch: Path) -> Path:
        """A local path that holds the file: itself on a disk, a copy under `scratch` otherwise."""

    def scratch(self) -> Path:
        """A new empty local folder for unfinished files."""


def open_folder(url: str | os.PathLike[str]) -> Folder:
    """The folder at a local path or any fsspec URL (`s3://bucket/run`)."""
    text = os.fspath(url)
    if "://" in text and not text.startswith("file://"):
        return RemoteFolder(text)
    return LocalFolder(Path(text.removeprefix("file://")))


def _sync_folder(path: Path) -> None:
    # A name is only durable once its folder is flushed (NFS and power loss).
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(where: object) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise CommitError(f"no space left in {where}: free some and run again") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise CommitError(f"{where} cannot be written: {error.strerror}") from error
        raise


class LocalFolder:
    """A folder on a disk or a mounted file system."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.url = str(self.path)

    def exists(self, name: str) -> bool:
        return (self.path / name).exists()

    def names(self, under: str) -> list[str]:
        try:
            return sorted(entry.name for entry in os.scandir(self.path / under) if entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def size(self, name: str) -> int:
        return (self.path / name).stat().st_size

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def open(self, name: str) -> IO[bytes]:
        return open(self.path / name, "rb")

    def _finished(self, data: bytes) -> Path:
        temporary = self.path / "_tmp" / f"object.{uuid.uuid4().hex}"
        temporary.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return temporary

    def create(self, name: str, data: bytes) -> bool:
        target = self.path / name
        with _explained(self.path):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._finished(data)
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                    raise
                return self._create_without_links(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(target.parent)
        return True

    def _create_without_links(self, temporary: Path, target: Path) -> bool:
        # Some file systems know no hard links: an exclusive lock file decides who may rename. One that a dead process
        # left is taken over after a while.
        lock = self.path / "_tmp" / f"lock.{hashlib.sha256(str(target).encode()).hexdigest()[:32]}"
        for _ in range(_LOCK_TRIES):
            if target.exists():
                return False
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                break
            except FileExistsError:
                time.sleep(_LOCK_PAUSE)
        try:
            if target.exists():
                return False
            copy = temporary.with_name(temporary.name + ".copy")
            shutil.copyfile(temporary, copy)
            os.replace(copy, target)
            return True
        finally:
            lock.unlink(missing_ok=True)

    def replace(self, name: str, data: bytes) -> None:
        target = self.path / name
        with _explained(self.path):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._finished(data), target)
            _sync_folder(target.parent)

    def put(self, file: Path, name: str) -> None:
        target = self.path / name
        with _explained(self.path):
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(file, target)
            _sync_folder(target.parent)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def local(self, name: str, scratch: Path) -> Path:
        return self.path / name

    def scratch(self) -> Path:
        with _explained(self.path):
            parent = self.path / "_tmp"
            parent.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=f"work.{platform.node()}.{os.getpid()}.", dir=parent))


class RemoteFolder:
    """A folder behind an fsspec file system."""

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url.rstrip("/")
        filesystem, root = fsspec.core.url_to_fs(self.url)
        self._fs: Any = filesystem
        self._root: str = root.rstrip("/")

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def exists(self, name: str) -> bool:
        self._fs.invalidate_cache()
        return bool(retried(lambda: self._fs.exists(self._path(name))))

    def names(self, under: str) -> list[str]:
        self._fs.invalidate_cache()
        try:
            entries = retried(lambda: self._fs.ls(self._path(under), detail=True))
        except FileNotFoundError:
            return []
        return sorted(str(entry["name"]).rsplit("/", 1)[-1] for entry in entries if entry["type"] == "file")

    def size(self, name: str) -> int:
        return int(retried(lambda: self._fs.size(self._path(name))))

    def read(self, name: str) -> bytes:
        return bytes(retried(lambda: self._fs.cat_file(self._path(name))))

    def open(self, name: str) -> IO[bytes]:
        file: IO[bytes] = retried(lambda: self._fs.open(self._path(name), "rb"))
        return file

    def _published(self, name: str, action: Callable[[], object]) -> None:
        try:
            retried(action)
        except FileNotFoundError as error:
            if self.url.partition("://")[0] in _OBJECT_STORES:
                raise CommitError(f"{self.url} cannot be written: {error}") from error
            # File systems with real folders want them made first; an object store would make a bucket.
            retried(lambda: self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True))
            retried(action)

    def create(self, name: str, data: bytes) -> bool:
        try:
            self._published(name, lambda: self._fs.pipe_file(self._path(name), data, mode="create"))
        except FileExistsError:
            return False
        return True

    def replace(self, name: str, data: bytes) -> None:
        self._published(name, lambda: self._fs.pipe_file(self._path(name), data))

    def put(self, file: Path, name: str) -> None:
        self._published(name, lambda: self._fs.put_file(str(file), self._path(name)))
        file.unlink()

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            retried(lambda: self._fs.rm_file(self._path(name)))

    def local(self, name: str, scratch: Path) -> Path:
        target = scratch / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            retried(lambda: self._fs.get_file(self._path(name), str(target)))
        return target

    def scratch(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="sluice."))
