"""A byte range of a WARC file to documents: records, HTTP, charset, main text.

`extract_range` is the extract stage's work: every record of the range is skipped with a reason, fails with a kind, or
becomes a document (whose text may be empty), and `Tally` counts which. `records` lists what a file holds.
"""

from __future__ import annotations

import atexit
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Annotated, Any, Literal, NamedTuple, cast

import msgspec
import pyarrow as pa

from filters.cascade import Screen
from filters.cascade import Settings as CascadeSettings
from pipeline.cascade import Cascade, look_columns, screened_row, table
from pipeline.charset import charset_parameter, decode, valid
from pipeline.extraction import Extraction, statements
from pipeline.extraction.facts import language_tag
from pipeline.hashed_file import HashedFile
from pipeline.http import decode_body, header
from pipeline.inputs import name_of, open_input
from pipeline.page import holds_text, own_type, response_of, text_of, why_no_page
from pipeline.pdfs import PDF_SCHEMA, is_pdf, pdf_row
from pipeline.record import Damage, ReadLimits, Record
from pipeline.sandbox import Failure, Page, Sandbox
from pipeline.wacz import read_file
from pipeline.warc import Reached

FAILED_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("kind", pa.string()),
        ("warc_file", pa.string()),
        ("warc_offset", pa.int64()),
        ("warc_length", pa.int64()),
        ("message", pa.string()),
    ]
)
SKIPPED = ("request", "warcinfo", "metadata", "revisit", "not_ok", "not_html", "other")
BATCH_PAGES = 256
BATCH_BYTES = 16 << 20  # of HTML waiting for extraction
LISTED_BYTES = 32 << 20  # of a body whose digest `records` states
_HEAD_BYTES = 1 << 20  # a stored record may have this much beside its page
_BESIDE = ("request", "metadata", "warcinfo")
_CANDIDATES = ("response", "resource", "conversion")


ExtractorName = Literal["trafilatura", "resiliparse", "justext", "blocks"]


