"""Inputs: from what a person types to an ordered list of files with a kind, a size and a digest.

A person types paths, folders, globs, URLs (`http`, `https`, or any that fsspec knows, such as `s3`) and path lists.
Files are ordered by base name, so the order in which they were listed changes nothing. Two inputs of one base name are
refused, since a document's id starts with it. The digest covers the whole file up to 64 MiB; beyond that the size and
64 blocks spread over the file, which is what a re-run can afford to read: a change between them is not noticed by a
re-run. Every shard's receipt holds the SHA-256 of all bytes that it was made from.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

import msgspec

from pipeline.errors import UsageError, UserError
from pipeline.path_list import is_path_list, is_remote, read_path_list
from pipeline.show import show_text
from pipeline.store.http_file import HttpFile

SMALL = 64 << 20  # bytes: files under this are cut finely and hashed whole
SMALL_RANGE = 4 << 20
LARGE_RANGE = 256 << 20
_BLOCK = 64 << 10
_BLOCKS = 64
_CONNECTIONS = 8  # at once, to look at files that are not on this machine

_KINDS = {
    ".warc": "warc",
    ".arc": "warc",
    ".wet": "warc",
    ".wat": "warc",
    ".wacz": "warc",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_PACKED = (".gz", ".zst")


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """One input. `digest` identifies the content; `path` only says where it is today."""

    path: str
    name: str  # base name
    kind: str  # "warc", "parquet" or "jsonl"
    size: int  # bytes; -1 when it is missing
    digest: str


_HTTP = ("http://", "https://")


def name_of(path: str) -> str:
    """The base name of a path or URL, without the query of a web address: what ids begin with."""
    if path.lower().startswith(_HTTP):
        path = urlsplit(path).path
    return path.rstrip("/").rpartition("/")[2]


def kind_of(path: str) -> str:
    """What a file holds, by its suffix; anything unknown is read as WARC, which says so if it is none."""
    return next(
        (kind for suffix, kind in _KINDS.items() if _unpacked(name_of(path)).endswith(suffix)), "warc"
    )


def _unpacked(path: str) -> str:
    stem = path.lower()
    for suffix in _PACKED:
        stem = stem.removesuffix(suffix)
    return stem


def open_input(path: str) -> IO[bytes]:
    """A local path, an http(s) address or an fsspec URL, for reading, seekable."""
    if path.lower().startswith(_HTTP):
        return cast(IO[bytes], HttpFile(path))
    if is_remote(path):
        import fsspec

        file: IO[bytes] = fsspec.open(path, "rb").open()
        return file
    return open(path.removeprefix("file://"), "rb")


def size_of(path: str) -> int:
    """Bytes of a file. Raises OSError where it cannot be opened."""
    with open_input(path) as file:
        return file.seek(0, os.SEEK_END)


def expand(pattern: str, base: str | None = None) -> Iterator[str]:
    """The files that one word of `--input` means: itself, those that match it, lie in it or are listed in it.

    `base` is what the relative lines of path lists are below. Raises UsageError where there are none.
    """
    for path in _matching(pattern):
        if is_path_list(name_of(path)):
            yield from _listed(path, base)
        else:
            yield path


def _listed(path: str, base: str | None) -> list[str]:
    try:
        with open_input(path) as file:
            return read_path_list(file, path.removeprefix("file://"), base)
    except OSError as error:
        raise UsageError(f"--input {show_text(path)}: {error.strerror or error}") from error


def _matching(pattern: str) -> Iterator[str]:
    if pattern.lower().startswith(_HTTP):
        if "*" in pattern:
            raise UsageError(f"--input {show_text(pattern)}: web addresses have no globs; write a path list")
        if not name_of(pattern):
            raise UsageError(f"--input {show_text(pattern)}: this address names no file")
        yield pattern
    elif is_remote(pattern):
        if any(mark in pattern for mark in "*?["):
            import fsspec

            filesystem, path = fsspec.core.url_to_fs(pattern)
            yield from (filesystem.unstrip_protocol(name) for name in sorted(filesystem.glob(path)))
        else:
            yield pattern
    else:
        yield from _local(pattern, pattern.removeprefix("file://"))


def _local(pattern: str, path: str) -> Iterator[str]:
    if Path(path).is_dir():
        found = sorted(entry.path for entry in os.scandir(path) if entry.is_file() and _known(entry.name))
        if not found:
            raise UsageError(f"{path}: no .warc, .wacz, .parquet or .jsonl file in this folder")
        yield from found
    elif not Path(path).exists() and any(mark in path for mark in "*?["):
        found = glob.glob(path, recursive=True)  # noqa: PTH207 (patterns may be absolute)
        matches = sorted(match for match in found if not Path(match).is_dir())
        if not matches:
            raise UsageError(f"--input {pattern}: nothing matches")
        yield from matches
    else:
        yield path


def _known(name: str) -> bool:
    return _unpacked(name).endswith(tuple(_KINDS))


def _digest(file: IO[bytes], size: int) -> str:
    digest = hashlib.sha256(f"{size}\n".encode())
    if size <= SMALL:
        file.seek(0)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    else:
        for index in range(_BLOCKS):
            file.seek((size - _BLOCK) * index // (_BLOCKS - 1))
            digest.update(file.read(_BLOCK))
    return digest.hexdigest()


def describe(path: str) -> InputFile:
    """Look at one file; a missing one has size -1 and is counted as failed when the run gets to it."""
    common: dict[str, Any] = {
        "path": path,
        "name": name_of(path),
        "kind": kind_of(path),
    }
    try:
        with open_input(path) as file:
            size = file.seek(0, os.SEEK_END)
            return InputFile(**common, size=size, digest=_digest(file, size))
    except FileNotFoundError:
        return InputFile(**common, size=-1, digest="missing")
    except OSError as error:
        wrong = UserError if path.lower().startswith(_HTTP) else UsageError
        raise wrong(f"--input {show_text(path)}: {error.strerror or error}") from error


def _describe_all(paths: list[str]) -> list[InputFile]:
    if not any(is_remote(path) for path in paths):
        return [describe(path) for path in paths]
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        return list(pool.map(describe, paths))


def find_inputs(patterns: Iterable[str], base: str | None = None) -> tuple[InputFile, ...]:
    """All input files, ordered by base name; refuses repeated base names and a list of which nothing is there.

    `base` is what the relative lines of path lists are below.
    """
    # Workers and later repairs may have another working directory.
    found = [path for pattern in patterns for path in expand(pattern, base)]
    paths = [path if "://" in path else os.path.abspath(path) for path in found]  # noqa: PTH100 (keeps links)
    if not paths:
        raise UsageError("no input: name WARC, Parquet or JSONL files with --input")
    seen: dict[str, str] = {}
    for path in paths:
        name = name_of(path)
        if name in seen and seen[name] != path:
            raise UsageError(
                f"two inputs are called {name} ({seen[name]} and {path}): ids start with the file's name, rename one"
            )
        seen[name] = path
    files = sorted(_describe_all(list(seen.values())), key=lambda file: file.name)
    if all(file.size < 0 for file in files):
        hint = (
            "; paths of a list that are below an address: --base ADDRESS"
            if "/crawl-data/" in files[0].path
            else ""
        )
        raise UsageError(f"--input {show_text(files[0].path, 1000)}: no such file{hint}")
    kinds = {"warc" if file.kind == "warc" else "documents" for file in files}
    if len(kinds) > 1:
        raise UsageError("inputs must be all WARC or all documents (Parquet, JSONL), not both")
    return tuple(files)


def ranges(size: int) -> list[tuple[int, int]]:
    """Byte ranges of one WARC, by its own size alone: 4 MiB each under 64 MiB, else 256 MiB."""
    step = SMALL_RANGE if size < SMALL else LARGE_RANGE
    return (
        [(start, min(start + step, size)) for start in range(0, max(size, 1), step)] if size > 0 else [(0, 0)]
    )
