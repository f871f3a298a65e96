"""The chunked cross-entropy is PyTorch's, value and gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from train.loss import CHUNK, cross_entropy


@pytest.mark.parametrize("count", [1, CHUNK, 2 * CHUNK + 3])
def test_value_and_gradients(count: int) -> None:
    torch.manual_seed(count)
    hidden, head = torch.randn(count, 12, requires_grad=True), torch.randn(40, 12, requires_grad=True)
    targets = torch.randint(0, 40, (count,))
    expected = functional.cross_entropy(hidden @ head.T, targets)
    wanted = torch.autograd.grad(3 * expected, (hidden, head))
    loss = cross_entropy(hidden, head, targets)
    found = torch.autograd.grad(3 * loss, (hidden, head))
    torch.testing.assert_close(loss, expected)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    hidden, head = torch.full((3, 2), 300.0, requires_grad=True), torch.eye(4)[:, :2] * 300
    loss = cross_entropy(hidden, head, torch.tensor([0, 1, 0]))
    assert torch.isfinite(loss)
    loss.backward()
    assert torch.isfinite(hidden.grad).all()
