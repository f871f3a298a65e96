"""From records to tokens, step by step."""

from __future__ import annotations

import msgspec

from pipeline.dashboard.view import House, View
from pipeline.dashboard.watch import Seen
from pipeline.report import funnel as steps


class FunnelQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """No parameters yet."""


class FunnelStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step: `left` documents of the step before, less `removed`, which is the sum of `why`."""

    name: str
    removed: int
    left: int
    why: dict[str, int]


class FunnelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The steps from records to corpus."""

    steps: list[FunnelStep]


def answer(house: House, seen: Seen, asked: FunnelQuestion) -> FunnelAnswer:
    """The funnel of a run as far as it is."""
    return FunnelAnswer(
        steps=[
            FunnelStep(name=one.name, removed=one.removed, left=one.left, why=one.why)
            for one in steps.funnel(seen.run)
        ]
    )


VIEW = View("funnel", "Funnel", "f", FunnelQuestion, FunnelAnswer, answer)
