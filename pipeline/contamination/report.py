"""What of which benchmark a run has met: the folder `contamination/`, and the counts made from it.

The filter stores all that it finds with the documents (`filters/contamination/matches.py`). Here stands what counts by
the thresholds of the recipe, a row a match, whether the document was dropped, cut or kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.parquet import read_table

if TYPE_CHECKING:
    from filters.chain import Applied
    from filters.steps import Step
    from pipeline.ledger import Receipt
    from pipeline.recipe import Recipe
    from pipeline.stages.stage import Attempt
    from pipeline.store import Folder

FOLDER = "contamination"
COLUMN = "contamination_matches"  # of documents
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("kind", pa.string()),
        ("start", pa.int64()),  # characters, in the text as the filter found it
        ("end", pa.int64()),
        ("score", pa.float64()),
        ("reason", pa.string()),  # the rule that dropped the document, if one did
        ("text", pa.string()),  # the beginning of what stands there
    ]
)


def step_of(recipe: Recipe) -> Step | None:
    """The recipe's filter `contamination`, if it has one that is applied."""
    return next((step for step in recipe.chain({}).steps if step.name == FOLDER), None)


def record(attempt: Attempt, applied: Applied) -> None:
    """Write the matches of one batch of decided documents, and note how many items each benchmark has."""
    step = step_of(attempt.recipe)
    if step is None:
        return
    from filters.contamination.matches import read
    from filters.contamination.spec import counts
    from pipeline.named_assets import load_all

    documents = applied.documents
    found = documents.filter(pc.is_valid(documents[COLUMN]))
    reasons = applied.verdict.reason.filter(pc.is_valid(documents[COLUMN].combine_chunks()))
    rows = []
    for row, reason in zip(
        found.select(["id", "language", COLUMN]).to_pylist(), reasons.to_pylist(), strict=True
    ):
        settings = step.measured_by(row["language"])
        for one in read(row[COLUMN]):
            if counts(one, settings):
                place = {"start": one.start, "end": one.end, "score": one.score, "text": one.text}
                names = {"benchmark": one.benchmark, "item": one.item, "kind": one.kind}
                rows.append({"id": row["id"], **names, **place, "reason": reason})
    attempt.write(FOLDER, pa.Table.from_pylist(rows, schema=SCHEMA))
    sizes: dict[str, int] = {}
    for settings in (step.settings, *step.by_language.values()):
        for one in load_all(attempt.recipe, settings.lists).values():
            sizes |= one.sizes
    attempt.values["benchmarks"] = sizes


def by_benchmark(folder: Folder, filtered: Sequence[Receipt]) -> dict[str, dict[str, Any]]:
    """Of each benchmark its items, those that were met, in how many documents, and the same by kind.

    Empty where no benchmark was looked for; of files that were removed nothing is counted.
    """
    found: dict[str, dict[str, Any]] = {
        name: {"items": items, "matched": 0, "share": 0.0, "documents": 0, "kinds": {}}
        for receipt in filtered
        for name, items in receipt.values.get("benchmarks", {}).items()
    }
    if not found:
        return {}
    met: dict[str, dict[str, set[str]]] = {}
    for receipt in filtered:
        for output in receipt.outputs:
            if output.folder == FOLDER and output.rows and folder.exists(output.name):
                _count(read_table(folder, output.name, ["id", "benchmark", "item", "kind"]), found, met)
    for name, kinds in met.items():
        matched = set().union(*kinds.values())
        found[name]["matched"] = len(matched)
        found[name]["share"] = round(len(matched) / max(found[name]["items"], 1), 4)
        for kind, items in sorted(kinds.items()):
            found[name]["kinds"][kind]["items"] = len(items)
        found[name]["kinds"] = dict(sorted(found[name]["kinds"].items()))
    return found


def _count(table: pa.Table, found: dict[str, dict[str, Any]], met: dict[str, dict[str, set[str]]]) -> None:
    """Add the matches of a shard: no document is in two of them."""
    for keys in (["benchmark"], ["benchmark", "kind"]):
        counted = table.group_by(keys).aggregate([("id", "count_distinct")]).to_pylist()
        for row in counted:
            of = found[row["benchmark"]]
            if "kind" in row:
                of = of["kinds"].setdefault(row["kind"], {"items": 0, "documents": 0})
            of["documents"] += row["id_count_distinct"]
    for row in table.group_by(["benchmark", "kind", "item"]).aggregate([]).to_pylist():
        met.setdefault(row["benchmark"], {}).setdefault(row["kind"], set()).add(row["item"])


def line(name: str, found: Mapping[str, Any]) -> str:
    """A benchmark's counts as a line for people."""
    from pipeline.show import show_text

    kinds = ", ".join(f"{kind} {of['items']:,}" for kind, of in found["kinds"].items())
    return (
        f"contamination: {found['matched']:,} of {found['items']:,} items of {show_text(name)} ({kinds}) "
        f"in {found['documents']:,} documents"
    )


def told(recipe: Recipe, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The matches of one stored document, each with whether it counts by the recipe's thresholds."""
    step = step_of(recipe)
    if step is None or not row.get(COLUMN):
        return []
    import msgspec

    from filters.contamination.matches import Match, read
    from filters.contamination.spec import counts

    settings = step.measured_by(row.get("language"))
    return [
        dict(zip(Match.__struct_fields__, msgspec.to_builtins(one), strict=True))
        | {"counts": counts(one, settings)}
        for one in read(row[COLUMN])
    ]
