"""Causal attention through PyTorch's scaled_dot_product_attention, on its flash kernels wherever they run.

On CUDA with bfloat16 the FlashAttention-2 kernel is required, not hoped for: `sdpa_kernel` allows no other, so a shape
that it cannot take is an error and not a silent quarter of the speed. On a CPU PyTorch has a flash kernel of its own
(tiled, no T x T matrix). `choose` says which kernel will run and why; the run announces it once.

Shape suffixes, here and in `train.model`: B sequences, T positions, H heads, K key-value heads, Q width of a head,
D width of the model, F hidden width, V vocabulary.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import msgspec
import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """The kernel that will run: "flash" or "math", and the reason in words."""

    kernel: str
    reason: str


def choose(device: torch.device, dtype: torch.dtype, head_width: int) -> Attention:
    """Try the flash kernel once on this device, type and head width; fall back to plain mathematics if it refuses."""
    probe = torch.zeros(1, 1, 8, head_width, device=device, dtype=dtype, requires_grad=True)
    try:
        with warnings.catch_warnings(), sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
            warnings.simplefilter("ignore")  # a refusal warns besides raising
            functional.scaled_dot_product_attention(probe, probe, probe, is_causal=True).sum().backward()
    except RuntimeError:
        return Attention(
            kernel="math", reason=f"no flash kernel for {dtype} heads of {head_width} on {device.type}"
        )
    return Attention(kernel="flash", reason=f"FlashAttention through SDPA, {dtype} on {device.type}")


@contextlib.contextmanager
def only(attention: Attention) -> Iterator[None]:
    """Inside, attention runs on the chosen kernel or raises RuntimeError."""
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION if attention.kernel == "flash" else SDPBackend.MATH]):
        yield


def attend(query_BHTQ: torch.Tensor, key_BKTQ: torch.Tensor, value_BKTQ: torch.Tensor) -> torch.Tensor:
    """Each position's mix of the values at and before it: [B, H, T, Q]. H must be a multiple of K."""
    grouped = query_BHTQ.shape[1] != key_BKTQ.shape[1]
    if grouped:
        # Repeating costs memory that the kernels' own grouping would save, but every kernel takes it.
        times = query_BHTQ.shape[1] // key_BKTQ.shape[1]
        key_BKTQ, value_BKTQ = (x.repeat_interleave(times, dim=1) for x in (key_BKTQ, value_BKTQ))
    return functional.scaled_dot_product_attention(query_BHTQ, key_BKTQ, value_BKTQ, is_causal=True)
