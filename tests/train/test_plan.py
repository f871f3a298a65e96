"""A plan counts what the model really has and keeps every domain under its cap."""

from __future__ import annotations

import msgspec
import pytest
import torch

from mixes.errors import MixError
from mixes.mix import MixSettings
from train.config import TrainSettings, resolve, shape
from train.errors import TrainError
from train.model import Decoder
from train.plan import flops_per_token, make_plan, parameter_count


@pytest.mark.parametrize("tied", [True, False])
def test_parameters_are_those_of_the_model(small: TrainSettings, tied: bool) -> None:
    sizes = shape(resolve(msgspec.structs.replace(small, tied=tied)), 300)
    with torch.device("meta"):
        model = Decoder(sizes)
    assert parameter_count(sizes) == sum(weight.numel() for weight in model.parameters())


def test_flops_by_hand() -> None:
    # Llama-3-8B at 8,192 tokens, counted by hand: 7,504,658,432 matrix weights.
    settings = TrainSettings(
        depth=32, width=4096, heads=32, key_value_heads=8, hidden=14_336, sequence=8192, tied=False
    )
    sizes = shape(resolve(settings), 128_256)
    assert parameter_count(sizes) == 8_030_261_248
    assert flops_per_token(sizes) == 6 * 7_504_658_432 + 6 * 32 * 4096 * 8192


def test_the_budget_becomes_steps(small: TrainSettings) -> None:
    plan = make_plan({"logs": 20_000, "files": 30_000}, MixSettings(), small, 257)
    assert plan.summary["steps"] == 12
    assert plan.summary["arm_steps"] == 6
    assert plan.summary["limited_by"] == "budget"
    assert plan.mix.planned == 48
    assert {name: arm.planned for name, arm in plan.arm_mixes.items()} == {
        "no_decay": 72,
        "decay_same": 72,
        "decay_better": 72,
    }


def test_tokens_per_parameter(small: TrainSettings) -> None:
    settings = msgspec.structs.replace(small, tokens=None, tokens_per_parameter=2.0)
    plan = make_plan({"logs": 20_000, "files": 30_000}, MixSettings(), settings, 257)
    parameters = plan.summary["parameters"]
    assert isinstance(parameters, int)
    assert plan.summary["tokens_wanted"] == 2 * parameters


def test_too_few_tokens_shrink_the_run_or_refuse_it(small: TrainSettings) -> None:
    supply = {"logs": 1000, "files": 1000}
    long = msgspec.structs.replace(small, tokens=100_000)
    plan = make_plan(supply, MixSettings(over_cap="water-fill"), long, 257)
    assert plan.summary["limited_by"] == "supply"
    worst = max(row["epochs"] for arm in plan.arm_mixes.values() for row in arm.exposure())  # type: ignore[type-var]
    assert 3.5 < worst <= 4.0  # type: ignore[operator]
    with pytest.raises(MixError, match="the cap is 4"):
        make_plan(supply, MixSettings(), msgspec.structs.replace(long, when_short="refuse"), 257)


def test_a_decay_of_every_step_is_refused_before_training(small: TrainSettings) -> None:
    one = msgspec.structs.replace(small, tokens=128, decay_fraction=0.6)
    with pytest.raises(TrainError, match=r"train\.decay_fraction: 0\.6 of 1 step leaves no step"):
        make_plan({"logs": 9999, "files": 9999}, MixSettings(), one, 257)


def test_a_misspelt_domain_is_not_a_lack_of_tokens(small: TrainSettings) -> None:
    with pytest.raises(MixError, match="did you mean 'logs'"):
        make_plan({"logs": 9999, "files": 9999}, MixSettings(weights={"lgs": 1.0}), small, 257)
