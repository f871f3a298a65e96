"""The Mix: which sequence of which domain is read at every index of a training run.

Sequences. The tokens of a domain (all its documents in shard order, each ended by the end-of-document token) are cut
into windows of `sequence + 1` tokens every `sequence` tokens, so that the last target of one window is the first
input of the next and every token but the stream's first is predicted exactly once an epoch. A remainder shorter than
a window is not read. Documents are packed without a gap; the end-of-document token marks the border.

Order. `locate` maps an index to (domain, sequence) by computation alone:
  1. A phase gives its indices to domains in the exact proportion of its weights at every whole block and at its end
     (`order.shares`); inside a block, of which the last may be shorter, the places are shuffled, so that domains do
     not beat against the batch size.
  2. The j-th index of a domain, counted over all phases, is place j mod n of epoch j div n over its n sequences, and
     every epoch is a keyed permutation of all of them (`order.permute`): no sequence twice before all were read once.
So batches depend on no worker, rank or history; resuming needs one integer; a branch (annealing) goes on where its
trunk left off in every domain; a longer run begins as a shorter one up to the last whole block of the shorter.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import msgspec
import numpy as np

from mixes.errors import MixError
from mixes.order import permute, round_keys, shares
from mixes.weights import MixSettings, Phase, Weights, fit_weights, relative_weights
from pipeline.store import fingerprint

__all__ = ["Mix", "MixPlan", "MixSettings", "Phase", "PhasePlan", "Weights"]

_KEPT_BLOCKS = 64


class PhasePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A phase in sequences: indices `start` to `end` under whole-number `weights`.

    Its order is made for `length` sequences; a phase that a branch cuts off ends earlier and keeps its order.
    """

    name: str
    start: int
    end: int
    length: int
    weights: tuple[int, ...]


class MixPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides the order, as plain data."""

    sequence: int  # tokens of one sequence as the model reads it
    domains: tuple[str, ...]
    sizes: tuple[int, ...]  # sequences of one epoch
    phases: tuple[PhasePlan, ...]
    settings: MixSettings


def sequences_of(supply: Mapping[str, int], sequence: int) -> dict[str, int]:
    """Sequences of one epoch by domain, in order of the names, from training tokens by domain."""
    return {name: max(0, (supply[name] - 1) // sequence) for name in sorted(supply)}


class Mix:
    """The order of a run, evaluated at any index."""

    def __init__(self, plan: MixPlan) -> None:
        self.plan = plan
        self._sizes = np.array(plan.sizes, dtype=np.int64)
        self._blocks: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._bases: dict[int, np.ndarray] = {0: np.zeros(len(plan.domains), np.int64)}

    @classmethod
    def build(cls, supply: Mapping[str, int], settings: MixSettings, *, sequence: int, sequences: int) -> Mix:
        """A mix of `sequences` sequences of `sequence` tokens from `supply` (training tokens by domain).

        Raises MixError, naming the domain, for unknown domains and weights beyond the epoch cap.
        """
        if sequence < 1 or sequences < 1 or settings.block < 1:
            raise MixError("mix: sequence, block and the number of sequences must be at least 1")
        sizes = sequences_of(supply, sequence)
        plan = MixPlan(
            sequence=sequence,
            domains=tuple(sizes),
            sizes=tuple(sizes.values()),
            phases=(),
            settings=settings,
        )
        mix = cls(plan)
        phases = settings.in_phases()
        for number, phase in enumerate(phases):
            left = sequences - mix.planned
            count = (
                left if number == len(phases) - 1 or phase.tokens is None else -(-phase.tokens // sequence)
            )
            count = min(count, left)
            if count > 0:
                mix = mix.then(phase.name, phase.weights, count)
        return mix

    @property
    def planned(self) -> int:
        """Sequences of all phases together."""
        return self.plan.phases[-1].end if self.plan.phases else 0

    @property
    def domains(self) -> tuple[str, ...]:
        """Names in the order of the domain numbers that `locate` returns."""
        return self.plan.domains

    def then(self, name: str, weights: Weights, sequences: int) -> Mix:
        """This mix followed by a phase of `sequences` more, each domain going on where it was left."""
        sizes = dict(zip(self.plan.domains, self.plan.sizes, strict=True))
        return self._followed(name, relative_weights(weights, sizes, self.plan.settings), sequences)

    def then_same(self, name: str, sequences: int) -> Mix:
        """This mix followed by `sequences` more under the weights of its last phase."""
        return self._followed(name, list(self.plan.phases[-1].weights), sequences)

    def _followed(self, name: str, weights: list[int], sequences: int) -> Mix:
        sizes = dict(zip(self.plan.domains, self.plan.sizes, strict=True))
        used = self.counts(self.planned)
        cap = self.plan.settings.max_epochs
        room = {
            domain: max(0, math.floor(cap * size) - int(seen))
            for (domain, size), seen in zip(sizes.items(), used, strict=True)
        }
        fitted = fit_weights(weights, room, sequences, sizes, self.plan.settings)
        phase = PhasePlan(
            name=name,
            start=self.planned,
            end=self.planned + sequences,
            length=sequences,
            weights=tuple(fitted),
        )
        return Mix(msgspec.structs.replace(self.plan, phases=(*self.plan.phases, phase)))

    def until(self, index: int) -> Mix:
        """This mix cut off after `index` sequences, whose order stays what it was: the trunk of a branch."""
        if not 0 < index <= self.planned:
            raise IndexError(f"a branch at sequence {index} of a mix of {self.planned}")
        kept = tuple(
            msgspec.structs.replace(phase, end=min(phase.end, index))
            for phase in self.plan.phases
            if phase.start < index
        )
        return Mix(msgspec.structs.replace(self.plan, phases=kept))

    def locate(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(domain, sequence) of each index: two int64 arrays of its shape. Raises IndexError beyond the plan."""
        wanted = np.asarray(indices, dtype=np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= self.planned):
            raise IndexError(f"indices must lie in [0, {self.planned})")
        domain, rank = np.empty_like(wanted), np.empty_like(wanted)
        starts = np.array([phase.start for phase in self.plan.phases])
        number = np.searchsorted(starts, wanted, side="right") - 1
        block = (wanted - starts[number]) // self.plan.settings.block
        for p, b in sorted({(int(p), int(b)) for p, b in zip(number.flat, block.flat, strict=True)}):
            here = (number == p) & (block == b)
            place = wanted[here] - starts[p] - b * self.plan.settings.block
            slots, ranks = self._block(p, b)
            domain[here], rank[here] = slots[place], ranks[place]
        return domain, self._sequences(domain, rank)

    def start_token(self, sequences: np.ndarray) -> np.ndarray:
        """Where each sequence's window of `sequence + 1` tokens begins in its domain's stream."""
        return np.asarray(sequences, dtype=np.int64) * self.plan.sequence

    def counts(self, index: int) -> np.ndarray:
        """How many of the first `index` sequences each domain gave: int64, one a domain."""
        for number, phase in enumerate(self.plan.phases):
            if index <= phase.end:
                return self._counts_in_phase(number, index - phase.start)
        return self._bases[0].copy()

    def exposure(self, index: int | None = None) -> list[dict[str, object]]:
        """What is seen up to `index` (default: all that is planned): a row a phase and domain, then `total` rows.

        Columns: phase, domain, share (of the phase's tokens), tokens, epochs, and unique (tokens of one epoch).
        """
        last = self.planned if index is None else index
        rows: list[dict[str, object]] = []
        for phase in self.plan.phases:
            if phase.start < last:
                end = min(phase.end, last)
                rows += self._rows(phase.name, self.counts(end) - self.counts(phase.start))
        return rows + self._rows("total", self.counts(last))

    def prefix_digest(self, index: int) -> str:
        """Identity of the order of the first `index` sequences: equal exactly where no batch would differ."""
        plan, settings = self.plan, self.plan.settings
        phases = []
        for phase in plan.phases:
            if phase.start < index:
                # Where a phase stops is the next one's start. How long it was to be decides its last block alone.
                whole = phase.length // settings.block * settings.block
                last = phase.length if min(phase.end, index) - phase.start > whole else None
                phases.append([phase.start, phase.weights, last])
        return fingerprint([plan.sequence, plan.domains, plan.sizes, settings.block, settings.seed, phases])

    def order_digest(self, first: int, last: int) -> str:
        """SHA-256 of the (domain, sequence) pairs of indices `first` to `last`, as little-endian int64."""
        whole = hashlib.sha256()
        for start in range(first, last, 1 << 16):
            domain, sequence = self.locate(np.arange(start, min(last, start + (1 << 16))))
            whole.update(np.stack([domain, sequence], axis=1).astype("<i8").tobytes())
        return whole.hexdigest()

    def _rows(self, name: str, counts: np.ndarray) -> list[dict[str, object]]:
        seen = max(1, int(counts.sum()))
        return [
            {
                "phase": name,
                "domain": domain,
                "share": int(count) / seen,
                "tokens": int(count) * self.plan.sequence,
                "epochs": int(count) / size if size else 0.0,
                "unique": size * self.plan.sequence,
            }
            for domain, size, count in zip(self.plan.domains, self.plan.sizes, counts, strict=True)
        ]

    def _counts_in_phase(self, number: int, n: int) -> np.ndarray:
        phase, size = self.plan.phases[number], self.plan.settings.block
        block, rest = divmod(n, size)
        counts = self._base(number) + np.array(shares(block * size, phase.weights), dtype=np.int64)
        if rest:
            counts = counts + np.bincount(self._block(number, block)[0][:rest], minlength=counts.size)
        return counts

    def _base(self, number: int) -> np.ndarray:
        """What each domain gave before phase `number`."""
        if number not in self._bases:
            before = self.plan.phases[number - 1]
            self._bases[number] = self._counts_in_phase(number - 1, before.end - before.start)
        return self._bases[number]

    def _block(self, number: int, block: int) -> tuple[np.ndarray, np.ndarray]:
        """Domain and rank within the domain of every place of a block of the phase as it was made."""
        if (number, block) not in self._blocks:
            phase = self.plan.phases[number]
            first = block * self.plan.settings.block
            size = min(self.plan.settings.block, phase.length - first)
            before = np.array(shares(first, phase.weights), dtype=np.int64)
            count = np.array(shares(first + size, phase.weights), dtype=np.int64) - before
            keys = round_keys(self.plan.settings.seed, "places", phase.start, block)
            slots = np.repeat(np.arange(count.size), count)[permute(np.arange(size), size, keys)]
            order = np.argsort(slots, kind="stable")
            ranks = np.empty(size, dtype=np.int64)
            ranks[order] = np.arange(size) - np.repeat(np.cumsum(count) - count, count)
            while len(self._blocks) >= _KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[number, block] = (slots, ranks + (self._base(number) + before)[slots])
        return self._blocks[number, block]

    def _sequences(self, domain: np.ndarray, rank: np.ndarray) -> np.ndarray:
        result = np.empty_like(rank)
        epoch = rank // np.maximum(self._sizes, 1)[domain]
        for k, e in sorted({(int(k), int(e)) for k, e in zip(domain.flat, epoch.flat, strict=True)}):
            here = (domain == k) & (epoch == e)
            size = self.plan.sizes[k]
            keys = round_keys(self.plan.settings.seed, "epoch", self.plan.domains[k], e)
            result[here] = permute(rank[here] % size, size, keys)
        return result
