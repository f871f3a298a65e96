"""From wanted records to requests: equal ones once, close ones together, in portions of one output file each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pipeline.fetch.cdx import Wanted

GAP = 128 << 10  # bytes: what a request costs in time buys about as many
PORTION_BYTES = 64 << 20
PORTION_RECORDS = 8192
_LONGEST = 16 << 20  # bytes of one request, unless one record is longer


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes [`start`, `stop`) of one file, and the records inside, in order."""

    file: str
    start: int
    stop: int
    records: tuple[Wanted, ...]


def place_of(record: Wanted) -> tuple[str, int, int]:
    """What tells records apart, and the order in which they are fetched."""
    return (record.file, record.offset, record.length)


def unique(records: Sequence[Wanted], repeats: bool = False) -> dict[tuple[str, int, int], Wanted]:
    """For every record the one that is fetched in its stead: itself, or the first of equal digest.

    A revisit gives way to a record that holds the payload. `repeats` keeps records of equal digest.
    """
    first: dict[str, Wanted] = {}
    for revisits in (False, True):
        for record in records:
            if record.digest is not None and record.revisit is revisits:
                first.setdefault(record.digest, record)
    return {
        place_of(record): record if repeats or record.digest is None else first.get(record.digest, record)
        for record in records
    }


def portions(chosen: Iterable[Wanted]) -> list[tuple[Wanted, ...]]:
    """Records by file and offset, cut into output files of at most about 64 MiB or 8,192 records."""
    found: list[tuple[Wanted, ...]] = []
    rows: list[Wanted] = []
    taken = 0
    for record in sorted({place_of(record): record for record in chosen}.values(), key=place_of):
        if rows and (taken + record.length > PORTION_BYTES or len(rows) == PORTION_RECORDS):
            found.append(tuple(rows))
            rows, taken = [], 0
        rows.append(record)
        taken += record.length
    return [*found, tuple(rows)] if rows else found


def merge(records: Sequence[Wanted], gap: int = GAP) -> list[Range]:
    """Requests for records that are in order: two of one file share one if at most `gap` bytes lie between them."""
    found: list[Range] = []
    for record in records:
        stop = record.offset + record.length
        last = found[-1] if found else None
        if (
            last is not None
            and last.file == record.file
            and record.offset - last.stop <= gap
            and max(stop, last.stop) - last.start <= _LONGEST
        ):
            found[-1] = msgspec.structs.replace(
                last, stop=max(stop, last.stop), records=(*last.records, record)
            )
        else:
            found.append(Range(file=record.file, start=record.offset, stop=stop, records=(record,)))
    return found
