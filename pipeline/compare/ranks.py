"""What depends on the whole corpus, such as a percentile, under other thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from filters import FILTERS
from filters.corpus_level import calibrations, with_derived
from filters.steps import Step
from pipeline.stages import STAGES
from pipeline.stages.calibrate import calibrate_settings, calibration_of, steps_of
from pipeline.stages.stage import Planning
from pipeline.store import fingerprint
from pipeline.store.parquet import read_table

if TYPE_CHECKING:
    from pipeline.compare.run import RunSide
    from pipeline.recipe import Recipe


class Ranks:
    """The ranks that a recipe gives to documents that a run measured, with the run's own sample of the corpus."""

    def __init__(self, run: RunSide, recipe: Recipe, steps: Sequence[Step]) -> None:
        self.run, self.recipe = run, recipe
        ranking = {step.name for step in steps_of(recipe) if FILTERS[step.name].of_corpus is not None}
        self.steps = [step for step in steps if step.name in ranking]
        self._lost = ranking - {step.name for step in self.steps}
        self.needed = bool(self.steps) and bool(run.ledger.closed("calibrate"))

    def derived(self, documents: pa.Table) -> pa.Table:
        """Measured documents with their ranks by the recipe's thresholds."""
        if not self.needed:
            return documents
        return with_derived(self.steps, documents, {"calibration": self._calibration})

    @property
    def of_the_run(self) -> bool:
        """True if the thresholds would rank by another sample, but the run's is no longer there to be judged."""
        return self.needed and not self._same and not self._sample

    @cached_property
    def _same(self) -> bool:
        return fingerprint(calibrate_settings(self.run.recipe)) == fingerprint(
            calibrate_settings(self.recipe)
        )

    @cached_property
    def _sample(self) -> list[str]:
        names = [
            output.name
            for receipt in self.run.ledger.closed("sample")
            for output in receipt.outputs
            if output.folder == "sampled"
        ]
        return names if all(self.run.folder.exists(name) for name in names) else []

    @cached_property
    def _calibration(self) -> dict[str, Any]:
        if self._same or not self._sample:
            names = [
                output.name for receipt in self.run.ledger.closed("calibrate") for output in receipt.outputs
            ]
            return calibration_of(self.run.folder.url, tuple(names))
        planning = Planning(
            self.run.recipe, self.run.files, self.run.ledger, ("extract", "sample", "calibrate")
        )
        (shard,) = STAGES["calibrate"].plan(planning)
        sample = pa.concat_tables([read_table(self.run.folder, name) for name in self._sample])
        steps = [step for step in self.recipe.chain({}).steps if step.name not in self._lost]
        return calibrations(steps, sample, shard.parameters["documents"])
