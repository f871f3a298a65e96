"""Held-out documents are decided by their ids alone."""

from __future__ import annotations

import numpy as np
import pytest

from mixes.heldout import id_rank, is_heldout

IDS = [f"CC-MAIN-{n}.warc.gz@{n * 977}" for n in range(20_000)]


def test_the_fraction_is_met() -> None:
    assert abs(is_heldout(IDS, 0.05).mean() - 0.05) < 0.005


def test_a_document_keeps_its_side() -> None:
    whole = is_heldout(IDS, 0.1)
    assert np.array_equal(is_heldout(IDS[::-1], 0.1)[::-1], whole)
    assert np.array_equal(is_heldout(IDS[5:50], 0.1), whole[5:50])
    assert (is_heldout(IDS, 0.02) <= whole).all()


def test_the_split_is_the_same_in_every_version() -> None:
    assert id_rank("a.warc.gz@0") == 14384928500226771266


def test_the_ends() -> None:
    assert not is_heldout(IDS, 0).any()
    assert is_heldout(IDS, 1).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        is_heldout(IDS, 1.1)
