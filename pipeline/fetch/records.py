"""Single records, by the ranges that an index names: into WARC files of our own, and a listing of what came from where.

`records-<plan>-<number>.warc.gz` hold the records as they were stored, a gzip member each, by file and offset;
`records-<plan>.jsonl` has a row for every record that was asked for. `<plan>` is a digest of what is wanted, so the
names and bytes depend on nothing else. Each output file is made from ranges that wait in
`_fetch/records-<plan>/<number>/`, which is what going on after a kill needs. A file that lacks records is made again
from itself and what comes later.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from pipeline.fetch.cdx import Unread, Wanted
from pipeline.fetch.download import Tools
from pipeline.fetch.patience import persist
from pipeline.fetch.place import Place, explained, locked, open_place, write_whole
from pipeline.fetch.pool import Breaker, work
from pipeline.fetch.ranges import GAP, Range, merge, place_of, portions, unique
from pipeline.fetch.record_check import record_fault
from pipeline.fetch.source import PastEnd, Refused, Trouble
from pipeline.store import canonical, fingerprint, sha256_file

_VERSION = 1  # of the portions: part of every plan

Key = tuple[str, int, int]


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the listing. `state`: fetched, repeat (of equal digest: see `warc_offset`), failed (`why`).

    `file`, `offset`, `length`: where the index says that the record lies. `warc_file`, `warc_offset`, `warc_length`:
    where it, or the one that was fetched in its stead, lies now. `line`: of a line that names no record.
    """

    state: str
    url: str | None = None
    digest: str | None = None
    file: str | None = None
    offset: int | None = None
    length: int | None = None
    warc_file: str | None = None
    warc_offset: int | None = None
    warc_length: int | None = None
    line: int | None = None
    why: str | None = None


