"""Policies over the whole corpus: the same for any shards and workers, and changed later from what is stored."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from filters.models.calibration import decoded
from filters.models.draw import below, cut
from pipeline.ledger import Ledger
from pipeline.recipe import load
from pipeline.road import active_stages
from pipeline.stages.calibrate import steps_of
from pipeline.store import open_folder
from tests.filters.classifiers import classifier, text
from tests.pipeline.conftest import rows, sets, sluice, stats

pytestmark = pytest.mark.xdist_group("calibrate")

DOCUMENTS = 360  # of the corpus
SAMPLE = 100
IDS = [f"d{number}" for number in range(DOCUMENTS)]


class Corpus(NamedTuple):
    recipe: Path
    files: tuple[Path, ...]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def page(number: int) -> dict[str, Any]:
    """A document of 10 to 100 words of two kinds."""
    good, count = number * 7 % 13, 10 + number * 11 % 90
    return {
        "id": IDS[number],
        "url": f"http://a.example/{number}",
        "text": text({"a": good, "b": 13 - good}, count, number),
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Three files of documents and a recipe of two classifiers."""
    folder = tmp_path_factory.mktemp("corpus")
    model = classifier(folder / "m.bin", {"hq": "a", "cc": "b"})
    other = classifier(folder / "n.bin", {"hq": "a", "cc": "d"})
    files = []
    for part in range(3):
        path = folder / f"part{part}.jsonl"
        path.write_text("".join(json.dumps(page(n)) + "\n" for n in range(part, DOCUMENTS, 3)))
        files.append(path)
    recipe = folder / "ranked.yaml"
    recipe.write_text(
        f"""
name: ranked
models:
  m: {{kind: fasttext, path: {model}, sha256: {sha256(model)}}}
  n: {{kind: fasttext, path: {other}, sha256: {sha256(other)}}}
filters:
  - topics: {{model: n, min_score: 0.6}}
  - quality:
      classifiers: {{hq: {{model: m, label: hq}}, other: {{model: n, label: hq}}}}
      combine: mean
      sample: {SAMPLE}
      policy: {{quantile: 0.5}}
dedup: null
"""
    )
    return Corpus(recipe, tuple(files))


def made(corpus: Corpus, run: Path, *pairs: str, words: tuple[str, ...] = ()) -> Path:
    inputs = [word for file in corpus.files for word in ("--input", str(file))]
    sluice("run", corpus.recipe, *inputs, "--out", run, "--until", "filter", *words, *sets(pairs))
    return run


