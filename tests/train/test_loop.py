"""A run is the same however often it is killed, learns, and stops for what it must not hide."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from mixes.mix import Mix, MixSettings
from mixes.tokens import TokenSet
from train import checkpoint as checkpoints
from train.config import TrainSettings
from train.errors import CheckpointError, NonFiniteLossError, StoppedError, TrainError
from train.loop import run_stable

EOS = 256
_CHILD = """
import os, signal, sys
from pathlib import Path
import msgspec
from mixes.mix import Mix, MixSettings
from mixes.tokens import TokenSet
from train.config import TrainSettings
from train.loop import run_stable
given = msgspec.json.decode(sys.argv[1])
tokens = TokenSet.open([(Path(npy), Path(parquet)) for npy, parquet in given["files"]], 257, 256)
settings = msgspec.convert(given["settings"], TrainSettings)
mix = Mix.build(tokens.supply(), MixSettings(), sequence=32, sequences=48)
def progress(done, total, loss, speed):
    if done == given["die_at"]:
        os.kill(os.getpid(), given["signal"])
run_stable(tokens, mix, settings, Path(given["work"]), Path(given["out"]), progress)
"""


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def clean(
    tokens: TokenSet, mix: Mix, small: TrainSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """(work, out) of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("clean")
    run_stable(tokens, mix, small, folder / "work", folder / "out")
    return folder / "work", folder / "out"


@pytest.fixture
def child(
    token_files: list[tuple[Path, Path]], small: TrainSettings, tmp_path: Path
) -> Callable[[int, int], int]:
    """Runs the same training in a process that sends itself a signal after a step; returns its exit status."""

    def run(die_at: int, number: int) -> int:
        given = {
            "files": [[str(one) for one in pair] for pair in token_files],
            "settings": msgspec.to_builtins(small),
            "work": str(tmp_path / "work"),
            "out": str(tmp_path / "out"),
            "die_at": die_at,
            "signal": number,
        }
        command = [sys.executable, "-c", _CHILD, json.dumps(given)]
        return subprocess.run(
            command, capture_output=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
        ).returncode

    return run


def test_a_finished_run_is_whole(clean: tuple[Path, Path]) -> None:
    work, out = clean
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert names == {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "metrics.jsonl",
        "train.json",
        "checkpoint/checkpoint.json",
        "checkpoint/weights.safetensors",
        "checkpoint/optimizer.safetensors",
    }
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert list(lines[0]) == ["step", "tokens", "phase", "lr", "loss", "gradient_norm"]
    assert lines[-1]["tokens"] == 12 * 4 * 32
    assert [path.name for path in sorted((work / "checkpoints").iterdir())] == [
        "step-000000010",
        "step-000000012",
    ]
    assert checkpoints.verify(out / "checkpoint").head.step == 12


def test_the_same_run_again_gives_the_same_bytes(
    tokens: TokenSet, mix: Mix, small: TrainSettings, clean: tuple[Path, Path], tmp_path: Path
) -> None:
    result = run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "out")
    assert digest(tmp_path / "out") == digest(clean[1])
    again = run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "out")
    assert digest(tmp_path / "out") == digest(clean[1])
    assert again["cost"]["resumed_at"] == 12
    assert {**result, "cost": None} == {**again, "cost": None}


def test_killed_at_any_step_and_resumed_gives_the_same_bytes(
    child: Callable[[int, int], int], clean: tuple[Path, Path], tmp_path: Path
) -> None:
    random.seed(2)
    for die_at in sorted(random.sample(range(1, 13), 3)):
        assert child(die_at, signal.SIGKILL) == -signal.SIGKILL
        # A line that was cut off while it was written, as a killed process leaves it.
        with open(tmp_path / "work" / "metrics.jsonl", "ab") as file:
            file.write(b'{"step":99,"lo')
    assert child(-1, signal.SIGKILL) == 0
    assert digest(tmp_path / "out") == digest(clean[1])


