"""Settings of a training run, typed and without torch.

One dial: `depth`. The width is 64 a layer (at least 128) in heads of 64, the hidden layer of SwiGLU 8/3 of the width
rounded up to 32, the learning rate falls with the width; presets set the dial and a budget. Every derived value can
be written in the recipe instead. `resolve` fills what was left open, so that a run's settings are complete and can be
compared and hashed.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec

from mixes.weights import Count, Weights
from train.errors import TrainError

Positive = Annotated[float, msgspec.Meta(gt=0)]
Part = Annotated[float, msgspec.Meta(ge=0, lt=1)]
ARM_NAME_LENGTH = 64


class Arm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One continuation of the stable checkpoint: under which weights, and whether the learning rate decays.

    `weights`: "stable" goes on with the trunk's last phase. `decay`: "none" keeps the rate, "linear" brings it to zero.
    """

    name: str
    weights: Literal["stable"] | Weights = "stable"
    decay: Literal["none", "linear"] = "linear"


class AnnealSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Annealing: every arm sees the same number of tokens, `fraction` of the stable run's unless `tokens` is given."""

    fraction: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.2
    tokens: Count | None = None
    arms: tuple[Arm, ...] = (Arm(name="no_decay", decay="none"), Arm(name="decay_same"))


def three_arms(better: Weights) -> tuple[Arm, ...]:
    """The arms that separate the effect of the decay from that of the data: only the last two differ in data."""
    return (
        Arm(name="no_decay", decay="none"),
        Arm(name="decay_same"),
        Arm(name="decay_better", weights=better),
    )


class TrainSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The recipe's `train` section. None means: derived from the preset and the depth by `resolve`."""

    preset: Literal["tiny", "small", "base"] = "tiny"
    depth: Count | None = None  # layers: the dial
    width: Count | None = None
    heads: Count | None = None
    key_value_heads: Count | None = None  # fewer than heads: grouped-query attention
    hidden: Count | None = None  # of SwiGLU
    tied: bool = True  # input and output embedding are one matrix
    rope_theta: Positive = 10_000.0
    norm_epsilon: Positive = 1e-5
    initial_std: Positive = 0.02
    sequence: Count | None = None  # tokens the model reads at once
    batch: Count | None = None  # sequences of one step, over all ranks
    tokens: Count | None = None  # budget of the stable run
    tokens_per_parameter: Positive | None = None  # budget where `tokens` is not given; 20 is Chinchilla's
    when_short: Literal["shrink", "refuse"] = (
        "shrink"  # when the epoch cap allows fewer tokens than the budget
    )
    learning_rate: Positive | None = None
    warmup_fraction: Part = 0.05
    decay_fraction: Part = 0.0  # of the stable run itself; annealing arms decay on their own
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.1
    betas: tuple[Part, Part] = (0.9, 0.95)
    gradient_clip: Positive = 1.0
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    threads: Count = 2  # of torch on a CPU; part of the recipe because sums depend on it
    device: Literal["auto", "cpu", "cuda"] = "auto"
    log_steps: Count | None = None
    checkpoint_steps: Count | None = None
    keep_checkpoints: Count = 2
    anneal: AnnealSettings = AnnealSettings()


class EvalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is scored: at most this much of each domain, the documents in a fixed random order."""

    max_documents: Count | None = None
    max_tokens: Count | None = None
    stride: Count | None = None  # tokens that one window adds in a long document; default half of the context
    batch: Count = 16  # windows
    threads: Count = 2
    device: Literal["auto", "cpu", "cuda"] = "auto"


_PRESETS: dict[str, dict[str, int | float]] = {
    # Two cores, vocabulary of 4,096: the stable run took 43 s, each of three arms of a fifth 8 s.
    "tiny": {
        "depth": 2,
        "sequence": 256,
        "batch": 4,
        "tokens": 600_000,
        "log_steps": 1,
        "checkpoint_steps": 200,
    },
    "small": {"depth": 6, "sequence": 1024, "batch": 32, "log_steps": 10, "checkpoint_steps": 250},
    "base": {"depth": 12, "sequence": 2048, "batch": 256, "log_steps": 10, "checkpoint_steps": 500},
}
_TOKENS_PER_PARAMETER = 20.0
_DECIDES_NOTHING = ("checkpoint_steps", "keep_checkpoints", "when_short", "anneal")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes of a decoder."""

    vocab_size: int
    layers: int
    width: int
    heads: int
    key_value_heads: int
    head_width: int
    hidden: int
    sequence: int
    tied: bool


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`TrainSettings` with nothing left open; see there."""

    depth: int
    width: int
    heads: int
    key_value_heads: int
    hidden: int
    tied: bool
    rope_theta: float
    norm_epsilon: float
    initial_std: float
    sequence: int
    batch: int
    tokens: int | None
    tokens_per_parameter: float | None
    when_short: Literal["shrink", "refuse"]
    learning_rate: float
    warmup_fraction: float
    decay_fraction: float
    weight_decay: float
    betas: tuple[float, float]
    gradient_clip: float
    seed: int
    threads: int
    device: Literal["auto", "cpu", "cuda"]
    log_steps: int
    checkpoint_steps: int
    keep_checkpoints: int
    anneal: AnnealSettings


def resolve(settings: TrainSettings) -> RunSettings:
    """The settings with every derived value filled in. Raises TrainError for values that no model can have.

    The message begins with the path of the key: `train.anneal.arms[0].name: expected ...`.
    """
    _check_ranges(settings)
    preset = _PRESETS[settings.preset]
    known = {name: getattr(settings, name) for name in RunSettings.__struct_fields__}

    def fill(name: str, derived: float) -> int:
        if known[name] is None:
            known[name] = int(preset.get(name, derived))
        return int(known[name])

    width = fill("width", max(128, 64 * fill("depth", 2)))
    fill("key_value_heads", fill("heads", max(1, width // 64)))
    fill("hidden", 32 * math.ceil(width * 8 / 3 / 32))
    for name, derived in (("sequence", 1024), ("batch", 32), ("log_steps", 10), ("checkpoint_steps", 250)):
        fill(name, derived)
    if known["tokens"] is None and known["tokens_per_parameter"] is None:
        known["tokens"] = preset.get("tokens")
        known["tokens_per_parameter"] = None if "tokens" in preset else _TOKENS_PER_PARAMETER
    if known["learning_rate"] is None:
        # 2.5e-3 was best at width 128 with batches of 1,024 tokens; 1 / sqrt(width) from there, 9e-4 at 1,024.
        known["learning_rate"] = 2.5e-3 * math.sqrt(128 / width)
    filled = RunSettings(**known)
    _check(filled)
    return filled


def decisive(settings: TrainSettings | RunSettings) -> dict[str, Any]:
    """The settings that decide a byte of a trained trunk, as plain data.

    Not how often it is saved, what is refused, or what branches off it later.
    """
    known: dict[str, Any] = msgspec.to_builtins(settings)
    return {name: value for name, value in known.items() if name not in _DECIDES_NOTHING}


def _check_ranges(settings: TrainSettings) -> None:
    """The ranges stand once, in the types; settings made in Python meet them here."""
    try:
        msgspec.convert(msgspec.to_builtins(settings), TrainSettings)
    except msgspec.ValidationError as error:
        what, _, where = str(error).replace("`", "").rpartition(" - at $")
        raise TrainError(f"train{where}: {what[0].lower()}{what[1:]}") from None


def _check(settings: RunSettings) -> None:
    def refuse(key: str, expected: str, got: Any) -> None:
        raise TrainError(f"train.{key}: expected {expected}, got {got!r}")

    if settings.width % (2 * settings.heads):
        refuse("width", f"an even multiple of train.heads {settings.heads}", settings.width)
    if settings.heads % settings.key_value_heads:
        refuse("heads", f"a multiple of train.key_value_heads {settings.key_value_heads}", settings.heads)
    if settings.tokens is not None and settings.tokens_per_parameter is not None:
        raise TrainError("train: give either tokens or tokens_per_parameter, not both")
    names = [arm.name for arm in settings.anneal.arms]
    for index, name in enumerate(names):
        key = f"anneal.arms[{index}].name"
        word = name.replace("_", "").replace("-", "")
        # The name becomes a folder.
        if not (word.isalnum() and name.isascii() and len(name) <= ARM_NAME_LENGTH):
            refuse(key, f"at most {ARM_NAME_LENGTH} letters, digits, '_' and '-'", name)
        if name == "stable":
            refuse(key, "another name than that of the run which the arms branch off", name)
        if name in names[:index]:
            refuse(key, "a name that no other arm has", name)


def shape(settings: RunSettings, vocab_size: int) -> Shape:
    """The sizes of the decoder that the settings describe."""
    return Shape(
        vocab_size=vocab_size,
        layers=settings.depth,
        width=settings.width,
        heads=settings.heads,
        key_value_heads=settings.key_value_heads,
        head_width=settings.width // settings.heads,
        hidden=settings.hidden,
        sequence=settings.sequence,
        tied=settings.tied,
    )
