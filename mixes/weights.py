"""Weights of domains: what a person writes, and what the supply of tokens allows.

A weight is a share of the tokens that the model SEES. `natural` gives every domain its share of the tokens there
are, so all run out together. Explicit weights are normalised; domains not named get nothing. No domain may be
repeated more than `max_epochs` times over all phases (default 4: repetition costs little up to there, Muennighoff et
al. 2023, "Scaling Data-Constrained Language Models"). A weight that needs more is refused with the largest feasible
one, or water-filled: the domain gets what the cap leaves, and the others share the rest in their own proportion.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from mixes.errors import MixError
from mixes.order import integer_weights, shares

Count = Annotated[int, msgspec.Meta(ge=1)]
Weights = Literal["natural"] | dict[str, Annotated[float, msgspec.Meta(ge=0)]]


class Phase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of training under fixed weights; `tokens` may be left open in the last phase only."""

    name: str
    weights: Weights = "natural"
    tokens: Count | None = None


class MixSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The recipe's mix: `weights` for the whole run, or `phases` one after the other."""

    weights: Weights = "natural"
    phases: tuple[Phase, ...] = ()
    max_epochs: Annotated[float, msgspec.Meta(gt=0)] = 4.0
    over_cap: Literal["refuse", "water-fill"] = "refuse"
    block: Count = (
        128  # sequences; at every whole block the shares are exact, inside one the order is shuffled
    )
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0

    def in_phases(self) -> tuple[Phase, ...]:
        """The phases; one of all tokens if none are written. Raises MixError if they contradict each other."""
        if not self.phases:
            return (Phase(name="main", weights=self.weights),)
        if self.weights != "natural":
            raise MixError("mix: give either weights or phases, not both")
        names = [phase.name for phase in self.phases]
        for number, name in enumerate(names):
            if name in names[:number] or name == "total":  # the rows of what was seen are told by name
                raise MixError(
                    f"mix.phases[{number}].name: expected a name of its own and not 'total', got {name!r}"
                )
        if any(phase.tokens is None for phase in self.phases[:-1]):
            raise MixError("mix: only the last phase may leave its tokens open")
        return self.phases


def weighs_nothing(weights: str | Mapping[str, float]) -> bool:
    """Whether explicit weights leave no domain to draw from."""
    return not isinstance(weights, str) and not any(weights.values())


def relative_weights(
    weights: Weights, sizes: Mapping[str, int], settings: MixSettings | None = None
) -> list[int]:
    """Whole-number weights in the order of `sizes` (sequences an epoch). Raises MixError for what is impossible.

    Under `over_cap: water-fill` a domain that has nothing gets nothing, like any other that runs out.
    """
    if weights == "natural":
        if sum(sizes.values()) == 0:
            raise MixError("mix: no domain has enough training tokens for one sequence")
        return list(sizes.values())
    for name, weight in weights.items():
        if name not in sizes:
            near = difflib.get_close_matches(name, sizes, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise MixError(f"mix: no domain {name!r} in these tokens (there are {', '.join(sizes)}){hint}")
        if not (math.isfinite(weight) and weight >= 0):
            raise MixError(f"mix: the weight of {name!r} must be a number of at least 0, got {weight}")
        if weight > 0 and sizes[name] == 0 and (settings is None or settings.over_cap == "refuse"):
            raise MixError(
                f"mix: domain {name!r} has too few tokens for one sequence (there are {', '.join(sizes)})"
            )
    supplied = [weights.get(name, 0.0) if sizes[name] else 0.0 for name in sizes]
    if sum(supplied) <= 0:
        raise MixError("mix: at least one weight of a domain with tokens must be above 0")
    return integer_weights(supplied)


def fit_weights(
    weights: Sequence[int],
    room: Mapping[str, int],
    sequences: int,
    sizes: Mapping[str, int],
    settings: MixSettings,
) -> list[int]:
    """Weights whose `order.shares` of `sequences` give no domain more than `room` (sequences left under the cap).

    The same weights if they already do. Where the weights themselves fit and only the rounding to whole sequences does
    not, the odd ones go to other domains. Raises MixError when the weights do not fit and the settings refuse, or when
    no weights could.
    """
    names, limits = list(room), list(room.values())
    if all(count <= limit for count, limit in zip(shares(sequences, weights), limits, strict=True)):
        return list(weights)
    total = sum(weights)
    usable = sum(limit for limit, w in zip(limits, weights, strict=True) if w)
    over = [name for name, w in zip(names, weights, strict=True) if sequences * w > room[name] * total]
    if usable < sequences or (over and settings.over_cap == "refuse"):
        name = max(over, key=lambda one: (sequences * weights[names.index(one)] / total / sizes[one], one))
        share = weights[names.index(name)] / total
        used = math.floor(settings.max_epochs * sizes[name]) - room[name]
        raise MixError(
            f"mix: domain {name!r} at weight {share:.4g} needs {(used + sequences * share) / sizes[name]:.2f} epochs, "
            f"the cap is {settings.max_epochs:g}; the largest feasible weight is {room[name] / sequences:.4g}"
            + (
                ""
                if usable >= sequences
                else f", and all weighted domains together reach {usable / sequences:.0%}"
            )
        )
    return _capped_counts(weights, limits, sequences)


def _capped_counts(weights: Sequence[int], room: Sequence[int], sequences: int) -> list[int]:
    """Whole sequences of each domain: at most `room`, the rest shared in proportion. The sum is `sequences`.

    Counts are weights whose shares of their own sum are exactly themselves.
    """
    capped: set[int] = set()
    while True:
        opened = [0 if k in capped else w for k, w in enumerate(weights)]
        given = shares(sequences - sum(room[k] for k in capped), opened)
        over = {k for k, count in enumerate(given) if count > room[k]}
        if not over:
            return [room[k] if k in capped else count for k, count in enumerate(given)]
        capped |= over