def test_sigterm_writes_a_checkpoint_and_the_next_run_resumes(
    tokens: TokenSet, mix: Mix, small: TrainSettings, clean: tuple[Path, Path], tmp_path: Path
) -> None:
    def stop(done: int, total: int, loss: float, speed: float) -> None:
        assert total == 12
        if done == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StoppedError, match="signal 15 at step 7") as stopped:
        run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "out", stop)
    assert (stopped.value.signal_number, stopped.value.step) == (15, 7)
    assert signal.getsignal(signal.SIGTERM) is before
    assert not (tmp_path / "out").exists()
    result = run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "out")
    assert result["cost"]["resumed_at"] == 7
    assert digest(tmp_path / "out") == digest(clean[1])


def test_a_damaged_checkpoint_costs_its_steps_only(
    tokens: TokenSet, mix: Mix, small: TrainSettings, clean: tuple[Path, Path], tmp_path: Path
) -> None:
    run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "out")
    (tmp_path / "work" / "checkpoints" / "step-000000012" / "weights.safetensors").write_bytes(b"half")
    result = run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "out")
    assert result["cost"]["resumed_at"] == 10
    assert "step-000000012" in result["cost"]["damaged_checkpoints"][0]
    assert digest(tmp_path / "out") == digest(clean[1])


def damage(path: Path, how: str) -> None:
    if how == "missing":
        shutil.rmtree(path)
    else:
        (path / "weights.safetensors").write_bytes(b"half")


@pytest.mark.parametrize("how", ["missing", "damaged"])
@pytest.mark.parametrize(("decay", "keep", "resumed"), [(0.0, 2, 12), (0.5, 9, 5), (0.5, 1, None)])
def test_a_damaged_branch_is_made_again(
    tokens: TokenSet,
    mix: Mix,
    small: TrainSettings,
    tmp_path: Path,
    how: str,
    decay: float,
    keep: int,
    resumed: int | None,
) -> None:
    settings = msgspec.structs.replace(small, decay_fraction=decay, keep_checkpoints=keep)
    work, out = tmp_path / "work", tmp_path / "out"
    run_stable(tokens, mix, settings, work, out)
    whole = digest(out)
    (branch,) = (work / "branch").iterdir()
    damage(branch, how)
    result = run_stable(tokens, mix, settings, work, out)
    assert result["cost"]["resumed_at"] == resumed
    assert branch.name in result["cost"]["damaged_checkpoints"][0]
    assert digest(out) == whole
    assert run_stable(tokens, mix, settings, work, out)["cost"]["damaged_checkpoints"] == []


def test_a_run_killed_while_it_makes_its_branch_again_is_still_the_same(
    tokens: TokenSet, mix: Mix, small: TrainSettings, tmp_path: Path
) -> None:
    def stop(done: int, total: int, loss: float, speed: float) -> None:
        if done == 8:
            os.kill(os.getpid(), signal.SIGTERM)

    settings = msgspec.structs.replace(small, decay_fraction=0.5, keep_checkpoints=1)
    work, out = tmp_path / "work", tmp_path / "out"
    run_stable(tokens, mix, settings, work, out)
    whole = digest(out)
    damage(work / "branch" / "step-000000006", "damaged")
    with pytest.raises(StoppedError):
        run_stable(tokens, mix, settings, work, out, stop)
    result = run_stable(tokens, mix, settings, work, out)
    assert result["cost"]["resumed_at"] == 8
    assert digest(out) == whole


