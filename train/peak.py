"""What a device can do at its best, so that a speed can be told as a share of it (MFU).

MFU is PaLM's (appendix B): the operations that the model's size says, a second, of the device's peak. The count of
operations is `train.plan.FLOPS_FORMULA`; peaks are those of dense matrix products in the type of the activations, which
makers print beside twice as large ones for sparse matrices. A device that is not listed, a CPU too, is measured: its
MFU is a share of what its own matrix products reach.
"""

from __future__ import annotations

import functools
import re
import time

import msgspec
import torch

# bfloat16, dense, with float32 sums: makers' data sheets, in TFLOP/s. The first pattern that is found counts.
_PUBLISHED = (
    (r"\bB200\b", 2250.0),
    (r"\bH200\b.*\bNVL\b", 835.5),
    (r"\b(GH200|H200)\b", 989.4),
    (r"\bH100\b.*\bNVL\b", 835.5),
    (r"\bH100\b.*\bPCIe\b", 756.5),
    (r"\bH100\b", 989.4),
    (r"\bA100\b", 311.9),
    (r"\bA40\b", 149.7),
    (r"\bA10G\b", 70.0),
    (r"\bA10\b", 125.0),
    (r"\bL40S\b", 362.1),
    (r"\bL4\b", 121.2),
)
_SIZE = {
    "cpu": 1024,
    "cuda": 8192,
}  # of the square matrices that are multiplied: large enough to reach the best
_TRIES, _ENOUGH = 8, 0.2  # at most so many products and, after two, seconds


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """Floating-point operations a second, and whether they were measured here or published by the maker."""

    flops: float
    measured: bool


def peak(device: torch.device, dtype: torch.dtype) -> Peak:
    """The best of a device for matrix products of a type: of one device, with the threads set for this process."""
    if device.type == "cuda" and dtype == torch.bfloat16:
        found = published(torch.cuda.get_device_name(device))
        if found is not None:
            return Peak(flops=found, measured=False)
    return Peak(flops=measured(device, dtype, torch.get_num_threads()), measured=True)


def published(name: str) -> float | None:
    """FLOP/s of a GPU by the name that its driver gives it; None where it is not listed, or is a part of one (MIG)."""
    if "MIG" in name:
        return None
    return next((1e12 * tera for pattern, tera in _PUBLISHED if re.search(pattern, name)), None)


@functools.cache
def measured(device: torch.device, dtype: torch.dtype, threads: int) -> float:
    """FLOP/s of the fastest of several products of two square matrices, 2 n^3 operations each, by so many threads."""
    size = _SIZE.get(device.type, _SIZE["cpu"])
    left, right = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))
    best, spent = float("inf"), 0.0
    for number in range(_TRIES + 1):
        began = time.perf_counter()
        torch.mm(left, right)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - began
        if number:  # the first one loads the library
            best, spent = min(best, seconds), spent + seconds
        if number >= 2 and spent > _ENOUGH:
            break
    return 2 * size**3 / best
