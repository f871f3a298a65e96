"""Path lists: files of paths, one a line, such as Common Crawl's `warc.paths.gz`.

A line is a URL or a path. A relative path is meant below the base that the user names, else below the folder of the
list; one that begins with `crawl-data/`, in a list that itself lies below a `crawl-data/`, is meant beside that, as
Common Crawl and its mirrors are laid out. Empty lines and those that begin with `#` say nothing. Nothing is fetched
that neither the user nor the user's own list names: a list from a server leads to no file of this machine.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import zlib
from typing import IO
from urllib.parse import urljoin

import zstandard

from pipeline.errors import UsageError
from pipeline.show import show_text

LONGEST = 256 << 20  # bytes of a list, decompressed
LONGEST_LINE = 4096  # characters
REMOTE = ("http", "https", "s3")
_SUFFIXES = (".paths", ".txt")
_ROOT = "crawl-data/"


def is_path_list(name: str) -> bool:
    """Whether a file of this name is a path list: `*.paths` or `*.txt`, plain, .gz or .zst."""
    return name.lower().removesuffix(".gz").removesuffix(".zst").endswith(_SUFFIXES)


def is_remote(path: str) -> bool:
    """Whether a path is a URL of something that is not on this machine."""
    return "://" in path and not path.startswith("file://")


def read_path_list(file: IO[bytes], path: str, base: str | None = None) -> list[str]:
    """The files that the list in `file`, which lies at `path`, names, in its order.

    Raises UsageError, naming the line, for one that cannot be meant; OSError where `file` cannot be read.
    """
    label = show_text(path.rpartition("/")[2])
    try:
        text = _inflated(file, label).decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{label}:{line}: a path list is UTF-8 text, this is not") from None
    found = []
    for number, entry in enumerate(map(str.strip, text.removeprefix("\ufeff").split("\n")), 1):
        if entry and not entry.startswith("#"):
            try:
                found.append(_resolve(entry, path, base))
            except ValueError as error:
                raise UsageError(f"{label}:{number}: {show_text(entry, 200)}: {error}") from None
    if not found:
        raise UsageError(f"{label}: this path list names no file")
    return found


def _inflated(file: IO[bytes], label: str) -> bytes:
    head = file.read(4)
    file.seek(0)
    stream: IO[bytes] = file
    if head.startswith(b"\x1f\x8b"):
        stream = gzip.GzipFile(fileobj=file)  # type: ignore[assignment]
    elif head == b"\x28\xb5\x2f\xfd":
        stream = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
    try:
        data = stream.read(LONGEST + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise UsageError(f"{label}: this path list does not decompress ({error}); fetch it again") from None
    if len(data) > LONGEST:
        raise UsageError(f"{label}: larger than {LONGEST >> 20} MiB, which is no path list")
    return data


def _resolve(entry: str, path: str, base: str | None) -> str:
    """The path or URL that a line means; raises ValueError, saying what is wrong with it."""
    if len(entry) > LONGEST_LINE or not entry.isprintable():
        raise ValueError("no path or URL (too long, or control characters); is this a path list?")
    if is_path_list(entry.partition("?")[0]):
        raise ValueError("a path list in a path list; give it to --input itself")
    scheme, url, _ = entry.partition("://")
    if url:
        if scheme not in REMOTE and is_remote(path):
            raise ValueError("a list from a server may name http, https and s3 addresses only")
        return entry
    if base is not None:
        return _below(base, entry)
    if is_remote(path):
        at = path.find(f"/{_ROOT}") if entry.startswith(_ROOT) else -1
        return _below(path[: at + 1] if at >= 0 else path.rpartition("/")[0], entry)
    if posixpath.isabs(entry):
        return entry
    folder = posixpath.dirname(path)
    at = f"{folder}/".find(f"/{_ROOT}") if entry.startswith(_ROOT) else -1
    return posixpath.join(folder[: at + 1] if at >= 0 else folder, entry)


def _below(base: str, entry: str) -> str:
    if entry.startswith("/") or ".." in entry.split("/"):
        raise ValueError(f"leads out of {show_text(base, 200)}")
    whole = f"{base.rstrip('/')}/{entry}"
    return urljoin(whole, whole) if base.startswith(("http://", "https://")) else whole
