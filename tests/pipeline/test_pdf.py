"""PDFs: listed wherever they are, and read in the sandbox when the recipe asks."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.extract import ExtractSettings, Part, Tally, extract_range
from pipeline.extraction import Extraction
from pipeline.extraction.pdf import MOST_CHARACTERS, PdfContent, PdfError, read_pdf
from pipeline.page import response_of
from pipeline.pdfs import PDF_SCHEMA, is_pdf, pdf_row
from pipeline.record import Record
from pipeline.sandbox import Failure, Page, Sandbox
from tests.pipeline.conftest import sets, sluice, stats
from tests.pipeline.pdf_files import lines_of, pdf

PARAGRAPH = (
    "The ferry leaves the harbour at noon and is expected to come back before the",
    "evening, if the weather allows. Whoever wants to see the lighthouse should wal",
    "k there at once.",
)


def text_of(*lines: str) -> str:
    return read_pdf(pdf(lines_of(*lines))).text


def test_metadata() -> None:
    info = {"Title": " On  ferries ", "CreationDate": "D:20190304120000+01'00'"}
    found = read_pdf(pdf(lines_of("Text."), info=info, catalog=b"/Lang (de-AT)"))
    assert found == PdfContent("Text.", "On ferries", "2019-03-04", "de-AT")
    assert read_pdf(pdf(lines_of("Text."))) == PdfContent("Text.")
    assert read_pdf(pdf(lines_of("T"), info={"Title": "Untitled", "CreationDate": "2019"}))[1:3] == (
        None,
        None,
    )
    assert read_pdf(pdf(lines_of("T"), info={"CreationDate": "D:99999999"})).published is None
    assert read_pdf(pdf(lines_of("T"), info={"Title": "Microsoft Word - ferries.doc"})).title == "ferries.doc"


LONG = "A line that reaches the right edge of the column, as most lines of a text do here"


def test_lines_become_paragraphs() -> None:
    assert text_of(LONG, "and goes on.", "", LONG, "and ends.") == f"{LONG} and goes on.\n{LONG} and ends."
    assert text_of(LONG, "Heading", "Another one.") == f"{LONG} Heading\nAnother one."
    # An indented line after the end of a sentence, even of a full line.
    assert text_of(LONG + ".", ">" + LONG) == f"{LONG}.\n{LONG}"
    assert text_of(LONG, ">" + LONG) == f"{LONG} {LONG}"


def test_lists_and_headings() -> None:
    assert text_of(LONG, "• " + LONG, "• two", "3. " + LONG, "4. four") == (
        f"{LONG}\n• {LONG}\n• two\n3. {LONG}\n4. four"
    )
    title = lines_of("On ferries and what they are good for", size=18, top=760)
    assert (
        read_pdf(pdf(title + b"\n" + lines_of(LONG))).text == f"On ferries and what they are good for\n{LONG}"
    )


def test_divided_words() -> None:
    assert text_of(LONG + " hyphen-", "ated word.") == f"{LONG} hyphenated word."
    # It keeps the hyphen that it has elsewhere, and what is no word.
    known = text_of("A well-known ferry and a harbour", "", LONG + " well-", "known.")
    assert known.endswith(f"{LONG} well-known.")
    assert text_of(LONG + " COVID-", "19 was there.") == f"{LONG} COVID-19 was there."
    assert text_of(LONG + " hyphen-", "", "Next.").startswith(LONG + " hyphen")


def test_pages_follow_each_other() -> None:
    pages = [
        lines_of(LONG + " and", top=700),
        lines_of("goes on. " + LONG, top=700),
        lines_of("New one.", top=700),
    ]
    assert read_pdf(pdf(*pages)).text == f"{LONG} and goes on. {LONG}\nNew one."
    assert read_pdf(pdf(lines_of(LONG + "-"), lines_of("wise."))).text == f"{LONG}wise."


def test_columns_follow_each_other() -> None:
    columns = lines_of("The left column has", "two lines and", top=700) + b"\n"
    columns += lines_of("goes on in the right one", "for two lines.", left=320, top=700)
    assert read_pdf(pdf(columns)).text == (
        "The left column has two lines and goes on in the right one for two lines."
    )


def test_running_titles_and_page_numbers_are_left_out() -> None:
    words = ("ferry", "harbour", "lighthouse", "bridge", "river", "mill")
    pages = [
        lines_of(
            "On ferries, page 1 of 6".replace("1", str(number)), "", f"The {word} is here.", "", f"{number}"
        )
        for number, word in enumerate(words, 1)
    ]
    assert read_pdf(pdf(*pages)).text == "\n".join(f"The {word} is here." for word in words)
    # Three pages may begin alike.
    assert read_pdf(pdf(*pages[:3])).text.count("On ferries") == 3


def test_a_page_without_text() -> None:
    assert read_pdf(pdf(b"0 0 100 100 re f")) == PdfContent("")
    assert read_pdf(pdf(lines_of("One."), b"", lines_of("Two."))).text == "One.\nTwo."


def test_text_is_plain() -> None:
    # 0xAD is a soft hyphen, 0xA0 a no-break space, \x07 a control character in WinAnsi.
    assert text_of("co\xadoperate  in\xa0 the \x07 harbour") == "co-operate in the harbour"


ENCRYPTED = (
    b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (" + b"a" * 32 + b") /U (" + b"b" * 32 + b") /P -44 >> "
    b"/ID [(0123456789abcdef) (0123456789abcdef)]"
)
GOOD = pdf(lines_of(*PARAGRAPH))
BROKEN = {
    "empty": b"",
    "no PDF": b"<html>",
    "truncated": GOOD[: len(GOOD) // 2],
    "noise": b"%PDF-1.7\n" + bytes(range(256)) * 400,
    "encrypted": pdf(lines_of("Text."), trailer=ENCRYPTED),
    "a loop of pages": GOOD.replace(b"/Kids [5 0 R]", b"/Kids [2 0 R]"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_an_error(name: str) -> None:
    with pytest.raises(PdfError):
        read_pdf(BROKEN[name])


def test_damage_anywhere_is_survived() -> None:
    whole = pdf(*[lines_of(*PARAGRAPH)] * 3, deflate=True)
    for cut in range(0, len(whole), 97):
        for data in (whole[:cut], whole[:cut] + b"\xff\x00<<" + whole[cut + 4 :]):
            try:
                assert isinstance(read_pdf(data).text, str)
            except PdfError:
                continue


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    options = {"extractors": ["resiliparse"], "favor": "precision", "comments": False}
    with Sandbox("pipeline.extraction:extract_page", options, timeout=2.0, memory=512 << 20) as made:
        yield made


def test_the_sandbox_reads_pdfs_among_pages(sandbox: Sandbox) -> None:
    html = "<html><body><p>" + "The weather was fine, and so we went for a walk. " * 9
    results = sandbox.extract([Page(html, "http://a/"), Page("", "http://b/", GOOD), Page(html, "http://c/")])
    page, document, same = results
    assert isinstance(document, Extraction)
    assert document.text.startswith("The ferry leaves the harbour")
    assert page == same != document
    broken, ok = sandbox.extract([Page("", "", b""), Page("", "", GOOD)])
    assert broken == Failure(
        "extractor_error", "PdfError: Failed to load document (PDFium: Data format error)."
    )
    assert ok == document


def test_hostile_pdfs_lose_only_themselves(sandbox: Sandbox) -> None:
    line = b"(" + b"a" * 64 + b") Tj "
    bomb = pdf(b"BT /F1 12 Tf " + line * 2_000_000 + b"ET", deflate=True)
    assert len(bomb) < 1 << 20
    before, hostile, after = sandbox.extract([Page("", "", GOOD), Page("", "", bomb), Page("", "", GOOD)])
    assert isinstance(hostile, Failure)
    assert hostile.kind in ("memory", "timeout", "crash")
    assert isinstance(before, Extraction)
    assert before == after


def test_ten_thousand_pages(sandbox: Sandbox) -> None:
    many = pdf(*(lines_of(f"Page {'ab'[number % 2] * (number % 50)} is here.") for number in range(10_000)))
    (found,) = sandbox.extract([Page("", "", many)])
    # All of it, or the limit of time: never a part of it.
    assert found.kind == "timeout" if isinstance(found, Failure) else found.text.count("is here") > 9000


def test_more_text_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.extraction.pdf.MOST_CHARACTERS", 10)
    assert MOST_CHARACTERS > 10
    with pytest.raises(PdfError, match="more than 10 characters"):
        text_of("More than ten.")


def http(body: bytes, *headers: str) -> bytes:
    return "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *headers, "")).encode() + body


def warc(block: bytes, *headers: str) -> bytes:
    head = [
        "WARC/1.0",
        "WARC-Type: response",
        "WARC-Date: 2021-05-06T07:08:09Z",
        "WARC-Target-URI: http://example.com/paper.pdf",
        "Content-Type: application/http; msgtype=response",
        *headers,
        f"Content-Length: {len(block)}",
    ]
    return gzip.compress("\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n", mtime=0)


PDF_TYPE = "Content-Type: application/pdf"
MEMBERS = {
    "plain": warc(http(GOOD, PDF_TYPE, f"Content-Length: {len(GOOD)}")),
    "gzip": warc(http(gzip.compress(GOOD, mtime=0), PDF_TYPE, "Content-Encoding: gzip")),
    "cut": warc(http(GOOD[:300], PDF_TYPE), "WARC-Truncated: length"),
    "short": warc(http(GOOD[:300], PDF_TYPE, f"Content-Length: {len(GOOD)}")),
    "octets": warc(http(GOOD, "Content-Type: application/octet-stream")),
    "no type": warc(http(GOOD)),
    "not found": warc(http(GOOD, PDF_TYPE).replace(b"200 OK", b"404 No")),
    "image": warc(http(b"\x89PNG", "Content-Type: image/png")),
    "page": warc(http(b"<html><p>%PDF-1.4 and application/pdf", "Content-Type: text/html")),
}
PDFS = ("plain", "gzip", "cut", "short", "octets", "no type")


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    path = tmp_path / "test.warc.gz"
    path.write_bytes(b"".join(MEMBERS.values()))
    return path


def extract(path: Path, settings: ExtractSettings) -> tuple[list[list[dict[str, Any]]], dict[str, int]]:
    """Rows of documents, of failures and of the list; what was skipped."""
    tally = Tally()
    parts = list(extract_range(str(path), 0, None, settings, tally))
    assert (
        tally.records
        == len(MEMBERS)
        == sum(tally.skipped.values()) + sum(tally.failed.values()) + tally.documents
    )
    assert all(part.pdfs.schema == PDF_SCHEMA for part in parts)
    rows = [[row for part in parts for row in getattr(part, name).to_pylist()] for name in Part._fields]
    return rows, tally.skipped


def offset(name: str) -> int:
    names = list(MEMBERS)
    return sum(len(MEMBERS[one]) for one in names[: names.index(name)])


def test_pdfs_are_listed_and_skipped(crawl: Path) -> None:
    (documents, failed, listed), skipped = extract(crawl, ExtractSettings(extractor="resiliparse"))
    assert [row["id"] for row in listed] == [f"test.warc.gz@{offset(name)}" for name in PDFS]
    assert listed[0] == {
        "id": "test.warc.gz@0",
        "url": "http://example.com/paper.pdf",
        "date": "2021-05-06T07:08:09Z",
        "warc_file": "test.warc.gz",
        "warc_offset": 0,
        "warc_length": len(MEMBERS["plain"]),
        "warc_offset_in": "file",
        "size": len(GOOD),
        "truncated": None,
    }
    assert [row["truncated"] for row in listed] == [None, None, "length", "short", None, None]
    assert [row["size"] for row in listed[2:]] == [300, 300, len(GOOD), len(GOOD)]
    assert (len(documents), failed, skipped) == (1, [], {"not_html": 7, "not_ok": 1})
    assert extract(crawl, ExtractSettings(extractor="resiliparse", pdf="skip"))[0][2] == []


def test_pdfs_are_read_when_the_recipe_asks(crawl: Path) -> None:
    (documents, failed, listed), skipped = extract(
        crawl, ExtractSettings(extractor="resiliparse", pdf="text")
    )
    assert len(listed) == 6
    read = [row for row in documents if row["warc_offset"] != offset("page")]
    assert [row["id"] for row in read] == [
        f"test.warc.gz@{offset(n)}" for n in ("plain", "gzip", "octets", "no type")
    ]
    assert {row["text"] for row in read} == {read_pdf(GOOD).text}
    assert [(row["kind"], row["warc_offset"]) for row in failed] == [
        ("bad_pdf", offset("cut")),
        ("bad_pdf", offset("short")),
    ]
    assert skipped == {"not_html": 1, "not_ok": 1}


def test_the_size_of_a_pdf_that_the_reader_cut(crawl: Path) -> None:
    crawl.write_bytes(warc(http(GOOD + b"%" * (2 << 20), PDF_TYPE)))
    tally = Tally()
    (part,) = extract_range(
        str(crawl), 0, None, ExtractSettings(extractor="resiliparse", page_bytes=1000, pdf="text"), tally
    )
    assert part.pdfs["size"].to_pylist() == [len(GOOD) + (2 << 20)]
    assert tally.failed == {"oversize": 1}


def test_what_is_a_pdf() -> None:
    def record(block: bytes, type_: str = "response") -> Record:
        return Record(0, 0, "file", type_, "http://a/", None, None, "application/http", block)

    stated, begun = (
        record(http(b"?", PDF_TYPE)),
        record(http(b"\n%PDF-1.4", "Content-Type: binary/octet-stream")),
    )
    late = record(http(b" " * 2000 + b"%PDF-1.4", "Content-Type: binary/octet-stream"))
    assert [is_pdf(one, response_of(one)) for one in (stated, begun, late)] == [True, True, False]
    assert [pdf_row(one) is not None for one in (stated, begun, late)] == [True, True, False]
    assert pdf_row(record(http(GOOD, PDF_TYPE), "revisit")) is None


def test_a_run_publishes_the_list(crawl: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    fast = sets(["extract.extractor=resiliparse"])
    sluice("extract", "--input", crawl, "--out", run, *fast)
    (published,) = (run / "pdfs").iterdir()
    assert pq.read_table(published)["id"].to_pylist() == [f"test.warc.gz@{offset(name)}" for name in PDFS]
    sluice("verify", run)
    crawl.write_bytes(MEMBERS["page"])
    sluice("extract", "--input", crawl, "--out", tmp_path / "none", *fast)
    assert not (tmp_path / "none" / "pdfs").exists()


@pytest.mark.parametrize("pdf_setting", ["list", "text"])
def test_a_retune_keeps_the_list(crawl: Path, tmp_path: Path, pdf_setting: str) -> None:
    words = ["--until", "corpus", *sets([f"extract.pdf={pdf_setting}", "extract.cascade.words=0.9"])]
    loose = sets(["filters.gopher_quality.min_words=2", "filters.language.min_score=0.1"])
    sluice("run", "fineweb", "--input", crawl, "--out", tmp_path / "run", *words, check=False)
    sluice("run", "fineweb", "--input", crawl, "--out", tmp_path / "fresh", *words, *loose, check=False)
    sluice("retune", tmp_path / "run", "--out", tmp_path / "again", *loose, check=False)
    fresh = sorted(path.name for path in (tmp_path / "fresh" / "pdfs").iterdir())
    assert fresh
    assert sorted(path.name for path in (tmp_path / "again" / "pdfs").iterdir()) == fresh
    digest = stats(tmp_path / "fresh")["digest"]
    assert stats(tmp_path / "again")["digest"] == digest
