"""Where a run computes and in which types: chosen once, and said aloud.

The policy, in place of autocast: weights, optimizer state, norms, rotations and the loss are float32 everywhere;
activations and matrix products are float32 on a CPU (the same sums on every run with the same threads) and bfloat16
on CUDA. Nothing is compiled on a CPU, where compiling takes longer than a small run.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec
import torch

from train.attention import Attention, choose
from train.errors import TrainError
from train.peak import Peak, peak


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A device, the type of activations, the attention kernel, and what the device can do at its best."""

    device: torch.device
    dtype: torch.dtype
    attention: Attention
    peak: Peak

    def describe(self) -> dict[str, Any]:
        """For whoever wants to know where and how fast a model was trained."""
        return {
            "device": torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu",
            "dtype": str(self.dtype).removeprefix("torch."),
            "attention": self.attention.kernel,
            "attention_reason": self.attention.reason,
            "torch": str(torch.__version__),
            "peak_flops": self.peak.flops,
            "peak_measured": self.peak.measured,
        }


def prepare(wanted: str, threads: int, head_width: int) -> Place:
    """Set threads and determinism for this process and choose the device. Raises TrainError if it is not there."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainError("train.device is cuda, but PyTorch sees no CUDA device here; write auto or cpu")
    device = torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
    # cuBLAS needs a fixed workspace to repeat its sums, and reads this when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Filling every new tensor would find reads of unwritten memory; it costs bandwidth and decides no result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if device.type == "cpu":
        torch.set_num_threads(threads)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    return Place(
        device=device, dtype=dtype, attention=choose(device, dtype, head_width), peak=peak(device, dtype)
    )