@pytest.fixture(scope="module")
def base(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(corpus, tmp_path_factory.mktemp("base") / "run", words=("--workers", "2"))


def digest(run: Path) -> str:
    found: str = stats(run)["digest"]
    return found


def calibration(run: Path) -> Path:
    (found,) = (run / "calibration").iterdir()
    return found


def test_stages_are_there_only_where_they_are_needed(corpus: Corpus) -> None:
    needed = ("extract", "sample", "calibrate", "filter")
    assert active_stages(load(str(corpus.recipe)), "filter", ()) == needed
    plain = load(str(corpus.recipe), ["filters.quality.combine=null", "filters.quality.policy.quantile=null"])
    assert active_stages(plain, "filter", ()) == ("extract", "filter")
    assert steps_of(plain) == []


def test_the_sample_and_the_policy_of_a_run(base: Path) -> None:
    limit = cut(SAMPLE / DOCUMENTS)
    wanted = {id_ for id_, taken in zip(IDS, below(IDS, "calibration sample", limit), strict=True) if taken}
    sampled = rows(base, "sampled")
    assert set(sampled) == wanted
    assert 60 < len(wanted) < 140
    found = stats(base)
    said = found["calibration"]["quality"]
    passing = [row for row in sampled.values() if row["topics_score"] >= 0.6]
    assert (said["documents"], said["sampled"], said["passed"]) == (DOCUMENTS, len(wanted), len(passing))
    tokens = sum(row["quality_tokens"] for row in passing) * DOCUMENTS / len(wanted)
    assert said["tokens"] == round(tokens)
    kept, dropped = rows(base, "documents"), rows(base, "dropped")
    assert all(row["quality_above"] < 0.5 for row in kept.values())
    ranked = [row for row in dropped.values() if row["reason"] == "quality.quantile"]
    assert all(row["quality_above"] >= 0.5 for row in ranked)
    # What the sample estimates: the half of the tokens that the rules before keep.
    share = sum(row["quality_tokens"] for row in kept.values()) / (
        sum(row["quality_tokens"] for row in [*kept.values(), *ranked])
    )
    assert share == pytest.approx(0.5, abs=0.12)
    assert {row["quality_bucket"] for row in kept.values()} <= set(range(20))


def test_any_number_of_workers_and_any_names_of_files(base: Path, corpus: Corpus, tmp_path: Path) -> None:
    again = made(corpus, tmp_path / "one", words=("--workers", "1"))
    assert digest(again) == digest(base)
    # Other shards of the same documents: the same calibration.
    whole = tmp_path / "whole.jsonl"
    whole.write_text("".join(json.dumps(page(n)) + "\n" for n in range(DOCUMENTS)))
    other = made(Corpus(corpus.recipe, (whole,)), tmp_path / "other")
    mine, theirs = (decoded(calibration(run).read_bytes()) for run in (base, other))
    assert mine.passed == theirs.passed
    assert mine.tokens == pytest.approx(theirs.tokens)
    assert set(rows(other, "documents")) == set(rows(base, "documents"))


def test_why_and_a_second_run(base: Path, corpus: Corpus) -> None:
    before = digest(base)
    receipts = {path: path.stat().st_mtime_ns for path in (base / "ledger").rglob("*.json")}
    made(corpus, base, words=("--workers", "2"))
    assert digest(base) == before
    assert {path: path.stat().st_mtime_ns for path in receipts} == receipts
    id_, row = next(iter(rows(base, "documents").items()))
    story = json.loads(sluice("why", base, id_, "--json").stdout)
    rule = next(one for one in story["rules"] if one["rule"] == "quality.quantile")
    assert (rule["value"], rule["threshold"], rule["failed"]) == (row["quality_above"], 0.5, False)


@pytest.mark.parametrize(
    "change",
    [
        (
            "filters.quality.policy.quantile=null",
            "filters.quality.policy.budget=3000",
            "filters.quality.policy.pareto=0.5",
            "filters.quality.classifiers.hq.min_score=0.1",
        ),
        ("filters.topics.min_score=0.9",),  # who counts in the ranks changes, too
        ("filters.topics.min_score=0.5", "filters.quality.policy.min_bucket=9"),
    ],
    ids=["policies", "before", "looser"],
)
def test_a_retune_has_the_bytes_of_a_fresh_run(
    base: Path, corpus: Corpus, tmp_path: Path, change: tuple[str, ...]
) -> None:
    done = json.loads(sluice("retune", base, "--out", tmp_path / "new", "--json", *sets(change)).stdout)
    fresh = made(corpus, tmp_path / "fresh", *change)
    assert digest(tmp_path / "new") == digest(fresh)
    assert digest(fresh) != digest(base)
    assert done["reread"] == 0
    assert json.loads(sluice("verify", tmp_path / "new", "--json").stdout)["ok"]
    told, true = (
        json.loads(sluice("compare", base, *words, "--json", "--limit", "100").stdout)
        for words in (sets(change), [str(fresh)])
    )
    for side in ("only_left_keeps", "only_right_keeps"):  # ranks of stored signals are those of a fresh run
        assert told[side] == true[side]
    assert true["differing"] > 0


def test_what_is_measured_cannot_be_retuned(base: Path, tmp_path: Path) -> None:
    for pair in ("combine=max", "sample=200", "classifiers.hq.label=cc"):
        done = sluice(
            "retune", base, "--out", tmp_path / "new", "--set", f"filters.quality.{pair}", check=False
        )
        assert done.returncode == 2
        assert "use `sluice run`" in done.stderr


def test_released_files_are_made_again_where_they_are_needed(corpus: Corpus, tmp_path: Path) -> None:
    """The verb `filter` keeps documents alone; another policy then needs the calibration, and what it is made of."""
    run = tmp_path / "filtered"
    inputs = [word for file in corpus.files for word in ("--input", str(file))]

    def filtered(*pairs: str) -> dict[str, Any]:
        sluice("filter", corpus.recipe, *inputs, "--out", run, *sets(pairs))
        return rows(run, "documents")

    first = filtered()
    assert not (run / "sampled").exists()
    assert not (run / "calibration").exists()
    again = filtered("filters.topics.min_score=0.8")
    fresh = made(corpus, tmp_path / "fresh", "filters.topics.min_score=0.8")
    assert set(again) == set(rows(fresh, "documents")) != set(first)
    sluice("retune", run, "--out", tmp_path / "tuned", "--set", "filters.topics.min_score=0.6")
    assert rows(tmp_path / "tuned", "documents") == first


def test_a_calibration_from_another_run(base: Path, corpus: Corpus, tmp_path: Path) -> None:
    kept = calibration(base)
    pinned = tmp_path / "pinned.yaml"
    ranks = f"models:\n  ranks: {{kind: calibration, path: {kept}, sha256: {sha256(kept)}}}"
    text_ = corpus.recipe.read_text().replace("models:", ranks)
    pinned.write_text(text_.replace("      combine: mean", "      combine: mean\n      calibration: ranks"))
    small = Corpus(pinned, corpus.files[:1])
    run = made(small, tmp_path / "run")
    assert not (run / "calibration").exists()
    there = rows(base, "documents") | rows(base, "dropped")
    here = rows(run, "documents") | rows(run, "dropped")
    assert len(here) == DOCUMENTS // 3
    for id_, row in here.items():
        assert row["quality_bucket"] == there[id_]["quality_bucket"]
        assert row["quality_tokens_above"] == there[id_]["quality_tokens_above"]
    for words, said in (
        (
            "filters.quality.combine=max",
            "filters.quality.calibration: that of models.ranks was made for mean",
        ),
        ("models.ranks.path=" + str(corpus.recipe), "has the SHA-256"),
        ("filters.quality.classifiers.hq.label=no", "filters.quality.classifiers.hq.label: no label 'no'"),
    ):
        done = sluice(
            "run", pinned, "--input", corpus.files[0], "--out", tmp_path / "no", "--set", words, check=False
        )
        assert done.returncode == 2
        assert said in done.stderr
        assert not (tmp_path / "no" / "extracted").exists()


def test_plan_ranks_by_the_pages_that_it_measures(corpus: Corpus) -> None:
    done = sluice("plan", corpus.recipe, "--input", corpus.files[0], "--json")
    assert 0.3 < json.loads(done.stdout)["sample_kept_share"] < 0.7


def test_a_budget_counts_the_whole_corpus(base: Path, corpus: Corpus, tmp_path: Path) -> None:
    budget = 2000
    run = made(
        corpus,
        tmp_path / "run",
        "filters.quality.policy.quantile=null",
        f"filters.quality.policy.budget={budget}",
    )
    kept = sum(row["quality_tokens"] for row in rows(run, "documents").values())
    assert kept == pytest.approx(budget, rel=0.3)
    receipt = Ledger(open_folder(run)).closed("calibrate")[0]
    shares = receipt.values["quality"]["keeping"]
    assert [one["tokens"] for one in shares] == sorted(one["tokens"] for one in shares)
    assert stats(base)["calibration"] == stats(run)["calibration"]


def test_a_slider_that_would_rank_anew_names_who_does(base: Path) -> None:
    """A threshold before the ranking changes ranks, which the dashboard does not make; one after it changes none."""
    from pipeline.dashboard.sliders import outcome, settings_now
    from pipeline.dashboard.view import BadQuestion
    from tests.dashboard.conftest import seen_of

    seen = seen_of(base)
    with pytest.raises(BadQuestion, match="sluice compare"):
        settings_now(seen, ("filters.topics.min_score=0.9",))
    told = json.loads(
        sluice("compare", base, *sets(["filters.quality.policy.quantile=0.8"]), "--json").stdout
    )
    moved = settings_now(seen, ("filters.quality.policy.quantile=0.8",))
    found = outcome(seen, moved, "quality")
    sides = [told[side]["documents"] for side in ("only_left_keeps", "only_right_keeps")]
    assert [found.lost.number, found.gained.number] == sides
    assert any(sides)
