"""What a device can do: published numbers found by the names that drivers give, others measured."""

from __future__ import annotations

import pytest
import torch

from train.peak import measured, peak, published


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("NVIDIA H100 PCIe", 756.5),
        ("NVIDIA H100 NVL", 835.5),
        ("NVIDIA H200", 989.4),
        ("NVIDIA H200 NVL", 835.5),
        ("NVIDIA GH200 480GB", 989.4),
        ("NVIDIA A100-SXM4-80GB", 311.9),
        ("NVIDIA A10G", 70.0),
        ("NVIDIA A10", 125.0),
        ("NVIDIA L40S", 362.1),
        ("NVIDIA L4", 121.2),
    ],
)
def test_a_gpu_has_the_dense_peak_of_its_data_sheet(name: str, tera: float) -> None:
    found = published(name)
    assert found is not None
    assert found == pytest.approx(1e12 * tera)


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA GeForce GTX 1080",
        "Tesla T4",
        "NVIDIA A1000 Laptop GPU",
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "cpu",
    ],
)
def test_an_unlisted_one_has_none(name: str) -> None:
    assert published(name) is None


def test_a_cpu_is_measured_once_for_a_number_of_threads() -> None:
    cpu = torch.device("cpu")
    found = peak(cpu, torch.float32)
    assert found.measured
    assert found.flops == measured(cpu, torch.float32, torch.get_num_threads())
    assert found.flops > 1e8  # a hundredth of what any processor of this century does
