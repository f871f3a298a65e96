"""What a run will be before it starts: parameters, FLOPs, steps, and how often each domain is seen. No torch.

FLOPs a token (forward and backward): 6 N + 6 L W T, where N counts the weights that multiply activations (all
matrices and the output head; the look-up in the input embedding is none), and 6 L W T is causal attention, half of
the 12 L H Q T that PaLM (appendix B) counts for the full square. Other programs count otherwise; this is printed.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mixes.errors import MixError
from mixes.mix import Mix, MixSettings
from train.config import Arm, RunSettings, Shape, TrainSettings, resolve, shape
from train.schedule import stable_schedule

FLOPS_FORMULA = "6 N_matmul + 6 layers * width * sequence (causal)"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A run that fits its tokens. `mix` is the trunk's; `summary` speaks of the trunk and of what all arms share."""

    settings: RunSettings
    shape: Shape
    mix: Mix
    arm_mixes: dict[str, Mix]
    summary: dict[str, object]


def parameter_count(sizes: Shape) -> int:
    """All weights of the decoder, a tied embedding once."""
    embedding = sizes.vocab_size * sizes.width
    return (
        embedding * (1 if sizes.tied else 2) + _block_matrices(sizes) + (2 * sizes.layers + 1) * sizes.width
    )


def _block_matrices(sizes: Shape) -> int:
    heads = sizes.head_width * (2 * sizes.heads + 2 * sizes.key_value_heads)
    return sizes.layers * sizes.width * (heads + 3 * sizes.hidden)


def flops_per_token(sizes: Shape) -> int:
    """Floating-point operations of one training token, by `FLOPS_FORMULA`."""
    matmul = _block_matrices(sizes) + sizes.vocab_size * sizes.width
    return 6 * matmul + 6 * sizes.layers * sizes.heads * sizes.head_width * sizes.sequence


def make_plan(
    supply: Mapping[str, int], mix_settings: MixSettings, settings: TrainSettings, vocab_size: int
) -> Plan:
    """The trunk's and every arm's mix for training tokens `supply` (by domain), within the epoch cap.

    With `when_short: shrink` the budget becomes the largest that the cap allows for the trunk and an arm of the same
    mix; the summary says so under `limited_by`. What the arms weigh does not decide the trunk's length, so other arms
    can branch off a trunk that is there. Raises MixError, naming what would be possible, and TrainError for a decay of
    all steps.
    """
    full = resolve(settings)
    sizes = shape(full, vocab_size)
    wanted = full.tokens or round((full.tokens_per_parameter or 0) * parameter_count(sizes))
    steps_wanted = max(1, wanted // (full.batch * full.sequence))
    steps = steps_wanted
    if full.when_short == "shrink":
        steps = _largest(steps_wanted, supply, mix_settings, full)
    stable_schedule(steps, full.warmup_fraction, full.decay_fraction)
    mix, arms = _mixes(steps, supply, mix_settings, full)
    per_token, arm_tokens = flops_per_token(sizes), arm_steps(full, steps) * full.batch * full.sequence
    tokens = steps * full.batch * full.sequence
    summary: dict[str, object] = {
        "parameters": parameter_count(sizes),
        "flops_per_token": per_token,
        "flops_formula": FLOPS_FORMULA,
        "flops": per_token * tokens,
        "arm_flops": per_token * arm_tokens,
        "tokens_wanted": wanted,
        "tokens": tokens,
        "limited_by": "supply" if steps < steps_wanted else "budget",
        "steps": steps,
        "tokens_per_step": full.batch * full.sequence,
        "tokens_per_parameter": tokens / parameter_count(sizes),
        "arm_tokens": arm_tokens,
        "arm_steps": arm_steps(full, steps),
        "exposure": mix.exposure(),
    }
    return Plan(settings=full, shape=sizes, mix=mix, arm_mixes=arms, summary=summary)


def arm_steps(settings: RunSettings, trunk_steps: int) -> int:
    """Steps of every annealing arm."""
    if settings.anneal.tokens is not None:
        return max(1, settings.anneal.tokens // (settings.batch * settings.sequence))
    return max(1, round(trunk_steps * settings.anneal.fraction))


def arm_mix(mix: Mix, arm: Arm, index: int, sequences: int) -> Mix:
    """The trunk's mix up to sequence `index`, then `sequences` more under the arm's weights."""
    trunk = mix.until(index)
    if arm.weights == "stable":
        return trunk.then_same(arm.name, sequences)
    return trunk.then(arm.name, arm.weights, sequences)


def _mixes(
    steps: int, supply: Mapping[str, int], mix_settings: MixSettings, settings: RunSettings
) -> tuple[Mix, dict[str, Mix]]:
    mix = Mix.build(supply, mix_settings, sequence=settings.sequence, sequences=steps * settings.batch)
    more = arm_steps(settings, steps) * settings.batch
    return mix, {arm.name: arm_mix(mix, arm, mix.planned, more) for arm in settings.anneal.arms}


def _largest(wanted: int, supply: Mapping[str, int], mix_settings: MixSettings, settings: RunSettings) -> int:
    """The most steps, at most `wanted`, whose trunk and room for an arm stay under the cap (by bisection)."""

    def trunk_and_room(steps: int) -> None:
        mix = Mix.build(supply, mix_settings, sequence=settings.sequence, sequences=steps * settings.batch)
        if settings.anneal.arms:
            mix.then_same("room", arm_steps(settings, steps) * settings.batch)

    def fits(steps: int) -> bool:
        try:
            trunk_and_room(steps)
        except MixError:
            return False
        return True

    trunk_and_room(1)  # what not even one step can do is an error of the recipe

    if fits(wanted):
        return wanted
    low, high = 1, wanted
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