class Portion(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one output file: bytes, digest, and where each record lies in it, or why it does not."""

    size: int
    sha256: str | None
    offsets: list[tuple[Key, int]]
    failed: list[tuple[Key, str]]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What fetching would take: records after equal ones were put together, requests, bytes that travel, files."""

    wanted: int
    records: int
    requests: int
    bytes: int
    files: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch of records left: its files, its listing and counts of the rows by state."""

    warcs: list[str]
    listing: str
    counts: dict[str, int]
    failed: list[Row]


def cost(records: Sequence[Wanted], repeats: bool = False, gap: int = GAP) -> Cost:
    """What fetching these records would take, without asking anybody."""
    parts = portions(unique(records, repeats).values())
    requests = [one for part in parts for one in merge(part, gap)]
    return Cost(
        wanted=len(records),
        records=sum(len(part) for part in parts),
        requests=len(requests),
        bytes=sum(one.stop - one.start for one in requests),
        files=len({one.file for one in requests}),
    )


def fetch_records(
    found: Sequence[Wanted | Unread],
    folder: Path,
    tools: Tools,
    connections: int,
    repeats: bool = False,
    gap: int = GAP,
) -> Outcome:
    """Have every record in `folder`; the rows are in the order of `found`.

    Running it again asks only for what failed. Raises CommitError for the disk.
    """
    records = [one for one in found if isinstance(one, Wanted)]
    chosen = unique(records, repeats)
    parts = portions(chosen.values())
    plan = f"records-{fingerprint([_VERSION, [place_of(record) for part in parts for record in part]])[:12]}"
    with explained(folder):
        own = open_place(folder, plan, visible=False)
        with locked(own, wait=False) as mine:
            if mine:
                return _fetch(found, chosen, parts, folder, own, tools, connections, gap)
        tools.display.say(f"another fetch is at work on these records in {folder}: waiting for it")
        with locked(own, wait=True):
            return _fetch(found, chosen, parts, folder, own, tools, connections, gap)


def _fetch(
    found: Sequence[Wanted | Unread],
    chosen: Mapping[Key, Wanted],
    parts: Sequence[tuple[Wanted, ...]],
    folder: Path,
    own: Place,
    tools: Tools,
    connections: int,
    gap: int,
) -> Outcome:
    plan, breaker = own.name, Breaker()
    lies: dict[Key, tuple[str, int]] = {}
    failed: dict[Key, str] = {}
    warcs: list[str] = []
    for number, part in enumerate(parts):
        name = f"{plan}-{number:05}.warc.gz"
        maker = _Maker(part, folder, name, own.work / plan / f"{number:05}", tools)
        portion = maker.make(connections, gap, breaker)
        lies.update({key: (name, offset) for key, offset in portion.offsets})
        failed.update(portion.failed)
        if portion.sha256 is not None:
            warcs.append(name)
    rows = [_row(one, chosen, lies, failed) for one in found]
    listing = f"{plan}.jsonl"
    write_whole(own.work / listing, b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    (own.work / listing).replace(folder / listing)
    counts = dict.fromkeys(("fetched", "repeat", "failed"), 0)
    for row in rows:
        counts[row.state] += 1
    return Outcome(
        warcs=warcs, listing=listing, counts=counts, failed=[row for row in rows if row.state == "failed"]
    )


def _row(
    one: Wanted | Unread,
    chosen: Mapping[Key, Wanted],
    lies: Mapping[Key, tuple[str, int]],
    failed: Mapping[Key, str],
) -> Row:
    if isinstance(one, Unread):
        return Row(state="failed", line=one.line, why=one.why)
    asked = chosen[place_of(one)]
    key = place_of(asked)
    row = Row(
        state="fetched" if key == place_of(one) else "repeat",
        url=one.url,
        digest=one.digest,
        file=one.file,
        offset=one.offset,
        length=one.length,
    )
    if key not in lies:
        why = failed.get(key, "not fetched")
        stead = "" if row.state == "fetched" else f"{asked.file} at {asked.offset}, of equal digest: "
        return msgspec.structs.replace(row, state="failed", why=f"{stead}{why}")
    name, offset = lies[key]
    return msgspec.structs.replace(row, warc_file=name, warc_offset=offset, warc_length=asked.length)


class _Maker:
    """One output file: what is there, what is missing, and making it from both."""

    def __init__(
        self, part: tuple[Wanted, ...], folder: Path, name: str, scratch: Path, tools: Tools
    ) -> None:
        self.part, self.name, self.scratch, self.tools = part, name, scratch, tools
        self.final = folder / name
        self.note = scratch.parent / f"{name}.json"
        self.new = scratch.parent / f"{name}.part"

    def make(self, connections: int, gap: int, breaker: Breaker) -> Portion:
        """The output file with everything that can be had."""
        old = self._known()
        if old is not None and not old.failed:
            return old
        had = dict(old.offsets) if old is not None else {}
        missing = [record for record in self.part if place_of(record) not in had]
        self.scratch.mkdir(parents=True, exist_ok=True)
        requests = merge(missing, gap)
        whys = self._receive(requests, connections, breaker)
        portion = self._assemble(had, requests, whys)
        write_whole(self.note, canonical(portion))
        shutil.rmtree(self.scratch)
        return portion

    def _known(self) -> Portion | None:
        """What was made before, if it still is there in that size, and with `whole` in these bytes; None otherwise."""
        try:
            portion = msgspec.json.decode(self.note.read_bytes(), type=Portion)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        if portion.sha256 is None:
            return portion
        if not self.final.exists() or self.final.stat().st_size != portion.size:
            return None
        return portion if not self.tools.whole or sha256_file(self.final) == portion.sha256 else None

    def _waiting(self, one: Range) -> Path:
        key = hashlib.sha256(f"{one.file}\n{one.start}\n{one.stop}".encode()).hexdigest()[:32]
        return self.scratch / f"{key}.range"

    def _receive(self, requests: list[Range], connections: int, breaker: Breaker) -> dict[int, str]:
        """Have every range on disk; returns why not, by the number of the request."""

        def one(number: int) -> str | None:
            request = requests[number]
            target = self._waiting(request)
            if target.exists():
                return None
            if breaker.open:
                return breaker.why
            try:
                data = receive_range(request, self.tools)
            except Refused as error:
                breaker.count(not isinstance(error, PastEnd))
                return str(error)
            breaker.count(False)
            write_whole(target, data)
            return None

        self.tools.display.plan(len(requests))
        whys: dict[int, str] = {}
        for number, why in work(range(len(requests)), one, connections, self.tools.gate):
            self.tools.display.end(str(number))
            if why is not None:
                whys[number] = why
        return whys

    def _assemble(self, had: dict[Key, int], requests: list[Range], whys: dict[int, str]) -> Portion:
        offsets: list[tuple[Key, int]] = []
        failed: list[tuple[Key, str]] = []
        digest = hashlib.sha256()
        at = 0
        with open(self.new, "wb") as out:
            for record, data, why in self._stored(had, requests, whys):
                if why is None:
                    why = record_fault(data, record.digest)
                if why is not None:
                    failed.append((place_of(record), why))
                    continue
                out.write(data)
                digest.update(data)
                offsets.append((place_of(record), at))
                at += len(data)
            out.flush()
            os.fsync(out.fileno())
        if at == 0:
            self.new.unlink()
            return Portion(size=0, sha256=None, offsets=[], failed=failed)
        self.new.replace(self.final)
        return Portion(size=at, sha256=digest.hexdigest(), offsets=offsets, failed=failed)

    def _stored(
        self, had: dict[Key, int], requests: list[Range], whys: dict[int, str]
    ) -> Iterator[tuple[Wanted, bytes, str | None]]:
        """Every record of the portion in order, with its bytes or why there are none."""
        within = {place_of(record): number for number, one in enumerate(requests) for record in one.records}
        old: IO[bytes] | None = open(self.final, "rb") if had else None  # noqa: SIM115 (closed below)
        number, data = -1, b""
        try:
            for record in self.part:
                key = place_of(record)
                if key in had and old is not None:
                    old.seek(had[key])
                    yield record, old.read(record.length), None
                    continue
                if within[key] != number:
                    number = within[key]
                    data = b"" if number in whys else self._waiting(requests[number]).read_bytes()
                start = record.offset - requests[number].start
                piece = data[start : start + record.length]
                why = whys.get(number)
                if why is None and len(piece) < record.length:
                    why = f"the file ends at {requests[number].start + len(data)} bytes"
                yield record, piece, why
        finally:
            if old is not None:
                old.close()


def receive_range(one: Range, tools: Tools) -> bytes:
    """The bytes of a range, fewer only where the file ends; raises Refused (PastEnd where it ends before)."""
    name = f"{one.file.rpartition('/')[2]} at {one.start}"

    def attempt() -> bytes:
        data = bytearray()
        length = one.stop - one.start
        with tools.source.open(one.file, start=one.start, stop=one.stop) as answer:
            if answer.start != one.start or (answer.size is not None and answer.size <= one.start):
                raise Refused("the server sends whole files only, no ranges")
            if answer.size is not None:
                length = min(one.stop, answer.size) - one.start
            for block in answer.blocks:
                data += block
                tools.display.got(name, len(block))
                if len(data) > one.stop - one.start:
                    break
        if len(data) > length:
            raise Refused("the server sends whole files only, no ranges")
        if len(data) < length:
            raise Trouble(f"{len(data)} of {length} bytes came")
        return bytes(data)

    return persist(attempt, name, tools.patience, tools.gate, tools.display.say)
