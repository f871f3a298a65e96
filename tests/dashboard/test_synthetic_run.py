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


def test_other_thresholds_are_compared_in_the_sample(made: Path, small_run: Path) -> None:
    """The made-up run repeats the documents of a small one, whose shares the sample's are estimates of."""
    from pipeline.compare.query import compare_settings
    from pipeline.dashboard.view import House
    from pipeline.dashboard.views.compare import CompareQuestion, answer
    from pipeline.recipe import with_settings

    seen = Watched(open_folder(made), "run").look_to_the_end()
    pairs = ("filters.gopher_quality.min_words=150",)
    found = answer(House({"run": seen}, 0.04), seen, CompareQuestion(set=pairs)).answer
    assert found is not None
    assert (found.level, found.joined_by, found.sampled) == ("filters", "id", seen.documents.share)
    assert found.common == seen.documents.rows
    assert found.only_right_keeps.documents == 0
    run = open_folder(small_run)
    truth = compare_settings(run, with_settings(seen.run.recipe, pairs), "")
    measured = truth.common - sum(stats(run)["failed"].values())
    share = estimate(found.differing, found.common)
    assert 0 < share.low <= truth.differing / measured <= share.high
    decided = sum(found.right.fates[name] for name in ("dropped", "removed", "kept", "unknown"))
    assert decided == seen.documents.total
    assert found.right.fates["kept"] < plain(seen.run.closed["filter"], "out")
    assert any("stored sample" in note for note in found.notes)


def test_sampled_runs_are_compared_by_the_documents_in_both_samples(made: Path, small_run: Path) -> None:
    from pipeline.dashboard.view import BadQuestion, House
    from pipeline.dashboard.views.compare import CompareQuestion, answer

    seen = Watched(open_folder(made), "run").look_to_the_end()
    house = House(
        {"run": seen, "again": seen, "small": Watched(open_folder(small_run), "small").look_to_the_end()},
        0.04,
    )
    found = answer(house, seen, CompareQuestion(other="again")).answer
    assert found is not None
    assert (found.common, found.differing) == (seen.documents.rows, 0)
    assert (found.only_left.documents, found.only_right.documents) == (0, 0)
    with pytest.raises(BadQuestion, match="no document is in the stored samples of both"):
        answer(house, seen, CompareQuestion(other="small"))


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