class Union(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several extractors: a page is kept if the filters keep the text of any, with the first such text."""

    union: Annotated[tuple[ExtractorName, ...], msgspec.Meta(min_length=2)]


class ExtractSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Recipe section `extract`: which extractor, and what one page may cost."""

    extractor: ExtractorName | Union = "trafilatura"
    favor: Literal["precision", "balanced", "recall"] = "precision"  # FineWeb: precision
    comments: bool = False  # keep what readers wrote below a page, where the extractor can tell
    page_timeout: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 10.0  # seconds of processor time
    page_bytes: Annotated[int, msgspec.Meta(ge=1)] = (
        5 << 20
    )  # of the decoded body; larger pages fail as `oversize`
    page_memory: Annotated[int, msgspec.Meta(ge=1)] = 1 << 30  # bytes that the parser may take for a page
    cascade: CascadeSettings | None = CascadeSettings()  # null: every page is extracted
    pdf: Literal["skip", "list", "text"] = "list"  # PDFs: counted; listed in pdfs/, too; read, too

    @property
    def extractors(self) -> tuple[ExtractorName, ...]:
        """The extractor, or those of the union in order."""
        return self.extractor.union if isinstance(self.extractor, Union) else (self.extractor,)


@dataclass
class Tally:
    """What became of the records of a range: `records == sum(skipped) + sum(failed) + documents`.

    `responses` counts the records of type response that were delivered whole, whatever their fate. `problems` counts
    documents that were kept in spite of a fault, by kind; `screened` those that were not extracted, by the cascade's
    rule. `costs` says what looking and extracting took: processor seconds, and pages and characters of HTML. `sha256`
    is that of the range's bytes, once all of them are read.
    """

    records: int = 0
    responses: int = 0
    documents: int = 0
    bytes_in: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)
    screened: dict[str, int] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    sha256: str | None = field(default=None, compare=False)
    faults: dict[str, str] = field(
        default_factory=dict
    )  # of pages by id: what counts as a problem of a document

    def skip(self, reason: str) -> None:
        """Counts a record that is no page."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def fail(self, kind: str) -> None:
        """Counts a record or a damaged range that yielded no document."""
        self.failed[kind] = self.failed.get(kind, 0) + 1

    def look(self, characters: int, rule: str | None, seen: Sequence[Any] | None) -> None:
        """Counts a page of so many characters of HTML, what the cascade made of it, and what it and the rest took."""
        if rule is not None:
            self.screened[rule] = self.screened.get(rule, 0) + 1
        self._spend("full_characters" if rule is None else "spared_characters", characters)
        if seen is not None:
            self._spend("look_seconds", seen[-2])
            self._spend("full_seconds", seen[-1])

    def _spend(self, what: str, amount: float) -> None:
        self.costs[what] = self.costs.get(what, 0) + amount


class Part(NamedTuple):
    """A bounded piece of a range's result, in record order: tables of `cascade.schema`, `FAILED_SCHEMA` and
    `pdfs.PDF_SCHEMA`.
    """

    documents: pa.Table
    failed: pa.Table
    pdfs: pa.Table = PDF_SCHEMA.empty_table()


class _Candidate(NamedTuple):
    page: Page
    row: dict[str, Any]
    problem: str | None
    is_text: bool = False  # already, as in a WET file: `page` holds it instead of HTML


def extract_range(
    path: str,
    start: int,
    end: int | None,
    settings: ExtractSettings,
    tally: Tally,
    screen: Screen | None = None,
) -> Iterator[Part]:
    """Documents and failures of the records that start in bytes [`start`, `end`) of `path`, counted in `tally`.

    Documents have the columns of `pipeline.cascade.schema(screen)`; screened ones have no text.

    `path` is a local path or an fsspec URL. Language and its score are left null. Raises OSError where the input cannot
    be opened or read.
    """
    name = name_of(path)
    with open_input(path) as opened:
        size = opened.seek(0, os.SEEK_END)
        last = min(size, size if end is None else end)
        tally.bytes_in += max(0, last - start)
        known = _reached(path, size, start)
        hashed = HashedFile(opened, start, last)
        file = cast(IO[bytes], hashed)
        found = read_file(file, start, end, name=name, limits=read_limits(settings), reached=known)
        yield from extract_records(found, name, settings, tally, screen)
        tally.sha256 = hashed.digest()


_REACHED: dict[tuple[str, int], Reached] = {}


def _reached(path: str, size: int, start: int) -> Reached:
    """What this process knows of the members of a file of that size; nothing where a reading starts anew."""
    if start == 0 or (path, size) not in _REACHED:
        _REACHED.clear()
        _REACHED[path, size] = Reached()
    return _REACHED[path, size]


def read_limits(settings: ExtractSettings) -> ReadLimits:
    """How much of a record is read."""
    return ReadLimits(record_bytes=settings.page_bytes + _HEAD_BYTES)


def extract_records(
    found: Iterable[Record | Damage],
    name: str,
    settings: ExtractSettings,
    tally: Tally,
    screen: Screen | None = None,
) -> Iterator[Part]:
    """As `extract_range`, of records that were read already from the file called `name`."""
    sandbox, cascade = _sandbox(settings, screen), None if screen is None else Cascade(screen)
    batch: list[_Candidate | dict[str, Any]] = []
    pdfs: list[dict[str, Any]] = []
    waiting = 0
    for event in found:
        if settings.pdf != "skip" and isinstance(event, Record) and (row := pdf_row(event)):
            pdfs.append(row | _place(event, name))
        one = _sort(event, name, settings, tally)
        if one is None:
            continue
        batch.append(one)
        waiting += len(one.page.pdf or one.page.html) if isinstance(one, _Candidate) else 0
        if len(batch) >= BATCH_PAGES or waiting >= BATCH_BYTES:
            yield _part(batch, pdfs, sandbox, tally, cascade)
            batch, pdfs, waiting = [], [], 0
    if batch or pdfs:
        yield _part(batch, pdfs, sandbox, tally, cascade)


def _sort(
    event: Record | Damage, name: str, settings: ExtractSettings, tally: Tally
) -> _Candidate | dict[str, Any] | None:
    """A page to extract, a row of the failed table, or None for a record that is skipped; counts the record."""
    tally.records += 1
    if isinstance(event, Damage):
        return _failure(event, name, event.kind, event.message, tally)
    if event.type == "response":
        tally.responses += 1
    if event.type not in _CANDIDATES:
        tally.skip(event.type if event.type in SKIPPED else "other")
        return None
    is_text = holds_text(event)
    response = text_of(event) if is_text else response_of(event)
    reason = None if is_text else why_no_page(event, response)
    pdf = reason == "not_html" and settings.pdf == "text" and is_pdf(event, response)
    if reason is not None and not pdf:
        tally.skip(reason)
        return None
    body = decode_body(response, settings.page_bytes)
    fault = "oversize" if event.truncated else body.fault
    if fault is not None:
        return _failure(event, name, fault, _FAULTS[fault], tally)
    if pdf:
        page = Page("", event.url or "", body.data)
    else:
        stated = header(response.headers, "content-type") or own_type(event)
        page = Page(decode(body.data, charset_parameter(stated)).text, event.url or "")
    language = language_tag(header(response.headers, "content-language"))
    row = _place(event, name) | {
        "url": valid(event.url or ""),
        "date": event.date,
        "language_declared": language,
        "opt_out": statements.joined(statements.of_headers(response.headers)),
    }
    return _Candidate(page, row, event.problem or body.problem, is_text)


_FAULTS = {
    "oversize": "the page is larger than page_bytes",
    "bad_http": "the HTTP status line or header cannot be read",
    "bad_encoding": "the Content-Encoding cannot be undone",
}


def _place(event: Record | Damage, name: str) -> dict[str, Any]:
    return {
        "id": f"{name}@{event.offset}",
        "warc_file": name,
        "warc_offset": event.offset,
        "warc_length": event.length,
        "warc_offset_in": event.offset_in,
    }


def _failure(event: Record | Damage, name: str, kind: str, message: str, tally: Tally) -> dict[str, Any]:
    tally.fail(kind)
    url = event.url if isinstance(event, Record) else None
    return _place(event, name) | {"url": valid(url) if url else None, "kind": kind, "message": message}


def _part(
    batch: list[_Candidate | dict[str, Any]],
    pdfs: list[dict[str, Any]],
    sandbox: Sandbox,
    tally: Tally,
    cascade: Cascade | None,
) -> Part:
    """Extracts the pages of a batch, but those that the cascade screens; puts them, failures and PDFs into tables."""
    pages = [found for found in batch if isinstance(found, _Candidate)]
    spared: list[str | None] = [None] * len(pages)
    if cascade is not None:
        spared = cascade.addresses([found.row["url"] for found in pages])
    todo = [
        found.page for found, rule in zip(pages, spared, strict=True) if rule is None and not found.is_text
    ]
    results, rules = iter(sandbox.extract(todo) if todo else []), iter(spared)
    documents: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for found in batch:
        if isinstance(found, dict):
            failed.append(found)
            continue
        if found.problem:
            tally.faults[found.row["id"]] = found.problem
        rule = next(rules)
        if rule is not None:
            result: Extraction | Failure = Extraction("")
        else:
            result = Extraction(text=found.page.html) if found.is_text else next(results)
        if isinstance(result, Failure):
            broken = found.page.pdf is not None and result.kind == "extractor_error"
            kind = "bad_pdf" if broken else result.kind
            tally.fail(kind)
            failed.append(found.row | {"kind": kind, "message": result.message})
            continue
        if cascade is not None:
            rule = rule or cascade.rule(result.look)
            tally.look(len(found.page.html), rule, result.look)
        documents.append(
            _document(found.row, result) if rule is None else screened_row(found.row, rule, result.look)
        )
        tally.documents += 1
        if found.problem:
            tally.problems[found.problem] = tally.problems.get(found.problem, 0) + 1
    return Part(
        table(documents, None if cascade is None else cascade.screen),
        pa.Table.from_pylist(failed, schema=FAILED_SCHEMA),
        pa.Table.from_pylist(pdfs, schema=PDF_SCHEMA),
    )


def _document(row: dict[str, Any], found: Extraction) -> dict[str, Any]:
    return row | {
        "text": valid(found.text),
        "extractor": found.extractor,
        "others": [{**other, "text": valid(other["text"])} for other in found.others or ()] or None,
        "title": valid(found.title) if found.title else None,
        "published": found.published,
        "language_declared": found.language or row["language_declared"],
        "canonical": valid(found.canonical) if found.canonical else None,
        "license": valid(found.license) if found.license else None,
        "opt_out": statements.joined(f"{row['opt_out'] or ''} {found.opt_out or ''}".split()),
        **look_columns(found.look),
    }


_SANDBOXES: dict[tuple[int, ExtractSettings, Screen | None], Sandbox] = {}


def _sandbox(settings: ExtractSettings, screen: Screen | None) -> Sandbox:
    """This process's sandbox for these settings, kept from one range to the next: its zygote takes .3 s to start."""
    key = (os.getpid(), settings, screen)
    if key not in _SANDBOXES:
        for old in list(_SANDBOXES):
            if old[0] == key[0]:
                _SANDBOXES.pop(old).close()
        target = "pipeline.extraction:extract_page"
        names = ("favor", "comments")
        options = {"extractors": settings.extractors, **{name: getattr(settings, name) for name in names}}
        if screen is not None and screen.looks:
            target = "pipeline.cascade:look_then_extract"
            options["screen"] = msgspec.json.encode(screen).decode()
        _SANDBOXES[key] = Sandbox(target, options, timeout=settings.page_timeout, memory=settings.page_memory)
        atexit.register(_SANDBOXES[key].close)
    return _SANDBOXES[key]


