"""The made-up run of the benchmark of the dashboard: sums add up, and its sample is what a real run would store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic_run import Asked, make
from pipeline.dashboard.watch import Watched
from pipeline.interval import estimate
from pipeline.ledger import Ledger, is_whole
from pipeline.signal_sample import SAMPLED, is_sampled
from pipeline.stats import stats, status
from pipeline.store import open_folder
from pipeline.sums import named, plain

SHARDS, DOCUMENTS = 20, 2_000_000


@pytest.fixture(scope="module")
def made(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "run"
    make(Asked(small_run, SHARDS, DOCUMENTS), out)
    return out


def test_its_receipts_are_whole_and_its_counts_add_up(made: Path) -> None:
    ledger = Ledger(open_folder(made))
    assert all(is_whole(receipt) for receipt in ledger.closed("filter"))
    found = stats(open_folder(made))
    lost = sum(
        sum(found[name].values()) for name in ("skipped", "failed", "dropped", "duplicates", "removed")
    )
    assert found["records"] == lost + found["corpus"]
    assert found["corpus"] == plain(ledger.closed("corpus"), "out")
    assert plain(ledger.closed("extract"), "out") == plain(ledger.closed("filter"), "in")
    assert len(found["given_up"]) == 2
    assert found["failed"]["timeout"]


def test_it_is_watched_as_a_run_is_and_its_intervals_cover_the_truth(made: Path) -> None:
    seen = Watched(open_folder(made), "run").look_to_the_end()
    assert not seen.damage
    assert not seen.live
    documents = seen.documents
    assert not documents.exact
    assert all(is_sampled(documents.table["id"].to_pylist()))
    assert len(set(documents.table["id"].to_pylist())) == documents.rows
    expected = documents.total / SAMPLED
    assert abs(documents.rows - expected) < 5 * np.sqrt(expected)
    filtered = seen.run.closed["filter"]
    kept = estimate(int(documents.kept.sum()), documents.rows)
    assert kept.low <= plain(filtered, "out") / documents.total <= kept.high
    truth = named(filtered, "dropped")
    found = documents.sums("reason", ~documents.kept)
    for rule, number in truth.most_common(3):
        share = estimate(found.get(rule, 0), documents.rows)
        assert share.low <= number / documents.total <= share.high


def test_of_a_run_under_way_the_shards_planned_are_told(small_run: Path, tmp_path: Path) -> None:
    make(Asked(small_run, SHARDS, DOCUMENTS, live=True), tmp_path / "run")
    seen = Watched(open_folder(tmp_path / "run"), "run").look_to_the_end()
    assert seen.live
    stage = next(one for one in seen.status["stages"] if one["stage"] == "filter")
    assert (stage["shards_done"], stage["shards"]) == (9, SHARDS - 2)
    told = next(one for one in status(open_folder(tmp_path / "run"))["stages"] if one["stage"] == "filter")
    assert told == stage


def test_with_files_of_all_documents_they_are_the_counts(small_run: Path, tmp_path: Path) -> None:
    make(Asked(small_run, 3, 3000, exact=True), tmp_path / "run")
    seen = Watched(open_folder(tmp_path / "run"), "run").look_to_the_end()
    documents, filtered = seen.documents, seen.run.closed["filter"]
    assert documents.exact
    assert documents.rows == plain(filtered, "in")
    assert int(documents.kept.sum()) == plain(filtered, "out")
    assert documents.sums("reason", ~documents.kept) == dict(named(filtered, "dropped"))
    assert documents.sums("fate", documents.kept).get("corpus", 0) == seen.run.counts["corpus"]
