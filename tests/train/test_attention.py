"""SDPA equals attention written out."""

from __future__ import annotations

import math

import pytest
import torch

from train.attention import Attention, attend, choose, only


def naive(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    times = query.shape[1] // key.shape[1]
    out = torch.zeros_like(query)
    for b in range(query.shape[0]):
        for h in range(query.shape[1]):
            for t in range(query.shape[2]):
                scores = key[b, h // times, : t + 1] @ query[b, h, t] / math.sqrt(query.shape[3])
                out[b, h, t] = scores.softmax(0) @ value[b, h // times, : t + 1]
    return out


@pytest.mark.parametrize("kernel", ["flash", "math"])
@pytest.mark.parametrize("key_heads", [1, 2, 4])
def test_attention_is_the_written_out_one(kernel: str, key_heads: int) -> None:
    torch.manual_seed(0)
    query = torch.randn(2, 4, 9, 8)
    key, value = torch.randn(2, key_heads, 9, 8), torch.randn(2, key_heads, 9, 8)
    with only(Attention(kernel=kernel, reason="")):
        torch.testing.assert_close(attend(query, key, value), naive(query, key, value), rtol=1e-5, atol=1e-5)


def test_the_cpu_has_a_flash_kernel() -> None:
    chosen = choose(torch.device("cpu"), torch.float32, 16)
    assert chosen.kernel == "flash"
    assert "FlashAttention" in chosen.reason


def test_what_no_flash_kernel_takes_falls_back_and_says_so() -> None:
    chosen = choose(torch.device("cpu"), torch.complex64, 16)
    assert chosen.kernel == "math"
    assert "no flash kernel for torch.complex64" in chosen.reason


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_runs_flash_attention() -> None:
    assert choose(torch.device("cuda"), torch.bfloat16, 64).kernel == "flash"