def skipped(
    path: str, start: int, end: int | None, settings: ExtractSettings, key: str
) -> Iterator[tuple[dict[str, Any], str]]:
    """Records with this id or URL, of those that start in bytes [`start`, `end`), that are no pages, and why not."""
    name = name_of(path)
    with open_input(path) as file:
        for event in read_file(file, start, end, name=name, limits=read_limits(settings)):
            if not isinstance(event, Record):
                continue
            # The request and the metadata of a page bear its URL, too; who asks for it means the page.
            asked = event.type not in _BESIDE and key == valid(event.url or "")
            if asked or key == f"{name}@{event.offset}":
                tally = Tally()
                if _sort(event, name, settings, tally) is None:
                    place = _place(event, name) | {"url": valid(event.url or ""), "date": event.date}
                    yield place, next(iter(tally.skipped))


def records(path: str) -> Iterator[dict[str, Any]]:
    """What a file holds, a dictionary a record: file, offset, length, type, url, status, payload_sha1, problem.

    `payload_sha1` is the hexadecimal SHA-1 of the HTTP body with chunking and Content-Encoding undone, as a reader of
    the page gets it; null for records without an HTTP response and where the body cannot be decoded or is too large.
    `problem` names what is wrong with the record or, where type is null, with a range that holds none.
    """
    name = name_of(path)
    with open_input(path) as file:
        for event in read_file(file, name=name, limits=ReadLimits(record_bytes=LISTED_BYTES)):
            line = {"file": name, "offset": event.offset, "length": event.length}
            if isinstance(event, Damage):
                empty = dict.fromkeys(("type", "url", "status", "payload_sha1"))
                yield line | empty | {"problem": event.kind}
                continue
            line |= {"type": event.type, "url": event.url}
            yield line | _payload(event)


def _payload(record: Record) -> dict[str, Any]:
    response = response_of(record) if record.type in _CANDIDATES and not holds_text(record) else None
    if response is None or (response.status is None and record.type != "response"):
        return {"status": None, "payload_sha1": None, "problem": record.problem}
    body = decode_body(response, LISTED_BYTES)
    fault = "oversize" if record.truncated else body.fault
    digest = None if fault else hashlib.sha1(body.data, usedforsecurity=False).hexdigest()
    return {
        "status": response.status,
        "payload_sha1": digest,
        "problem": record.problem or fault or body.problem,
    }
