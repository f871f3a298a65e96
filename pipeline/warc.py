"""Records of a WARC or ARC file, with every damaged range reported instead of ending the file.

Three layouts occur. *Members*: each record is a gzip member of its own, as Common Crawl writes them; such a file can be
read by byte range, a range owning the members that start in it. *Stream*: one gzip member (or several that do not
match the records) holds the whole file. *Plain*: not compressed. The last two can only be read from the start, so the
range that holds offset 0 yields everything and the others nothing.

After damage, reading resumes at the next place where a member opens and inflates to a record (`gzip_members`), or at
the next line that opens a record. A range that starts at `start` must agree with its neighbours about where members
begin, even when a stored page is itself a WARC: it walks the chain from a member at least `LOOKBACK` bytes before
`start` and discards what lies before. Only a stored .warc.gz that is longer than that can mislead a range inside it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import IO

from pipeline.bytestream import ByteStream
from pipeline.gzip_members import MAGIC, Member, Source, find_member, only_zeros
from pipeline.record import HEAD, Block, Damage, ReadLimits, Record, damage, read_block, to_record
from pipeline.record_header import digest_agrees, find_record, opens_record
from pipeline.record_stream import stream_records

LOOKBACK = 8 << 20  # more than Common Crawl stores of one page (1 MiB until 2025, 5 MiB since)
_SNIFF = 1 << 20  # bytes after a first record searched for a second one in the same member


def read_records(
    file: IO[bytes],
    start: int = 0,
    end: int | None = None,
    *,
    name: str = "",
    limits: ReadLimits | None = None,
) -> Iterator[Record | Damage]:
    """Records and damaged ranges that start in [`start`, `end`) of a seekable `file`, in order.

    Whatever ranges a file is cut into, together they yield what one call for the whole file yields. `name` is put into
    messages. Raises only what `file` itself raises.
    """
    limits = limits or ReadLimits()
    source = Source(file)
    if end is not None and end <= start and source.size:
        return
    layout = _layout(source, limits)
    if layout == "members":
        found = _members(source, _anchor(source, start), end, limits)
    elif start > 0:
        return
    else:
        found, end = stream_records(source, layout == "stream", limits), None
    for event in found:
        if event.offset < start:
            continue
        if (
            end is not None and event.offset >= end and source.size
        ):  # an empty file is damage at 0 in its range [0, 0)
            return
        if isinstance(event, Damage) and name:
            event.message = f"{name}: {event.message}"
        yield event


def _layout(source: Source, limits: ReadLimits) -> str:
    head = source.read(0, HEAD)
    if opens_record(head.lstrip(b"\r\n")):
        return "plain"
    if head.startswith(MAGIC):
        return "stream" if _ignores_members(source, limits) else "members"
    if find_member(source, 0, source.size, opens_record) is not None:
        return "members"
    return "plain"


def _ignores_members(source: Source, limits: ReadLimits) -> bool:
    """Whether the first member holds a second record, or the first record goes on in the second member."""
    member = Member(source, 0)
    stream = ByteStream(member.read)
    block = read_block(stream, limits)
    if block.fault == "end":
        return False
    if block.fault is None and block.missing and member.end is not None:
        following = ByteStream(Member(source, member.end).read).peek(HEAD)
        # A length that is too large by mistake takes later records in, if there are any in this member.
        apart = opens_record(following) or (not following.strip(b"\r\n") and find_record(block.body, 1) < 0)
        return not apart
    after = block.raw + stream.peek(_SNIFF) if block.fault else stream.peek(_SNIFF)
    return find_record(after, 1 if block.fault else 0) >= 0


def _anchor(source: Source, start: int) -> int:
    back = LOOKBACK
    while start > back:
        found = find_member(source, start - back, start, opens_record)
        if found is not None:
            return found
        back *= 4
    return 0


def _members(source: Source, offset: int, end: int | None, limits: ReadLimits) -> Iterator[Record | Damage]:
    """The chain of members from `offset`, which is 0 or opens a record, up to the first that starts at `end`."""
    begin, seen = offset, False
    while offset < source.size and (end is None or offset < end or not seen):
        member = Member(source, offset)
        stream = ByteStream(member.read)
        if opens_record(stream.peek(HEAD)):
            seen = True
            offset = yield from _member(member, stream, source, limits)
            continue
        stream.skip_newlines()
        if not stream.peek(1) and member.fault is None and member.end is not None:
            offset = (
                member.end
            )  # an empty member, or one of line ends: some writers leave them between records
            continue
        if only_zeros(source, offset, source.size):
            break  # padding
        following = find_member(source, offset + 1, source.size, opens_record)
        if following is None and begin == 0 and not seen:
            break
        stop = source.size if following is None else following
        yield damage(offset, stop - offset, _kind(source, offset, following, member))
        offset = stop
    if begin == 0 and not seen:
        yield damage(0, source.size, "not_warc")


def _kind(source: Source, offset: int, following: int | None, member: Member) -> str:
    if member.fault == "truncated" and following is None:
        return "truncated"
    if source.read(offset, len(MAGIC)) == MAGIC:
        return "corrupt_member" if member.fault else "garbage"
    return "zeros" if only_zeros(source, offset, following or source.size) else "garbage"


def _member(
    member: Member, stream: ByteStream, source: Source, limits: ReadLimits
) -> Generator[Record | Damage, None, int]:
    """The record of one member, or all of them if it holds several; returns where the next member is looked for."""
    number = 0
    while True:
        here = member.offset + number
        block = read_block(stream, limits)
        newlines = stream.skip_newlines()
        if block.fault is None and (tail := stream.peek(HEAD)) and not opens_record(tail):
            _extend(block, newlines, stream, limits)
        elif block.fault is not None:
            stream.skip(limits.skipped_bytes)
        last = not stream.peek(1)
        if (last and member.end is None) or (block.fault and not last):
            following = find_member(source, member.offset + 1, source.size, opens_record)
            stop = source.size if following is None else following
            broken = "truncated" if member.fault == "truncated" and following is None else "corrupt_member"
            yield damage(here, stop - here, broken if member.fault else "oversize")
            return stop
        end = member.end if last and member.end is not None else here
        if block.fault is not None:
            yield damage(here, end - here, "bad_header" if block.fault == "truncated" else block.fault)
            return end
        assert block.header is not None
        if last and member.fault and (block.missing or digest_agrees(block.header, block.body) is False):
            yield damage(here, end - here, "corrupt_member")
            return end
        if block.missing:  # the member is sound, so it is the length that is wrong
            block.body = block.body.removesuffix(b"\r\n\r\n")
        problem = "wrong_length" if block.missing else member.fault
        yield to_record(block, here, end - here if number == 0 else 0, "file", problem)
        if last:
            return end
        number += 1


def _extend(block: Block, newlines: bytes, stream: ByteStream, limits: ReadLimits) -> None:
    """Adds to a body what lies between the end that Content-Length gave and the next record of its member."""
    room = max(0, limits.record_bytes - len(block.body) - len(newlines))
    size = min(room, HEAD)
    # In growing steps, as a hostile member holds many short records.
    while (at := find_record(rest := stream.peek(size))) < 0 and len(rest) == size < room:
        size = min(room, size * 4)
    stream.take(at if at >= 0 else len(rest))
    block.body = (block.body + newlines + rest[: at if at >= 0 else len(rest)]).removesuffix(b"\r\n\r\n")
    block.missing = -len(rest)
    if at < 0 and stream.peek(1):
        block.truncated = True
        stream.skip(limits.skipped_bytes)
