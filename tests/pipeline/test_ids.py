"""An id names one document: later rows that bear it fail, whichever file they stand in."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.documents import identifiers
from pipeline.engine.meter import Meter
from pipeline.ledger import Ledger
from pipeline.recipe import load
from pipeline.stages import ids
from pipeline.stages.stage import Attempt, Shard
from pipeline.store import open_folder
from pipeline.store.parquet import read_table
from tests.pipeline.conftest import sluice, stats


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def failed(run: Path) -> list[tuple[str, str, str]]:
    found = pa.concat_tables(pq.read_table(path) for path in sorted((run / "failed").glob("*.parquet")))
    return sorted((row["id"], row["warc_file"], row["message"]) for row in found.to_pylist())


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    one = jsonl(
        tmp_path / "b.jsonl",
        {"id": "x", "text": "first"},
        {"id": "y"},  # no text: a failed row, which holds no id
        {"id": "x", "text": "again"},
        {"id": 7, "text": "a number"},
        {"text": "named by its row"},
    )
    pq.write_table(
        pa.table({"id": ["y", "7", "b.jsonl#4", "z"], "text": ["y", "7", "row", None]}),
        tmp_path / "c.parquet",
    )
    return [tmp_path / "c.parquet", one, jsonl(tmp_path / "d.jsonl", {"id": "z", "text": "z"})]


def test_a_repeated_id_fails_wherever_it_stands(tmp_path: Path, inputs: list[Path]) -> None:
    out = tmp_path / "run"
    done = sluice(
        "run", "fineweb", "--set", "filters=null", "--set", "dedup=null", "--until", "corpus",
        "--input", *inputs, "--out", out, check=False,
    )  # fmt: skip
    assert done.returncode == 3  # more than 1 % of the rows
    found = stats(out)
    assert found["records"] == 10
    assert found["failed"] == {"duplicate_id": 3, "no_text": 2}
    assert found["corpus"] == 5
    assert [row for row in failed(out) if "stands" in row[2]] == [
        ("7", "c.parquet", "this id stands in row 3 of b.jsonl already"),
        ("b.jsonl#4", "c.parquet", "this id stands in row 4 of b.jsonl already"),
        ("x", "b.jsonl", "this id stands in row 0 of b.jsonl already"),
    ]
    corpus = pa.concat_tables(pq.read_table(path) for path in sorted((out / "corpus").glob("*.parquet")))
    assert sorted(corpus["id"].to_pylist()) == ["7", "b.jsonl#4", "x", "y", "z"]
    assert "up to date" in sluice(
        "run", "fineweb", "--set", "filters=null", "--set", "dedup=null", "--until", "corpus",
        "--input", *reversed(inputs), "--out", out, check=False,
    ).stderr  # fmt: skip


def test_workers_change_nothing_and_a_new_file_redoes_only_what_it_touches(
    tmp_path: Path, inputs: list[Path]
) -> None:
    def extract(out: str, *files: Path, workers: int = 1) -> dict[str, Any]:
        arguments = ["--input", *files, "--out", tmp_path / out, "--workers", workers]
        sluice("run", "fineweb", "--until", "extract", *arguments, check=False)
        return stats(tmp_path / out)

    assert extract("one", *inputs)["digest"] == extract("four", *inputs, workers=4)["digest"]
    receipts = {path.name for path in (tmp_path / "one/ledger/extract").glob("*.json")}
    late = jsonl(tmp_path / "e.jsonl", {"id": "z", "text": "late"})
    assert extract("one", *inputs, late)["failed"] == {"duplicate_id": 4, "no_text": 2}
    assert receipts < {path.name for path in (tmp_path / "one/ledger/extract").glob("*.json")}


def test_identifiers_are_those_of_rows_with_text(inputs: list[Path]) -> None:
    assert list(identifiers(str(inputs[1]), "jsonl", "id")) == [
        (0, "x"),
        (2, "x"),
        (3, "7"),
        (4, "b.jsonl#4"),
    ]
    assert list(identifiers(str(inputs[0]), "parquet", "id")) == [(0, "y"), (1, "7"), (2, "b.jsonl#4")]


@pytest.mark.parametrize("most", [1, 3, 1_000])
def test_runs_of_any_size_find_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(ids, "_RUN", most)
    draw = random.Random(4)
    names = [[draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(draw.randint(0, 9))] for _ in range(8)]
    files = [
        {
            "path": str(jsonl(tmp_path / f"{at}.jsonl", *({"id": one, "text": "text"} for one in mine))),
            "kind": "jsonl",
            "name": f"{at}.jsonl",
        }
        for at, mine in enumerate(names)
    ]
    attempt = Attempt(
        stage="ids",
        fingerprint="",
        shard=Shard(name="all", inputs=[], parameters={"files": files}),
        recipe=load("tiny"),
        folder=open_folder(tmp_path / "run"),
        report=lambda data: None,
    )
    ids.run(attempt.shard, attempt)
    receipt = attempt.publish(Ledger(attempt.folder), Meter().cost)
    seen: dict[str, tuple[str, int]] = {}
    for at, mine in enumerate(names):
        expected = []
        for row, one in enumerate(mine):
            if one in seen:
                expected.append((row, *seen[one]))
            seen.setdefault(one, (f"{at}.jsonl", row))
        output = next(one for one in receipt.outputs if one.name.startswith(f"repeated/{at:08d}-"))
        table = read_table(attempt.folder, output.name)
        assert [tuple(row.values()) for row in table.to_pylist()] == expected
