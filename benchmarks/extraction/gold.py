"""Pages whose main text people marked, and how near to it an extractor comes.

F1 is that of the multisets of tokens: runs of letters and digits in small letters, and each ideograph or kana a token
of its own.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import tldextract

from pipeline.charset import charset_parameter, decode
from pipeline.http import decode_body, header
from pipeline.page import own_type, response_of
from pipeline.record import Record
from pipeline.warc import read_records

MANUAL = "manual"
WEAK = (
    "fundus-expected",
    "readability-expected",
    "tool-fixture",
)  # reviewed outputs of programs: to learn from alone
WITH_COMMENTS = ("dragnet", "cleaneval")  # sources whose main text includes what readers wrote below it
WITHOUT_TITLE = (
    "article-extraction-benchmark",
    "fundus",
    "omnivore",
    "readability",
    "newspaper",
    "newspaper4k",
    "llm-webkit-mirror",
)
MADE_UP = "placeholder"
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
_PAGE_BYTES = 64 << 20
_domain = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@dataclass(frozen=True)
class GoldPage:
    """A page and its main text; `host` is the registered domain, `known_host` whether that was not made up."""

    sha1: str
    html: str
    url: str
    host: str
    known_host: bool
    source: str
    kind: str
    language: str
    text: str


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order."""
    return _TOKEN.findall(text.lower())


def score(text: str, gold: Counter[str]) -> tuple[float, float, float]:
    """F1, precision and recall of a text against the tokens of the gold text."""
    found = Counter(tokens(text))
    common = (found & gold).total()
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / found.total(), common / gold.total()
    return 2 * precision * recall / (precision + recall), precision, recall


def gold_pages(data: Path) -> list[GoldPage]:
    """All pages of `data`/web with a whole gold text, in the order of their records."""
    gold = {}
    with gzip.open(data / "web" / "gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["kind"] in (MANUAL, *WEAK):
                gold[entry["sha1"]] = entry
    with gzip.open(data / "web" / "manifest.tsv.gz", "rt", encoding="utf-8") as lines:
        names, *rows = (line.rstrip("\n").split("\t") for line in lines)
    manifest = [dict(zip(names, row, strict=True)) for row in rows]
    wanted = {(row["warc"], int(row["offset"])): row for row in manifest if row["sha1"] in gold}
    pages = []
    for path in sorted((data / "web").glob("*.warc.gz")):
        with open(path, "rb") as file:
            for record in read_records(file):
                if isinstance(record, Record) and (row := wanted.get((path.name, record.offset))):
                    pages.append(_page(record, row, gold[row["sha1"]]))
    return pages


def _page(record: Record, row: dict[str, str], gold: dict[str, str]) -> GoldPage:
    response = response_of(record)
    charset = charset_parameter(header(response.headers, "content-type") or own_type(record))
    parts = _domain(urlsplit(row["url"]).hostname or "")
    return GoldPage(
        sha1=row["sha1"],
        html=decode(decode_body(response, _PAGE_BYTES).data, charset).text,
        url=row["url"],
        host=f"{parts.domain}.{parts.suffix}",
        known_host=row["url_source"] != MADE_UP,
        source=gold["source"],
        kind=gold["kind"],
        language=gold.get("lang") or "",
        text=gold["text"],
    )
