"""WET files: conversion records of plain text, which is the document as it stands; WAT metadata is skipped."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pipeline.extract import records
from pipeline.inputs import find_inputs, kind_of
from pipeline.page import holds_text, text_of
from pipeline.record import Record
from tests.pipeline.conftest import sluice, stats
from tests.pipeline.test_extract import extract, warc

PLAIN = "Content-Type: text/plain"
TEXT = "A title\n\nThe ferry leaves at noon, <b>they</b> say &amp; comes back.\n\n  indented\tÜ 日本\n"


def document(tmp_path: Path, body: bytes, *headers: str) -> str:
    path = tmp_path / "test.warc.wet.gz"
    path.write_bytes(warc(body, "conversion", *(headers or (PLAIN,))))
    ((row,), failed, tally) = extract(str(path))
    assert (failed, tally.documents, tally.responses) == ([], 1, 0)
    return str(row["text"])


def test_the_text_is_the_document_as_it_stands(tmp_path: Path) -> None:
    assert document(tmp_path, TEXT.encode()) == TEXT
    assert (
        document(tmp_path, b"HTTP/1.1 404 Not Found\r\n\r\nsays the page")
        == "HTTP/1.1 404 Not Found\r\n\r\nsays the page"
    )
    assert document(tmp_path, b"<html><body>shown source</body></html>").startswith("<html>")
    assert document(tmp_path, b"") == ""


def test_charsets(tmp_path: Path) -> None:
    assert document(tmp_path, "Zoë".encode("latin-1"), PLAIN + "; charset=iso-8859-1") == "Zoë"
    assert document(tmp_path, "Зима".encode("windows-1251"), PLAIN + '; charset="cp1251"') == "Зима"
    assert document(tmp_path, b"\xef\xbb\xbfZo\xc3\xab") == "Zoë"
    assert document(
        tmp_path, b"Zo\xc3\xab \xff and a NUL\0 or more text that is UTF-8: \xe6\x97\xa5\xe6\x9c\xac"
    ) == ("Zoë \ufffd and a NUL or more text that is UTF-8: 日本")


def test_a_wet_row_has_its_place_and_no_title(tmp_path: Path) -> None:
    path = tmp_path / "test.warc.wet.gz"
    info = warc(b"software: x\r\n", "warcinfo")
    path.write_bytes(
        info + warc(TEXT.encode(), "conversion", PLAIN) + warc(b"{}", "metadata", "Content-Type: text/json")
    )
    ((row,), _, tally) = extract(str(path))
    assert (row["id"], row["warc_offset"], row["url"]) == (
        f"test.warc.wet.gz@{len(info)}",
        len(info),
        "http://example.com/page",
    )
    assert (row["title"], row["published"], row["language_declared"]) == (None, None, None)
    assert row["date"] == "2021-05-06T06:08:09Z"
    assert tally.skipped == {"warcinfo": 1, "metadata": 1}


def test_a_text_beyond_the_limit_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "test.warc.wet.gz"
    path.write_bytes(warc(b"a" * (6 << 20), "conversion", PLAIN) + warc(b"short", "conversion", PLAIN))
    documents, failed, _ = extract(str(path))
    assert [row["text"] for row in documents] == ["short"]
    assert [row["kind"] for row in failed] == ["oversize"]


@pytest.mark.parametrize(
    ("type_", "media", "text"),
    [
        ("conversion", "text/plain", True),
        ("conversion", "Text/Plain; charset=utf-8", True),
        ("conversion", "text/html", False),
        ("conversion", None, False),
        ("resource", "text/plain", False),
        ("response", "text/plain", False),
    ],
)
def test_which_records_are_text(type_: str, media: str | None, text: bool) -> None:
    record = Record(0, 0, "file", type_, None, None, None, media, b"HTTP/1.1 200 OK\r\n\r\nx")
    assert holds_text(record) is text
    if text:
        assert text_of(record).raw == record.body


def test_a_converted_page_of_html_is_extracted(tmp_path: Path) -> None:
    from tests.pipeline.test_extract import page, write

    (row,), _, _ = extract(write(tmp_path, warc(page(3), "conversion", "Content-Type: text/html")))
    assert "Page 3 says in paragraph 0" in row["text"]
    assert "<p>" not in row["text"]


def test_wet_through_the_road(tmp_path: Path) -> None:
    for number in range(2):
        body = "\n".join(f"Sentence {n} of file {number} is here to be read by somebody." for n in range(30))
        (tmp_path / f"{number}.warc.wet.gz").write_bytes(warc(body.encode(), "conversion", PLAIN))
    (tmp_path / "x.warc.wat.gz").write_bytes(warc(b"{}", "metadata", "Content-Type: application/json"))
    assert [file.name for file in find_inputs([str(tmp_path)])] == [
        "0.warc.wet.gz",
        "1.warc.wet.gz",
        "x.warc.wat.gz",
    ]
    assert kind_of("a.warc.wet") == kind_of("a.wet.gz") == kind_of("a.wat.gz") == "warc"
    sluice("extract", "tiny", "--input", tmp_path, "--out", tmp_path / "out")
    found = stats(tmp_path / "out")
    assert (found["records"], found["skipped"]["metadata"]) == (3, 1)
    story = json.loads(sluice("why", tmp_path / "out", "0.warc.wet.gz@0", "--json").stdout)
    assert story["text"].startswith("Sentence 0 of file 0")


@pytest.mark.parametrize(
    "name", ["whirlwind-python--whirlwind.warc.wet", "whirlwind-python--whirlwind.warc.wet.gz"]
)
def test_real_wet(data_dir: Path, name: str) -> None:
    path = data_dir / "warc_odd" / name
    rows, failed, tally = extract(str(path))
    assert failed == []
    assert tally.documents == len([line for line in records(str(path)) if line["type"] == "conversion"]) > 0
    raw = path.read_bytes()
    plain = gzip.decompress(raw) if name.endswith(".gz") else raw
    for row in rows:
        assert row["text"].encode() in plain
        assert len(row["text"]) > 100
