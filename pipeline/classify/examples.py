"""Examples: documents with a label, read as a stream and sampled so that memory is bounded and order changes nothing.

Each label keeps the documents whose ids have the lowest hashes (a bottom-k sample), so that the same documents are
chosen however the files are cut, ordered or named.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from pipeline.errors import UsageError, UserError
from pipeline.inputs import InputFile, find_inputs, open_input
from pipeline.rows import Bad, read_rows
from pipeline.show import show_text

_FOLDERS = ("corpus", "documents", "filtered", "extracted")  # of a run, the first that it has
_FILE_FAILURES = ("empty_file", "damaged_file", "no_text_column")


class Example(NamedTuple):
    """A document to learn from, or to be judged."""

    key: int  # 64-bit hash of its id
    label: str
    text: str
    url: str
    language: str


class Input(NamedTuple):
    """One file that examples came from, as the card names it."""

    option: str
    name: str
    size: int
    digest: str


class Reading(NamedTuple):
    """What was read: files, rows and what became of them."""

    files: list[Input]
    counts: Counter[str]


def find(option: str, paths: Sequence[str]) -> tuple[InputFile, ...]:
    """The files of Parquet or JSONL that an option names; of a run folder those of its last documents."""
    if not paths:
        raise UsageError(f"{option}: no path")
    inside = [
        next((str(Path(path) / name) for name in _FOLDERS if (Path(path) / name).is_dir()), path)
        for path in paths
    ]
    try:
        files = find_inputs(inside)
    except UserError as error:
        raise type(error)(str(error).replace("--input", option)) from error
    for file in files:
        if file.kind == "warc":
            raise UsageError(
                f"{option} {show_text(file.path)}: not Parquet or JSONL; run `sluice extract` on WARC files first"
            )
        if file.size < 0:
            raise UserError(f"{option} {show_text(file.path)}: no such file")
    return files


def read(
    option: str,
    paths: Sequence[str],
    reading: Reading,
    label: str | None = None,
    label_column: str | None = None,
    least: int = 0,
) -> Iterator[Example]:
    """The documents of the files an option names, each labelled `label` or by its column `label_column`.

    Rows without text of `least` characters or without a label are counted and left out. UsageError names a file without
    the label's column; UserError one that is damaged or has no column `text`.
    """
    names = ["id", "url", "text", "language", *([label_column] if label_column else [])]
    schema = pa.schema([(name, pa.string()) for name in names])
    for file in find(option, paths):
        reading.files.append(Input(option, file.name, file.size, file.digest))
        labelled = 0
        with open_input(file.path) as opened:
            for number, (_, row) in enumerate(
                read_rows(opened, file.path, file.kind, file.size, label_column or "id", schema)
            ):
                if isinstance(row, Bad):
                    if row.kind in _FILE_FAILURES:
                        raise UserError(f"{option} {show_text(file.path)}: {row.message}")
                    reading.counts[row.kind] += 1
                    continue
                labelled += label_column is not None and row.get(label_column) is not None
                found = _example(row, f"{file.name}#{number}", label, label_column, least)
                reading.counts["read" if isinstance(found, Example) else found] += 1
                if isinstance(found, Example):
                    yield found
        if label_column and not labelled:
            raise UsageError(f"{option} {show_text(file.path)}: no column `{label_column}` with a value")


def _example(
    row: dict[str, object], place: str, label: str | None, label_column: str | None, least: int
) -> Example | str:
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        return "no_text"
    if len(text) < least:
        return "too_short"
    given = row.get(label_column) if label_column else label
    if given is None or isinstance(given, bytes | list | dict) or not str(given).strip():
        return "no_label"
    id_, url, language = (
        value if isinstance(value := row.get(name), str) else "" for name in ("id", "url", "language")
    )
    return Example(hashed(id_ or place), str(given), text, url, language)


def hashed(text: str, seed: int = 0) -> int:
    """64 bits of BLAKE2b."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, salt=seed.to_bytes(8, "big")).digest(), "big")


class Lowest:
    """The examples with the lowest keys of those that were added: what a bottom-k sample keeps."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.added = 0
        self._heap: list[tuple[int, int, Example]] = []

    def add(self, example: Example) -> None:
        """Take one; of equal keys the first stays."""
        self.added += 1
        entry = (-example.key, -self.added, example)
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        elif entry[0] > self._heap[0][0]:
            heapq.heappushpop(self._heap, entry)

    def examples(self) -> list[Example]:
        """What is kept, by rising key."""
        return [example for _, _, example in sorted(self._heap, reverse=True)]


def sampled(
    examples: Iterable[Example], most: int, talk: Callable[[str], object]
) -> dict[str, list[Example]]:
    """Of each label the `most` examples with the lowest keys, in the order of their keys; no text stands there twice.

    A text that comes with two labels counts for the one that is first in the alphabet.
    """
    kept: dict[str, Lowest] = {}
    for number, example in enumerate(examples, 1):
        kept.setdefault(example.label, Lowest(most)).add(example)
        if not number % 10000:
            talk(f"{number:,} documents read")
    seen: set[bytes] = set()
    found: dict[str, list[Example]] = {}
    for label in sorted(kept):
        found[label] = []
        for example in kept[label].examples():
            digest = hashlib.blake2b(example.text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            if digest not in seen:
                seen.add(digest)
                found[label].append(example)
    return found
