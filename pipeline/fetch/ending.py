"""Whether a file is whole, by what it is: gzip must end with a complete member, Parquet with its footer."""

from __future__ import annotations

from pathlib import Path

from pipeline.gzip_members import MAGIC, Member
from pipeline.members import SCAN, Source, only_zeros

_TAIL = 16 << 20  # bytes searched for the last member before the whole file is inflated


def fault_of(path: Path, name: str, whole: bool = False) -> str | None:
    """What is wrong with the file, None if nothing is.

    A `.gz` is whole if its last member inflates to the checksum at the very end of the file; `whole` inflates every
    member (about a second for 200 MB). Other names than `.gz` and `.parquet` say nothing of their ends.
    """
    if name.endswith(".parquet"):
        return _parquet_fault(path)
    if not name.endswith(".gz"):
        return None
    with open(path, "rb") as file:
        source = Source(file)
        if source.size == 0:
            return "empty"
        end = None if whole else _end_of_last(source)
        if end is None:
            end, fault = _walk(source)
            if fault is not None:
                return fault
        if end < source.size and not only_zeros(source, end, source.size):
            return f"its last {source.size - end} bytes are not a whole gzip member"
    return None


def _inflated(source: Source, offset: int) -> Member:
    member = Member(source, offset)
    while member.read(SCAN):
        pass
    return member


def _end_of_last(source: Source) -> int | None:
    """Where the last whole member within the tail ends: candidates are tried from the end of the file backwards."""
    start = max(0, source.size - _TAIL)
    tail = source.read(start, source.size - start)
    at = tail.rfind(MAGIC)
    while at != -1:
        member = _inflated(source, start + at)
        if member.fault is None:
            return member.end
        at = tail.rfind(MAGIC, 0, at + len(MAGIC) - 1)
    return None


def _walk(source: Source) -> tuple[int, str | None]:
    at = 0
    while at < source.size and not only_zeros(source, at, min(at + len(MAGIC), source.size)):
        member = _inflated(source, at)
        if member.fault is not None or member.end is None:
            kind = "not gzip" if at == 0 and member.produced == 0 else f"gzip member at {at}"
            return at, f"{kind}: {member.fault}"
        at = member.end
    return at, None


def _parquet_fault(path: Path) -> str | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        return f"no whole Parquet file ({str(error).partition(chr(10))[0][:120]})"
    return None
