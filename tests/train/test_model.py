"""The decoder is causal, Llama-shaped and drawn from its seed."""

from __future__ import annotations

import math

import msgspec
import pytest
import torch
from torch.nn import functional

from train.config import TrainSettings, resolve, shape
from train.model import Decoder, initialise


@pytest.fixture
def model(small: TrainSettings) -> Decoder:
    full = resolve(msgspec.structs.replace(small, depth=2))
    made = Decoder(shape(full, 100))
    initialise(made, full)
    return made


def test_a_later_token_changes_no_earlier_logit(model: Decoder) -> None:
    torch.manual_seed(0)
    tokens = torch.randint(0, 100, (2, 20))
    before = model(tokens)
    for position in (1, 7, 19):
        changed = tokens.clone()
        changed[:, position] = (changed[:, position] + 1) % 100
        after = model(changed)
        assert torch.equal(after[:, :position], before[:, :position])
        assert not torch.allclose(after[:, position], before[:, position])


def test_the_order_of_the_past_matters(model: Decoder) -> None:
    tokens = torch.tensor([[1, 2, 3, 4], [2, 1, 3, 4]])
    logits = model(tokens)
    assert not torch.allclose(logits[0, -1], logits[1, -1])


def test_positions_are_relative(model: Decoder) -> None:
    # Rotary attention sees distances: the same tokens further on give the same scores between themselves.
    attention = model.model.layers[0].self_attn
    x = torch.randn(1, 1, 32).expand(1, 8, 32)
    angles = model._angles[:16]
    near = attention(x, angles[:8].cos(), angles[:8].sin())
    far = attention(x, angles[8:].cos(), angles[8:].sin())
    torch.testing.assert_close(near, far, rtol=1e-4, atol=1e-6)


def test_names_are_llamas(model: Decoder) -> None:
    names = set(model.state_dict())
    layer = "model.layers.1."
    parts = ["input_layernorm", "post_attention_layernorm", *(f"self_attn.{p}_proj" for p in "qkvo")]
    parts += ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
    assert {name for name in names if name.startswith(layer)} == {f"{layer}{part}.weight" for part in parts}
    outside = {name for name in names if not name.startswith("model.layers.")}
    assert outside == {"model.embed_tokens.weight", "model.norm.weight"}


def test_a_block_by_hand(model: Decoder) -> None:
    """The feed-forward half of a block, written out from the formula."""
    block, x = model.model.layers[0], torch.randn(1, 3, 32)
    gate, up, down = block.mlp.gate_proj.weight, block.mlp.up_proj.weight, block.mlp.down_proj.weight
    hidden = x @ gate.T
    expected = (hidden * torch.sigmoid(hidden) * (x @ up.T)) @ down.T
    torch.testing.assert_close(block.mlp(x), expected)
    norm = block.input_layernorm(x)
    torch.testing.assert_close(norm, x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt())


def test_the_loss_is_that_of_the_logits(model: Decoder) -> None:
    tokens = torch.randint(0, 100, (3, 33), generator=torch.Generator().manual_seed(1))
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    expected = functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    torch.testing.assert_close(model.loss(inputs, targets), expected)
    assert abs(expected.item() - math.log(100)) < 0.2


def test_weights_come_from_the_seed(small: TrainSettings) -> None:
    def drawn(seed: int) -> dict[str, torch.Tensor]:
        full = resolve(msgspec.structs.replace(small, seed=seed))
        model = Decoder(shape(full, 100))
        initialise(model, full)
        return model.state_dict()

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    name = "model.embed_tokens.weight"
    assert not torch.equal(first[name], other[name])
    assert first[name].std().item() == pytest.approx(0.02, rel=0.1)


def test_an_untied_head_is_its_own_matrix(small: TrainSettings) -> None:
    model = Decoder(shape(resolve(msgspec.structs.replace(small, tied=False)), 100))
    assert "lm_head.weight" in model.state_dict()
    assert model.head_weight is model.lm_head.weight


def test_more_tokens_than_the_context_are_refused(model: Decoder) -> None:
    with pytest.raises(ValueError, match="33 tokens, but the model reads 32"):
        model(torch.zeros(1, 33, dtype=torch.int64))
