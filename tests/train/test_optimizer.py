"""AdamW takes the step it should, decays what it should, and its state survives a round trip."""

from __future__ import annotations

import msgspec
import pytest
import torch

from train.config import TrainSettings, resolve, shape
from train.errors import TrainError
from train.model import Decoder, initialise
from train.optimizer import adamw, load_state, set_rate, state_tensors


def made(small: TrainSettings) -> tuple[Decoder, torch.optim.AdamW]:
    full = resolve(msgspec.structs.replace(small, weight_decay=0.5))
    model = Decoder(shape(full, 40))
    initialise(model, full)
    return model, adamw(model, full)


def step(model: Decoder, optimizer: torch.optim.AdamW, number: int) -> None:
    tokens = torch.randint(0, 40, (2, 9), generator=torch.Generator().manual_seed(number))
    optimizer.zero_grad()
    model.loss(tokens[:, :-1], tokens[:, 1:]).backward()
    optimizer.step()


def test_the_first_step_by_hand(small: TrainSettings) -> None:
    model, optimizer = made(small)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    set_rate(optimizer, 0.003)
    step(model, optimizer, 1)
    for name, weight in model.named_parameters():
        decayed = 1 - 0.003 * (0.5 if "proj" in name else 0.0)
        # Bias correction makes the first step rate * gradient / (|gradient| + epsilon).
        slope = weight.grad / (weight.grad.abs() + 1e-8)
        torch.testing.assert_close(
            weight.detach(), before[name] * decayed - 0.003 * slope, rtol=1e-4, atol=1e-6
        )


def test_restored_state_goes_on_exactly(small: TrainSettings) -> None:
    one, first = made(small)
    for number in range(3):
        step(one, first, number)
    other, second = made(small)
    other.load_state_dict(one.state_dict())
    load_state(other, second, {name: tensor.clone() for name, tensor in state_tensors(one, first).items()})
    for number in range(3, 6):
        step(one, first, number)
        step(other, second, number)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_wrong_state_is_named(small: TrainSettings) -> None:
    model, optimizer = made(small)
    assert state_tensors(model, optimizer) == {}
    step(model, optimizer, 0)
    tensors = state_tensors(model, optimizer)
    tensors["exp_avg.model.norm.weight"] = torch.ones(3)
    with pytest.raises(
        TrainError, match=r"exp_avg\.model\.norm\.weight: expected shape \(32,\), found \(3,\)"
    ):
        load_state(model, optimizer, tensors)
