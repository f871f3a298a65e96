"""The reading room on real pages: what the manifest says of them, byte ranges, and trafilatura's own result."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from pipeline.charset import charset_parameter, decode, encoding_of
from pipeline.extract import ExtractSettings, Tally, extract_range, records
from pipeline.http import decode_body, header, parse_response
from pipeline.record import Damage, Record
from pipeline.warc import read_records

NAME = "TEST-PUBLIC-00001.warc.gz"
LIMIT = 64 << 20


@pytest.fixture(scope="module")
def manifest(data_dir: Path) -> dict[int, dict[str, str]]:
    with gzip.open(data_dir / "web" / "manifest.tsv.gz", "rt") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {int(row["offset"]): row for row in rows if row["warc"] == NAME}


def test_every_page_has_the_bytes_and_the_charset_of_the_manifest(
    data_dir: Path, manifest: dict[int, dict[str, str]]
) -> None:
    seen = 0
    with open(data_dir / "web" / NAME, "rb") as file:
        for record in read_records(file):
            assert isinstance(record, Record)
            if record.type != "response":
                continue
            row = manifest[record.offset]
            response = parse_response(record.body)
            body = decode_body(response, LIMIT)
            assert hashlib.sha1(body.data).hexdigest() == row["sha1"]
            assert record.url == row["url"]
            encoding = encoding_of(row["true_charset"])
            stated = charset_parameter(header(response.headers, "content-type"))
            with_header, without = decode(body.data, stated), decode(body.data)
            assert with_header.text == without.text, record.url
            if encoding is not None and not body.data.isascii():
                assert with_header.encoding == encoding, record.url
            seen += 1
    assert seen == len(manifest)


def test_ranges_of_four_mebibytes_hold_the_records_of_the_whole(data_dir: Path) -> None:
    size, step = (data_dir / "web" / NAME).stat().st_size, 4 << 20
    with open(data_dir / "web" / NAME, "rb") as file:
        whole = [(e.offset, e.length) for e in read_records(file)]
        parts = [
            (e.offset, e.length) for at in range(0, size, step) for e in read_records(file, at, at + step)
        ]
    assert parts == whole
    assert sum(length for _, length in whole) == size


def test_extraction_agrees_with_trafilatura_itself(data_dir: Path) -> None:
    import trafilatura

    path = data_dir / "web" / NAME
    start, end = 3_000_000, 3_700_000
    tally = Tally()
    parts = list(extract_range(str(path), start, end, ExtractSettings(), tally))
    found = {row["warc_offset"]: row for part in parts for row in part.documents.to_pylist()}
    assert len(found) == tally.documents > 20
    assert tally.failed == {}
    with open(path, "rb") as file:
        for record in read_records(file, start, end):
            if record.offset not in found or not isinstance(record, Record):
                continue
            response = parse_response(record.body)
            page = decode(
                decode_body(response, LIMIT).data, charset_parameter(header(response.headers, "content-type"))
            )
            text = trafilatura.extract(
                page.text, favor_precision=True, include_comments=False, deduplicate=False
            )
            assert found[record.offset]["text"] == (text or "")
    assert sum(bool(row["text"]) for row in found.values()) > 20


def test_damaged_files_have_the_payloads_that_a_robust_reader_delivers(data_dir: Path) -> None:
    folder = data_dir / "warc_broken"
    expected = json.loads((folder / "expected.json").read_text())
    assert expected
    for name, want in expected.items():
        lines = [line for line in records(str(folder / name)) if line["type"] == "response"]
        assert len(lines) == want["responses"], name
        if want["payload_sha1"]:
            assert [line["payload_sha1"] for line in lines] == want["payload_sha1"], name


@pytest.mark.parametrize("folder", ["warc_broken", "warc_odd", "warc_real"])
def test_all_odd_damaged_and_foreign_files_add_up(data_dir: Path, folder: str) -> None:
    settings = ExtractSettings(extractor="resiliparse", page_timeout=1.0)
    paths = sorted((data_dir / folder).iterdir())
    assert paths
    for path in paths:
        tally = Tally()
        rows = [part.documents.num_rows for part in extract_range(str(path), 0, None, settings, tally)]
        assert sum(rows) == tally.documents, path.name
        assert tally.records == sum(tally.skipped.values()) + sum(tally.failed.values()) + tally.documents, (
            path.name
        )
        assert tally.records > 0, path.name
        if folder == "warc_real":
            assert set(tally.failed) <= {"timeout", "oversize"}, path.name


def test_odd_files_are_read_to_the_end(data_dir: Path) -> None:
    paths = sorted((data_dir / "warc_odd").iterdir())
    assert paths
    for path in paths:
        with open(path, "rb") as file:
            events = list(read_records(file))
        assert events, path.name
        ends = [event.offset + event.length for event in events if event.offset_in == "file"]
        assert all(event.offset >= end for event, end in zip(events[1:], ends, strict=False)), path.name


def test_real_files_have_the_records_that_warcio_finds_and_no_damage(data_dir: Path) -> None:
    paths = sorted((data_dir / "warc_real").iterdir())
    assert paths
    for path in paths:
        with open(path, "rb") as file:
            events = list(read_records(file))
        with open(path, "rb") as file:
            count = sum(1 for _ in ArchiveIterator(file, no_record_parse=True))
        assert not [event for event in events if isinstance(event, Damage)], path.name
        assert len(events) == count, path.name
        size = path.stat().st_size
        with open(path, "rb") as file:
            parts = [
                e for at in range(0, size, size // 3 + 1) for e in read_records(file, at, at + size // 3 + 1)
            ]
        assert [(e.offset, e.length) for e in parts] == [(e.offset, e.length) for e in events], path.name
