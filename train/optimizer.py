"""AdamW with weight decay on matrices alone (not on norms and embeddings), in one fused kernel where there is one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from train.config import RunSettings
from train.errors import TrainError

_STATE = ("exp_avg", "exp_avg_sq", "step")


def adamw(model: nn.Module, settings: RunSettings) -> torch.optim.AdamW:
    """The optimizer of a run. The groups' rate is the peak; the loop scales it every step."""
    named = sorted(model.named_parameters())
    plain = {name for name, weight in named if weight.ndim < 2 or "embed_tokens" in name}
    groups = [
        {
            "params": [weight for name, weight in named if name not in plain],
            "weight_decay": settings.weight_decay,
        },
        {"params": [weight for name, weight in named if name in plain], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, eps=1e-8, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step, for all groups."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def state_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimizer's state under `<moment>.<parameter>`; empty before the first step."""
    return {
        f"{kind}.{name}": optimizer.state[weight][kind]
        for name, weight in model.named_parameters()
        for kind in _STATE
        if weight in optimizer.state
    }


def load_state(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]
) -> None:
    """Put back what `state_tensors` gave. Raises TrainError if a tensor is missing or has another shape."""
    for name, weight in model.named_parameters():
        state = {}
        for kind in _STATE:
            tensor = tensors.get(f"{kind}.{name}")
            expected = torch.Size([]) if kind == "step" else weight.shape
            if tensor is None or tensor.shape != expected:
                found = "nothing" if tensor is None else str(tuple(tensor.shape))
                raise TrainError(
                    f"optimizer state {kind}.{name}: expected shape {tuple(expected)}, found {found}"
                )
            state[kind] = tensor.to(device=weight.device, dtype=torch.float32, copy=True)
        optimizer.state[weight] = state
