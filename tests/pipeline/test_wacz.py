"""WARCs inside a WACZ: stored and deflated, several of them, damaged archives, bombs."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import IO, cast

import pytest

from pipeline.extract import ExtractSettings, Tally, extract_range, records
from pipeline.inputs import find_inputs, kind_of
from pipeline.record import Damage, ReadLimits, Record
from pipeline.wacz import BETWEEN, EntryFile, find_entries, read_file
from tests.pipeline.conftest import sluice, stats
from tests.pipeline.test_warc import Events, block, damages, member, record, signature, urls
from tests.pipeline.test_zstd import frame

PLAIN = [b"".join(record(number) for number in range(start, start + 5)) for start in (0, 5, 10)]
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def per_record(start: int, count: int = 5) -> bytes:
    return b"".join(member(record(number)) for number in range(start, start + count))


def wacz(*entries: tuple[str, bytes], method: int = STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("datapackage.json", "{}")
        for name, data in entries:
            archive.writestr(name, data)
        archive.writestr("indexes/index.cdx.gz", gzip.compress(b"com,example)/ 2020 {}\n"))
    return out.getvalue()


def read(data: bytes, start: int = 0, end: int | None = None, name: str = "a.wacz") -> Events:
    return list(read_file(io.BytesIO(data), start, end, name=name))


LAYOUTS = {
    "plain": ("archive/data.warc", PLAIN[0]),
    "gzip a record": ("archive/data.warc.gz", per_record(0)),
    "one gzip member": ("archive/data.warc.gz", member(PLAIN[0])),
    "a zstd frame a record": ("archive/data.warc.zst", b"".join(frame(record(n)) for n in range(5))),
}


@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_records_are_placed_in_the_decompressed_warc(layout: str, method: int) -> None:
    events = read(wacz(LAYOUTS[layout], method=method))
    assert (urls(events), damages(events)) == (list(range(5)), [])
    for number, event in enumerate(events):
        assert event.offset_in == "stream"
        assert PLAIN[0][event.offset : event.offset + event.length] == record(number)


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_several_warcs_have_ids_of_their_own(method: int) -> None:
    names = ("archive/z.warc.gz", "archive/deep/a.warc", "archive/m.arc")
    data = wacz((names[0], per_record(0)), (names[1], PLAIN[1]), (names[2], PLAIN[2]), method=method)
    events = read(data)
    assert (urls(events), damages(events)) == (list(range(15)), [])
    for event in events:
        number, offset = divmod(event.offset, BETWEEN)
        assert PLAIN[number][offset : offset + event.length] == record(urls([event])[0])
    assert len({event.offset for event in events}) == 15
    for cut in range(1, len(data), 97):
        assert signature(read(data, 0, cut) + read(data, cut, None)) == signature(events), cut


def test_what_is_not_below_archive_is_no_warc_of_it() -> None:
    assert damages(read(wacz(("pages/x.warc", PLAIN[0])))) == [
        ("not_warc", 0, len(wacz(("pages/x.warc", PLAIN[0]))))
    ]
    assert urls(read(wacz(("../archive/x.warc", PLAIN[0]), ("archive/y.warc", PLAIN[1])))) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_damage_inside_costs_what_it_touches(method: int) -> None:
    broken = bytearray(per_record(0))
    length = len(member(record(0)))
    broken[2 * length + 60 : 2 * length + 90] = b"\xff" * 30
    data = wacz(("archive/a.warc.gz", bytes(broken)), ("archive/b.warc.gz", per_record(5)), method=method)
    events = read(data)
    assert urls(events) == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    (lost,) = [event for event in events if isinstance(event, Damage)]
    (entry, _) = find_entries(io.BytesIO(data)) or []
    if method == STORED:
        assert data[lost.offset : lost.offset + lost.length] == broken[2 * length : 2 * length + lost.length]
        assert lost.offset == entry.data + len(b"".join(member(record(n)) for n in range(2)))
    else:
        assert (lost.offset, lost.length) == (entry.data, entry.stored)


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_any_flipped_byte_is_noticed_or_harmless(method: int) -> None:
    """In the bytes of a WARC it is counted; elsewhere no record is lost without a word."""
    data = wacz(("archive/a.warc", record(0) + record(1)), method=method)
    (entry,) = find_entries(io.BytesIO(data)) or []
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0x11
        events = read(bytes(changed))
        sound = [event.body for event in events if isinstance(event, Record) and event.problem is None]
        stored = method == STORED and entry.data <= at < entry.data + entry.stored
        if sound != [block(0), block(1)] or stored:  # deflated, the last byte may have bits that say nothing
            assert damages(events), at


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_truncated_archives_are_one_counted_failure_or_more(method: int) -> None:
    data = wacz(("archive/a.warc.gz", per_record(0)), method=method)
    (entry,) = find_entries(io.BytesIO(data)) or []
    for cut in range(0, len(data), 13):
        events = read(data[:cut])
        assert damages(events), cut
        if method == STORED and cut >= entry.data + entry.stored:
            assert urls(events) == list(range(5)), "a stored WARC is found without the directory"
    assert damages(read(data[: entry.data])) == [("bad_zip", 0, entry.data)]
    assert damages(read(data[: entry.data], name="renamed.bin")) == [("bad_zip", 0, entry.data)]


def test_archives_that_contradict_themselves() -> None:
    data = wacz(("archive/a.warc", PLAIN[0]), ("archive/b.warc", PLAIN[1]))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)  # in the directory: a.warc
    third = data.index(b"PK\x01\x02", second + 1)
    overlapping = bytearray(data)
    overlapping[third + 42 : third + 46] = data[second + 42 : second + 46]
    assert find_entries(io.BytesIO(bytes(overlapping))) is None
    for offset, value in ((8, 1), (10, 12)):  # encrypted; bzip2
        changed = bytearray(data)
        changed[second + offset] = value
        events = read(bytes(changed))
        assert urls(events) == [5, 6, 7, 8, 9]
        assert [kind for kind, _, _ in damages(events)] == ["bad_zip"]


def test_bombs_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "bomb.wacz"
    with zipfile.ZipFile(out, "w", DEFLATED, compresslevel=1) as archive:
        with archive.open("archive/a.warc", "w", force_zip64=True) as file:
            file.write(record(0, b"", str(1 << 30)).removesuffix(b"\r\n\r\n"))
            for _ in range(300):
                file.write(bytes(1 << 20))
        archive.writestr("archive/b.warc", PLAIN[1])
    with open(out, "rb") as file_:
        events = list(read_file(file_, name="bomb.wacz"))
    assert urls(events) == [5, 6, 7, 8, 9]
    assert [kind for kind, _, _ in damages(events)] == ["oversize"]


def test_a_directory_beyond_the_limit_is_not_read() -> None:
    code = (
        "import io, struct; from pipeline.wacz import read_file\n"
        "size = 200 << 20\n"
        "end = b'PK\\5\\6' + struct.pack('<4H2IH', 0, 0, 1, 1, size, 4, 0)\n"
        "open_ = open('/proc/self/fd/' + str(fd), 'r+b') if (fd := __import__('os').memfd_create('x')) else None\n"
        "open_.write(b'PK\\3\\4'); open_.seek(4 + size); open_.write(end); open_.flush()\n"
        "print([event.kind for event in read_file(open_)])\n"
        "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kinds, kibibytes = run.stdout.splitlines()
    assert kinds == "['bad_zip']"
    assert int(kibibytes) < 250 << 10


def test_entries_are_read_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.wacz._STEP", 1000)
    monkeypatch.setattr("pipeline.wacz._MOST_PLACES", 4)
    data = b"".join(record(number) for number in range(40))
    for method in (STORED, DEFLATED):
        archive = io.BytesIO(wacz(("archive/a.warc", data), method=method))
        (entry,) = find_entries(archive) or []
        opened = EntryFile(archive, entry)
        for at in [*range(0, len(data), 701), *range(len(data), -700, -701), 5, len(data) + 9]:
            opened.seek(at)
            assert opened.tell() == max(0, at)
            assert opened.read(333) == data[max(0, at) :][:333], at
        opened.seek(0)
        assert opened.read() == data
        assert opened.seek(-3, io.SEEK_END) == len(data) - 3
        assert opened.agrees()
        assert (opened.readable(), opened.seekable()) == (True, True)
        broken = EntryFile(archive, entry._replace(crc=entry.crc ^ 1))
        assert not broken.agrees()
    events = list(read_file(cast(IO[bytes], archive), limits=ReadLimits(record_bytes=100)))
    assert urls(events) == list(range(40))


def test_extraction_and_the_whole_road(tmp_path: Path, sample: Path) -> None:
    with gzip.open(sample) as file:
        plain = file.read()
    path = tmp_path / "s.wacz"
    path.write_bytes(wacz(("archive/s.warc.gz", sample.read_bytes()), method=STORED))
    (found,) = find_inputs([str(tmp_path)])
    assert (found.name, found.kind, kind_of("x.WACZ")) == ("s.wacz", "warc", "warc")
    lines = list(records(str(path)))
    assert len(lines) == len(list(records(str(sample))))
    for line in lines[:50]:
        assert plain[line["offset"] :].startswith(b"WARC/")
    settings = ExtractSettings(extractor="resiliparse", page_timeout=1.0)
    tally = Tally()
    rows = [
        row
        for part in extract_range(str(path), 0, None, settings, tally)
        for row in part.documents.to_pylist()
    ]
    assert tally.records == len(lines)
    for row in rows:
        assert row["id"] == f"s.wacz@{row['warc_offset']}"
        assert row["warc_offset_in"] == "stream"
        inside = plain[row["warc_offset"] :][: row["warc_length"]]
        assert f"WARC-Target-URI: {row['url']}".encode() in inside
    run = tmp_path / "run"
    sluice(
        "run",
        "tiny",
        "--input",
        path,
        "--out",
        run,
        "--until",
        "filter",
        "--set",
        "extract.extractor=resiliparse",
    )
    assert stats(run)["records"] == tally.records
    story = json.loads(sluice("why", run, rows[3]["id"], "--json").stdout)
    assert story["url"] == rows[3]["url"]
    skipped = next(line for line in lines if line["type"] == "warcinfo")
    story = json.loads(sluice("why", run, f"s.wacz@{skipped['offset']}", "--json").stdout)
    assert story["reason"] == "warcinfo"


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_odd_and_damaged_real_files_inside_a_wacz(data_dir: Path, method: int) -> None:
    """What is read of them there is what is read of them alone."""
    paths = [
        *sorted((data_dir / "warc_broken").glob("*.warc*")),
        *sorted((data_dir / "warc_odd").glob("*arc*")),
    ]
    for path in paths:
        if path.suffix == ".wacz":
            continue
        data = path.read_bytes()
        alone = [event for event in read(data, name=path.name) if isinstance(event, Record)]
        name = "archive/x.warc" + (".gz" if data[:2] == b"\x1f\x8b" else "")
        packed = wacz((name, data), method=method)
        if method == DEFLATED and len(data) > 4 << 20:
            continue
        inside = [event for event in read(packed) if isinstance(event, Record)]
        assert [event.body for event in inside] == [event.body for event in alone], path.name
        assert len({event.offset for event in inside}) == len(inside), path.name
        # A hole in the archive: no crash, and it is told.
        holed = bytearray(packed)
        holed[len(holed) // 3 : len(holed) // 3 + 40] = bytes(40)
        read(bytes(holed))
        read(packed[: len(packed) // 2])


def test_the_real_wacz(data_dir: Path) -> None:
    path = data_dir / "warc_odd" / "pywb--valid_example_1.wacz"
    lines = list(records(str(path)))
    assert [line["type"] for line in lines] == ["warcinfo", "warcinfo", "response", "request"]
    with zipfile.ZipFile(path) as archive:
        data = archive.read("archive/example-collection.warc")
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    assert [plain[line["offset"] :][:5] for line in lines] == [b"WARC/"] * 4
