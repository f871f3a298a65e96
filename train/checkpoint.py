"""Checkpoints: whole or invisible, verified on load, and never the last valid one deleted.

A checkpoint is a folder `step-<number>` of `weights.safetensors`, `optimizer.safetensors` and `checkpoint.json`, which
holds what the run is (so that another run's checkpoint is refused), the step, and size and SHA-256 of each file and of
itself. The folder is published by one rename. Nothing is pickled, so loading runs no code. `newest` takes the newest
checkpoint whose digests are right and says what is wrong with those it passed over; if all are damaged it raises,
because starting afresh in silence would throw a run away.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from pipeline.store import canonical, sha256_file
from train import publish
from train.errors import CheckpointError

VERSION = 1
_HEAD = "checkpoint.json"
_WEIGHTS, _OPTIMIZER = "weights.safetensors", "optimizer.safetensors"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What `checkpoint.json` says. `state` is plain data of the loop; `run` identifies the run."""

    version: int
    step: int  # steps done, which is also the number of the next one
    run: dict[str, Any]
    state: dict[str, Any]
    files: dict[str, dict[str, Any]]
    digest: str = ""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A verified checkpoint on disk."""

    path: Path
    head: Head

    def weights(self) -> dict[str, torch.Tensor]:
        """The model's tensors by name."""
        return load_file(self.path / _WEIGHTS)

    def optimizer(self) -> dict[str, torch.Tensor]:
        """The optimizer's tensors by name."""
        return load_file(self.path / _OPTIMIZER)


def save(
    folder: Path,
    step: int,
    weights: dict[str, torch.Tensor],
    optimizer: dict[str, torch.Tensor],
    *,
    run: dict[str, Any],
    state: dict[str, Any],
) -> Path:
    """Write the checkpoint of `step` into `folder` and return its path. Raises CheckpointError if the disk is full."""
    target = place(folder, step)
    try:
        with publish.folder(target) as unfinished:
            files = {}
            for name, tensors in ((_WEIGHTS, weights), (_OPTIMIZER, optimizer)):
                whole = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
                save_file(whole, unfinished / name)
                path = unfinished / name
                files[name] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
            head = Head(version=VERSION, step=step, run=run, state=state, files=files)
            head = msgspec.structs.replace(head, digest=_digest(head))
            (unfinished / _HEAD).write_bytes(msgspec.json.format(canonical(head)) + b"\n")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"the checkpoint of step {step} could not be written to {folder}: {error}"
        ) from error
    return target


def place(folder: Path, step: int) -> Path:
    """Where the checkpoint of `step` lies in `folder`."""
    return folder / f"step-{step:09d}"


def _digest(head: Head) -> str:
    return hashlib.sha256(canonical(msgspec.structs.replace(head, digest=""))).hexdigest()


def verify(path: Path) -> Checkpoint:
    """Read and check one checkpoint. Raises CheckpointError naming the first thing that is wrong."""
    try:
        head = msgspec.json.decode((path / _HEAD).read_bytes(), type=Head)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: {_HEAD} is missing") from error
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: {_HEAD} is damaged ({error})") from error
    if head.version != VERSION or head.digest != _digest(head) or set(head.files) != {_WEIGHTS, _OPTIMIZER}:
        raise CheckpointError(f"{path}: {_HEAD} is damaged (its digest does not fit)")
    for name, known in head.files.items():
        file = path / name
        if not file.is_file():
            raise CheckpointError(f"{path}: {name} is missing")
        if file.stat().st_size != known["bytes"]:
            raise CheckpointError(
                f"{path}: {name} has {file.stat().st_size} bytes instead of {known['bytes']}"
            )
        if sha256_file(file) != known["sha256"]:
            raise CheckpointError(f"{path}: {name} is damaged (its digest does not fit)")
    return Checkpoint(path=path, head=head)


def newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest valid checkpoint, None if there never was one, and what is wrong with newer ones.

    Raises CheckpointError if there are checkpoints but none is valid.
    """
    damage: list[str] = []
    for path in reversed(_all(folder)):
        try:
            return verify(path), damage
        except CheckpointError as error:
            damage.append(str(error))
    if damage:
        raise CheckpointError(
            f"no checkpoint in {folder} is usable, remove the folder to start afresh: " + "; ".join(damage)
        )
    return None, []


def go_back(folder: Path, step: int) -> tuple[Checkpoint | None, list[str]]:
    """The newest valid checkpoint at or before `step`, None if there is none, and what is wrong with newer ones there.

    Removes every checkpoint after it: a run that starts there writes them again, and one that is killed meanwhile
    must not resume behind what it has yet to redo.
    """
    found, damage, last = None, [], place(folder, step).name
    for path in reversed(_all(folder)):
        if path.name <= last:
            try:
                found = verify(path)
                break
            except CheckpointError as error:
                damage.append(str(error))
        shutil.rmtree(path)
    return found, damage


def prune(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, counting only valid ones; at least one valid one stays."""
    valid = 0
    for path in reversed(_all(folder)):
        if valid >= max(1, keep):
            shutil.rmtree(path)
            continue
        try:
            verify(path)
        except CheckpointError:
            continue  # left for inspection until enough valid ones are newer
        valid += 1


def _all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.is_dir())
