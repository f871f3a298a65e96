"""Batches as a function of the step: no iterator, no worker state, nothing to save but the step's number.

Step s reads indices s * batch to (s + 1) * batch of the mix; rank r of W takes the r-th of W equal pieces of them. The
same steps therefore see the same tokens on any number of ranks that divides the batch.
"""

from __future__ import annotations

import numpy as np
import torch

from mixes.mix import Mix
from mixes.tokens import TokenSet
from train.errors import TrainError


class Batches:
    """The batches of a run, read from mapped token shards."""

    def __init__(self, tokens: TokenSet, mix: Mix, batch: int, *, rank: int = 0, world: int = 1) -> None:
        if batch % world or not 0 <= rank < world:
            raise TrainError(f"a batch of {batch} sequences cannot be split over {world} ranks (rank {rank})")
        if sorted(tokens.supply()) != list(mix.domains):
            raise TrainError("the mix was made for other tokens: its domains differ")
        self.tokens = tokens
        self.mix = mix
        self.batch = batch
        self.rank = rank
        self.world = world

    @property
    def steps(self) -> int:
        """Whole batches that the mix plans."""
        return self.mix.planned // self.batch

    def indices(self, step: int) -> np.ndarray:
        """The indices of the mix that this rank reads at `step`: int64 [batch / world]."""
        share = self.batch // self.world
        first = step * self.batch + self.rank * share
        return np.arange(first, first + share, dtype=np.int64)

    def rows(self, step: int) -> np.ndarray:
        """The tokens of `step` on this rank: int64 [batch / world, sequence + 1]."""
        length = self.mix.plan.sequence
        domain, sequence = self.mix.locate(self.indices(step))
        starts = self.mix.start_token(sequence)
        names = self.mix.domains
        return np.stack(
            [
                self.tokens.read(names[k], int(start), length + 1)
                for k, start in zip(domain, starts, strict=True)
            ]
        )

    def at(self, step: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of `step`, the targets one token ahead: int64 [batch / world, sequence] each."""
        rows = torch.from_numpy(self.rows(step))
        if device.type == "cuda":
            rows = rows.pin_memory().to(device, non_blocking=True)
        return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()
