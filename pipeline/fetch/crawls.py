"""What Common Crawl publishes: its crawls, and the list of files of each.

Lists come from a server: a line of one is a path only if nothing in it could lead out of a folder.
"""

from __future__ import annotations

import string
import zlib
from collections.abc import Sequence

import msgspec

from pipeline.errors import UsageError, UserError

BASE = "https://data.commoncrawl.org/"
LIST_BASE = "https://index.commoncrawl.org/"
COLLECTIONS = "collinfo.json"
KINDS = ("warc", "wet", "wat", "robotstxt", "non200responses", "cc-index-table")

_LONGEST_LIST = 256 << 20  # bytes, inflated
_LONGEST_PATH = 1024
_SAFE = frozenset(string.ascii_letters + string.digits + "._=-+")


class Crawl(msgspec.Struct, frozen=True):
    """One crawl as `collinfo.json` describes it."""

    id: str
    name: str = ""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""


def read_crawls(data: bytes) -> list[Crawl]:
    """The crawls of a `collinfo.json`, in its order; raises UserError if it is none."""
    try:
        return msgspec.json.decode(data, type=list[Crawl])
    except msgspec.DecodeError as error:
        raise UserError(f"{COLLECTIONS} is no list of crawls: {error}") from error


def is_path(text: str) -> bool:
    """Whether a text is a plain relative path: no empty, `.` or `..` part, no character that could act."""
    parts = text.split("/")
    return len(text) <= _LONGEST_PATH and all(
        part and part not in (".", "..") and _SAFE.issuperset(part) for part in parts
    )


def list_path(crawl: str, kind: str) -> str:
    """Where the list of a crawl's files lies; raises UsageError for a name or kind that cannot be one."""
    if kind not in KINDS:
        raise UsageError(f"--kind {kind}: one of {', '.join(KINDS)}")
    if not is_path(crawl):
        raise UsageError(f"{crawl!r} is no crawl's name (such as CC-MAIN-2024-10): `sluice fetch --list`")
    return f"crawl-data/{crawl}/{kind}.paths.gz"


def read_paths(packed: bytes, kind: str) -> list[str]:
    """The paths of a list, in its order. Of the index table only the pages (`subset=warc`).

    Raises UserError where a line is no path or comes twice.
    """
    inflate = zlib.decompressobj(31)
    try:
        data = inflate.decompress(packed, _LONGEST_LIST)
    except zlib.error as error:
        raise UserError(f"the list of paths is damaged: {error}") from error
    if not inflate.eof:
        raise UserError("the list of paths is cut short or too long")
    paths = data.decode("utf-8", "replace").split()
    for number, path in enumerate(paths, 1):
        if not is_path(path):
            raise UserError(f"the list of paths, line {number}: {path[:80]!r} is no path")
    if len(set(paths)) < len(paths):
        raise UserError("the list of paths names a file twice")
    return [path for path in paths if kind != "cc-index-table" or "/subset=warc/" in path]


def local_names(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path: its last part, preceded by the parts that differ where several would be called the same.

    (In old crawls every segment has files of the same names.)
    """
    alike: dict[str, list[str]] = {}
    for path in paths:
        alike.setdefault(path.rpartition("/")[2], []).append(path)
    names: dict[str, str] = {}
    for last, group in alike.items():
        if len(group) == 1:
            names[group[0]] = last
            continue
        split = [path.split("/") for path in group]
        depth = min(len(parts) for parts in split)
        differing = [level for level in range(depth) if len({parts[level] for parts in split}) > 1]
        for path, parts in zip(group, split, strict=True):
            names[path] = "-".join([parts[level] for level in differing if parts[level] != last] + [last])
    if len(set(names.values())) < len(names):
        raise UserError("the list of paths holds files that cannot be told apart by name")
    return names
