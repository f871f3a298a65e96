"""A run as the report sees it: recipe, inputs, the receipts of its closed stages, and counts that add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.inputs import InputFile
from pipeline.ledger import GivenUp, Manifest, Output, Receipt
from pipeline.recipe import Recipe
from pipeline.store import Folder
from pipeline.sums import StageSum


@dataclass(frozen=True)
class Run:
    """Everything that the sections of a report are made from. Files are opened through `folder` alone."""

    folder: Folder
    recipe: Recipe
    inputs: list[InputFile]
    active: tuple[str, ...]  # the stages that the recipe names, in order
    closed: Mapping[str, StageSum]  # of every stage, empty where nothing of it counts
    ended: tuple[str, ...]  # the active stages that count, in order
    open: tuple[str, ...]  # those of them that have not come to their end
    lost: dict[str, list[GivenUp]]  # shards that failed on every attempt, by stage
    counts: dict[str, Any]  # what `sluice stats --json` prints

    def files(self, stage: str, under: str) -> Iterator[tuple[Receipt, Output]]:
        """The published files of a stage in one public folder that are still there and have rows, in plan order."""
        for receipt in self.closed[stage]:
            for output in receipt.outputs:
                if output.folder == under and output.rows and self.folder.exists(output.name):
                    yield receipt, output

    def file(self, stage: str, shard: str, name: str) -> Output | None:
        """A published file by its whole name."""
        found = [one for one in self.closed[stage] if one.shard == shard]
        return next((output for receipt in found for output in receipt.outputs if output.name == name), None)


def open_run(folder: Folder) -> Run:
    """Read the ledger of a run folder; raises UserError when it is none."""
    from pipeline.road import read_inputs
    from pipeline.stats import read_closed

    recipe, manifests, sums = read_closed(folder)
    return run_of(folder, recipe, read_inputs(folder), manifests, sums)


def run_of(
    folder: Folder,
    recipe: Recipe,
    inputs: list[InputFile],
    manifests: Mapping[str, Manifest],
    sums: Mapping[str, StageSum],
) -> Run:
    """A run from what was read of its ledger. A stage without a manifest counts with the receipts that it has."""
    from pipeline.road import active_stages
    from pipeline.stats import counted

    active = active_stages(recipe, files=inputs)
    return Run(
        folder=folder,
        recipe=recipe,
        inputs=inputs,
        active=active,
        closed=sums,
        ended=tuple(name for name in active if name in manifests or sums[name]),
        open=tuple(name for name in active if name not in manifests and sums[name]),
        lost={name: manifest.given_up for name, manifest in manifests.items() if manifest.given_up},
        counts=counted(folder, recipe, manifests, sums),
    )
