"""Annealing: continuations ("arms") of one stable checkpoint with equal numbers of tokens.

Every arm starts from the same weights and optimizer state and reads on where the trunk's data order stopped, in every
domain: no sequence of the trunk is seen again while its domain has unread ones in the epoch. `no_decay` keeps the rate
and the mix, `decay_same` brings the rate to zero, `decay_better` does so on another mix. The first difference is the
schedule's, only the second one the data's (Llama 3, section 3.4.3, and OLMo 2 judge data by such anneals).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mixes.mix import Mix
from mixes.tokens import TokenSet
from train import checkpoint as checkpoints
from train.config import Arm, TrainSettings, resolve
from train.errors import TrainError
from train.loop import Progress, finish
from train.plan import arm_mix, arm_steps
from train.schedule import branch_schedule, stable_schedule
from train.task import Task, check_same


def run_arm(
    tokens: TokenSet,
    mix: Mix,
    settings: TrainSettings,
    arm: Arm,
    checkpoint: Path,
    work: Path,
    out: Path,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train one arm from `checkpoint` and publish it as `out`, as `train.loop.run_stable` does; resumes in `work`.

    `mix` and `settings` are the trunk's. Raises CheckpointError if the checkpoint is damaged or not of this trunk.
    """
    full = resolve(settings)
    base = checkpoints.verify(checkpoint)
    trunk = stable_schedule(mix.planned // full.batch, full.warmup_fraction, full.decay_fraction)
    start = base.head.step
    if not 0 < start <= trunk.decay_from:
        raise TrainError(
            f"{checkpoint}: an arm branches off the stable stretch (1 to {trunk.decay_from}), not {start}"
        )
    check_same(base, Task(name="stable", tokens=tokens, mix=mix, settings=full, schedule=trunk))
    steps = arm_steps(full, trunk.end)
    task = Task(
        name=arm.name,
        tokens=tokens,
        mix=arm_mix(mix, arm, start * full.batch, steps * full.batch),
        settings=full,
        schedule=branch_schedule(trunk, start, steps, arm.decay),
        first=start,
        base=base,
    )
    return finish(task, work, out, progress)
