"""Why a view has nothing to show yet, and what would bring it."""

from __future__ import annotations

from pipeline.dashboard.watch import Seen


def needs(seen: Seen, stages: tuple[str, ...], section: str) -> str:
    """Nothing if any of the stages has something to tell; else a sentence with what brings it.

    `section` says what a recipe must have for these stages.
    """
    run = seen.run
    if any(run.closed[stage] for stage in stages):
        return ""
    there = [stage for stage in run.active if stage in stages]
    if not there:
        return f"The recipe of this run has no {stages[0]}: give it {section} and run it into a new folder."
    return (
        f"The run has not come to {there[0]} yet. If it is not going on, run it again with the same recipe, input and "
        f"folder, and --until {there[0]}, or without --until."
    )
