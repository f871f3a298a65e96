"""One dial derives everything, and impossible settings are named."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from train.config import AnnealSettings, Arm, TrainSettings, resolve, shape, three_arms
from train.errors import TrainError


def test_depth_derives_the_shape() -> None:
    full = resolve(TrainSettings(preset="base", depth=20))
    sizes = shape(full, 32_000)
    assert (sizes.layers, sizes.width, sizes.heads, sizes.head_width) == (20, 1280, 20, 64)
    assert sizes.hidden == 3424
    assert full.learning_rate < resolve(TrainSettings(preset="base", depth=2)).learning_rate
    assert (full.tokens, full.tokens_per_parameter) == (None, 20)


def test_what_is_written_wins() -> None:
    full = resolve(
        TrainSettings(width=96, heads=4, key_value_heads=2, learning_rate=0.5, tokens=7, threads=1)
    )
    assert (full.width, full.heads, full.key_value_heads, full.learning_rate) == (96, 4, 2, 0.5)
    assert (full.tokens, full.tokens_per_parameter, full.threads) == (7, None, 1)


def test_a_recipe_section_decodes() -> None:
    section = {"preset": "tiny", "anneal": {"fraction": 0.1, "arms": [{"name": "x", "weights": {"web": 2}}]}}
    settings = msgspec.convert(section, TrainSettings)
    assert settings.anneal.arms == (Arm(name="x", weights={"web": 2.0}),)
    with pytest.raises(msgspec.ValidationError, match="dpeth"):
        msgspec.convert({"dpeth": 3}, TrainSettings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 100, "heads": 3}, r"train\.width: expected an even multiple of train\.heads 3, got 100"),
        (
            {"heads": 2, "key_value_heads": 3},
            r"train\.heads: expected a multiple of train\.key_value_heads 3, got 2",
        ),
        ({"batch": 0}, r"train\.batch: expected int >= 1"),
        ({"tokens": 5, "tokens_per_parameter": 20.0}, "not both"),
        ({"warmup_fraction": 1.5}, r"train\.warmup_fraction: expected float < 1\.0"),
        ({"learning_rate": float("nan")}, r"train\.learning_rate: expected float > 0\.0"),
        ({"betas": (0.9, 1.0)}, r"train\.betas\[1\]: expected float < 1\.0"),
        ({"anneal": AnnealSettings(fraction=0.0)}, r"train\.anneal\.fraction: expected float > 0\.0"),
        (
            {"anneal": AnnealSettings(arms=(Arm(name="../up"),))},
            r"train\.anneal\.arms\[0\]\.name: expected .* letters, digits, .*, got '\.\./up'",
        ),
        ({"anneal": AnnealSettings(arms=(Arm(name="a" * 65),))}, r"arms\[0\]\.name: expected at most 64"),
        (
            {"anneal": AnnealSettings(arms=(Arm(name="a"), Arm(name="a")))},
            r"train\.anneal\.arms\[1\]\.name: expected a name that no other arm has, got 'a'",
        ),
    ],
)
def test_impossible_settings(change: dict[str, object], words: str) -> None:
    with pytest.raises(TrainError, match=words):
        resolve(TrainSettings(**change))  # type: ignore[arg-type]


def test_three_arms_change_one_thing_at_a_time() -> None:
    arms = three_arms({"good": 1.0})
    assert [(arm.weights, arm.decay) for arm in arms] == [
        ("stable", "none"),
        ("stable", "linear"),
        ({"good": 1.0}, "linear"),
    ]


def test_settings_plan_and_mix_start_without_torch() -> None:
    modules = "train.config, train.plan, train.schedule, mixes.mix, mixes.tokens"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
