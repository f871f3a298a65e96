"""A checkpoint is whole or invisible; damage is named and passed over; the last valid one is never deleted."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from train import checkpoint as checkpoints
from train import publish
from train.errors import CheckpointError

WEIGHTS = {"w": torch.arange(6.0).reshape(2, 3), "v": torch.ones(4)}
MOMENTS = {"exp_avg.w": torch.zeros(2, 3), "step.w": torch.tensor(7.0)}
FILES = ("weights.safetensors", "optimizer.safetensors", "checkpoint.json")


def save(folder: Path, step: int) -> Path:
    return checkpoints.save(folder, step, WEIGHTS, MOMENTS, run={"seed": 1}, state={"tokens": 10 * step})


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    save(tmp_path, 5)
    found, damage = checkpoints.newest(tmp_path)
    assert found is not None
    assert (found.head.step, found.head.run, found.head.state, damage) == (5, {"seed": 1}, {"tokens": 50}, [])
    assert all(torch.equal(found.weights()[name], WEIGHTS[name]) for name in WEIGHTS)
    assert found.optimizer()["step.w"] == 7
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000005"]


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = save(tmp_path / "a", 5), save(tmp_path / "b", 5)
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in FILES)


def test_a_fresh_folder_has_none(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path / "absent") == (None, [])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["missing", "empty", "truncated", "flipped", "longer"])
def test_damage_falls_back_to_the_one_before(tmp_path: Path, name: str, kind: str) -> None:
    save(tmp_path, 5)
    file = save(tmp_path, 10) / name
    whole = file.read_bytes()
    middle = len(whole) // 2
    damaged = {
        "empty": b"",
        "truncated": whole[:-3],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :],
        "longer": whole + b" x",
    }
    file.write_bytes(damaged[kind]) if kind in damaged else file.unlink()
    found, damage = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.head.step == 5
    assert len(damage) == 1
    assert "step-000000010" in damage[0]
    assert name in damage[0]


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    for name in FILES:
        path = save(tmp_path, 5)
        whole = (path / name).read_bytes()
        for position in range(len(whole)):
            (path / name).write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
            try:
                again = checkpoints.verify(path)
            except CheckpointError:
                continue
            # White space around the JSON is the only thing that no digest covers.
            assert whole[position : position + 1].isspace(), (name, position)
            assert again.head.step == 5


def test_none_valid_is_an_error_and_no_fresh_start(tmp_path: Path) -> None:
    for step in (5, 10):
        (save(tmp_path, step) / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* usable.*step-000000010.*step-000000005"):
        checkpoints.newest(tmp_path)


def test_pruning_counts_only_valid_ones(tmp_path: Path) -> None:
    paths = {step: save(tmp_path, step) for step in (1, 2, 3, 4, 5)}
    for step in (4, 5):
        (paths[step] / "optimizer.safetensors").write_bytes(b"")
    checkpoints.prune(tmp_path, 2)
    assert sorted(int(path.name[5:]) for path in tmp_path.iterdir()) == [2, 3, 4, 5]
    (paths[3] / "checkpoint.json").unlink()
    checkpoints.prune(tmp_path, 1)
    assert paths[2].exists()
    checkpoints.prune(tmp_path, 0)
    assert paths[2].exists()


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys, torch\n"
        "from pathlib import Path\n"
        "from train import checkpoint\n"
        "from train.errors import CheckpointError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try: checkpoint.save(Path(sys.argv[1]), 9, {'w': torch.ones(9999)}, {}, run={}, state={})\n"
        "except CheckpointError as error: print(error)\n"
    )
    save(tmp_path, 5)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "the checkpoint of step 9 could not be written" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000005"]


def test_what_a_killed_process_left_is_never_read(tmp_path: Path) -> None:
    path = save(tmp_path, 5)
    shutil.copytree(path, tmp_path / ".unfinished-step-000000010")
    found, damage = checkpoints.newest(tmp_path)
    assert found is not None
    assert (found.head.step, damage) == (5, [])
    publish.remove_unfinished(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["step-000000005"]


def test_publishing_again_replaces_the_folder(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with publish.folder(tmp_path / "model") as folder:
            (folder / "file").write_text(text)
    assert (tmp_path / "model" / "file").read_text() == "new"
    with contextlib.suppress(RuntimeError), publish.folder(tmp_path / "model") as folder:
        (folder / "file").write_text("broken")
        raise RuntimeError
    assert (tmp_path / "model" / "file").read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
