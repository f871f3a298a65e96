"""The learning-rate schedule: warmup, stable, decay (MiniCPM, Hu et al. 2024, section 4), a function of the step.

The stable stretch makes one trunk from which any number of anneals branch; the decay is linear to zero, which they and
later work found as good as any other form at about 10 to 20 % of the tokens.
"""

from __future__ import annotations

import msgspec

from train.errors import TrainError


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """`warmup` steps up, then full rate until step `decay_from`, then linearly to zero at step `end`.

    `decay_from == end` means no decay. Steps count from 0 over the trunk and its branch.
    """

    warmup: int
    decay_from: int
    end: int

    def multiplier(self, step: int) -> float:
        """The share of the peak rate that step `step` trains with: (0, 1] below `end`, 0 from there on."""
        if step >= self.end:
            return 0.0
        if step < self.warmup:
            return (step + 1) / self.warmup
        if step < self.decay_from:
            return 1.0
        return (self.end - step) / (self.end - self.decay_from)

    def phase(self, step: int) -> str:
        """Which stretch a step lies in: "warmup", "stable" or "decay"."""
        if step < self.warmup:
            return "warmup"
        return "stable" if step < self.decay_from else "decay"


def stable_schedule(steps: int, warmup_fraction: float, decay_fraction: float) -> Schedule:
    """The schedule of a trunk of `steps` steps. Raises TrainError where the decay would take all of them."""
    decay = round(steps * decay_fraction)
    if steps and decay >= steps:
        raise TrainError(
            f"train.decay_fraction: {decay_fraction:g} of {steps} step{'s' if steps > 1 else ''} leaves no step before "
            "the decay; lower it or raise train.tokens"
        )
    return Schedule(
        warmup=min(round(steps * warmup_fraction), steps - decay), decay_from=steps - decay, end=steps
    )


def branch_schedule(trunk: Schedule, start: int, steps: int, decay: str) -> Schedule:
    """The schedule of a branch of `steps` steps from step `start`: at once decaying ("linear") or not ("none")."""
    end = start + steps
    return Schedule(warmup=min(trunk.warmup, start), decay_from=start if decay == "linear" else end, end=end)
