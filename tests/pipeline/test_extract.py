"""From a byte range of a WARC to documents and failures, every record counted once."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.cascade import EXTRACTED
from pipeline.extract import FAILED_SCHEMA, ExtractSettings, Tally, extract_range, records
from pipeline.extraction import EXTRACTORS
from pipeline.http import parse_response
from pipeline.page import looks_like_html, why_no_page
from pipeline.record import Record

SENTENCE = (
    "<p>Page {} says in paragraph {} that the ferry leaves at noon and comes back before the evening.</p>"
)
OK = "HTTP/1.1 200 OK\r\n"
FAST = ExtractSettings(extractor="resiliparse", page_timeout=1.0)


def page(number: int = 0, paragraphs: int = 6, head: str = "<title>A title</title>") -> bytes:
    text = "".join(SENTENCE.format(number, paragraph) for paragraph in range(paragraphs))
    return f"<!DOCTYPE html><html><head>{head}</head><body><article>{text}</article></body></html>".encode()


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *headers, "")).encode() + body


def html(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return http(body, "Content-Type: text/html; charset=utf-8", *headers, status=status)


def warc(block: bytes, type_: str = "response", *headers: str, length: int | None = None) -> bytes:
    lines = [
        "WARC/1.0",
        f"WARC-Type: {type_}",
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>",
        "WARC-Date: 2021-05-06T07:08:09.5+01:00",
        "WARC-Target-URI: http://example.com/page",
        *(headers or ("Content-Type: application/http; msgtype=response",)),
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return gzip.compress("\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n", mtime=0)


def write(folder: Path, *members: bytes) -> str:
    path = folder / "test.warc.gz"
    path.write_bytes(b"".join(members))
    return str(path)


def extract(
    path: str, settings: ExtractSettings = FAST, start: int = 0, end: int | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Tally]:
    tally = Tally()
    documents: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for part in extract_range(path, start, end, settings, tally):
        assert part.documents.schema == EXTRACTED
        assert part.failed.schema == FAILED_SCHEMA
        documents += part.documents.to_pylist()
        failed += part.failed.to_pylist()
    assert tally.records == sum(tally.skipped.values()) + sum(tally.failed.values()) + tally.documents
    assert tally.documents == len(documents)
    assert sum(tally.failed.values()) == len(failed)
    return documents, failed, tally


def test_a_page_becomes_a_document(tmp_path: Path) -> None:
    head = (
        "<title> A\n title </title><meta property='article:published_time' content='2019-03-04T10:00:00Z'>"
        "<meta name='date' content='2001-01-01'>"
    )
    source = page(7, head=head).replace(b"<html>", b"<html lang='de-AT'>")
    record = warc(html(source, "Content-Language: fr"))
    path = write(tmp_path, warc(b"software: x\r\n", "warcinfo"), record)
    documents, failed, tally = extract(path, ExtractSettings())
    (document,) = documents
    text = document.pop("text")
    assert text.split("\n")[3] == SENTENCE.format(7, 3)[3:-4]
    offset = len(Path(path).read_bytes()) - len(record)
    assert document == {
        "id": f"test.warc.gz@{offset}",
        "url": "http://example.com/page",
        "date": "2021-05-06T06:08:09Z",
        "published": "2019-03-04",
        "title": "A title",
        "extractor": "trafilatura",
        "others": None,
        "language": None,
        "language_score": None,
        "language_declared": "de-AT",
        "canonical": None,
        "license": None,
        "opt_out": None,
        "warc_file": "test.warc.gz",
        "warc_offset": offset,
        "warc_length": len(record),
        "warc_offset_in": "file",
    }
    assert failed == []
    assert tally == Tally(
        records=2, responses=1, documents=1, bytes_in=Path(path).stat().st_size, skipped={"warcinfo": 1}
    )


SKIPPED = {
    "request": warc(b"GET / HTTP/1.1\r\n\r\n", "request"),
    "warcinfo": warc(b"software: x\r\n", "warcinfo"),
    "metadata": warc(b"a: b\r\n", "metadata"),
    "revisit": warc(http(b""), "revisit"),
    "not_ok": warc(html(page(), status="404 Not Found")),
    "not_html": warc(http(b"%PDF-1.4", "Content-Type: application/pdf")),
    "other": warc(b"x", "x-unknown"),
}


def test_records_that_are_no_pages_are_skipped_with_a_reason(tmp_path: Path) -> None:
    more = [
        warc(html(page(), status="206 Partial Content")),
        warc(html(page()), "response", "WARC-Identified-Payload-Type: application/pdf"),
        warc(http(b"text", "Content-Type: text/plain")),
        warc(http(b"\x89PNG")),
        warc(b"text", "conversion", "Content-Type: text/vtt"),
        warc(b"com. 1 IN A 1.2.3.4", "response", "Content-Type: text/dns"),
    ]
    documents, failed, tally = extract(write(tmp_path, *SKIPPED.values(), *more))
    assert (documents, failed) == ([], [])
    assert tally.skipped == dict.fromkeys(SKIPPED, 1) | {"not_ok": 2, "not_html": 6}
    assert (tally.records, tally.responses) == (13, 7)


PAGES = {
    "no content type": warc(http(page())),
    "http 0.9": warc(page()),
    "xhtml": warc(http(page(), "Content-Type: application/xhtml+xml")),
    "identified": warc(
        http(page(), "Content-Type: text/plain"), "response", "WARC-Identified-Payload-Type: text/html"
    ),
    "resource": warc(page(), "resource", "Content-Type: text/html"),
    "chunked": warc(html(b"%x\r\n%s\r\n0\r\n\r\n" % (len(page()), page()), "Transfer-Encoding: chunked")),
    "gzip": warc(html(gzip.compress(page()), "Content-Encoding: gzip")),
    "utf-16": warc(http(page().decode().encode("utf-16"), "Content-Type: text/html")),
}


def test_pages_in_every_wrapping_give_the_same_text(tmp_path: Path) -> None:
    documents, failed, _ = extract(write(tmp_path, *PAGES.values()))
    assert failed == []
    assert [document["text"].count("ferry") for document in documents] == [6] * len(PAGES)
    assert len({document["text"] for document in documents}) == 1


def test_pages_without_text_are_documents_with_empty_text(tmp_path: Path) -> None:
    path = write(tmp_path, warc(html(b"")), warc(html(b"<html></html>")), warc(html(b"\0" * 10)))
    for extractor in EXTRACTORS:
        documents, _, _ = extract(path, msgspec.structs.replace(FAST, extractor=extractor))
        assert [document["text"] for document in documents] == ["", "", ""]


def test_failures_name_kind_place_and_address(tmp_path: Path) -> None:
    attributes = " ".join(f"a{number}='1'" for number in range(200_000)).encode()
    failing = {
        "oversize": warc(html(bytes(400_000))),
        "bad_encoding": warc(html(b"\x1f\x8b\x08\0" + b"\xff" * 40, "Content-Encoding: gzip")),
        "bad_http": warc(b"HTTP/1.1 what\r\n\r\n"),
        "bad_header": warc(html(page()), length=-1),
        "timeout": warc(
            html(gzip.compress(b"<html><body><div " + attributes + b">"), "Content-Encoding: gzip")
        ),
        "truncated": warc(html(page()))[:-9],
    }
    sound = [warc(html(page(number))) for number in range(6)]
    path = write(tmp_path, *(member for pair in zip(sound, failing.values(), strict=True) for member in pair))
    documents, failed, tally = extract(path, msgspec.structs.replace(FAST, page_bytes=3_000_000))
    assert [document["text"].split()[1] for document in documents if document["text"]] == list("012345")
    assert {row["kind"] for row in failed} == set(failing) - {"oversize"}
    assert tally.documents == 7
    documents, failed, tally = extract(path, msgspec.structs.replace(FAST, page_bytes=300_000))
    assert tally.documents == 6
    assert [row["kind"] for row in failed] == [
        "oversize",
        "bad_encoding",
        "bad_http",
        "bad_header",
        "oversize",
        "truncated",
    ]
    at = 0
    for row, before, member in zip(failed, sound, failing.values(), strict=True):
        at += len(before)
        assert (row["warc_offset"], row["warc_length"]) == (at, len(member))
        assert (row["id"], row["warc_file"]) == (f"test.warc.gz@{at}", "test.warc.gz")
        assert row["message"]
        at += len(member)
    assert [row["url"] for row in failed[:3]] == ["http://example.com/page"] * 3


def test_inputs_that_are_no_warc_fail_as_a_whole(tmp_path: Path) -> None:
    for data in (b"", b"<html>503 Slow Down</html>"):
        path = write(tmp_path, data)
        documents, failed, tally = extract(path, end=len(data))
        assert documents == []
        assert [(row["kind"], row["warc_offset"], row["warc_length"]) for row in failed] == [
            ("not_warc", 0, len(data))
        ]
        assert (tally.records, tally.bytes_in) == (1, len(data))


def test_an_input_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        extract(str(tmp_path / "absent.warc.gz"))


def test_ranges_add_up_to_the_whole(tmp_path: Path) -> None:
    members = [warc(html(page(number))) for number in range(8)]
    members[3] = members[3][:100] + b"\xff" * 30 + members[3][130:]
    path = write(tmp_path, *SKIPPED.values(), *members)
    documents, failed, whole = extract(path)
    size = Path(path).stat().st_size
    for cut in range(0, size, 97):
        left, right = extract(path, start=0, end=cut), extract(path, start=cut, end=size)
        assert left[0] + right[0] == documents
        assert left[1] + right[1] == failed
        for name in ("records", "responses", "documents", "bytes_in"):
            assert getattr(left[2], name) + getattr(right[2], name) == getattr(whole, name)


def test_batches_are_bounded_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, *(warc(html(page(number))) for number in range(20)))
    whole, _, _ = extract(path)
    monkeypatch.setattr("pipeline.extract.BATCH_PAGES", 7)
    sizes = [part.documents.num_rows for part in extract_range(path, 0, None, FAST, Tally())]
    assert sizes == [7, 7, 6]
    assert extract(path)[0] == whole
    monkeypatch.setattr("pipeline.extract.BATCH_BYTES", 1)
    assert [part.documents.num_rows for part in extract_range(path, 0, None, FAST, Tally())] == [1] * 20


def test_kept_in_spite_of_a_fault(tmp_path: Path) -> None:
    digest = f"WARC-Block-Digest: sha1:{hashlib.sha1(html(page())).hexdigest()}"
    wrong_sum = bytearray(
        warc(html(page()), "response", "Content-Type: application/http; msgtype=response", digest)
    )
    wrong_sum[-8] ^= 1
    cut = warc(html(b"%x\r\n%s" % (len(page()) + 50, page()), "Transfer-Encoding: chunked"))
    _, _, tally = extract(write(tmp_path, bytes(wrong_sum), cut))
    assert tally.problems == {"bad_crc": 1, "bad_chunks": 1}
    assert tally.documents == 2


def test_extraction_does_not_depend_on_order_or_repetition(tmp_path: Path) -> None:
    members = [warc(html(page(number))) for number in (1, 2, 1, 3, 1, 1, 2, 1, 1, 1, 1, 1, 1)]
    documents, _, _ = extract(write(tmp_path, *members), ExtractSettings())
    texts = [document["text"] for document in documents]
    assert len({text for text in texts if "Page 1 " in text}) == 1
    reverse, _, _ = extract(write(tmp_path, *reversed(members)), ExtractSettings())
    assert [document["text"] for document in reverse] == texts[::-1]


def test_records_lists_everything(tmp_path: Path) -> None:
    damaged = warc(html(page()))
    damaged = damaged[:100] + b"\xff" * 30 + damaged[130:]
    members = [
        warc(b"software: x\r\n", "warcinfo"),
        warc(html(gzip.compress(page()), "Content-Encoding: gzip")),
        damaged,
        warc(html(b"\x1f\x8b\x08\0" + b"\xff" * 40, "Content-Encoding: gzip", status="404 Not Found")),
    ]
    lines = list(records(write(tmp_path, *members)))
    assert [json.loads(json.dumps(line)) for line in lines] == lines
    offsets = [sum(map(len, members[:number])) for number in range(4)]
    url, digest = "http://example.com/page", hashlib.sha1(page()).hexdigest()
    expected = [
        ("warcinfo", url, None, None, None),
        ("response", url, 200, digest, None),
        (None, None, None, None, "corrupt_member"),
        ("response", url, 404, None, "bad_encoding"),
    ]
    for line, offset, member, fields in zip(lines, offsets, members, expected, strict=True):
        names = ("type", "url", "status", "payload_sha1", "problem")
        assert line == {"file": "test.warc.gz", "offset": offset, "length": len(member)} | dict(
            zip(names, fields, strict=True)
        )


def test_settings_reject_what_they_do_not_know() -> None:
    assert msgspec.convert({}, ExtractSettings).favor == "precision"
    for wrong in ({"extractor": "none"}, {"favour": "recall"}, {"page_timeout": "soon"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, ExtractSettings)


@pytest.mark.parametrize(
    ("data", "is_html"),
    [
        (b"\n <!DOCTYPE HTML>", True),
        (b"\xef\xbb\xbf<HtMl>", True),
        (b"<!-- x --><html>", True),
        (b"<?xml version='1.0'?><html>", True),
        (b"<?xml version='1.0'?><rss>", False),
        (b"<table border=0>", True),
        (b"<tablet>", False),
        (b"{}", False),
        (b"", False),
    ],
)
def test_sniffing(data: bytes, is_html: bool) -> None:
    assert looks_like_html(data) == is_html


@pytest.mark.parametrize(
    ("content_type", "reason"),
    [
        ("Text/HTML;charset=x", None),
        ("text/html,text/html", None),
        ("application/xhtml+xml", None),
        ("application/json", "not_html"),
        ("html", None),
        ("", None),
    ],
)
def test_media_types(content_type: str, reason: str | None) -> None:
    block = http(page(), f"Content-Type: {content_type}")
    record = Record(0, 0, "file", "response", None, None, None, "application/http", block)
    assert why_no_page(record, parse_response(block)) == reason
