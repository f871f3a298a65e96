"""`.warc.zst`: with and without a dictionary, damage, byte ranges, bombs."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pipeline.extract import records
from pipeline.inputs import kind_of
from pipeline.members import HEAD, Source, find_member, head_of
from pipeline.record import Damage, ReadLimits, Record
from pipeline.record_header import opens_record
from pipeline.warc import read_records
from pipeline.zstd_frames import DICTIONARY_BYTES, Frame, begins_zstd, read_dictionary, zstd_packing
from tests.pipeline.test_warc import block, cut_anywhere, damages, read, record, signature, urls

DICTIONARY = zstandard.train_dictionary(2000, [record(number) for number in range(1000, 1400)])


def frame(data: bytes, *, dictionary: bool = False, **options: Any) -> bytes:
    packer = zstandard.ZstdCompressor(
        dict_data=DICTIONARY if dictionary else None, **{"write_checksum": True, **options}
    )
    return packer.compress(data)


def skippable(data: bytes, kind: int = 0xD) -> bytes:
    return struct.pack("<II", 0x184D2A50 + kind, len(data)) + data


HEADS = {
    "no dictionary": b"",
    "a dictionary": skippable(DICTIONARY.as_bytes()),
    "a compressed dictionary": skippable(frame(DICTIONARY.as_bytes())),
}


def chain(head: str, count: int = 6, size: int = 60) -> list[bytes]:
    """The parts of a file with one frame a record."""
    packed = [frame(record(n, block(n, size)), dictionary=head != "no dictionary") for n in range(count)]
    return [*([HEADS[head]] if HEADS[head] else []), *packed]


@pytest.mark.parametrize("head", HEADS)
def test_a_frame_a_record(head: str) -> None:
    parts = chain(head)
    data = b"".join(parts)
    events = read(data)
    assert damages(events) == []
    assert [event.body for event in events if isinstance(event, Record)] == [block(n, 60) for n in range(6)]
    offset = len(HEADS[head])
    for event, part in zip(events, parts[-6:], strict=True):
        assert (event.offset, event.length, event.offset_in) == (offset, len(part), "file")
        offset += len(part)
    assert begins_zstd(data)
    assert (read_dictionary(Source(io.BytesIO(data))) is None) is (head == "no dictionary")


@pytest.mark.parametrize("head", HEADS)
def test_any_cut_into_ranges_gives_the_same_records(head: str) -> None:
    parts = chain(head)
    cut_anywhere(b"".join(parts), 3)
    parts[-3] = parts[-3][:60] + b"\xff" * 20 + parts[-3][80:]
    parts.insert(-4, b"garbage " + b"\x28\xb5\x2f\xfd\0" * 4)
    parts.insert(-2, skippable(b"whatever", 0))
    parts.append(bytes(100))
    cut_anywhere(b"".join(parts), 3)


@pytest.mark.parametrize("with_dictionary", [False, True])
def test_a_file_in_one_frame(with_dictionary: bool) -> None:
    plain = b"".join(record(number) for number in range(5))
    data = HEADS["a dictionary" if with_dictionary else "no dictionary"] + frame(
        plain, dictionary=with_dictionary
    )
    events = read(data)
    assert urls(events) == list(range(5))
    for event in events:
        assert event.offset_in == "stream"
        assert plain[event.offset : event.offset + event.length] == record(urls([event])[0])
    assert read(data, 10, None) == []
    packed = b"".join(frame(plain[at : at + 700]) for at in range(0, len(plain), 700))
    assert urls(read(packed)) == list(range(5)), "frames without regard to records"


def test_a_record_of_several_frames() -> None:
    """The specification lets a record be cut into frames; a range owns it whole."""
    long = record(1, block(1, 5000))
    pieces = [frame(long[at : at + 2000]) for at in range(0, len(long), 2000)]
    parts = [frame(record(0)), *pieces, frame(b""), frame(record(2))]
    events = read(b"".join(parts))
    assert (urls(events), damages(events)) == ([0, 1, 2], [])
    assert isinstance(events[1], Record)
    assert (events[1].body, events[1].problem) == (block(1, 5000), None)
    assert events[1].length == sum(map(len, pieces))
    cut_anywhere(b"".join(parts), 7)
    cut_anywhere(b"".join(parts[1:]), 7)  # the first record, too
    events = read(b"".join(parts), limits=ReadLimits(record_bytes=3000))
    assert isinstance(events[1], Record)
    assert (len(events[1].body), events[1].truncated, urls(events)) == (3000, True, [0, 1, 2])
    assert urls(read(b"".join(parts[:2] + parts[3:]))) == [0, 1, 2], "with a piece missing it is told"
    assert damages(read(b"".join(parts[:2] + parts[3:]))) != []


@pytest.mark.parametrize("head", HEADS)
def test_flipping_any_byte_costs_at_most_its_own_frame(head: str) -> None:
    parts = chain(head, 3, 20)
    first = sum(map(len, parts[:-2]))
    data = b"".join(parts)
    for at in range(first, first + len(parts[-2])):
        changed = bytearray(data)
        changed[at] ^= 0x41
        events = read(bytes(changed))
        whole = {event.body for event in events if isinstance(event, Record) and event.problem is None}
        assert {block(0, 20), block(2, 20)} <= whole, at
        assert len(events) == 3, at
        assert whole <= {block(n, 20) for n in range(3)}, at


@pytest.mark.parametrize("head", HEADS)
def test_truncated_at_every_byte_keeps_all_whole_records(head: str) -> None:
    parts = chain(head, 3, 20)
    data, begin = b"".join(parts), len(HEADS[head])
    ends = [begin + sum(map(len, parts[-3 : -3 + n])) for n in (1, 2)] + [len(data)]
    for cut in range(1, len(data)):
        events = read(data[:cut])
        whole = [number for number, end in enumerate(ends) if end <= cut]
        assert urls(events) == whole, cut
        if cut not in ends:
            assert [kind for kind, _, _ in damages(events)] == [
                "truncated" if whole else damages(events)[0][0]
            ]
            assert len(damages(events)) == 1, cut


@pytest.mark.parametrize("with_dictionary", [False, True])
def test_random_damage_loses_no_record_that_it_does_not_touch(with_dictionary: bool) -> None:
    for seed in range(150):
        draw = random.Random(seed)
        texts = [record(n, block(n, draw.randrange(10, 1500))) for n in range(draw.randrange(3, 30))]
        pieces = [frame(text, dictionary=with_dictionary) for text in texts]
        head = HEADS["a dictionary" if with_dictionary else "no dictionary"]
        starts = [len(head) + sum(map(len, pieces[:n])) for n in range(len(pieces) + 1)]
        data, touched = bytearray(head + b"".join(pieces)), set()
        for _ in range(draw.choice([1, 1, 2])):
            at = draw.randrange(len(head), len(data))
            size = min(draw.choice([1, 30, 3000]), len(data) - at)
            data[at : at + size] = bytes([data[at] ^ 1 << draw.randrange(8)]) if size == 1 else bytes(size)
            touched |= {n for n in range(len(pieces)) if starts[n] < at + size and at < starts[n + 1]}
        found = {event.body for event in read(bytes(data)) if isinstance(event, Record)}
        for number in set(range(len(pieces))) - touched:
            assert texts[number].partition(b"\r\n\r\n")[2][:-4] in found, (seed, number)


def test_dictionaries_that_cannot_be_used() -> None:
    packed = b"".join(chain("a dictionary")[1:])
    huge = skippable(bytes(DICTIONARY_BYTES + 1))
    bomb = skippable(frame(bytes(DICTIONARY_BYTES + 1)))
    flipped = bytearray(HEADS["a compressed dictionary"])
    flipped[-1] ^= 1
    other = zstandard.train_dictionary(2000, [record(n) for n in range(2000, 2400)], dict_id=77)
    for head in (b"", skippable(b"none"), skippable(b"\x37\xa4\x30\xec" + b"none" * 9), huge, bomb):
        assert damages(read(head + packed)) == [("bad_dictionary", 0, len(head + packed))]
    for head in (bytes(flipped), skippable(other.as_bytes())):
        assert damages(read(head + packed)) == [("bad_dictionary", 0, len(head + packed))]
    events = read(frame(record(10)) + packed + frame(record(11)))
    assert urls(events) == [10, 11]
    assert [kind for kind, _, _ in damages(events)] == ["bad_dictionary"]


def test_a_frame_without_a_checksum_is_held_to_the_digest_of_its_record() -> None:
    digest = b"WARC-Block-Digest: sha1:" + b"A" * 32 + b"\r\nContent-Length"
    text = record(1).replace(b"Content-Length", digest, 1)
    for checksum, problem in ((True, None), (False, "bad_digest")):
        event = read(frame(record(0)) + frame(text, write_checksum=checksum))[1]
        assert isinstance(event, Record)
        assert event.problem == problem


def test_a_window_beyond_the_limit_is_not_allocated() -> None:
    parameters = zstandard.ZstdCompressionParameters(
        window_log=28, enable_ldm=False, write_content_size=False
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wide = packer.compress(record(1)) + packer.flush()
    events = read(frame(record(0)) + wide + frame(record(2)))
    assert urls(events) == [0, 2]
    assert [kind for kind, _, _ in damages(events)] == ["oversize"]


def test_a_skippable_frame_whose_length_lies_hides_no_record() -> None:
    parts = [frame(record(0)), skippable(b"x" * 50), frame(record(1)), frame(record(2))]
    for stated in (0, 30, 60, 1 << 20):
        changed = parts[1][:4] + struct.pack("<I", stated) + parts[1][8:]
        assert urls(read(b"".join([parts[0], changed, *parts[2:]]))) == [0, 1, 2], stated


def test_frames_are_found_again() -> None:
    data = b"\x28\xb5\x2f\xfd" * 3 + frame(record(0))
    source = Source(io.BytesIO(data))
    packing = zstd_packing(source)
    assert find_member(source, packing, 0, len(data), opens_record) == 12
    assert head_of(packing.open(source, 12)) == record(0)[:HEAD]
    assert Frame(source, 0).fault == "corrupt_member"


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    size = 1 << 30
    packer = zstandard.ZstdCompressor().compressobj()
    with open(tmp_path / "bomb.warc.zst", "wb") as file:
        file.write(packer.compress(record(0, b"", str(size)).removesuffix(b"\r\n\r\n")))
        for _ in range(size >> 20):
            file.write(packer.compress(bytes(1 << 20)))
        file.write(packer.flush())
    code = (
        "import sys; from pipeline.warc import read_records\n"
        "with open(sys.argv[1], 'rb') as file: events = list(read_records(file))\n"
        "status = open('/proc/self/status').read()\n"
        "print(len(events), events[0].truncated, status.partition('VmHWM:')[2].split()[0])"
    )
    path = str(tmp_path / "bomb.warc.zst")
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    count, truncated, kibibytes = run.stdout.split()
    assert (count, truncated) == ("1", "True")
    assert int(kibibytes) < 150 << 10


@pytest.mark.parametrize("head", HEADS)
def test_the_verb_reads_them(head: str, tmp_path: Path) -> None:
    path = tmp_path / "x.warc.zst"
    path.write_bytes(b"".join(chain(head)))
    assert kind_of(str(path)) == "warc"
    assert [line["url"] for line in records(str(path))] == [f"http://example.com/{n}" for n in range(6)]


@pytest.mark.parametrize(
    "name", ["ok-gz-per-record", "bad-date", "all-record-types", "chunked", "bare-lf-headers"]
)
@pytest.mark.parametrize("with_dictionary", [False, True])
def test_real_records_are_the_same_as_zstd(data_dir: Path, name: str, with_dictionary: bool) -> None:
    path = data_dir / "warc_broken" / f"{name}.warc.gz"
    with open(path, "rb") as file:
        events = [event for event in read_records(file) if isinstance(event, Record)]
        texts = [_text(file, event) for event in events]
    head = HEADS["a dictionary" if with_dictionary else "no dictionary"]
    again = read(head + b"".join(frame(text, dictionary=with_dictionary) for text in texts))
    assert [event.body for event in again if isinstance(event, Record)] == [event.body for event in events]
    # A byte of each frame in turn: the others stay.
    for number in range(len(texts)):
        packed = [bytearray(frame(text, dictionary=with_dictionary)) for text in texts]
        packed[number][len(packed[number]) // 2] ^= 0xFF
        found = [e.body for e in read(head + b"".join(packed)) if isinstance(e, Record) and not e.problem]
        others = [event.body for event in events if event is not events[number]]
        assert [body for body in found if body in others] == others


def _text(file: io.BufferedReader, event: Record) -> bytes:
    source = Source(file)
    from pipeline.gzip_members import Member

    member, pieces = Member(source, event.offset), []
    while piece := member.read(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def test_a_real_file_as_zstd(data_dir: Path) -> None:
    """600 pages of Common Crawl's kind, by ranges, with a hole amid them."""
    path = data_dir / "web" / "TEST-PUBLIC-00000.warc.gz"
    with open(path, "rb") as file:
        events = [event for event in read_records(file, 0, 3 << 20) if isinstance(event, Record)]
        texts = [_text(file, event) for event in events]
    trained = zstandard.train_dictionary(100_000, texts[:300])
    packer = zstandard.ZstdCompressor(dict_data=trained, write_checksum=True)
    packed = [packer.compress(text) for text in texts]
    data = skippable(frame(trained.as_bytes())) + b"".join(packed)
    whole = read(data)
    assert [e.body for e in whole if isinstance(e, Record)] == [e.body for e in events]
    parts = [e for at in range(0, len(data), 400_000) for e in read(data, at, at + 400_000)]
    assert signature(parts) == signature(whole)
    holed = bytearray(data)
    holed[1_000_000:1_010_000] = bytes(10_000)
    found = read(bytes(holed))
    lost = [e for e in found if isinstance(e, Damage)]
    assert len(lost) == 1
    inside = [e for e in whole if lost[0].offset <= e.offset < lost[0].offset + lost[0].length]
    assert len(found) == len(whole) - len(inside) + 1


