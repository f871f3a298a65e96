"""How fast WARC files are read to the text of their pages' HTML, before any extraction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator

from pipeline.charset import charset_parameter, decode
from pipeline.http import decode_body, header
from pipeline.page import response_of
from pipeline.record import Record
from pipeline.warc import read_records

_PAGE_BYTES = 64 << 20


def to_bytes(path: Path) -> Iterator[int]:
    """Bytes of each response: record, HTTP and content encoding undone, damage told from records."""
    with open(path, "rb") as file:
        for record in read_records(file):
            if isinstance(record, Record) and record.type == "response":
                yield len(decode_body(response_of(record), _PAGE_BYTES).data)


def to_characters(path: Path) -> Iterator[int]:
    """As `to_bytes`, and the charset undone as the encoding standard has it."""
    with open(path, "rb") as file:
        for record in read_records(file):
            if isinstance(record, Record) and record.type == "response":
                response = response_of(record)
                body = decode_body(response, _PAGE_BYTES).data
                yield len(decode(body, charset_parameter(header(response.headers, "content-type"))).text)


def by_warcio(path: Path) -> Iterator[int]:
    """Bytes of each response as warcio gives them: content encoding undone, no damage looked for."""
    with open(path, "rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response":
                yield len(record.content_stream().read())


def report(paths: Sequence[Path]) -> None:
    """Pages and MB of compressed input a second of processor time, each reader twice and the better counts."""
    size = sum(path.stat().st_size for path in paths)
    print("\n| reading | pages | pages a second | MB a second |\n|---|---:|---:|---:|")
    readers: tuple[tuple[str, Callable[[Path], Iterator[int]]], ...] = (
        ("warcio, to bytes of HTML", by_warcio),
        ("to bytes of HTML", to_bytes),
        ("to characters of HTML", to_characters),
    )
    for name, reader in readers:
        best, pages = float("inf"), 0
        for _ in range(2):
            began = time.process_time()
            pages = sum(1 for path in paths for _ in reader(path))
            best = min(best, time.process_time() - began)
        print(f"| {name} | {pages:,} | {pages / best:,.0f} | {size / best / 1e6:.1f} |")
