"""Training: what was logged, scored and planned, and what a training writes before it has a receipt."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from pipeline.dashboard import live
from pipeline.dashboard.app import make_app
from pipeline.dashboard.live import in_training
from pipeline.dashboard.view import House
from pipeline.dashboard.views.training import TrainingAnswer, TrainingQuestion, answer
from pipeline.dashboard.watch import Seen, Watched
from pipeline.ledger import GivenUp, Ledger, shard_key
from pipeline.report import training
from pipeline.road import Road, active_stages
from pipeline.stages import STAGES
from pipeline.store import open_folder
from tests.dashboard.conftest import Trained, seen_of

pytestmark = pytest.mark.xdist_group("dashboard-training")


@pytest.fixture(scope="module")
def seen(trained: Trained) -> Seen:
    return seen_of(trained.run)


def asked(seen: Seen) -> TrainingAnswer:
    return answer(House({"run": seen}, 0.04), seen, TrainingQuestion())


def receipt(run: Path, stage: str, shard: str) -> dict[str, Any]:
    (path,) = (run / "ledger" / stage).glob(f"{shard}-*.json")
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def test_while_a_training_goes_on_its_last_step_is_told(trained: Trained) -> None:
    assert trained.answer.missing == ""
    assert trained.answer.plan is None
    (now,) = trained.answer.now
    last = trained.steps[-1]
    assert (now.model, now.step, now.tokens, now.loss) == (
        "stable",
        last["step"],
        last["tokens"],
        last["loss"],
    )
    assert now.pace is not None
    assert now.pace.tokens_per_second > 0
    assert now.pace.mfu > 0
    assert trained.answer.phases == []
    (line,) = trained.answer.lines
    assert line.raw[-1] == (last["tokens"], last["loss"])
    assert line.rate[-1] == (last["tokens"], last["lr"])


def test_an_open_page_learns_of_new_steps_by_the_version(trained: Trained) -> None:
    size = sum(len(json.dumps(step, separators=(",", ":"))) + 1 for step in trained.steps)
    assert "." not in trained.version
    assert trained.stopped.version.partition(".")[2] == str(size)


def test_the_work_of_another_recipe_is_not_taken_for_this_ones(trained: Trained, tmp_path: Path) -> None:
    work = trained.run / "_work" / "train-stable-000000000000"
    work.mkdir(parents=True)
    try:
        (work / "metrics.jsonl").write_text('{"step":1,"tokens":1,"loss":1.0,"lr":1.0}\n')
        assert in_training(trained.stopped.run) == []  # by now its own is gone
    finally:
        (work / "metrics.jsonl").unlink()
        work.rmdir()
        work.parent.rmdir()


def test_a_training_is_found_after_a_shard_was_given_up(trained: Trained, tmp_path: Path) -> None:
    """Its work folder is named by all that it reads, lost shards too: as the road plans it."""
    run = Path(shutil.copytree(trained.run, tmp_path / "run"))
    ledger = Ledger(open_folder(run))
    manifest = ledger.manifest("filter")
    assert manifest is not None
    lost = GivenUp(shard="other.warc.gz-000000000000", reason="MemoryError")
    ledger.write_manifest(msgspec.structs.replace(manifest, given_up=[lost]))
    found = seen_of(run).run
    whole = active_stages(found.recipe, files=found.inputs)
    road = Road(
        folder=found.folder, recipe=found.recipe, files=tuple(found.inputs), active=whole, whole=whole
    )
    for stage, keys in (
        ("train", {"stable"}),
        ("anneal", {arm.name for arm in found.recipe.train.anneal.arms}),
    ):  # type: ignore[union-attr]
        (inputs,) = {tuple(shard.inputs) for shard in road._plan(STAGES[stage]) if shard.name in keys}
        assert shard_key(road.fingerprints[stage], inputs) == live._key(found, stage)


def test_models_have_the_numbers_of_their_receipts(trained: Trained, seen: Seen) -> None:
    found = asked(seen)
    assert found.models[0].name == "stable"
    assert len(found.models) == 4
    assert found.plan is not None
    for one in found.models:
        told = receipt(trained.run, "train" if one.name == "stable" else "anneal", one.name)
        assert (one.tokens, one.last_loss) == (told["values"]["tokens"], told["values"]["last_loss"])
        parts = told["cost"]["parts"]
        assert one.pace is not None
        assert (one.pace.device, one.pace.measured) == (told["cost"]["device"], True)
        speed = parts["trained_tokens"] / parts["train_seconds"]
        assert one.pace.tokens_per_second == pytest.approx(speed)
        assert one.pace.mfu == pytest.approx(speed * found.plan.flops_per_token / parts["peak_flops"])
        scores = receipt(trained.run, "eval", one.name)["values"]["scores"]
        assert one.overall is not None
        assert one.overall.bits_per_byte == scores["overall"]["bits_per_byte"]
        assert {name: score.perplexity for name, score in one.domains.items()} == {
            name: row["perplexity"] for name, row in scores["domains"].items()
        }
        assert all(
            list(score.interval or ()) == (scores["domains"][name]["interval"] or [])
            for name, score in one.domains.items()
        )


def test_lines_hold_what_was_logged(trained: Trained, seen: Seen) -> None:
    for line in asked(seen).lines:
        under = "stable" if line.model == "stable" else f"anneal/{line.model}"
        rows = [json.loads(row) for row in (trained.run / "model" / under / "metrics.jsonl").open()]
        logged = {(row["tokens"], row["loss"]) for row in rows}
        assert set(line.raw) <= logged
        assert line.raw[-1] == (rows[-1]["tokens"], rows[-1]["loss"])
        assert len(line.raw) <= 2 * training.POINTS


def test_a_large_file_of_metrics_is_read_in_stretches() -> None:
    rows = [
        {"step": step, "tokens": step * 1024, "loss": 10 / step, "lr": 0.001, "pad": "x" * 90}
        for step in range(1, 30_000)
    ]
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    found = training.logged(io.BytesIO(data + b'{"step": 30000, "tok'), len(data) + 20)
    assert found[0] == rows[0]
    assert found[-1] == rows[-1]
    assert all(row == rows[row["step"] - 1] for row in found)
    assert 3000 < len(found) < 10_000
    assert training.logged(io.BytesIO(data[:5000]), 5000) == rows[: data[:5000].count(b"\n")]


def test_the_page_has_the_charts_and_every_number(trained: Trained) -> None:
    watched = Watched(open_folder(trained.run), "run")
    watched.look_to_the_end()
    client = TestClient(make_app({"run": watched}, ["testserver"]))
    page = client.get("/run/training")
    assert page.status_code == 200
    assert page.text.count("<svg") == 3
    found = client.get("/run/training.json").json()
    for one in found["models"]:
        assert f"{one['overall']['bits_per_byte']:.4f}" in page.text
        assert f"{one['tokens']:,}" in page.text


def test_the_stable_runs_phases_begin_where_the_schedule_and_the_mix_say(
    trained: Trained, seen: Seen
) -> None:
    found = asked(seen)
    values = receipt(trained.run, "train", "stable")["values"]
    step = values["plan"]["tokens_per_step"]
    (stable,) = (one for one in found.phases if one.of == "schedule")
    assert (stable.name, stable.start) == ("stable", values["schedule"]["warmup"] * step)
    rows = [json.loads(row) for row in (trained.run / "model/stable/metrics.jsonl").open()]
    assert {row["phase"] for row in rows if row["tokens"] > stable.start} == {"stable"}
    mixes = [one for one in found.phases if one.of == "mix"]
    assert len(mixes) == len({row["phase"] for row in values["exposure"]} - {"total"}) - 1
    for one in mixes:
        later = [row["phase"] for row in values["exposure"]]
        before = later.index(one.name)
        assert one.start == sum(row["tokens"] for row in values["exposure"][:before])


def test_without_training_the_view_says_what_brings_it(small_run: Path) -> None:
    found = asked(seen_of(small_run))
    assert "train" in found.missing
    assert not found.models
    assert not found.lines
    assert not found.now
