"""Batches are a function of the step, the same on any number of ranks, and never hold a held-out token."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from mixes.mix import Mix, MixSettings
from mixes.tokens import TokenSet
from train.data import Batches
from train.errors import TrainError


@pytest.mark.parametrize("world", [1, 2, 4])
def test_ranks_read_the_order_of_one(tokens: TokenSet, mix: Mix, world: int) -> None:
    ranks = [Batches(tokens, mix, 4, rank=rank, world=world) for rank in range(world)]
    whole = hashlib.sha256()
    for step in range(12):
        domain, sequence = mix.locate(np.concatenate([one.indices(step) for one in ranks]))
        whole.update(np.stack([domain, sequence], axis=1).astype("<i8").tobytes())
        rows = np.concatenate([one.rows(step) for one in ranks])
        assert np.array_equal(rows, Batches(tokens, mix, 4).rows(step))
    assert whole.hexdigest() == mix.order_digest(0, 48)


def test_targets_are_one_token_ahead(tokens: TokenSet, mix: Mix) -> None:
    batches = Batches(tokens, mix, 4)
    inputs, targets = batches.at(3, torch.device("cpu"))
    assert inputs.shape == targets.shape == (4, 32)
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    assert batches.steps == 12


def test_one_epoch_predicts_every_training_token_once_and_no_other(tokens: TokenSet) -> None:
    supply = tokens.supply()
    sizes = {domain: (count - 1) // 32 for domain, count in supply.items()}
    mix = Mix.build(
        supply, MixSettings(block=sum(sizes.values())), sequence=32, sequences=sum(sizes.values())
    )
    batches = Batches(tokens, mix, 1)
    targets = np.concatenate([batches.rows(step)[0, 1:] for step in range(batches.steps)])
    expected = [tokens.read(domain, 1, 32 * sizes[domain]) for domain in sorted(supply)]
    assert np.array_equal(np.sort(targets), np.sort(np.concatenate(expected)))


def test_no_training_sequence_holds_a_heldout_document(tokens: TokenSet) -> None:
    streams = [
        tokens.read(domain, 0, count).astype("<u2").tobytes() for domain, count in tokens.supply().items()
    ]
    found = list(tokens.heldout())
    assert len(found) > 10
    for document in found:
        ids = tokens.document_tokens(document).astype("<u2").tobytes()
        assert not any(ids in stream for stream in streams)


def test_a_batch_must_divide(tokens: TokenSet, mix: Mix) -> None:
    with pytest.raises(TrainError, match="a batch of 4 sequences cannot be split over 3 ranks"):
        Batches(tokens, mix, 4, rank=0, world=3)


def test_a_mix_of_other_domains_is_refused(tokens: TokenSet) -> None:
    other = Mix.build({"web": 1000}, MixSettings(), sequence=32, sequences=8)
    with pytest.raises(TrainError, match="made for other tokens"):
        Batches(tokens, other, 4)