@pytest.mark.parametrize("folder", ["warc_broken", "warc_odd", "warc_real"])
def test_all_files_as_zstd(data_dir: Path, folder: str) -> None:
    """A frame a record and one for the whole file hold what the file holds; a hole costs what it touches."""
    for path in sorted((data_dir / folder).iterdir()):
        with open(path, "rb") as file:
            events = [
                e for e in read_records(file, in_stream=True) if isinstance(e, Record) and not e.problem
            ]
        texts = [_rebuilt(event) for event in events]
        if not texts:
            continue
        data = b"".join(map(frame, texts))
        whole = read(data)
        assert [event.body for event in whole if isinstance(event, Record)] == [e.body for e in events], (
            path.name
        )
        one = [event for event in read(frame(b"".join(texts))) if isinstance(event, Record)]
        assert [event.body for event in one] == [event.body for event in events], path.name
        at = len(data) // 2
        holed = data[:at] + bytes(60) + data[at + 60 :]
        touched = [event for event in whole if event.offset < at + 60 and at < event.offset + event.length]
        sound = [event for event in read(holed) if isinstance(event, Record) and event.problem is None]
        kept = [event for event in whole if event not in touched]
        assert [e.body for e in sound] == [e.body for e in kept if isinstance(e, Record)], path.name
        read(data[:at])


def _rebuilt(event: Record) -> bytes:
    head = f"WARC/1.1\r\nWARC-Type: {event.type}\r\nContent-Length: {len(event.body)}\r\n\r\n"
    return head.encode() + event.body + b"\r\n\r\n"
