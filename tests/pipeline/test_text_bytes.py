"""Bytes of text from extraction to the corpus: each stage counts what it gets and what it gives, and sums are exact."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import Ledger
from pipeline.stats import named, plain
from pipeline.store import open_folder
from tests.pipeline.conftest import rows, sets, sluice

pytestmark = pytest.mark.xdist_group("bytes")


def size(row: dict[str, Any]) -> int:
    return len((row["text"] or "").encode())


def total(run: Path, under: str) -> int:
    return sum(map(size, rows(run, under).values()))


def counted(run: Path, stage: str) -> dict[str, Any]:
    """All counts of a stage, summed over its shards."""
    receipts = Ledger(open_folder(run)).closed(stage)
    names = {name: value for receipt in receipts for name, value in receipt.counts.items()}
    found: dict[str, Any] = {
        name: dict(named(receipts, name)) if isinstance(value, dict) else plain(receipts, name)
        for name, value in names.items()
    }
    return found


def by(found: dict[str, dict[str, Any]], key: str, sizes: dict[str, int]) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for id_, row in found.items():
        summed[row[key]] += sizes[id_]
    return dict(summed)


def adds_up(run: Path) -> None:
    """From what was extracted to the corpus, by what the folders hold."""
    extracted, documents, corpus = (rows(run, under) for under in ("extracted", "documents", "corpus"))
    sizes = {id_: size(row) for id_, row in extracted.items()}
    found = counted(run, "filter")
    assert counted(run, "extract")["bytes"] == found["bytes"] == sum(sizes.values()) > 0
    assert found["bytes"] == sum(found["dropped_bytes"].values()) + found["kept_bytes"]
    read = {id_: row for id_, row in rows(run, "dropped").items() if row["screened"] is None}
    assert {name: number for name, number in found["dropped_bytes"].items() if number} == {
        name: number for name, number in by(read, "reason", sizes).items() if number
    }
    assert found["kept_bytes"] == sum(sizes[id_] for id_ in documents)
    assert found["out_bytes"] == total(run, "documents") == counted(run, "corpus")["in_bytes"]
    duplicates = by(rows(run, "duplicates"), "kind", {id_: size(row) for id_, row in documents.items()})
    assert counted(run, "dedup")["duplicate_bytes"] == duplicates != {}
    assert counted(run, "corpus")["bytes"] == sum(map(size, corpus.values()))


def test_sums_are_exact_on_the_sample(clean: Path) -> None:
    adds_up(clean)
    counts = counted(clean, "extract")
    assert sum(counts["screened"].values()) > 0
    stored = {**rows(clean, "documents"), **rows(clean, "dropped")}
    assert {id_: row["extract_bytes"] for id_, row in stored.items()} == {
        id_: None if row["screened"] else size(row) for id_, row in rows(clean, "extracted").items()
    }


def test_sums_are_exact_on_real_pages_that_are_not_masked(piece: Path, tmp_path: Path) -> None:
    pairs = sets(["pii=null", "dedup.exact=true"])
    sluice("run", "fineweb", "--input", piece, "--out", tmp_path / "run", "--until", "corpus", *pairs)
    found = {stage: counted(tmp_path / "run", stage) for stage in ("filter", "dedup", "corpus")}
    assert found["filter"]["out_bytes"] < found["filter"]["kept_bytes"]  # the filter `c4` edits
    removed = sum(found["dedup"]["duplicate_bytes"].values())
    assert found["corpus"]["in_bytes"] - removed == found["corpus"]["bytes"]


def test_of_a_union_the_text_that_was_judged_counts(piece: Path, tmp_path: Path) -> None:
    words = ["run", "fineweb", "--input", piece, "--until", "filter", "--set", "extract.cascade=null"]
    sluice(*words, "--out", tmp_path / "run", "--extractor", "union: [justext, resiliparse]")
    stored = {**rows(tmp_path / "run", "documents"), **rows(tmp_path / "run", "dropped")}
    found = counted(tmp_path / "run", "filter")
    assert found["bytes"] == sum(row["extract_bytes"] for row in stored.values())
    assert found["bytes"] == sum(found["dropped_bytes"].values()) + found["kept_bytes"]
    first = counted(tmp_path / "run", "extract")["bytes"]
    assert first == total(tmp_path / "run", "extracted") != found["bytes"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_documents_that_were_text_already(kind: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ["Ä" * 40, "", " \n ", "The ferry leaves at noon. " * 30]
    table = pa.table({"id": list("abcd"), "text": texts})
    source = tmp_path / f"texts.{kind}"
    if kind == "parquet":
        pq.write_table(table, source)
    else:
        import json

        source.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    sluice("filter", "tiny", "--input", source, "--out", tmp_path / "run", "--set", "filters=[ccnet]")
    found = counted(tmp_path / "run", "filter")
    assert found["bytes"] == 80 + 3 + 26 * 30
    assert found["dropped_bytes"]["extract.empty"] == 3
    assert found["kept_bytes"] == found["bytes"] - sum(found["dropped_bytes"].values()) > 0
    plain_run = tmp_path / "plain"
    words = ["--set", "filters=null", "--set", "dedup=null", "--set", "pii=null", "--until", "corpus"]
    sluice("run", "tiny", "--input", source, "--out", plain_run, *words)
    assert counted(plain_run, "extract")["bytes"] == found["bytes"]
    corpus = counted(plain_run, "corpus")
    assert corpus["in_bytes"] == corpus["bytes"] == found["bytes"]


def test_no_page_at_all(tmp_path: Path) -> None:
    source = tmp_path / "none.jsonl"
    source.write_text("")
    sluice("run", "tiny", "--input", source, "--out", tmp_path / "run", "--until", "corpus", check=False)
    found = counted(tmp_path / "run", "filter")
    assert counted(tmp_path / "run", "extract")["bytes"] == 0
    assert (found["bytes"], found["kept_bytes"], found["out_bytes"], found["dropped_bytes"]) == (0, 0, 0, {})
    assert (
        counted(tmp_path / "run", "corpus")["in_bytes"],
        counted(tmp_path / "run", "corpus")["bytes"],
    ) == (0, 0)
