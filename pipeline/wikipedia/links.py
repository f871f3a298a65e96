"""Lists of what Wikipedia cites, at one of three levels, held as sorted 64-bit hashes: ten million in 80 MB.

A source is an `externallinks` dump, a page dump, or a list: CSV, TSV or one name a line, plain or packed (.gz, .bz2,
.zst), of addresses, hosts or registered domains, with counts if there are any. What a list holds is told by its header,
else by what its columns look like; whoever knows better names the level. Every figure that comes of it must name the
level: a page of a cited host need not be cited itself.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, cast, get_args

import numpy as np
import zstandard

from pipeline.errors import UsageError
from pipeline.wikipedia.address import canonical_host, canonical_url, host_of, registered_domain
from pipeline.wikipedia.dumps import sql_links, xml_links

Array = np.ndarray[Any, Any]
Level = Literal["url", "host", "domain"]
LEVELS: tuple[Level, ...] = get_args(Level)  # finest first

_BLOCK = 1 << 16  # names that are hashed at once
_HEAD = 200  # lines that a list is judged by
_NAMES: dict[str, Level] = {
    **dict.fromkeys(("url", "urls", "link", "links", "el_to", "address", "external_link"), "url"),
    **dict.fromkeys(("host", "hosts", "hostname"), "host"),
    **dict.fromkeys(("domain", "domains", "registered_domain", "site"), "domain"),
}


class Source(NamedTuple):
    """One file as it was read."""

    name: str
    sha256: str
    level: Level
    lines: int  # with a name that was taken


class Links(NamedTuple):
    """What is cited, at one level."""

    level: Level
    hashes: Array  # uint64, sorted, each once
    sources: tuple[Source, ...]

    def cites(self, url: str) -> bool:
        """Whether a page of this address is cited, or of a cited host or domain."""
        return bool(self.cites_all([url])[0])

    def cites_all(self, urls: Sequence[str]) -> Array:
        """As `cites`, bool[len(urls)]; what is no web address is not cited."""
        from filters.hashing import hash_strings

        names = [at_level(url, self.level) or "" for url in urls]
        wanted = hash_strings(names)
        places = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        found: Array = (self.hashes[places] == wanted) & np.array([bool(name) for name in names])
        return found


def at_level(url: str, level: Level) -> str | None:
    """What an address is compared by: itself, its host or its registered domain in one spelling; None if it is none."""
    found = canonical_url(url)
    if found is None or level == "url":
        return found
    host = host_of(found)
    return host if level == "host" else registered_domain(host)


def read_links(paths: Sequence[str], level: Level | None = None, least: int = 1) -> Links:
    """The links of all files, at the coarsest level among them or the one that is named.

    `least`: names of a list whose largest count is lower are left out. UsageError names a file that cannot be read,
    holds no names, or is coarser than the level that was asked for.
    """
    from filters.hashing import hash_strings

    opened = [_open(path) for path in paths]
    coarsest = max((found for found, _ in opened), key=LEVELS.index)
    for path, (found, _) in zip(paths, opened, strict=True):
        if level is not None and LEVELS.index(found) > LEVELS.index(level):
            raise UsageError(f"{path} has {found}s: it does not say which {level}s are cited")
    wanted, parts, sources = level or coarsest, [np.zeros(0, np.uint64)], []
    for path, (found, lines) in zip(paths, opened, strict=True):
        count, names = 0, _names(lines, found, wanted, least)
        try:
            while block := list(islice(names, _BLOCK)):
                count += len(block)
                parts.append(_unique(hash_strings(block)))
        except (OSError, EOFError, zlib.error, zstandard.ZstdError, UnicodeError, csv.Error) as error:
            raise UsageError(f"{path}: damaged: {' '.join(str(error).split())}") from None
        if not count:
            raise UsageError(f"{path}: no {found}s in it")
        sources.append(Source(Path(path).name, _digest(path), found, count))
    return Links(wanted, _unique(np.concatenate(parts)), tuple(sources))


def _names(lines: Iterable[tuple[str, int]], found: Level, wanted: Level, least: int) -> Iterator[str]:
    for name, count in lines:
        if count < least:
            continue
        one = at_level(name, wanted) if found == "url" else _host_at(name, wanted)
        if one:
            yield one


def _host_at(name: str, wanted: Level) -> str | None:
    host = canonical_host(name.strip())
    return registered_domain(host) if host and wanted == "domain" else host


def _unique(hashes: Array) -> Array:
    hashes = np.sort(hashes)
    return hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])] if len(hashes) else hashes


def _digest(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpacked(path: str) -> IO[bytes]:
    file = open(path, "rb")  # noqa: SIM115 (whoever reads the lines ends with the file)
    head = file.read(4)
    file.seek(0)
    if head[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if head[:3] == b"BZh":
        return cast(IO[bytes], bz2.BZ2File(file))
    if head == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(
            cast(Any, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
        )
    return file


def _open(path: str) -> tuple[Level, Iterable[tuple[str, int]]]:
    """The level of a file, and (name, count) of each of its lines, still to be read."""
    try:
        file = io.BufferedReader(cast(Any, _unpacked(path)), 1 << 20)
        head = file.peek(1 << 16)[: 1 << 16]
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if b"INSERT INTO `externallinks`" in head or head.startswith(b"-- M") or b"`externallinks`" in head:
        return "url", ((link, 1) for link in sql_links(file))
    if head.lstrip().startswith((b"<mediawiki", b"<?xml")):
        return "url", ((link, 1) for link in xml_links(file))
    return _list(path, io.TextIOWrapper(file, "utf-8", "replace", newline=""))


def _list(path: str, file: IO[str]) -> tuple[Level, Iterable[tuple[str, int]]]:
    csv.field_size_limit(1 << 24)
    first = file.readline(1 << 20)
    if not first.strip():
        raise UsageError(f"{path}: no links in it")
    again = chain([first], file)
    if "\t" in first:
        rows: Iterator[list[str]] = (line.rstrip("\r\n").split("\t") for line in again)
    elif "," in first and "://" not in first.partition(",")[0]:
        rows = csv.reader(again)
    else:
        rows = ([line.strip()] for line in again)
    head = list(islice(rows, _HEAD))
    titles = [cell.strip().lower() for cell in head[0]]
    named = [column for column, title in enumerate(titles) if title in _NAMES]
    column = named[0] if named else _likeliest(path, head)
    level = _NAMES[titles[column]] if named else _looks(head, column)
    body = chain(head[1:] if named else head, rows)
    return level, ((row[column], _count(row, column)) for row in body if len(row) > column)


def _likeliest(path: str, rows: Sequence[Sequence[str]]) -> int:
    """The last column of addresses, else the first of hosts."""
    width = max(len(row) for row in rows)
    cells = [[row[column] for row in rows if len(row) > column] for column in range(width)]
    addresses = [
        at for at, column in enumerate(cells) if sum("://" in cell for cell in column) * 2 > len(column)
    ]
    if addresses:
        return addresses[-1]
    hosts = [at for at, column in enumerate(cells) if sum(map(_is_host, column)) * 2 > len(column)]
    if not hosts:
        raise UsageError(
            f"{path}: no column of addresses, hosts or domains in it; columns: {list(rows[0])[:8]}"
        )
    return hosts[0]


def _is_host(cell: str) -> bool:
    return not cell.replace(".", "").isdigit() and canonical_host(cell.strip()) is not None


def _looks(rows: Sequence[Sequence[str]], column: int) -> Level:
    """Addresses have a scheme or a path; hosts of which each is a registered domain are taken for domains."""
    cells = [row[column].strip() for row in rows if len(row) > column]
    if sum("://" in cell or "/" in cell for cell in cells) * 2 > len(cells):
        return "url"
    hosts = [host for cell in cells if (host := canonical_host(cell))]
    return "domain" if all(registered_domain(host) == host for host in hosts) else "host"


def _count(row: Sequence[str], column: int) -> int:
    """The largest number of a line; 1 where there is none."""
    numbers = [int(cell) for at, cell in enumerate(row) if at != column and cell.isascii() and cell.isdigit()]
    return max(numbers, default=1)