def test_going_back_removes_what_comes_after(clean: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(clean[0] / "checkpoints", folder)
    found, damage_found = checkpoints.go_back(folder, 11)
    assert found is not None
    assert found.path == checkpoints.place(folder, 10)
    assert damage_found == []
    assert [path.name for path in folder.iterdir()] == ["step-000000010"]
    damage(found.path, "damaged")
    found, damage_found = checkpoints.go_back(folder, 11)
    assert found is None
    assert "step-000000010" in damage_found[0]


def test_how_often_it_is_saved_changes_no_byte(
    tokens: TokenSet, mix: Mix, small: TrainSettings, clean: tuple[Path, Path], tmp_path: Path
) -> None:
    def stop(done: int, total: int, loss: float, speed: float) -> None:
        if done == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    work, out = tmp_path / "work", tmp_path / "out"
    with pytest.raises(StoppedError):
        run_stable(tokens, mix, small, work, out, stop)
    other = msgspec.structs.replace(small, keep_checkpoints=4, checkpoint_steps=3, when_short="refuse")
    result = run_stable(tokens, mix, other, work, out)
    assert result["cost"]["resumed_at"] == 7
    assert digest(out) == digest(clean[1])


def test_another_runs_checkpoint_is_refused_by_name(
    tokens: TokenSet, mix: Mix, small: TrainSettings, clean: tuple[Path, Path], tmp_path: Path
) -> None:
    work = clean[0]
    for change, words in (
        ({"learning_rate": 0.02}, "learning_rate differ"),
        ({"seed": 3, "gradient_clip": 2.0}, "gradient_clip, seed differ"),
        ({"hidden": 96}, "shape differ"),
    ):
        with pytest.raises(CheckpointError, match=words):
            run_stable(tokens, mix, msgspec.structs.replace(small, **change), work, tmp_path / "out")
    other = Mix.build(tokens.supply(), MixSettings(seed=5), sequence=32, sequences=48)
    with pytest.raises(CheckpointError, match="order differ"):
        run_stable(tokens, other, small, work, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tiny_set_is_learnt_by_heart(tokens: TokenSet, small: TrainSettings, tmp_path: Path) -> None:
    supply = {"files": 0, "logs": 8 * 32 + 1}
    mix = Mix.build(supply, MixSettings(max_epochs=1000), sequence=32, sequences=4 * 400)
    settings = msgspec.structs.replace(small, width=64, hidden=128, checkpoint_steps=500)
    result = run_stable(tokens, mix, settings, tmp_path / "work", tmp_path / "out")
    assert result["first_loss"] == pytest.approx(5.55, abs=0.1)  # ln 257
    assert result["last_loss"] < 0.1


def test_a_run_that_decays_keeps_the_state_before_the_decay(
    tokens: TokenSet, mix: Mix, small: TrainSettings, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(small, decay_fraction=0.5)
    run_stable(tokens, mix, settings, tmp_path / "work", tmp_path / "out")
    assert checkpoints.verify(tmp_path / "out" / "checkpoint").head.step == 6
    lines = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert [line["phase"] for line in lines] == ["warmup"] + ["stable"] * 5 + ["decay"] * 6
    assert [line["lr"] for line in lines[6:]] == pytest.approx([0.01 * k / 6 for k in (6, 5, 4, 3, 2, 1)])


def test_a_loss_that_is_no_number_stops_the_run(
    tokens: TokenSet, mix: Mix, small: TrainSettings, tmp_path: Path
) -> None:
    run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "out")
    for step in (10, 12):
        path = tmp_path / "work" / "checkpoints" / f"step-{step:09d}"
        found = checkpoints.verify(path)
        weights = found.weights()
        weights["model.norm.weight"].fill_(float("nan") if step == 10 else float("inf"))
        checkpoints.save(
            path.parent, step, weights, found.optimizer(), run=found.head.run, state=found.head.state
        )
    (path / "weights.safetensors").unlink()
    with pytest.raises(NonFiniteLossError, match=r"step 10: loss nan.*last good checkpoint: 10"):
        run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_mix_of_another_length_is_refused(tokens: TokenSet, small: TrainSettings, tmp_path: Path) -> None:
    mix = Mix.build(tokens.supply(), MixSettings(), sequence=16, sequences=48)
    with pytest.raises(TrainError, match="cut into 16 tokens, the model reads 32"):
        run_stable(tokens, mix, small, tmp_path / "work", tmp_path / "out")
    short = Mix.build(tokens.supply(), MixSettings(), sequence=32, sequences=3)
    with pytest.raises(TrainError, match="fewer sequences than one batch"):
        run_stable(tokens, short, small, tmp_path / "work", tmp_path / "out")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_must_be_there(tokens: TokenSet, mix: Mix, small: TrainSettings, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no CUDA device here"):
        run_stable(
            tokens, mix, msgspec.structs.replace(small, device="cuda"), tmp_path / "work", tmp_path / "out"
        )
