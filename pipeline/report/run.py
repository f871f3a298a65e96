"""A run as the report sees it: recipe, inputs, the receipts of its closed stages, and counts that add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.inputs import InputFile
from pipeline.ledger import GivenUp, Output, Receipt
from pipeline.recipe import Recipe
from pipeline.store import Folder


@dataclass(frozen=True)
class Run:
    """Everything that the sections of a report are made from. Files are opened through `folder` alone."""

    folder: Folder
    recipe: Recipe
    inputs: list[InputFile]
    active: tuple[str, ...]  # the stages that the recipe names, in order
    closed: dict[str, list[Receipt]]  # of every stage, empty where it is not closed
    ended: tuple[str, ...]  # the active stages that have a manifest, in order
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
    from pipeline.ledger import Ledger
    from pipeline.recipe import read_resolved
    from pipeline.road import active_stages, read_inputs
    from pipeline.stages import STAGES
    from pipeline.stats import stats

    counts = stats(folder)
    recipe = read_resolved(folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml")
    ledger = Ledger(folder)
    manifests = {name: manifest for name in STAGES if (manifest := ledger.manifest(name)) is not None}
    inputs = read_inputs(folder)
    active = active_stages(recipe, files=inputs)
    return Run(
        folder=folder,
        recipe=recipe,
        inputs=inputs,
        active=active,
        closed={name: ledger.closed(name) for name in STAGES},
        ended=tuple(name for name in active if name in manifests),
        lost={name: manifest.given_up for name, manifest in manifests.items() if manifest.given_up},
        counts=counts,
    )
