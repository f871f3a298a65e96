"""The decoder: Llama's architecture, and Llama's names, so that its weights load in other programs as they are.

Pre-norm blocks of RMSNorm, rotary position embedding (rotating halves, as Hugging Face does), causal attention with
optional grouped key-value heads, SwiGLU; no biases; the output head tied to the input embedding or not. Weights start
normal with one standard deviation, divided by sqrt(2 layers) where a block writes to the residual stream (GPT-2). All
arithmetic is in the activations' type but norms, rotations and the loss, which are float32.

Shape suffixes: see `train.attention`.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from train.attention import attend
from train.config import RunSettings, Shape
from train.loss import cross_entropy


class Norm(nn.Module):
    """RMSNorm with a learned gain, computed in float32."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """The input over its root mean square, times the gain."""
        return functional.rms_norm(x_BTD.float(), self.weight.shape, self.weight, self.epsilon).to(
            x_BTD.dtype
        )


def _rotated(x_BHTQ: torch.Tensor, cos_TQ: torch.Tensor, sin_TQ: torch.Tensor) -> torch.Tensor:
    first, second = x_BHTQ.float().chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (x_BHTQ * cos_TQ + turned * sin_TQ).to(x_BHTQ.dtype)


class SelfAttention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, sizes: Shape) -> None:
        super().__init__()
        self.head_width = sizes.head_width
        self.q_proj = nn.Linear(sizes.width, sizes.heads * sizes.head_width, bias=False)
        self.k_proj = nn.Linear(sizes.width, sizes.key_value_heads * sizes.head_width, bias=False)
        self.v_proj = nn.Linear(sizes.width, sizes.key_value_heads * sizes.head_width, bias=False)
        self.o_proj = nn.Linear(sizes.heads * sizes.head_width, sizes.width, bias=False)

    def forward(self, x_BTD: torch.Tensor, cos_TQ: torch.Tensor, sin_TQ: torch.Tensor) -> torch.Tensor:
        """What each position takes from those at and before it, [B, T, D]."""

        def heads(projection: nn.Linear) -> torch.Tensor:
            return (
                functional.linear(x_BTD, projection.weight.to(x_BTD.dtype))
                .unflatten(-1, (-1, self.head_width))
                .transpose(1, 2)
            )

        query, key, value = heads(self.q_proj), heads(self.k_proj), heads(self.v_proj)
        mixed_BHTQ = attend(_rotated(query, cos_TQ, sin_TQ), _rotated(key, cos_TQ, sin_TQ), value)
        return functional.linear(mixed_BHTQ.transpose(1, 2).flatten(2), self.o_proj.weight.to(x_BTD.dtype))


class SwiGLU(nn.Module):
    """The gated feed-forward layer: down(silu(gate(x)) * up(x))."""

    def __init__(self, sizes: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(sizes.width, sizes.hidden, bias=False)
        self.up_proj = nn.Linear(sizes.width, sizes.hidden, bias=False)
        self.down_proj = nn.Linear(sizes.hidden, sizes.width, bias=False)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """The layer's output, [B, T, D]."""
        gate, up, down = (
            one.weight.to(x_BTD.dtype) for one in (self.gate_proj, self.up_proj, self.down_proj)
        )
        return functional.linear(
            functional.silu(functional.linear(x_BTD, gate)) * functional.linear(x_BTD, up), down
        )


class Block(nn.Module):
    """Attention and feed-forward, each added to the residual stream."""

    def __init__(self, sizes: Shape, epsilon: float) -> None:
        super().__init__()
        self.input_layernorm = Norm(sizes.width, epsilon)
        self.self_attn = SelfAttention(sizes)
        self.post_attention_layernorm = Norm(sizes.width, epsilon)
        self.mlp = SwiGLU(sizes)

    def forward(self, x_BTD: torch.Tensor, cos_TQ: torch.Tensor, sin_TQ: torch.Tensor) -> torch.Tensor:
        """The residual stream after this block, [B, T, D]."""
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), cos_TQ, sin_TQ)
        return x_BTD + self.mlp(self.post_attention_layernorm(x_BTD))


class Trunk(nn.Module):
    """Embedding, blocks and the last norm."""

    def __init__(self, sizes: Shape, epsilon: float) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(sizes.vocab_size, sizes.width)
        self.layers = nn.ModuleList(Block(sizes, epsilon) for _ in range(sizes.layers))
        self.norm = Norm(sizes.width, epsilon)


class Decoder(nn.Module):
    """A Llama decoder. `dtype` is the type of activations; weights stay float32."""

    _angles: torch.Tensor

    def __init__(
        self,
        sizes: Shape,
        *,
        rope_theta: float = 10_000.0,
        epsilon: float = 1e-5,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.rope_theta = rope_theta
        self.epsilon = epsilon
        self.dtype = dtype
        self.model = Trunk(sizes, epsilon)
        if not sizes.tied:
            self.lm_head = nn.Linear(sizes.width, sizes.vocab_size, bias=False)
        self.register_buffer("_angles", self._table(sizes.sequence), persistent=False)

    def _table(self, positions: int) -> torch.Tensor:
        half = torch.arange(0, self.sizes.head_width, 2, dtype=torch.float32) / self.sizes.head_width
        angles = torch.arange(positions, dtype=torch.float32)[:, None] / self.rope_theta**half
        return torch.cat((angles, angles), dim=-1)

    @property
    def head_weight(self) -> torch.Tensor:
        """The output matrix, [V, D]."""
        return self.model.embed_tokens.weight if self.sizes.tied else self.lm_head.weight

    def hidden(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        """The last layer's normalised output, [B, T, D]. T may not exceed the model's context."""
        angles_TQ = self._angles[: tokens_BT.shape[1]]
        if tokens_BT.shape[1] > self._angles.shape[0]:
            raise ValueError(f"{tokens_BT.shape[1]} tokens, but the model reads {self._angles.shape[0]}")
        cos_TQ, sin_TQ = angles_TQ.cos(), angles_TQ.sin()
        x_BTD = self.model.embed_tokens(tokens_BT).to(self.dtype)
        for block in self.model.layers:
            x_BTD = block(x_BTD, cos_TQ, sin_TQ)
        return self.model.norm(x_BTD)

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Logits of the next token at every position, float32 [B, T, V]."""
        return functional.linear(self.hidden(tokens_BT), self.head_weight.to(self.dtype)).float()

    def loss(self, tokens_BT: torch.Tensor, targets_BT: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy in nats over all positions, without ever holding all logits."""
        return cross_entropy(self.hidden(tokens_BT).flatten(0, 1), self.head_weight, targets_BT.flatten())


def initialise(model: Decoder, settings: RunSettings) -> None:
    """Draw the weights from `settings.seed`, parameter by parameter in order of name: the same on every device."""
    generator = torch.Generator().manual_seed(settings.seed)
    residual = settings.initial_std / math.sqrt(2 * model.sizes.layers)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if weight.ndim < 2:
                weight.fill_(1.0)
                continue
            std = residual if name.endswith(("o_proj.weight", "down_proj.weight")) else settings.initial_std
            weight.copy_(torch.empty(weight.shape).normal_(0.0, std, generator=generator))
