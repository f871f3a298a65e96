"""The texts of a few documents, as they were when a rule measured them; and a bounded search through texts."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.types import Span
from pipeline.lookup import rows_where
from pipeline.report.run import Run

if TYPE_CHECKING:
    from filters.chain import Chain

SCAN_DOCUMENTS = 20_000  # texts that one search looks at
SCAN_SECONDS = 1.5
SCAN_FOUND = 500  # documents after which it stops
_EXTRACTED = (("extract", "extracted"),)
_FINISHED = (("corpus", "corpus"), ("filter", "documents"))
_EDITABLE = {"english_tokenizer"}  # what edits that are repeated here may need


@dataclass(frozen=True)
class Text:
    """A document's text and where it is from: `extracted`, `extracted, as <filter> saw it`, `corpus` or `documents`."""

    text: str
    source: str


class Outputs:
    """The files of a run by stage, folder and shard."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._names: dict[tuple[str, str], dict[str, str]] = {}

    def name(self, stage: str, under: str, shard: str) -> str | None:
        """The file of a shard in a public folder, if there is one and it is still there."""
        key = (stage, under)
        if key not in self._names:
            self._names[key] = {
                receipt.shard: output.name
                for receipt in self.run.closed[stage]
                for output in receipt.outputs
                if output.folder == under and output.rows and output.name.endswith(".parquet")
            }
        name = self._names[key].get(shard)
        return name if name is not None and self.run.folder.exists(name) else None


def texts_of(run: Run, shards: Mapping[str, str], finished: bool) -> dict[str, Text]:
    """The texts of documents, given by id and shard: as extracted, or with `finished` as in the corpus, so far it is.

    Where the first is not there, the other is taken; documents that have neither are left out.
    """
    outputs = Outputs(run)
    found: dict[str, Text] = {}
    for stage, under in (*_FINISHED, *_EXTRACTED) if finished else (*_EXTRACTED, *_FINISHED):
        for shard in sorted(set(shards.values())):
            wanted = [id_ for id_, of in shards.items() if of == shard and id_ not in found]
            name = outputs.name(stage, under, shard) if wanted else None
            for row in rows_where(run.folder, name, "id", wanted, ["id", "text"]) if name else []:
                found[row["id"]] = Text(row["text"] or "", under)
    return found


def as_measured(
    chain: Chain, rule: str, texts: Mapping[str, Text], languages: Mapping[str, str | None]
) -> dict[str, Text]:
    """Extracted texts with the edits of the filters before the rule's; others as they are.

    An edit that needs a list or model is left out, as it is not at hand here.
    """
    from filters import FILTERS
    from filters.chain import Chain as Edits

    name = rule.partition(".")[0]
    at = next((i for i, step in enumerate(chain.steps) if step.name == name), 0)
    before = [
        step
        for step in chain.steps[:at]
        if FILTERS[step.name].edit is not None
        and not step.by_language
        and set(FILTERS[step.name].assets(step.settings)) <= _EDITABLE
    ]
    ids = [id_ for id_, one in texts.items() if one.source == "extracted"]
    if not before or not ids:
        return dict(texts)
    table = pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "url": pa.nulls(len(ids), pa.string()),
            "text": pa.array([texts[id_].text for id_ in ids], pa.large_string()),
            "language": pa.array([languages.get(id_) for id_ in ids], pa.string()),
        }
    )
    edited = Edits(before, {"english_tokenizer": _tokenizer()}).edited(table).to_pylist()
    source = f"extracted, as {name} saw it"
    return dict(texts) | {id_: Text(text, source) for id_, text in zip(ids, edited, strict=True)}


@functools.cache
def _tokenizer() -> Any:
    """spaCy's, loaded as a run loads it: without torch, which takes seconds."""
    from pipeline import assets

    return assets.load("english_tokenizer")


def spans_of(chain: Chain, rule: str, text: str, language: str | None) -> list[Span]:
    """Where a rule fired, by the settings for the document's language; none for rules about the whole document."""
    from filters import FILTERS

    name, _, own = rule.partition(".")
    step = next((step for step in chain.steps if step.name == name), None)
    if step is None:
        return []
    settings = step.measured_by(language)
    if "english_tokenizer" in FILTERS[name].assets(settings):
        _tokenizer()
    return FILTERS[name].spans(text, own, settings)


def occurrences(text: str, words: str) -> list[Span]:
    """Where the words searched for stand, upper and lower case alike."""
    import re2

    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return [match.span() for match in re2.compile(re2.escape(words), options).finditer(text)]


@dataclass(frozen=True)
class Scan:
    """What a search saw: ids that have the words, texts looked at, shards done, and whether it was stopped."""

    found: list[str]
    looked_at: int
    shards: int
    stopped: bool


def scan(run: Run, candidates: Mapping[str, Sequence[str]], words: str) -> Scan:
    """Which of the candidates, ids by shard, have the words in their text; looks at a bounded number of texts."""
    outputs = Outputs(run)
    began, found, looked_at, done = time.monotonic(), list[str](), 0, 0
    for shard, ids in candidates.items():
        if looked_at >= SCAN_DOCUMENTS or len(found) >= SCAN_FOUND or time.monotonic() - began > SCAN_SECONDS:
            return Scan(found, looked_at, done, True)
        wanted = pa.array(list(ids), pa.string())
        for table in _tables(run, outputs, shard):
            table = table.filter(pc.is_in(table["id"].cast(pa.string()), value_set=wanted))
            if looked_at + table.num_rows > SCAN_DOCUMENTS or time.monotonic() - began > SCAN_SECONDS:
                return Scan(found, looked_at, done, True)
            looked_at += table.num_rows
            match = pc.match_substring(table["text"], words, ignore_case=True)
            found += table["id"].filter(match).to_pylist()
        done += 1
    return Scan(found, looked_at, done, False)


def _tables(run: Run, outputs: Outputs, shard: str) -> Iterator[pa.Table]:
    from pipeline.store.parquet import iterate

    for stage, under in (*_EXTRACTED, *reversed(_FINISHED)):
        if (name := outputs.name(stage, under, shard)) is not None:
            yield from iterate(run.folder, name, ["id", "text"])
            return
