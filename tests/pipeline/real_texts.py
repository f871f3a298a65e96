"""Real texts for the tests of duplicates: main texts of pages, and one text in hundreds of languages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path


def lines(path: Path) -> list[str]:
    """The texts of a file of JSON lines, none longer than some ten thousand characters."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(map(json.loads, file))
    texts = [row.get("text") or "\n".join(row.get("paragraphs", [])) for row in rows]
    return [text[:12_000] for text in texts if text]


def real_texts(data_dir: Path, pages: int, languages: int) -> list[str]:
    """One of every `pages` main texts, and of every `languages` texts in other languages."""
    return (
        lines(data_dir / "web" / "gold.jsonl.gz")[::pages]
        + lines(data_dir / "language" / "udhr.jsonl.gz")[::languages]
    )
