"""Runs with the filter `contamination`: what is removed or cut, what is published, told and decided again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.store import open_folder
from pipeline.store.parquet import read_table
from tests.pipeline.conftest import rows, sets, sluice, stats

QUESTION = "How many red apples does the old farmer sell on the third day of the long market week?"
TYPOS = QUESTION.replace("farmer", "famrer").replace("market", "marcket")
FILL = "Nothing in this sentence was ever asked of anybody, and it is here to take room. " * 8
DOCUMENTS = {
    "clean": FILL,
    "whole": f"{FILL}\n{QUESTION}\n{FILL}",
    "typos": f"{FILL}\n{TYPOS}\n{FILL}",
    "bare": QUESTION,
    "other": FILL + "And a few more words.",
}
RECIPE = """\
name: decontaminated
lists:
  tests: {kind: benchmarks, path: bench/*.jsonl}
filters:
  - language
  - contamination: {against: lists.tests, kinds: [ngram, tokens, near]%s}
dedup: null
pii: null
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two benchmarks, a recipe and two files of documents."""
    (tmp_path / "bench").mkdir()
    items = [
        {"question": QUESTION, "answer": "twelve"},
        {"question": "Where do birds go?", "answer": "South."},
    ]
    (tmp_path / "bench" / "farm.jsonl").write_text("".join(json.dumps(one) + "\n" for one in items))
    (tmp_path / "bench" / "sky.jsonl").write_text(
        json.dumps({"question": "Why is the sky blue on most days?"})
    )
    for name, wanted in (("a", ("clean", "whole", "typos")), ("b", ("bare", "other"))):
        lines = [
            json.dumps({"id": id_, "url": f"http://e.org/{id_}", "text": DOCUMENTS[id_]}) for id_ in wanted
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(place: Path, name: str, settings: str = "", *words: str) -> Path:
    from pipeline.recipe import load, resolved

    (place / "recipe.yaml").write_text(RECIPE % settings)
    recipe = place / f"{name}.yaml"  # the command runs in another folder
    recipe.write_text(resolved(load(str(place / "recipe.yaml"))))
    out = place / name
    inputs = ("--input", place / "a.jsonl", "--input", place / "b.jsonl")
    sluice("run", recipe, *inputs, "--out", out, "--until", "corpus", *words)
    return out


def found(run: Path) -> list[dict[str, Any]]:
    folder = open_folder(run)
    tables = [read_table(folder, f"contamination/{name}") for name in folder.names("contamination")]
    return [row for table in tables for row in table.to_pylist()]


def test_contaminated_documents_are_removed_and_named(place: Path) -> None:
    out = run(place, "drop")
    counts = stats(out)
    assert counts["removed"] == {"contaminated": 3, "opt_out": 0, "takedown": 0}
    assert counts["contaminated"] == {"contamination.ngram": 2, "contamination.near": 1}
    assert (counts["records"], counts["dropped"], counts["corpus"]) == (5, {}, 2)
    assert counts["contamination"] == {
        "farm": {
            "items": 2,
            "matched": 1,
            "share": 0.5,
            "documents": 3,
            "kinds": {
                "near": {"items": 1, "documents": 3},
                "ngram": {"items": 1, "documents": 2},
                "tokens": {"items": 1, "documents": 2},
            },
        },
        "sky": {"items": 1, "matched": 0, "share": 0.0, "documents": 0, "kinds": {}},
    }
    assert set(rows(out, "corpus")) == {"clean", "other"}
    places = {(row["id"], row["kind"]): row for row in found(out)}
    start = len(FILL) + 1
    near = places["typos", "near"]
    assert (near["benchmark"], near["item"], near["score"]) == ("farm", "1", 1)
    assert (near["start"], near["end"]) == (start, start + len(TYPOS) - 1)
    assert near["text"] == TYPOS[:-1]
    assert near["reason"] == "contamination.near"
    assert places["bare", "ngram"]["reason"] == "contamination.ngram"


def test_why_the_report_and_the_table_name_the_item(place: Path) -> None:
    out = run(place, "told")
    story = json.loads(sluice("why", out, "typos", "--json").stdout)
    assert story["fate"] == "removed"
    (near,) = [one for one in story["contamination"] if one["kind"] == "near"]
    assert (near["benchmark"], near["item"], near["counts"]) == ("farm", "1", True)
    assert (
        f"farm 1 (near, 1.00) at {near['start']}-{near['end']}: How many red"
        in sluice("why", out, "typos").stdout
    )
    assert "contains" not in sluice("why", out, "clean").stdout
    table = sluice("stats", out).stdout
    assert "contaminated: ngram 2, near 1" in table
    assert "contamination: 1 of 2 items of farm (near 1, ngram 1, tokens 1)" in table
    sluice("report", out)
    page = (out / "report.html").read_text()
    assert '<tr data-benchmark="farm">' in page
    assert "after contamination" in page
    assert json.loads(sluice("verify", out, "--json").stdout)["ok"]


def test_the_same_bytes_with_one_worker_and_two(place: Path) -> None:
    alone, two = (
        stats(run(place, name, "", "--workers", number)) for name, number in (("one", "1"), ("two", "2"))
    )
    assert alone["digest"] == two["digest"]


def test_a_cut_keeps_what_stands_around(place: Path) -> None:
    out = run(place, "cut", ", action: cut")
    counts = stats(out)
    assert counts["contaminated"] == {"contamination.left": 1}
    assert counts["contamination"]["farm"]["documents"] == 3
    kept = rows(out, "corpus")
    assert set(kept) == {"clean", "whole", "typos", "other"}
    at = len(FILL) + 1
    whole = DOCUMENTS["whole"]
    assert kept["whole"]["text"] == whole[: at - 200] + "\n\n" + whole[at + len(QUESTION) - 1 + 200 :]
    assert kept["clean"]["text"] == DOCUMENTS["clean"]


def test_thresholds_are_changed_without_measuring(place: Path) -> None:
    out = run(place, "first")
    loose = ("filters.contamination.max_ngrams=null", "filters.contamination.min_token_share=null")
    again = place / "again"
    told = json.loads(sluice("retune", out, "--out", again, "--json", *sets(loose)).stdout)
    assert (told["reread"], told["decided"], told["kept_after"]) == (0, 5, 2)
    assert stats(again)["contaminated"] == {"contamination.near": 3}
    fresh = run(place, "fresh", ", max_ngrams: null, min_token_share: null")
    assert stats(again)["digest"] == stats(fresh)["digest"]
    refused = sluice(
        "retune", out, "--out", place / "no", *sets(("filters.contamination.action=cut",)), check=False
    )
    assert refused.returncode == 2
    assert "--set filters.contamination.action: it decides what is read or measured" in refused.stderr


def test_a_broken_benchmark_stops_a_run_before_it_begins(place: Path) -> None:
    (place / "bench" / "sky.jsonl").write_text('{"question": "q"}\n{"question"\n')
    (place / "recipe.yaml").write_text(RECIPE.replace("bench/", f"{place}/bench/") % "")
    done = sluice(
        "run", place / "recipe.yaml", "--input", place / "a.jsonl", "--out", place / "x", check=False
    )
    assert done.returncode == 2
    assert done.stderr.strip().endswith(
        "sky.jsonl:2: not JSON (Expecting ':' delimiter); write one item a line"
    )
    assert "Traceback" not in done.stderr


def test_other_items_under_the_same_name_are_looked_for(place: Path) -> None:
    out = run(place, "run")
    (place / "bench" / "farm.jsonl").write_text(
        json.dumps({"question": "Is something else asked here, or is it not?"})
    )
    again = run(place, "run")
    assert again == out
    assert stats(out)["corpus"] == 5
