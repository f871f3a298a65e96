"""Sliders: what they say of a run is what `retune` does to it, and the numbers are those of its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from pipeline.dashboard.documents import UNKNOWN
from pipeline.dashboard.sides import pages_of
from pipeline.dashboard.sliders import Outcome
from pipeline.dashboard.view import BadQuestion, House
from pipeline.dashboard.views.signals import SignalsAnswer, SignalsQuestion, answer
from pipeline.dashboard.watch import Seen
from pipeline.patch import read_patch
from pipeline.recipe import with_settings
from pipeline.whatif import decisions, moved
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import sets, sluice

pytestmark = pytest.mark.xdist_group("dashboard")


@pytest.fixture(scope="module")
def seen(small_run: Path) -> Seen:
    return seen_of(small_run)


def asked(seen: Seen, signal: str, *settings: str) -> SignalsAnswer:
    return answer(House({seen.name: seen}, 0.04), seen, SignalsQuestion(signal=signal, set=settings))


def outcome(found: SignalsAnswer) -> Outcome:
    assert found.outcome is not None
    return found.outcome


def test_without_moves_the_recipe_s_own_decisions(seen: Seen) -> None:
    found = asked(seen, "gopher_quality_words")
    result = outcome(found)
    assert result.exact
    assert result.now == result.before
    assert result.before.number == int(seen.documents.kept.sum()) == seen.run.closed["filter"].counts["out"]
    assert (result.gained.number, result.lost.number, found.patch, found.command) == (0, 0, "", "")


def test_histogram_is_that_of_the_receipts(seen: Seen) -> None:
    for signal in ("gopher_quality_words", "fineweb_line_punct", "gopher_repetition_dup_5_gram"):
        found = asked(seen, signal)
        stored = seen.run.closed["filter"].histograms[signal]
        assert found.kept == {edge: n for edge, n in stored["kept"].items() if n}
        assert found.dropped == {edge: n for edge, n in stored["dropped"].items() if n}


@pytest.mark.parametrize(
    "settings",
    [
        ("filters.gopher_quality.min_words=150",),
        ("filters.gopher_quality.min_words=150", "filters.fineweb.min_line_punct=0.5"),
        ("filters.gopher_quality.min_alphabetic_words=0.5", "filters.gopher_repetition.dup_5_gram=0.9"),
    ],
)
def test_a_retune_keeps_what_the_slider_says(
    seen: Seen, small_run: Path, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    result = outcome(asked(seen, "gopher_quality_words", *settings))
    patch = tmp_path / "patch.yaml"
    patch.write_text(asked(seen, "gopher_quality_words", *settings).patch)
    by_patch, by_set = tmp_path / "by-patch", tmp_path / "by-set"
    sluice("retune", small_run, "--out", by_patch, "--patch", patch, "--json")
    told = json.loads(sluice("retune", small_run, "--out", by_set, "--json", *sets(settings)).stdout)
    assert told["kept_after"] == result.now.number + result.unread
    assert result.now.number == result.before.number + result.gained.number - result.lost.number
    after = seen_of(by_set)
    kept = {row for row, keep in zip(after.documents.column("id"), after.documents.kept, strict=True) if keep}
    assert result.bytes_now == int(
        sum(
            size
            for row, size in zip(seen.documents.column("id"), seen.documents.bytes, strict=True)
            if row in kept
        )
    )
    digests = [json.loads(sluice("stats", run, "--json").stdout)["digest"] for run in (by_patch, by_set)]
    assert digests[0] == digests[1]


def test_moved_decisions_are_those_of_all_rules_asked_anew(seen: Seen) -> None:
    before = decisions(seen.run.recipe, seen.documents, pages_of(seen))
    recipe = with_settings(
        seen.run.recipe, ["filters.gopher_quality.min_words=99", "filters.c4.min_sentences=1"]
    )
    other = with_settings(seen.run.recipe, ["filters.gopher_quality.min_words=99"])
    for changed in (recipe, other):
        stored = (seen.documents, pages_of(seen))
        step, whole = moved(before, changed, *stored), decisions(changed, *stored)
        assert np.array_equal(step.keep, whole.keep)
        assert all(np.array_equal(one, two) for one, two in zip(step.failed, whole.failed, strict=True))


def test_who_gains_and_loses_adds_up(seen: Seen) -> None:
    result = outcome(asked(seen, "gopher_quality_words", "filters.gopher_quality.min_words=300"))
    table = seen.documents.table
    for one in result.hosts:
        rows = pc.sum(pc.and_(pc.equal(table["host"], one.name), table["kept"])).as_py()
        assert one.before == rows
    assert sum(one.now - one.before for one in result.languages) == result.gained.number - result.lost.number
    assert result.border
    assert all(one.value is not None for one in result.border)
    assert result.border[0].before != result.border[0].now


def test_a_patch_says_what_was_moved(seen: Seen) -> None:
    settings = ("filters.gopher_quality.min_words=100", "filters.language.min_score=0.5")
    found = asked(seen, "", *settings)
    assert read_patch(found.patch, "patch.yaml").sections == {
        "filters": [{"gopher_quality": {"min_words": 100}}, {"language": {"min_score": 0.5}}]
    }
    assert found.command.startswith("sluice retune ")
    assert all(f"--set {one}" in found.command for one in settings)


def test_sliders_hold_their_thresholds(seen: Seen) -> None:
    for row in asked(seen, "").signals:
        for one in asked(seen, row.signal).sliders:
            assert one.low < one.high
            assert one.step > 0
            if one.recipe is not None:
                assert one.low <= one.recipe <= one.high, one.key


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("extract.pdf=text",), "write filters.NAME.KEY=value"),
        (("models.x.path=/etc/passwd",), "write filters.NAME.KEY=value"),
        (("filters.gopher_quality.min_wrods=1",), "min_words"),
        (("filters.gopher_quality.words=unicode",), "use `sluice run`"),
        (("filters=[url]",), "write filters.NAME.KEY=value"),
        (("filters.gopher_quality.min_words=many",), "expected"),
    ],
)
def test_what_is_no_threshold_is_refused(seen: Seen, settings: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadQuestion, match=words):
        asked(seen, "gopher_quality_words", *settings)


def test_an_unknown_signal_is_refused_with_the_nearest(seen: Seen) -> None:
    with pytest.raises(BadQuestion, match="gopher_quality_words"):
        asked(seen, "gopher_quality_word")


def test_this_signal_alone_counts_what_was_measured(seen: Seen) -> None:
    """Screened pages have no value of it, so nothing says what its rules would do with them."""
    result = outcome(asked(seen, "gopher_quality_alphabetic_words"))
    documents = seen.documents
    measured = documents.table["screened"].is_null()
    fails = pc.fill_null(pc.less(documents.table["gopher_quality_alphabetic_words"], 0.8), False)
    chosen = pc.and_(measured, pc.invert(fails))
    assert result.alone.number == pc.sum(chosen).as_py() < documents.rows
    assert result.bytes_alone == pc.sum(pc.if_else(chosen, documents.table["bytes"], 0)).as_py()
    assert result.tokens_alone == round(result.bytes_alone * result.tokens_per_byte) > result.tokens_now


@pytest.fixture(scope="module")
def tight(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """A run with a threshold in the midst of the values."""
    out = tmp_path_factory.mktemp("tight") / "run"
    sluice("retune", small_run, "--out", out, *sets(["filters.gopher_quality.min_words=180"]))
    return seen_of(out)


def test_the_border_has_both_sides(tight: Seen) -> None:
    border = outcome(asked(tight, "gopher_quality_words")).border
    values = [one.value for one in border if one.value is not None]
    assert sum(value < 180 for value in values) == sum(value >= 180 for value in values) == 4
    assert all(abs(value - 180) < 60 for value in values)


def test_topics_are_known_of_documents_that_were_dropped(tight: Seen) -> None:
    """The shipped recipes label what they measure, so it can be told which topics gain."""
    result = outcome(asked(tight, "gopher_quality_words", "filters.gopher_quality.min_words=50"))
    gains = {one.name: one.now - one.before for one in result.domains}
    assert sum(gains.values()) == result.gained.number > 0
    assert gains.get(UNKNOWN, 0) == 0


def test_a_languages_own_threshold_moves_its_border(small_run: Path, tmp_path: Path) -> None:
    pairs = ["filters.gopher_quality.by_language.en.min_words=60"]
    sluice("retune", small_run, "--out", tmp_path / "run", *sets(pairs))
    seen = seen_of(tmp_path / "run")
    found = asked(seen, "gopher_quality_words", "filters.gopher_quality.by_language.en.min_words=200")
    (own,) = (one for one in found.thresholds if one.language and one.rule == "gopher_quality.short")
    assert (own.value, own.recipe) == (200, 60)
    values = [one.value for one in outcome(found).border if one.value is not None]
    assert values
    assert all(60 <= value <= 340 for value in values)
