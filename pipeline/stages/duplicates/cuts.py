"""How stages read documents from which an earlier stage cut repeated lines: see `pipeline.stages.duplicates.lines`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from pipeline.ledger import Output
from pipeline.stages.stage import Attempt, Planning, Shard
from pipeline.stages.tables import as_input
from pipeline.store.parquet import read_table

if TYPE_CHECKING:
    from pipeline.recipe import Recipe


def by_shard(planning: Planning, stage: str, under: str) -> dict[str, Output]:
    """The files of a closed stage that are named after the shards of documents that they speak of."""
    return {
        output.name.rsplit("/", 1)[1].rsplit("-", 1)[0]: output
        for _, output in planning.outputs(stage, under)
    }


def with_lists(shards: Sequence[Shard], lists: dict[str, Output], name: str) -> list[Shard]:
    """Shards of documents with the file that speaks of each: as parameter `name` those of its files, in order."""
    found = []
    for shard in shards:
        mine = [lists[one] for one in shard.parameters.get("shards", [shard.name])]
        found.append(
            msgspec.structs.replace(
                shard,
                inputs=[*shard.inputs, *map(as_input, mine)],
                parameters={**shard.parameters, name: [output.name for output in mine]},
            )
        )
    return found


def with_cuts(planning: Planning, stage: str, shards: list[Shard]) -> list[Shard]:
    """Shards of `stage` that know which lines are cut out of their documents.

    Where a stage in between wrote documents, these are without the lines already.
    """
    before = planning.active[: planning.active.index(stage)]
    if "cut_lines" not in before or planning.documents(stage) != planning.documents("cut_lines"):
        return shards
    return with_lists(shards, by_shard(planning, "cut_lines", "cut"), "cuts")


def read_cuts(attempt: Attempt, shard: Shard, number: int = 0) -> Callable[[pa.Table], pa.Table]:
    """What cuts the lines out of documents of the shard's file of that number."""
    names = shard.parameters.get("cuts")
    if not names:
        return lambda table: table
    cuts = read_table(attempt.folder, names[number], ["id", "lines", "emptied"])

    def cut(table: pa.Table) -> pa.Table:
        from pipeline.dedup.cut_lines import without_lines

        return without_lines(table, cuts) if "text" in table.column_names else table

    return cut


def dropped_by_filters(recipe: Recipe) -> bool:
    """Whether documents that lost all their lines fail the filters as empty; else they count as duplicates."""
    return recipe.dedup is not None and recipe.dedup.lines_at == "filters" and recipe.filters is not None
