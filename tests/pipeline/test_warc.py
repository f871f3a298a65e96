"""Reading WARC and ARC files: every layout, every kind of damage, any cut into byte ranges."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from warcio.warcwriter import WARCWriter

from pipeline.gzip_members import Member, Source
from pipeline.record import Damage, ReadLimits, Record
from pipeline.record_header import iso_date, opens_arc, parse_header
from pipeline.warc import Reached, read_records

Events = list[Record | Damage]


def block(number: int, size: int = 300) -> bytes:
    page = f"<html><body><p>page {number}</p>{hashlib.shake_128(b'%d' % number).hexdigest(size)}</body></html>".encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n".encode()
    return head + page


def record(
    number: int, body: bytes | None = None, length: str | None = None, type_: str = "response"
) -> bytes:
    body = block(number) if body is None else body
    head = (
        f"WARC/1.0\r\nWARC-Type: {type_}\r\nWARC-Record-ID: <urn:uuid:{number}>\r\nWARC-Date: 2020-01-02T03:04:05Z\r\n"
        f"WARC-Target-URI: http://example.com/{number}\r\nContent-Type: application/http; msgtype=response\r\n"
    ).encode()
    stated = str(len(body)) if length is None else length
    return head + f"Content-Length: {stated}\r\n\r\n".encode() + body + b"\r\n\r\n"


def member(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


def read(
    data: bytes, start: int = 0, end: int | None = None, limits: ReadLimits | None = None
) -> list[Record | Damage]:
    return list(read_records(io.BytesIO(data), start, end, limits=limits))


def urls(events: Events) -> list[int]:
    return [int((event.url or "/-1").rpartition("/")[2]) for event in events if isinstance(event, Record)]


def damages(events: Events) -> list[tuple[str, int, int]]:
    return [(event.kind, event.offset, event.length) for event in events if isinstance(event, Damage)]


@pytest.fixture(scope="module")
def chain() -> tuple[list[bytes], list[int]]:
    """Fifty members, and the offset of each and of the end."""
    members = [member(record(number)) for number in range(50)]
    offsets = [sum(map(len, members[:number])) for number in range(51)]
    return members, offsets


def test_reads_what_warcio_writes() -> None:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    writer.write_record(writer.create_warcinfo_record("x.warc.gz", {"software": "test"}))
    payload = b"HTTP/1.1 200 OK\r\n\r\nhello"
    writer.write_record(
        writer.create_warc_record(
            "http://a/b", "resource", payload=io.BytesIO(payload), warc_content_type="text/plain"
        )
    )
    info, resource = read(out.getvalue())
    assert isinstance(info, Record)
    assert isinstance(resource, Record)
    assert (info.type, info.offset) == ("warcinfo", 0)
    assert (resource.type, resource.url, resource.body) == ("resource", "http://a/b", payload)
    assert resource.offset == info.length
    assert resource.offset + resource.length == len(out.getvalue())
    assert resource.record_id is not None
    assert resource.date is not None
    assert resource.date.endswith("Z")


def test_offset_and_length_cut_out_one_readable_member(chain: tuple[list[bytes], list[int]]) -> None:
    members, offsets = chain
    for number, event in enumerate(read(b"".join(members))):
        assert (event.offset, event.length, event.offset_in) == (
            offsets[number],
            len(members[number]),
            "file",
        )
        assert isinstance(event, Record)
        assert event.body == block(number)


def test_truncated_at_every_byte_keeps_all_whole_records() -> None:
    members = [member(record(number, block(number, 40))) for number in range(3)]
    data = b"".join(members)
    ends = [len(members[0]), len(members[0] + members[1]), len(data)]
    for cut in range(1, len(data)):
        events = read(data[:cut])
        whole = [number for number, end in enumerate(ends) if end <= cut]
        assert urls(events) == whole, cut
        lost = damages(events)
        if cut in ends:
            assert lost == []
        else:
            begin = ends[whole[-1]] if whole else 0
            assert len(lost) == 1, cut
            assert lost[0][1:] == (begin, cut - begin)
            assert lost[0][0] == "truncated" or not whole  # a few bytes are no WARC at all


def test_truncated_plain_file_at_every_byte() -> None:
    parts = [record(number, block(number, 20)) for number in range(2)]
    data = b"".join(parts)
    for cut in range(len(parts[0]), len(data)):
        events = read(data[:cut])
        if cut >= len(data) - 4:  # all but the separator
            assert urls(events) == [0, 1]
        else:
            assert urls(events) == [0], cut
            assert [kind for kind, _, _ in damages(events)] == ([] if cut == len(parts[0]) else ["truncated"])


def test_one_damaged_member_of_fifty_costs_that_member(chain: tuple[list[bytes], list[int]]) -> None:
    members, offsets = chain
    data = bytearray(b"".join(members))
    data[offsets[25] + 60 : offsets[25] + 90] = b"\xff" * 30
    events = read(bytes(data))
    assert urls(events) == [number for number in range(50) if number != 25]
    assert damages(events) == [("corrupt_member", offsets[25], len(members[25]))]


def test_flipping_any_byte_costs_at_most_its_own_member() -> None:
    members = [member(record(number, block(number, 20))) for number in range(3)]
    first, second = len(members[0]), len(members[0]) + len(members[1])
    data = b"".join(members)
    for at in range(first, second):
        changed = bytearray(data)
        changed[at] ^= 0x41
        events = read(bytes(changed))
        whole = [event for event in events if isinstance(event, Record) and event.problem is None]
        assert {block(0, 20), block(2, 20)} <= {event.body for event in whole}, at
        assert len(events) == 3, at
        # Only bytes outside of the checksum, as in the header's time stamp, may change without a word.
        assert all(event.body == block(1, 20) for event in whole if event.offset == first), at


def test_wrong_checksum_is_forgiven_if_the_record_is_whole_and_its_digest_agrees() -> None:
    def with_digest(digest: str) -> bytes:
        text = record(1).replace(
            b"Content-Length", f"WARC-Block-Digest: {digest}\r\nContent-Length".encode(), 1
        )
        packed = bytearray(member(text))
        packed[-8] ^= 1
        return member(record(0)) + bytes(packed) + member(record(2))

    good = read(with_digest("sha1:" + hashlib.sha1(block(1)).hexdigest()))
    assert [(e.problem if isinstance(e, Record) else e.kind) for e in good] == [None, "bad_crc", None]
    for digest, expected in (("sha1:" + "0" * 40, "corrupt_member"), ("whirlpool:0", "bad_crc")):
        event = read(with_digest(digest))[1]
        assert (event.problem if isinstance(event, Record) else event.kind) == expected


@pytest.mark.parametrize(
    ("between", "kind"),
    [
        (b"\0" * 70_000, "zeros"),
        (b"garbage " * 500, "garbage"),
        (b"\x1f\x8b\x08\0rubbish" * 30, "corrupt_member"),
    ],
)
def test_garbage_between_members_is_one_damaged_range(between: bytes, kind: str) -> None:
    first, second = member(record(0)), member(record(1))
    events = read(first + between + second)
    assert urls(events) == [0, 1]
    assert damages(events) == [(kind, len(first), len(between))]


def test_a_hole_over_several_members_is_one_damaged_range(chain: tuple[list[bytes], list[int]]) -> None:
    members, offsets = chain
    data = bytearray(b"".join(members))
    hole = slice(offsets[10] + 100, offsets[14] + 100)
    data[hole] = bytes(hole.stop - hole.start)
    events = read(bytes(data))
    assert urls(events) == [*range(10), *range(15, 50)]
    assert damages(events) == [("corrupt_member", offsets[10], offsets[15] - offsets[10])]


def test_a_member_that_breaks_after_its_head_is_seen_alike_by_all(
    chain: tuple[list[bytes], list[int]],
) -> None:
    members, offsets = chain
    long = member(record(1, block(1, 40_000)))
    broken = long[: len(long) // 2] + b"\xff" * 40 + long[len(long) // 2 + 40 :]
    data = b"\xff" * 10 + members[0][10:] + broken + members[2]
    events = read(data)
    assert urls(events) == [2]
    assert damages(events) == [("garbage", 0, offsets[1]), ("corrupt_member", offsets[1], len(broken))]
    for cut in range(1, len(data), 991):
        assert signature(read(data, 0, cut) + read(data, cut, None)) == signature(events)


def test_a_damaged_head_does_not_cost_the_file(chain: tuple[list[bytes], list[int]]) -> None:
    members, offsets = chain
    data = bytearray(b"".join(members))
    data[:100] = bytes(100)
    events = read(bytes(data))
    assert urls(events) == list(range(1, 50))
    assert damages(events) == [("garbage", 0, offsets[1])]


@pytest.mark.parametrize("padding", [b"\0" * 5000, member(b""), member(b"") * 3 + b"\0", member(b"\r\n") * 2])
def test_padding_at_the_end_is_no_damage(padding: bytes) -> None:
    events = read(member(record(0)) + padding)
    assert urls(events) == [0]
    assert damages(events) == []


def test_empty_members_between_records_are_no_damage() -> None:
    events = read(member(b"") + member(record(0)) + member(b"") * 2 + member(record(1)))
    assert urls(events) == [0, 1]
    assert damages(events) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><body>503 Slow Down</body></html>",
        member(b"<html></html>"),
        b"\0" * 100,
        b"\x1f\x8b",
        hashlib.shake_128(b"").digest(1 << 20),
    ],
)
def test_what_is_no_warc_is_one_failure_of_the_whole_input(data: bytes) -> None:
    assert damages(read(data)) == [("not_warc", 0, len(data))]
    assert damages(read(data, 0, len(data))) == [("not_warc", 0, len(data))]
    assert read(data, 1, None) == []


@pytest.mark.parametrize("layout", ["stream", "plain"])
def test_files_without_member_per_record(layout: str) -> None:
    plain = b"".join(record(number) for number in range(5))
    events = read(member(plain) if layout == "stream" else plain)
    assert urls(events) == list(range(5))
    for event in events:
        assert event.offset_in == ("stream" if layout == "stream" else "file")
        assert plain[event.offset : event.offset + event.length] == record(urls([event])[0])
    assert read(member(plain) if layout == "stream" else plain, 10, None) == []


def test_members_cut_without_regard_to_records() -> None:
    plain = b"".join(record(number) for number in range(3))
    assert urls(read(member(plain[:500]) + member(plain[500:1500]) + member(plain[1500:]))) == [0, 1, 2]


def test_damage_inside_one_member_files_is_reported_once() -> None:
    plain = b"".join(record(number) for number in range(3))
    events = read(member(plain)[:-40])
    assert urls(events) == [0, 1]
    assert [kind for kind, _, _ in damages(events)] == ["truncated"]
    wrong_sum = bytearray(member(plain))
    wrong_sum[-8] ^= 1
    assert [kind for kind, _, _ in damages(read(bytes(wrong_sum)))] == ["corrupt_member"]


def test_several_records_in_a_later_member_have_distinct_offsets() -> None:
    first, second = member(record(0)), member(record(1) + record(2) + record(3))
    events = read(first + second + member(record(4)))
    assert urls(events) == [0, 1, 2, 3, 4]
    assert [event.offset - len(first) for event in events[1:4]] == [0, 1, 2]


@pytest.mark.parametrize("stated", ["100000000", "2000", "20"])
def test_a_wrong_length_is_mended_by_the_member(stated: str) -> None:
    events = read(member(record(0, length=stated)) + member(record(1)))
    assert urls(events) == [0, 1]
    first = events[0]
    assert isinstance(first, Record)
    assert (first.body, first.problem) == (block(0), "wrong_length")


@pytest.mark.parametrize("stated", ["", "abc", "-5", "99999999999999999999"])
def test_a_record_without_a_length_fails_alone(stated: str) -> None:
    first = member(record(0, length=stated))
    events = read(first + member(record(1)))
    assert urls(events) == [1]
    assert damages(events) == [("bad_header", 0, len(first))]
    plain = record(0, length=stated)
    assert damages(read(plain + record(1))) == [("bad_header", 0, len(plain))]


def test_a_wrong_length_in_a_plain_file_costs_that_record() -> None:
    first = record(0, length="50")
    events = read(first + b"".join(record(number) for number in (1, 2, 3)))
    assert urls(events) == [1, 2, 3]
    assert damages(events) == [("wrong_length", 0, len(first))]


def in_layout(plain: bytes, layout: str) -> bytes:
    return member(plain) if layout == "stream" else plain


@pytest.mark.parametrize("layout", ["plain", "stream"])
@pytest.mark.parametrize(
    ("between", "kind"),
    [(b"\0" * 100, "zeros"), (b"\0" * 9000, "zeros"), (b"rubbish " * 50 + b"\n", "garbage")],
)
def test_damage_between_records_costs_none(layout: str, between: bytes, kind: str) -> None:
    plain = record(0) + record(1) + between + record(2) + record(3)
    events = read(in_layout(plain, layout))
    assert urls(events) == [0, 1, 2, 3]
    assert damages(events) == [(kind, len(record(0) + record(1)), len(between))]
    assert all(event.body == block(urls([event])[0]) for event in events if isinstance(event, Record))


@pytest.mark.parametrize("layout", ["plain", "stream"])
def test_a_damaged_version_line_costs_its_record_alone(layout: str) -> None:
    records = [record(number) for number in range(4)]
    records[2] = b"XXXX" + records[2][4:]
    events = read(in_layout(b"".join(records), layout))
    assert urls(events) == [0, 1, 3]
    assert damages(events) == [("garbage", len(records[0] + records[1]), len(records[2]))]


@pytest.mark.parametrize("layout", ["plain", "stream"])
@pytest.mark.parametrize("stated", ["40000", "999999999", "999999999999999999"])
def test_a_length_beyond_the_next_record_costs_its_record_alone(layout: str, stated: str) -> None:
    limits = ReadLimits(record_bytes=10_000)  # some are longer than what is held in memory
    records = [record(number) for number in range(60)]
    records[3] = record(3, length=stated)
    events = read(in_layout(b"".join(records), layout), limits=limits)
    assert urls(events) == [0, 1, 2, *range(4, 60)]
    assert damages(events) == [("wrong_length", sum(map(len, records[:3])), len(records[3]))]


def test_many_lengths_that_lead_nowhere_do_not_read_the_file_again_and_again() -> None:
    plain = b"".join(record(number, b"x", length="999999999") for number in range(3000))
    assert len(damages(read(plain, limits=ReadLimits(record_bytes=1000)))) == 3000


@pytest.mark.parametrize("type_", ["warcinfo", "response"])
def test_a_wrong_first_length_does_not_hide_a_one_member_file(type_: str) -> None:
    plain = record(0, length="5000000", type_=type_) + b"".join(record(number) for number in range(1, 30))
    events = read(member(plain))
    assert urls(events) == list(range(1, 30))
    assert damages(events) == [("wrong_length", 0, len(record(0, length="5000000", type_=type_)))]


def test_a_hole_inside_a_record_is_told_by_its_digest() -> None:
    digest = f"WARC-Block-Digest: sha1:{hashlib.sha1(block(1)).hexdigest()}\r\nContent-Length"
    text = record(1).replace(b"Content-Length", digest.encode(), 1)
    at = text.index(b"page 1")
    holed = text[:at] + bytes(100) + text[at + 100 :]
    for data, problem in ((text, None), (holed, "bad_digest")):
        assert [event.problem for event in read(record(0) + data) if isinstance(event, Record)] == [
            None,
            problem,
        ]


@pytest.mark.parametrize("level", [0, 9])
def test_what_cannot_be_inflated_in_a_one_member_file_is_told_in_bytes_of_the_file(level: int) -> None:
    plain = b"".join(record(number, block(number, 2000)) for number in range(30))
    packed = bytearray(member(plain, level))
    # Stored data carries the damage on to the checksum; packed data breaks where it is.
    packed[-5 if level == 0 else len(packed) // 2] ^= 0xFF
    events = read(bytes(packed) + member(record(50)))
    (lost,) = [event for event in events if isinstance(event, Damage) and event.offset_in == "file"]
    assert lost.kind == "corrupt_member"
    assert lost.offset < lost.offset + lost.length
    last = events[-1]
    assert isinstance(last, Record if level else Damage)
    assert isinstance(last, Damage) or last.url == "http://example.com/50"


def test_a_member_of_many_short_records_is_read_once() -> None:
    # Each has more bytes than it states, which are looked for as far as the limit.
    short = member(b"".join(record(number, b"abc", length="0") for number in range(5000)) + block(0, 1 << 20))
    assert len(urls(read(member(record(9999)) + short))) == 5001


def test_a_length_off_by_the_separator_is_mended_in_a_plain_file() -> None:
    for change in (-4, -2, 2, 4):
        events = read(record(0, length=str(len(block(0)) + change)) + record(1))
        assert urls(events) == [0, 1], change
        assert isinstance(events[0], Record)
        assert events[0].body.rstrip() == block(0)


def test_missing_and_surplus_separators() -> None:
    bare = [record(number).removesuffix(b"\r\n\r\n") for number in range(3)]
    assert urls(read(b"".join(bare))) == [0, 1, 2]
    assert urls(read(b"\r\n\r\n\r\n\r\n".join(bare))) == [0, 1, 2]
    assert damages(read(b"\n\n".join(bare))) == []


def test_a_header_beyond_the_limit_fails_alone() -> None:
    long = record(0).replace(b"Content-Length", b"X-Long: " + b"a" * (1 << 20) + b"\r\nContent-Length", 1)
    first = member(long)
    events = read(first + member(record(1)))
    assert urls(events) == [1]
    assert damages(events) == [("oversize", 0, len(first))]
    assert urls(read(long + record(1))) == [1]


def test_bodies_are_cut_at_the_limit() -> None:
    big = record(0, block(0) + bytes(200_000))
    for data in (member(big) + member(record(1)), member(big + record(1)), big + record(1)):
        events = read(data, limits=ReadLimits(record_bytes=10_000))
        assert urls(events) == [0, 1]
        assert isinstance(events[0], Record)
        assert (len(events[0].body), events[0].truncated) == (10_000, True)


def test_a_member_that_never_ends_is_given_up() -> None:
    bomb = member(record(0, bytes(5_000_000)))
    events = read(bomb + member(record(1)), limits=ReadLimits(record_bytes=10_000, skipped_bytes=1_000_000))
    assert urls(events) == [1]
    assert damages(events) == [("oversize", 0, len(bomb))]


def test_a_gzip_bomb_takes_little_memory(tmp_path: Path) -> None:
    size = 512 << 20
    with gzip.open(tmp_path / "bomb.warc.gz", "wb", compresslevel=1) as file:
        file.write(record(0, b"", str(size)).removesuffix(b"\r\n\r\n"))
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    code = (
        "import sys; from pipeline.warc import read_records\n"
        "with open(sys.argv[1], 'rb') as file: events = list(read_records(file))\n"
        "status = open('/proc/self/status').read()\n"
        "print(len(events), events[0].truncated, status.partition('VmHWM:')[2].split()[0])"
    )
    path = str(tmp_path / "bomb.warc.gz")
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    count, truncated, kibibytes = run.stdout.split()
    assert (count, truncated) == ("1", "True")
    assert int(kibibytes) < 150 << 10


def signature(events: Events) -> list[tuple[str, int, int]]:
    return [(e.type if isinstance(e, Record) else e.kind, e.offset, e.length) for e in events]


def cut_anywhere(data: bytes, step: int = 1) -> None:
    whole = signature(read(data))
    for cut in range(1, len(data), step):
        pieces = read(data, 0, cut) + read(data, cut, min(len(data), cut + 700)) + read(data, cut + 700, None)
        assert signature(pieces) == whole, cut
        reached = Reached()
        ends = (0, cut, min(len(data), cut + 700), None)
        known = [
            event
            for start, end in itertools.pairwise(ends)
            for event in read_records(io.BytesIO(data), start or 0, end, reached=reached)
        ]
        assert signature(known) == whole, cut


def test_any_cut_into_ranges_gives_the_same_records() -> None:
    cut_anywhere(b"".join(member(record(number, block(number, 30))) for number in range(6)))


def test_any_cut_of_a_damaged_file_gives_the_same_records_and_damage() -> None:
    parts = [member(record(number, block(number, 30))) for number in range(6)]
    parts[1] = parts[1][:80] + b"\xff" * 20 + parts[1][100:]
    parts.insert(3, b"garbage \x1f\x8b\x08\0\0" * 4)
    parts.insert(4, member(b""))
    parts.append(bytes(100))
    cut_anywhere(b"".join(parts))
    cut_anywhere(b"".join(parts[1:-2])[:-30])


def test_a_stored_page_that_is_a_warc_itself_stays_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = b"".join(member(record(100 + number, block(number, 30))) for number in range(3))
    outer = [member(record(0)), member(record(1, b"HTTP/1.1 200 OK\r\n\r\n" + inner), 0), member(record(2))]
    data = b"".join(outer)
    assert inner in data  # level 0 stores it as it is
    assert urls(read(data)) == [0, 1, 2]
    cut_anywhere(data, 3)
    # The same with less to look back on: a member before the range starts is still found and followed.
    monkeypatch.setattr("pipeline.warc.LOOKBACK", len(outer[1]) + 50)
    cut_anywhere(data, 7)


def test_lookback_grows_over_long_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.warc.LOOKBACK", 16)
    cut_anywhere(
        b"".join(member(record(number, block(number, 30))) for number in range(5)) + bytes(50) + b"x", 5
    )


ARC = (
    b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain 71\n1 1 Org\n"
    b"URL IP-address Archive-date Content-type Archive-length\n\n\n\n\n\n\n\n\n"
)


@pytest.mark.parametrize("packed", [False, True])
def test_arc_files(packed: bool) -> None:
    one = b"http://a/1 1.2.3.4 20080430204826 text/html %d\n" % len(block(1)) + block(1) + b"\n"
    two = (
        b"http://a/2 1.2.3.4 20080430204827 text/html 200 - - 500 a.arc %d\n" % len(block(2))
        + block(2)
        + b"\n"
    )
    parts = [ARC, one, two]
    events = read(b"".join(member(part) for part in parts) if packed else b"".join(parts))
    assert damages(events) == []
    assert [event.type for event in events if isinstance(event, Record)] == [
        "warcinfo",
        "response",
        "response",
    ]
    last = events[2]
    assert isinstance(last, Record)
    assert (last.url, last.date, last.body) == ("http://a/2", "2008-04-30T20:48:27Z", block(2))


@pytest.mark.parametrize(
    ("stated", "read_as"),
    [
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05.123456Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"),
        ("2020-01-02T03:04", "2020-01-02T03:04:00Z"),
        ("2020-01-02", "2020-01-02T00:00:00Z"),
        ("2020-01", "2020-01-01T00:00:00Z"),
        ("2020", "2020-01-01T00:00:00Z"),
        ("20200102030405", "2020-01-02T03:04:05Z"),
        ("yesterday", None),
        ("2020-13-01", None),
        ("9999-12-31T23:59:59-10:00", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_become_iso_8601_in_utc(stated: str | None, read_as: str | None) -> None:
    assert iso_date(stated) == read_as


def test_header_fields() -> None:
    parsed = parse_header(
        b"WARC/1.1\nwarc-type: Response\nWARC-Target-URI: <http://a/b c>\nX: \xe9\n folded\nContent-Length: 7\n\n"
    )
    assert parsed is not None
    assert (parsed.type, parsed.url, parsed.length) == ("response", "http://a/b%20c", 7)
    assert not opens_arc(b"http://a/ 1.2.3.4 never text/html 12\n")


def test_member_reads_headers_with_extra_field_name_and_comment() -> None:
    raw = zlib.compressobj(wbits=-15)
    deflated = raw.compress(b"hello") + raw.flush()
    tail = zlib.crc32(b"hello").to_bytes(4, "little") + (5).to_bytes(4, "little")
    data = (
        b"\x1f\x8b\x08\x1e\0\0\0\0\0\3" + b"\4\0sl\0\0" + b"name\0" + b"comment\0" + b"\0\0" + deflated + tail
    )
    found = Member(Source(io.BytesIO(data)), 0)
    assert found.read(100) == b"hello"
    assert found.read(100) == b""
    assert (found.end, found.fault) == (len(data), None)


def test_reads_from_files_that_return_less_than_asked() -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 7))

    data = b"".join(member(record(number)) for number in range(3))
    assert urls(list(read_records(Dribble(data)))) == [0, 1, 2]


def test_messages_name_the_file() -> None:
    (damage,) = read_records(io.BytesIO(b"<html>"), name="x.warc.gz")
    assert isinstance(damage, Damage)
    assert damage.message.startswith("x.warc.gz: ")
