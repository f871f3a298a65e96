"""Records of a WARC or ARC file, with every damaged range reported instead of ending the file.

Three layouts occur. *Members*: each record is a gzip member of its own, as Common Crawl writes them, or one or several
zstd frames, as in a `.warc.zst`; such a file can be read by byte range, a range owning the records whose first member
starts in it. *Stream*: one member (or several that do not match the records) holds the whole file. *Plain*: not
compressed. The last two can only be read from the start, so the range that holds offset 0 yields everything and the
others nothing.

After damage, reading resumes at the next place where a member opens and inflates to a record (`gzip_members`), or at
the next line that opens a record. A range that starts at `start` must agree with its neighbours about where members
begin, even when a stored page is itself a WARC: it walks the chain from a member at least `LOOKBACK` bytes before
`start` and discards what lies before. Only a stored .warc.gz that is longer than that can mislead a range inside it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import IO, NamedTuple

from pipeline.bytestream import ByteStream
from pipeline.gzip_members import GZIP
from pipeline.members import Chain, Member, Packing, Source, find_member, only_zeros
from pipeline.record import HEAD, Block, Damage, ReadLimits, Record, damage, fill, read_block, to_record
from pipeline.record_header import digest_agrees, find_record, opens_record
from pipeline.record_stream import stream_records, taken_in
from pipeline.zstd_frames import begins_zstd, zstd_packing

LOOKBACK = 8 << 20  # more than Common Crawl stores of one page (1 MiB until 2025, 5 MiB since)
_SNIFF = 1 << 20  # bytes after a first record searched for a second one in the same member
_EMPTY = 64  # empty members at the head of a file that are passed over in search of its layout


@dataclass
class Reached:
    """Where a reader of a range stopped: the first member behind it starts at `offset`.

    Given to the reader of the next range of the same file it saves the walk from `LOOKBACK` bytes before, which is
    longer than a small range itself.
    """

    end: int = -1  # of the range that was read last
    offset: int = 0


class _Chained(NamedTuple):
    """A file of members, whether its records are placed in the decompressed file, and what is known of members."""

    source: Source
    packing: Packing
    limits: ReadLimits
    in_stream: bool
    reached: Reached

    def find(self, offset: int, stop: int | None = None) -> int | None:
        stop = self.source.size if stop is None else stop
        return find_member(self.source, self.packing, offset, stop, opens_record)


def read_records(
    file: IO[bytes],
    start: int = 0,
    end: int | None = None,
    *,
    name: str = "",
    limits: ReadLimits | None = None,
    in_stream: bool = False,
    reached: Reached | None = None,
) -> Iterator[Record | Damage]:
    """Records and damaged ranges that start in [`start`, `end`) of a seekable `file`, in order.

    Whatever ranges a file is cut into, together they yield what one call for the whole file yields. `name` is put into
    messages. With `in_stream` the whole file is read and the records are placed in it as it is decompressed, in every
    layout. `reached` is what the reader of another range of the same file left, and takes what this one leaves. Raises
    only what `file` itself raises.
    """
    limits = limits or ReadLimits()
    source = Source(file)
    if end is not None and end <= start and source.size:
        return
    layout, packing = _layout(source, limits)
    if layout == "members" and packing is not None:
        chained = _Chained(source, packing, limits, in_stream, reached or Reached())
        found = _members(chained, _anchor(chained, start), end)
    elif start > 0:
        return
    else:
        found, end = stream_records(source, packing, limits), None
    for event in found:
        if event.offset < start:
            continue
        if (
            end is not None and event.offset >= end and source.size
        ):  # an empty file is damage at 0 in its range [0, 0)
            return
        if isinstance(event, Damage) and name:
            event.message = f"{name}: {event.message}"
        if in_stream and layout == "plain":
            event.offset_in = "stream"
        yield event


def _layout(source: Source, limits: ReadLimits) -> tuple[str, Packing | None]:
    head = source.read(0, HEAD)
    if opens_record(head.lstrip(b"\r\n")):
        return "plain", None
    if head.startswith(GZIP.magic) or begins_zstd(head):
        packing = GZIP if head.startswith(GZIP.magic) else zstd_packing(source)
        return "stream" if _ignores_members(source, packing, limits) else "members", packing
    for packing in (GZIP, zstd_packing(source)):
        if find_member(source, packing, 0, source.size, opens_record) is not None:
            return "members", packing
    return "plain", None


def _ignores_members(source: Source, packing: Packing, limits: ReadLimits) -> bool:
    """Whether the first member holds a second record, or the first record ends amid a later member."""
    chain = Chain(source, packing, 0)
    for _ in range(_EMPTY):
        if chain.read(1) or chain.fault is not None or chain.end is None:
            break
        chain = Chain(source, packing, chain.end)
    chain = Chain(source, packing, chain.offset)
    stream = ByteStream(chain.read)
    block = read_block(stream, limits)
    if block.fault == "end":
        return False
    if block.fault is None and block.missing and chain.end is not None:
        if chain.carries_on(block.missing, opens_record):
            return False
        following = ByteStream(packing.open(source, chain.end).read).peek(HEAD)
        # A length that is too large by mistake takes later records in, if there are any in this member.
        apart = opens_record(following) or (not following.strip(b"\r\n") and find_record(block.body, 1) < 0)
        return not apart
    after = block.raw + stream.peek(_SNIFF) if block.fault else stream.peek(_SNIFF)
    if find_record(after, 1 if block.fault else 0) >= 0 or taken_in(block.body) >= 0:
        return True
    return bool(after.strip(b"\r\n")) and find_record(block.body, 1) >= 0


def _anchor(chained: _Chained, start: int) -> int:
    known = chained.reached
    if known.end == start and chained.find(known.offset, known.offset + 1) == known.offset:
        return known.offset
    back = LOOKBACK
    while start > back and not chained.in_stream:
        found = chained.find(start - back, start)
        if found is not None:
            return found
        back *= 4
    return 0


def _members(chained: _Chained, offset: int, end: int | None) -> Iterator[Record | Damage]:
    """The chain of members from `offset`, which is 0 or opens a record, up to the first that starts at `end`."""
    source = chained.source
    begin, seen, fault, inflated = offset, False, "not_warc", 0
    while offset < source.size and (end is None or offset < end or not seen):
        chain = Chain(source, chained.packing, offset)
        stream = ByteStream(chain.read)
        if opens_record(stream.peek(HEAD)):
            seen = True
            offset = yield from _member(chain, stream, chained, inflated)
            inflated += chain.produced
            continue
        stream.skip_newlines()
        if not stream.peek(1) and chain.fault is None and chain.end is not None:
            # An empty member, or one of line ends: some writers leave them between records.
            offset = chain.end
            inflated += chain.produced
            continue
        if only_zeros(source, offset, source.size):
            break  # padding
        following = chained.find(offset + 1)
        if chain.fault == "bad_dictionary":
            fault = chain.fault
        if following is None and begin == 0 and not seen:
            break
        stop = source.size if following is None else following
        yield damage(offset, stop - offset, _kind(chained, offset, following, chain))
        offset = stop
    if begin == 0 and not seen:
        yield damage(0, source.size, fault)
    elif end is not None and seen:
        chained.reached.end, chained.reached.offset = end, offset


def _kind(chained: _Chained, offset: int, following: int | None, member: Member) -> str:
    if member.fault in ("oversize", "bad_dictionary"):
        return member.fault
    if member.fault == "truncated" and following is None:
        return "truncated"
    magic = chained.packing.magic
    if chained.source.read(offset, len(magic)) == magic:
        return "corrupt_member" if member.fault else "garbage"
    return "zeros" if only_zeros(chained.source, offset, following or chained.source.size) else "garbage"


def _member(
    chain: Chain, stream: ByteStream, chained: _Chained, inflated: int
) -> Generator[Record | Damage, None, int]:
    """The record of a chain, or all of them if its member holds several; returns where the next member is looked for.

    `inflated` bytes of the decompressed file come before the chain.
    """
    number = 0
    while True:
        here, at = chain.offset + number, stream.position
        block = _read(chain, stream, chained.limits)
        newlines = stream.skip_newlines()
        if block.fault is None and (tail := stream.peek(HEAD)) and not opens_record(tail):
            _extend(block, newlines, stream, chained.limits)
        elif block.fault is not None:
            stream.skip(chained.limits.skipped_bytes)
        last = not stream.peek(1)
        if (last and chain.end is None) or (block.fault and not last):
            following = chained.find(chain.offset + 1)
            stop = chained.source.size if following is None else following
            broken = "truncated" if chain.fault == "truncated" and following is None else "corrupt_member"
            yield damage(here, stop - here, broken if chain.fault else "oversize")
            return stop
        end = chain.end if last and chain.end is not None else here
        if block.fault is not None:
            yield damage(here, end - here, "bad_header" if block.fault == "truncated" else block.fault)
            return end
        assert block.header is not None
        agrees = (
            digest_agrees(block.header, block.body) if last and (chain.fault or not chain.checked) else None
        )
        if last and chain.fault and (block.missing or agrees is False):
            yield damage(here, end - here, "corrupt_member")
            return end
        if block.missing:  # the member is sound, so it is the length that is wrong
            block.body = block.body.removesuffix(b"\r\n\r\n")
        problem = "wrong_length" if block.missing else chain.fault
        if problem is None and agrees is False and not block.truncated:
            problem = "bad_digest"  # a frame without a checksum
        if chained.in_stream:
            yield to_record(block, inflated + at, stream.position - at, "stream", problem)
        else:
            yield to_record(block, here, end - here if number == 0 else 0, "file", problem)
        if last:
            return end
        number += 1


def _read(chain: Chain, stream: ByteStream, limits: ReadLimits) -> Block:
    """The record at the stream's position, which further members may carry on."""
    block = read_block(stream, limits)
    if block.fault is None and block.missing and chain.carries_on(block.missing, opens_record):
        while block.missing and block.fault is None:
            chain.join()
            fill(block, stream, limits)
    return block


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
