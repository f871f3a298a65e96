"""Arms share a checkpoint and their number of tokens, and go on with the data."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.torch import load_file

from mixes.mix import Mix, MixSettings
from mixes.tokens import TokenSet
from train.anneal import run_arm
from train.config import Arm, TrainSettings
from train.errors import CheckpointError
from train.loop import run_stable


@pytest.fixture(scope="module")
def trunk(tokens: TokenSet, mix: Mix, small: TrainSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trunk")
    run_stable(tokens, mix, small, folder / "work", folder / "out")
    return folder / "out"


def rates(folder: Path) -> list[float]:
    return [json.loads(line)["lr"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_three_arms(tokens: TokenSet, mix: Mix, small: TrainSettings, trunk: Path, tmp_path: Path) -> None:
    results, models = {}, {}
    for arm in small.anneal.arms:
        work, out = tmp_path / "work" / arm.name, tmp_path / arm.name
        results[arm.name] = run_arm(tokens, mix, small, arm, trunk / "checkpoint", work, out)
        models[arm.name] = load_file(out / "model.safetensors")["model.norm.weight"]
    assert {result["steps"] for result in results.values()} == {6}
    assert {result["tokens"] for result in results.values()} == {6 * 4 * 32}
    assert rates(tmp_path / "no_decay") == [0.01] * 6
    falling = pytest.approx([0.01 * k / 6 for k in (6, 5, 4, 3, 2, 1)])
    assert rates(tmp_path / "decay_same") == falling
    assert rates(tmp_path / "decay_better") == falling
    assert results["no_decay"]["order"] == results["decay_same"]["order"] != results["decay_better"]["order"]
    seen = {
        row["domain"]: row["share"]
        for row in results["decay_better"]["exposure"]
        if row["phase"] == "decay_better"
    }
    assert seen["logs"] == pytest.approx(0.9, abs=0.1)
    assert not (models["decay_same"] == models["no_decay"]).all()
    # The first step is the same in all arms but for its data: same weights, same rate.
    first = {
        name: json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[0]) for name in results
    }
    assert first["no_decay"] == {**first["decay_same"], "phase": "stable"}


def test_an_arm_repeats_nothing_of_the_trunk(tokens: TokenSet, mix: Mix, small: TrainSettings) -> None:
    from train.plan import arm_mix

    for arm in small.anneal.arms:
        whole = arm_mix(mix, arm, 48, 24)
        domain, sequence = whole.locate(np.arange(72))
        assert len(set(zip(domain.tolist(), sequence.tolist(), strict=True))) == 72


def test_an_arm_resumes(
    tokens: TokenSet, mix: Mix, small: TrainSettings, trunk: Path, tmp_path: Path
) -> None:
    arm = small.anneal.arms[1]
    often = msgspec.structs.replace(small, checkpoint_steps=2)
    run_arm(tokens, mix, often, arm, trunk / "checkpoint", tmp_path / "a", tmp_path / "clean")
    run_arm(tokens, mix, often, arm, trunk / "checkpoint", tmp_path / "b", tmp_path / "out")
    (tmp_path / "b" / "checkpoints" / "step-000000018" / "checkpoint.json").unlink()
    again = run_arm(tokens, mix, often, arm, trunk / "checkpoint", tmp_path / "b", tmp_path / "out")
    assert again["cost"]["resumed_at"] == 16
    for name in ("model.safetensors", "metrics.jsonl", "train.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "clean" / name).read_bytes()


def test_an_arm_needs_its_own_trunk(
    tokens: TokenSet, mix: Mix, small: TrainSettings, trunk: Path, tmp_path: Path
) -> None:
    arm = Arm(name="x")
    other = Mix.build(tokens.supply(), MixSettings(seed=9), sequence=32, sequences=48)
    with pytest.raises(CheckpointError, match="order differ"):
        run_arm(tokens, other, small, arm, trunk / "checkpoint", tmp_path / "w", tmp_path / "o")
    with pytest.raises(CheckpointError, match=r"checkpoint\.json is missing"):
        run_arm(tokens, mix, small, arm, tmp_path, tmp_path / "w", tmp_path / "o")
