"""The crawl's robots.txt: records and rows of rules by host, and the table in which workers look them up.

The rules come from files that the recipe names under `robots`: WARC files with robots.txt responses, as Common Crawl
publishes them beside its pages, or Parquet and JSONL with the columns `url` (of the robots.txt or of anything on its
host) and `text`. A response of status 4xx means that nothing is forbidden; one of another status than 200 leaves
the host unknown (RFC 9309 lets a crawler wait there), and a redirection to the robots.txt of another host is followed.

The table holds 8 bytes a host and 4 more for which of the distinct rules are its own, sorted, and then these rules.
Workers map it into memory, so that all of a machine share one copy and none reads more of it than it asks for.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urljoin

import msgspec
import numpy as np

from filters.robots import MOST_BYTES, Rules, Site, parse, place
from pipeline.errors import UsageError
from pipeline.extraction.statements import content_signal, content_usage
from pipeline.http import decode_body, header
from pipeline.inputs import InputFile, find_inputs, open_input, size_of
from pipeline.page import response_of
from pipeline.record import Record
from pipeline.rows import Bad, read_rows
from pipeline.warc import read_records

HOPS = 5  # redirections that are followed (RFC 9309, section 2.3.1.2)
_MAGIC = b"SLUICER1"
_HEAD = 8 + 32  # bytes: the magic, and the digest of all that follows
_ROW = np.dtype([("key", "<u8"), ("date", "<i8"), ("which", "<i8"), ("moved", "<u8")])
_BODY_BYTES = 16 << 20  # decoded; of which the first `MOST_BYTES` count
_READY_BYTES = 8 << 20  # of packed rules that a worker keeps ready; unpacked they take some ten times as much
_SITE_BYTES = 256  # that a host counts for at least


class HostRules(NamedTuple):
    """What one record says of a host: its rules, or the host whose robots.txt stands in for them."""

    host: str
    date: str  # ISO 8601; empty if not known
    rules: bytes  # `Rules` in MessagePack; empty where `moved` counts
    moved: str = ""


def robots_files(patterns: str | Sequence[str]) -> tuple[InputFile, ...]:
    """The files of rules that a recipe names; raises UsageError where there are none."""
    return _robots_files((patterns,) if isinstance(patterns, str) else tuple(patterns))


@functools.cache
def _robots_files(patterns: tuple[str, ...]) -> tuple[InputFile, ...]:
    try:
        files = find_inputs(patterns)
    except UsageError as error:
        raise UsageError(str(error).replace("--input", "robots:")) from None
    for file in files:
        if file.size < 0:
            raise UsageError(f"robots: {file.path}: no such file")
    return files


def read_robots(
    path: str, kind: str, start: int, end: int | None, agents: Sequence[str], counts: Counter[str]
) -> Iterator[HostRules]:
    """The rules in one file, or in bytes [`start`, `end`) of a WARC, in order; `counts` tells what was met.

    `counts`: records, used, unknown (of a status that says nothing, or not to be decoded), damaged.
    """
    if kind == "warc":
        yield from _of_warc(path, start, end, agents, counts)
        return
    import pyarrow as pa

    wanted = pa.schema([("url", pa.string()), ("text", pa.string()), ("date", pa.string())])
    with open_input(path) as file:
        for _, row in read_rows(file, path, kind, size_of(path), "", wanted):
            counts["records"] += 1
            text = None if isinstance(row, Bad) else row.get("text")
            host = "" if isinstance(row, Bad) else place(_web_address(row.get("url")))[0]
            if not host or not isinstance(text, str):
                counts["damaged"] += 1
                continue
            counts["used"] += 1
            date = row.get("date") if not isinstance(row, Bad) else None
            yield HostRules(
                host, date if isinstance(date, str) else "", _packed(text.encode("utf-8", "replace"), agents)
            )


def _web_address(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return text if "://" in text else f"https://{text}"


def _of_warc(
    path: str, start: int, end: int | None, agents: Sequence[str], counts: Counter[str]
) -> Iterator[HostRules]:
    with open_input(path) as file:
        for event in read_records(file, start, end):
            if not isinstance(event, Record):
                counts["damaged"] += 1
                continue
            host, path_ = place(event.url or "")
            if (
                event.type not in ("response", "resource")
                or not host
                or path_.partition("?")[0] != "/robots.txt"
            ):
                continue
            counts["records"] += 1
            found = _of_record(event, host, agents)
            counts["used" if found else "unknown"] += 1
            if found:
                yield found


def _of_record(record: Record, host: str, agents: Sequence[str]) -> HostRules | None:
    response = response_of(record)
    status, date = response.status or 200, record.date or ""
    if 300 <= status < 400:
        try:
            target = urljoin(record.url or "", header(response.headers, "location") or "")
        except ValueError:
            return None
        moved, path = place(target)
        return (
            HostRules(host, date, b"", moved) if moved != host and moved and path == "/robots.txt" else None
        )
    if 400 <= status < 500:
        return HostRules(host, date, _packed(b"", agents))
    body = decode_body(response, _BODY_BYTES)
    if status != 200 or body.fault:
        return None
    return HostRules(host, date, _packed(body.data, agents))


def _packed(content: bytes, agents: Sequence[str]) -> bytes:
    return msgspec.msgpack.encode(parse(content[:MOST_BYTES], agents, content_signal, content_usage))


def host_key(host: str) -> int:
    """64 bits that stand for a host: of a hundred million hosts, two share one with a chance of .0003."""
    return int.from_bytes(hashlib.blake2b(host.encode("utf-8", "replace"), digest_size=8).digest(), "little")


class TableBuilder:
    """Collects rules by host and writes the table: 32 bytes a row and some 200 a distinct set of rules are held."""

    def __init__(self, blob: IO[bytes]) -> None:
        """`blob` is an empty file for reading and writing that takes the distinct rules."""
        self._blob = blob
        self._known: dict[bytes, int] = {}
        self._offsets = [0]
        self._rows: list[np.ndarray] = []

    def add(
        self, keys: Iterable[int], dates: Iterable[str], rules: Iterable[bytes], moved: Iterable[int]
    ) -> None:
        """Rows, later ones last: of one host the latest date counts, then the last row."""
        found = [
            (key, _sortable(date), self._number(packed) if packed else -1, to)
            for key, date, packed, to in zip(keys, dates, rules, moved, strict=True)
        ]
        self._rows.append(np.array(found, dtype=_ROW))

    def _number(self, packed: bytes) -> int:
        digest = hashlib.blake2b(packed, digest_size=16).digest()
        number = self._known.setdefault(digest, len(self._known))
        if number == len(self._offsets) - 1:
            self._blob.write(packed)
            self._offsets.append(self._offsets[-1] + len(packed))
        return number

    def write(self, path: Path) -> int:
        """Writes the table; returns the number of hosts in it."""
        rows = np.concatenate([np.empty(0, _ROW), *self._rows])
        rows = rows[np.lexsort((rows["date"], rows["key"]))]  # stable: equal ones stay in order
        last = np.ones(len(rows), bool)
        last[:-1] = rows["key"][1:] != rows["key"][:-1]
        rows = rows[last]
        which = _followed(rows)
        keys, which = rows["key"][which >= 0], which[which >= 0]
        head = np.array([len(keys), len(self._offsets) - 1, *self._offsets], "<u8")
        digest = hashlib.blake2b(digest_size=32)
        self._blob.seek(0)
        with open(path, "wb") as file:
            file.write(bytes(_HEAD))
            columns = (head.tobytes(), keys.tobytes(), which.astype("<u4").tobytes())
            for data in itertools.chain(columns, iter(lambda: self._blob.read(1 << 20), b"")):
                digest.update(data)
                file.write(data)
            file.seek(0)
            file.write(_MAGIC + digest.digest())
        return len(keys)


def _followed(rows: np.ndarray) -> np.ndarray:
    """The rules of every host, those of the one that it redirects to included; -1 where that is not known."""
    which, at = rows["which"].copy(), rows["moved"].copy()
    for _ in range(HOPS):
        open_ = np.flatnonzero(which < 0)
        if not len(open_):
            break
        place_ = np.minimum(np.searchsorted(rows["key"], at[open_]), len(rows) - 1)
        there = rows["key"][place_] == at[open_]
        open_, place_ = open_[there], place_[there]
        which[open_], at[open_] = rows["which"][place_], rows["moved"][place_]
    return which


def _sortable(date: str) -> int:
    digits = "".join(filter(str.isdigit, date[:19]))
    return int(digits.ljust(14, "0")) if digits.isascii() and digits else 0


def _digest(data: np.ndarray) -> bytes:
    return hashlib.blake2b(data.data, digest_size=32).digest()


class RobotsTable:
    """A table written by `TableBuilder`, mapped into memory: what the filter `optout` asks."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where the file is not whole."""
        data = np.asarray(
            np.memmap(path, np.uint8, "r")
        )  # a plain view: elements of a memmap cost ten times as much
        whole = data[:8].tobytes() == _MAGIC and data[8:_HEAD].tobytes() == _digest(data[_HEAD:])
        if not whole:
            raise OSError(f"{path.name} is damaged: run `sluice verify`")
        hosts, distinct = (int(value) for value in data[_HEAD : _HEAD + 16].view("<u8"))
        at = _HEAD + 16
        self._offsets = data[at : (at := at + 8 * (distinct + 1))].view("<u8")
        self._keys = data[at : (at := at + 8 * hosts)].view("<u8")
        self._which = data[at : (at := at + 4 * hosts)].view("<u4")
        self._rules = data[at:]
        self._ready: OrderedDict[str, tuple[Site | None, int]] = OrderedDict()
        self._ready_bytes = 0

    def __len__(self) -> int:
        return len(self._keys)

    def site(self, host: str) -> Site | None:
        """The rules of a host, or None."""
        if host in self._ready:
            self._ready.move_to_end(host)
            return self._ready[host][0]
        packed = self._packed(host)
        site = None if packed is None else Site(msgspec.msgpack.decode(packed, type=Rules))
        self._ready[host] = site, _SITE_BYTES + len(packed or b"")
        self._ready_bytes += self._ready[host][1]
        while self._ready_bytes > _READY_BYTES and len(self._ready) > 1:
            self._ready_bytes -= self._ready.popitem(last=False)[1][1]
        return site

    def _packed(self, host: str) -> bytes | None:
        key = np.uint64(host_key(host))
        at = int(np.searchsorted(self._keys, key))
        if at >= len(self._keys) or self._keys[at] != key:
            return None
        which = int(self._which[at])
        return bytes(self._rules[int(self._offsets[which]) : int(self._offsets[which + 1])].tobytes())
