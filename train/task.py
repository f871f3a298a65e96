"""A stretch of training as data: what is trained on what, from which step to which. Trunk and branch are both one."""

from __future__ import annotations

from typing import Any

import msgspec

from mixes.mix import Mix
from mixes.tokens import TokenSet
from pipeline.store import canonical
from train.checkpoint import Checkpoint
from train.config import RunSettings, shape
from train.errors import CheckpointError
from train.schedule import Schedule

# What decides the weights; budgets, logging and places may change between a run and its continuation.
_DECISIVE = (
    "initial_std",
    "rope_theta",
    "norm_epsilon",
    "batch",
    "learning_rate",
    "weight_decay",
    "betas",
    "gradient_clip",
    "seed",
    "threads",
)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Steps `first` to `schedule.end` of `mix` over `tokens`; `base` is the checkpoint that a branch starts from."""

    name: str
    tokens: TokenSet
    mix: Mix
    settings: RunSettings
    schedule: Schedule
    first: int = 0
    base: Checkpoint | None = None

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one step predicts."""
        return self.settings.batch * self.settings.sequence


def identity(task: Task, step: int) -> dict[str, Any]:
    """What made the weights after `step` steps: equal for two tasks exactly if neither could tell them apart there."""
    schedule = task.schedule
    past = (
        [schedule.warmup]
        if step <= schedule.decay_from
        else [schedule.warmup, schedule.decay_from, schedule.end]
    )
    known = {
        "settings": {name: getattr(task.settings, name) for name in _DECISIVE},
        "shape": shape(task.settings, task.tokens.vocab_size),
        "schedule": past,
        "tokens": task.tokens.digest,
        "order": task.mix.prefix_digest(step * task.settings.batch),
    }
    identical: dict[str, Any] = msgspec.json.decode(canonical(known))  # as a checkpoint's file gives it back
    return identical


def check_same(checkpoint: Checkpoint, task: Task) -> None:
    """Raise CheckpointError, naming what differs, unless `task` could have written this checkpoint."""
    expected, found = identity(task, checkpoint.head.step), checkpoint.head.run
    different = [name for name in expected if found.get(name) != expected[name]]
    if "settings" in different:
        known = found.get("settings", {})
        different = [name for name in _DECISIVE if known.get(name) != expected["settings"][name]] + different[
            1:
        ]
    if different:
        raise CheckpointError(
            f"{checkpoint.path} was written by another run: {', '.join(different)} differ; "
            "train into another folder or remove this one"
        )
