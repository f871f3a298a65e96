"""The mix: shares of the corpus, tokens planned and read, and plans for budgets that nobody has run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pipeline.dashboard.app import make_app
from pipeline.dashboard.view import House
from pipeline.dashboard.views.mix import MixAnswer, MixQuestion, answer
from pipeline.dashboard.watch import Seen, Watched
from pipeline.store import open_folder
from pipeline.sums import StageSum
from tests.dashboard.conftest import Trained, seen_of
from tests.pipeline.conftest import stats

pytestmark = pytest.mark.xdist_group("dashboard-training")


@pytest.fixture(scope="module")
def seen(trained: Trained) -> Seen:
    return seen_of(trained.run)


def asked(seen: Seen, budget: int = 0) -> MixAnswer:
    return answer(House({"run": seen}, 0.04), seen, MixQuestion(budget=budget))


def without(seen: Seen, *stages: str) -> Seen:
    closed = {**seen.run.closed, **{stage: StageSum(stage) for stage in stages}}
    return replace(seen, run=replace(seen.run, closed=closed))


def test_domains_are_those_of_the_corpus(trained: Trained, seen: Seen) -> None:
    found, counts = asked(seen), stats(trained.run)
    assert {row.domain: row.documents for row in found.domains} == counts["domains"]
    assert sum(row.tokens or 0 for row in found.domains) == counts["tokens"]["train"]
    assert sum(row.heldout or 0 for row in found.domains) == counts["tokens"]["heldout"]
    assert sum(row.share for row in found.domains) == pytest.approx(1)
    assert sum(row.seen or 0 for row in found.domains) == pytest.approx(1)


def test_training_read_what_was_planned_in_every_phase(seen: Seen) -> None:
    found = asked(seen)
    assert found.trained
    assert found.phases[0].model == "stable"
    assert len(found.phases) == 4
    for phase in found.phases:
        assert phase.planned == phase.read == sum(row.planned for row in phase.rows)
        assert sum(row.share for row in phase.rows) == pytest.approx(1)
    assert seen.run.recipe.train is not None
    weights = {arm.name: arm.weights for arm in seen.run.recipe.train.anneal.arms}
    for phase in found.phases:
        written = weights.get(phase.model, "natural")
        whole = 0 if isinstance(written, str) else sum(written.values())
        assert [row.weight for row in phase.rows] == [
            None if isinstance(written, str) else written[row.domain] / whole for row in phase.rows
        ]


def test_before_training_the_plan_is_the_one_that_training_follows(seen: Seen) -> None:
    after, before = asked(seen), asked(without(seen, "train", "anneal", "eval"))
    assert not before.trained
    assert [(one.model, one.phase, one.planned) for one in before.phases] == [
        (one.model, one.phase, one.planned) for one in after.phases
    ]
    for planned, read in zip(before.phases, after.phases, strict=True):
        assert [(row.domain, row.planned, row.epochs) for row in planned.rows] == [
            (row.domain, row.planned, row.epochs) for row in read.rows
        ]
        assert planned.read is None


def test_a_budget_is_told_in_epochs(seen: Seen) -> None:
    found = asked(seen, 100_000)
    (phase,) = found.phases
    assert not found.trained
    assert 99_000 < phase.planned <= 100_000
    tokens = {row.domain: row.tokens or 0 for row in found.domains}
    large = max(phase.rows, key=lambda row: row.planned)
    assert large.epochs == pytest.approx(large.planned / tokens[large.domain], rel=0.01)


def test_the_largest_budget_is_the_last_that_is_not_refused(seen: Seen) -> None:
    largest = asked(seen).largest
    assert largest is not None
    assert asked(seen, largest).refused == ""
    refused = asked(seen, largest + 64)
    assert "cap is 4" in refused.refused
    assert refused.phases == []


def test_before_tokens_shares_are_of_documents(small_run: Path) -> None:
    found = asked(seen_of(small_run))
    assert found.missing == ""
    assert found.phases == []
    assert found.largest is None
    assert {row.domain: row.documents for row in found.domains} == stats(small_run)["domains"]
    assert all(row.tokens is None for row in found.domains)
    assert sum(row.share for row in found.domains) == pytest.approx(1)


def test_the_page_shows_bars_and_numbers(trained: Trained) -> None:
    watched = Watched(open_folder(trained.run), "run")
    watched.look_to_the_end()
    client = TestClient(make_app({"run": watched}, ["testserver"]))
    for address in ("/run/mix", "/run/mix?budget=50000", "/run/mix?budget=99999999999"):
        page = client.get(address)
        assert page.status_code == 200
        assert "bar-first" in page.text
    assert client.get("/run/mix?budget=0.5").status_code == 400
    found = client.get("/run/mix.json").json()
    for phase in found["phases"]:
        assert f"{phase['read']:,}" in client.get("/run/mix").text
