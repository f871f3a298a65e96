"""`filters train --kind`: models of word counts are made, judged by a recipe and refused where they make no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from filters.document import from_rows
from pipeline.recipe import read
from tests.pipeline.conftest import sluice

SEA = (
    "The boats of the harbour wait for the tide while the sailors mend their nets and sails beside the quay. "
)
TOWN = "The council of the town discussed the budget for schools and roads at its meeting in the old hall. "


def write(path: Path, words: str, count: int, step: int = 1) -> Path:
    rows = [{"id": str(i), "text": words * 2 + f"Number {i} of the notes."} for i in range(count)][::step]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def train(kind: str, out: Path, *more: object) -> dict[str, Any]:
    done = sluice("filters", "train", "--kind", kind, "--out", out, "--json", *more)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_importance_prefers_what_is_like_the_target(tmp_path: Path) -> None:
    sea, town = write(tmp_path / "sea.jsonl", SEA, 40), write(tmp_path / "town.jsonl", TOWN, 40)
    card = train("importance", tmp_path / "m", "--positives", sea, "--negatives", town)
    assert card["documents"] == {"positives": 40, "negatives": 40}
    path, digest = tmp_path / "m" / card["model"]["file"], card["model"]["sha256"]
    text = (
        f"name: r\nmodels: {{sea: {{kind: importance, path: {path}, sha256: {digest}}}}}\n"
        "filters: [{importance: {models: {sea: sea}, min_per_gram: {sea: 0}}}]\n"
    )
    documents = from_rows([{"id": "a", "text": SEA}, {"id": "b", "text": TOWN}])
    applied = read(text, "r.yaml").loaded_chain().apply(documents)
    weights = applied.documents["importance_sea"].to_pylist()
    assert weights[0] > 0 > weights[1]
    assert applied.verdict.keep.tolist() == [True, False]


@pytest.mark.parametrize(("kind", "setting"), [("ngrams", "perplexity"), ("unigrams", "outliers")])
def test_what_is_unlike_the_reference_stands_out(kind: str, setting: str, tmp_path: Path) -> None:
    sea = write(tmp_path / "sea.jsonl", SEA, 40)
    card = train(kind, tmp_path / "m", "--positives", sea)
    path, digest = tmp_path / "m" / card["model"]["file"], card["model"]["sha256"]
    use = "{models: {sea: sea}}" if kind == "ngrams" else "{model: sea}"
    text = (
        f"name: r\nmodels: {{sea: {{kind: {kind}, path: {path}, sha256: {digest}}}}}\n"
        f"filters: [{{{setting}: {use}}}]\n"
    )
    column = "perplexity_sea" if kind == "ngrams" else "outliers_cross_entropy"
    documents = from_rows([{"id": "a", "text": SEA}, {"id": "b", "text": TOWN}])
    like, unlike = read(text, "r.yaml").loaded_chain().apply(documents).documents[column].to_pylist()
    assert like < unlike


@pytest.mark.parametrize("kind", ["importance", "ngrams", "unigrams"])
def test_the_order_of_documents_changes_no_byte(kind: str, tmp_path: Path) -> None:
    there, back = write(tmp_path / "a.jsonl", SEA, 30), write(tmp_path / "b.jsonl", SEA, 30, -1)
    raw = ["--negatives", write(tmp_path / "c.jsonl", TOWN, 30)] if kind == "importance" else []
    first = train(kind, tmp_path / "1", "--positives", there, *raw)
    second = train(kind, tmp_path / "2", "--positives", back, *raw)
    assert first["model"] == second["model"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kind", "ngram", "--positives", "x"], "--kind ngram: fasttext, importance, ngrams, unigrams"),
        (["--kind", "ngrams"], "name --positives"),
        (["--kind", "ngrams", "--positives", "{sea}", "--negatives", "{sea}"], "takes no --negatives"),
        (["--kind", "importance", "--positives", "{sea}"], "needs --negatives"),
        (["--kind", "ngrams", "--labelled", "{sea}"], "takes --positives"),
        (["--kind", "unigrams", "--positives", "{sea}", "--min-characters", "9999"], "no document with 9999"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, tmp_path: Path) -> None:
    sea = write(tmp_path / "sea.jsonl", SEA, 3)
    done = sluice(
        "filters", "train", "--out", tmp_path / "m", *(word.format(sea=sea) for word in words), check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") <= 2
