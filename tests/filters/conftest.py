"""What the tests of filters share: loaded assets, one splitter, and real texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filters.batch import Batch
from filters.text.words import WordSplitter
from pipeline import assets


@pytest.fixture(scope="session")
def splitter() -> WordSplitter:
    """One splitter for all tests: its memory must not change any result."""
    return WordSplitter(assets.load("english_tokenizer"))


@pytest.fixture(scope="session")
def make_batch(splitter: WordSplitter) -> Any:
    """Makes batches of texts that share the splitter."""

    def make(*texts: str, urls: list[str] | None = None) -> Batch:
        return Batch(texts, urls, splitter)

    return make


@pytest.fixture(scope="session")
def real_texts(data_dir: Path) -> list[tuple[str, str]]:
    """(url, text) of some hundred real pages in several languages: blocks of visible text, a line each."""
    from resiliparse.extract.html2text import extract_plain_text
    from warcio.archiveiterator import ArchiveIterator

    found: list[tuple[str, str]] = []
    with (data_dir / "web" / "TEST-PUBLIC-00001.warc.gz").open("rb") as stream:
        for number, record in enumerate(ArchiveIterator(stream)):
            if record.rec_type != "response" or number % 3:
                continue
            html = record.content_stream().read()
            if len(html) < 200_000:
                text = extract_plain_text(html.decode("utf-8", "replace"), main_content=True)
                found.append((record.rec_headers.get_header("WARC-Target-URI"), text.replace("\x00", "")))
            if len(found) == 250:
                break
    return found
