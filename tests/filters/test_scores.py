"""Scores that a file gives: found by id or address, in any format; what the file does not name is said to be so."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.chain import Chain, asset_names, chain_steps
from filters.document import from_rows
from filters.hashing import hash_strings
from filters.scores import Scores
from pipeline.errors import UsageError
from pipeline.recipe import read
from pipeline.score_files import read_scores

ROWS = [("a", 3.0), ("b", 2.999), ("007", 5.0), ("é", 0.5)]


def parquet(path: Path, by: str) -> Path:
    names, scores = zip(*ROWS, strict=True)
    pq.write_table(pa.table({"other": [None] * 4, "score": scores, by: names}), path / "s.parquet")
    return path / "s.parquet"


def jsonl(path: Path, by: str) -> Path:
    lines = [json.dumps({by: name, "score": score, "other": [1]}) for name, score in ROWS]
    (path / "s.jsonl").write_text("\n".join(lines) + "\n\n")
    return path / "s.jsonl"


def packed(path: Path, by: str) -> Path:
    found = path / "s.jsonl.gz"
    found.write_bytes(gzip.compress(jsonl(path, by).read_bytes()))
    return found


def table(path: Path, by: str) -> Path:
    (path / "s.csv").write_text(f"{by},score\n" + "".join(f"{name},{score}\n" for name, score in ROWS))
    return path / "s.csv"


@pytest.mark.parametrize("write", [parquet, jsonl, packed, table])
@pytest.mark.parametrize("by", ["id", "url"])
def test_files(tmp_path: Path, write: Callable[[Path, str], Path], by: str) -> None:
    scores = read_scores(write(tmp_path, by))
    assert (scores.by, len(scores), scores.highest) == (by, 4, 5.0)
    values, known = scores.find(["é", "x", "007", "7", "b"])
    assert values.tolist() == [0.5, 5.0, 5.0, 5.0, 2.999]
    assert known.tolist() == [True, False, True, False, True]
    assert scores.find([])[0].tolist() == []


def verdict(scores: Scores, **values: Any) -> tuple[pa.Table, list[str | None]]:
    steps = chain_steps([{"scores": {"file": "edu", **values}}])
    assert asset_names(steps) == ["lists.edu"]
    rows: list[dict[str, object]] = [
        {"id": id_, "url": f"u{id_}", "text": "text"} for id_ in ("a", "b", "x", "007")
    ]
    found = Chain(steps, {"lists.edu": scores}).apply(from_rows(rows))
    return found.documents, found.verdict.reason.to_pylist()


def test_thresholds_and_what_is_missing(tmp_path: Path) -> None:
    scores = read_scores(jsonl(tmp_path, "id"))
    documents, reasons = verdict(scores, min_score=3)
    assert documents["scores_known"].to_pylist() == [1, 1, 0, 1]
    assert documents["scores_value"].to_pylist() == [3.0, 2.999, 5.0, 5.0]
    assert reasons == [None, "scores.score", "scores.missing", None]
    assert verdict(scores, min_score=3, missing="keep")[1] == [None, "scores.score", None, None]
    assert verdict(scores)[1] == [None, None, "scores.missing", None]
    by_url = Scores("url", hash_strings(["ua", "ux"]), np.array([1.0, 2.0]))
    assert verdict(by_url)[0]["scores_known"].to_pylist() == [1, 0, 1, 0]


def test_the_first_of_two_scores_counts() -> None:
    scores = Scores("id", hash_strings(["b", "a", "b"]), np.array([1.0, 2.0, 3.0]))
    assert scores.find(["a", "b"])[0].tolist() == [2.0, 1.0]
    empty = Scores("id", hash_strings([]), np.zeros(0))
    assert empty.find(["a"])[1].tolist() == [False]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("s.txt", "", "expected a file of scores"),
        ("s.jsonl", "", "no rows"),
        ("s.jsonl", '{"id": "a", "score": 1}\n{"id"', "line 2"),
        ("s.jsonl", '{"name": "a", "score": 1}', "expected the columns score, and id or url"),
        ("s.jsonl", '{"id": "a", "score": "high"}', "high"),
        ("s.csv", "id,score\na,high\n", "high"),
        ("s.csv", "id,score\na,inf\n", "finite"),
        ("s.csv", "id,value\na,1\n", "expected the columns score"),
        ("s.parquet", "PAR1", "Parquet"),
        ("s.jsonl.gz", "not gzip", "s.jsonl.gz"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=said):
        read_scores(tmp_path / name)


def test_rows_without_a_score_give_none(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text(
        '{"id": "a", "score": null}\n{"id": "b", "score": 2}\n{"id": null, "score": 1}'
    )
    scores = read_scores(tmp_path / "s.jsonl")
    assert scores.find(["a", "b"])[1].tolist() == [False, True]


def test_a_recipe_names_the_file(tmp_path: Path) -> None:
    path = parquet(tmp_path, "id")
    filters = "filters: [{scores: {file: edu, min_score: 3}}]"
    recipe = read(f"name: x\nlists: {{edu: {{kind: scores, path: {path}}}}}\n{filters}\n", "x.yaml")
    rows: list[dict[str, object]] = [
        {"id": "a", "url": "", "text": "text"},
        {"id": "b", "url": "", "text": "text"},
    ]
    assert recipe.loaded_chain().apply(from_rows(rows)).verdict.reason.to_pylist() == [None, "scores.score"]
