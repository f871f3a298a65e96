"""Items of benchmarks: a question, what answers it, what it may be answered with, and a passage to read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item. Parts that it has not are empty."""

    benchmark: str
    id: str
    question: str
    answers: tuple[str, ...] = ()  # the right ones
    choices: tuple[str, ...] = ()  # all, in their order
    passage: str = ""


@dataclass(frozen=True, eq=False)
class Benchmarks:
    """The items of some benchmarks. Compared by identity: what is made of them is made once."""

    items: tuple[Item, ...]

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Items of each benchmark, by name, in the order of the items."""
        return dict(Counter(item.benchmark for item in self.items))


def joined(many: Sequence[Benchmarks]) -> Benchmarks:
    """All items as one; ValueError names a benchmark that is there twice."""
    if len(many) == 1:
        return many[0]
    seen: set[str] = set()
    for one in many:
        if twice := sorted(seen & set(one.sizes)):
            raise ValueError(f"two lists have a benchmark {twice[0]!r}: give one of their files another name")
        seen |= set(one.sizes)
    return Benchmarks(tuple(item for one in many for item in one.items))
