"""A model folder loads as it was, and what does not fit is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from train.config import TrainSettings, resolve, shape
from train.errors import TrainError
from train.export import load_model, write_model
from train.generate import generate
from train.model import Decoder, initialise


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def model(request: pytest.FixtureRequest, small: TrainSettings) -> Decoder:
    full = resolve(msgspec.structs.replace(small, depth=2, tied=request.param))
    made = Decoder(shape(full, 50), rope_theta=500.0)
    initialise(made, full)
    return made


def test_logits_come_back_the_same(model: Decoder, tmp_path: Path) -> None:
    write_model(model, tmp_path, eos=7)
    again, eos = load_model(tmp_path)
    tokens = torch.randint(0, 50, (2, 32))
    assert torch.equal(again(tokens), model(tokens))
    assert eos == 7


def test_the_config_is_llamas(model: Decoder, tmp_path: Path) -> None:
    write_model(model, tmp_path, eos=7)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert (config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]) == (2, 1, 16)
    assert (config["hidden_size"], config["intermediate_size"], config["rope_theta"]) == (32, 64, 500.0)
    assert ("lm_head.weight" in load_file(tmp_path / "model.safetensors")) != config["tie_word_embeddings"]


@pytest.mark.parametrize("change", ["shape", "missing", "extra", "truncated", "config"])
def test_what_does_not_fit_is_named(model: Decoder, tmp_path: Path, change: str) -> None:
    write_model(model, tmp_path, eos=7)
    path = tmp_path / "model.safetensors"
    tensors, name = load_file(path), "model.layers.1.mlp.up_proj.weight"
    if change == "truncated":
        path.write_bytes(path.read_bytes()[:-8])
    elif change == "config":
        (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    else:
        if change == "extra":
            tensors["model.extra"] = torch.ones(1)
        else:
            del tensors[name]
        if change == "shape":
            tensors[name] = torch.ones(3)
        save_file(tensors, path)
    words = {"extra": r"model\.extra", "truncated": "not a usable", "config": "not a usable"}.get(
        change, "up_proj"
    )
    with pytest.raises(TrainError, match=words):
        load_model(tmp_path)


def test_greedy_text_is_the_likeliest_and_repeats(model: Decoder, tmp_path: Path) -> None:
    write_model(model, tmp_path, eos=7)
    ids = list(generate(tmp_path, [1, 2, 3], max_tokens=40, threads=1))
    assert ids == list(generate(tmp_path, [1, 2, 3], max_tokens=40, threads=1))
    context = [7, 1, 2, 3]
    for token in ids:
        assert token == int(model(torch.tensor([context[-32:]]))[0, -1].argmax())
        context.append(token)


def test_sampling_follows_its_seed_and_top_k(model: Decoder, tmp_path: Path) -> None:
    write_model(model, tmp_path, eos=7)

    def sample(seed: int, top_k: int | None = None) -> list[int]:
        return list(
            generate(tmp_path, [4], max_tokens=12, temperature=5.0, top_k=top_k, seed=seed, threads=1)
        )

    assert sample(1) == sample(1)
    assert len({tuple(sample(seed)) for seed in range(4)}) > 1
    assert sample(3, top_k=1) == list(generate(tmp_path, [4], max_tokens=12, threads=1))


def test_generation_ends_with_the_document(model: Decoder, tmp_path: Path) -> None:
    with torch.no_grad():
        model.head_weight[7] = model.hidden(torch.tensor([[7, 5]]))[0, -1] * 100
    write_model(model, tmp_path, eos=7)
    assert len(list(generate(tmp_path, [5], max_tokens=50, threads=1))) < 50


def test_prompts_are_checked(model: Decoder, tmp_path: Path) -> None:
    write_model(model, tmp_path, eos=7)
    with pytest.raises(ValueError, match="outside the vocabulary of 50"):
        next(generate(tmp_path, [50]))
    with pytest.raises(ValueError, match="at least 0"):
        next(generate(tmp_path, [1], temperature=-1))
