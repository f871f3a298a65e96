"""Stages `sample` and `calibrate`: what a policy over the whole corpus is decided with, before `filter` decides.

`sample` measures some documents of every shard, chosen by a hash of their ids, so that the choice depends on the corpus
alone; `calibrate` is one shard that turns their scores into percentiles (`filters.models.calibration`), a small JSON
file that every shard of `filter` reads and whose digest is part of its key. A recipe without such a policy has neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.cascade import REASON
from pipeline.ledger import Input, Receipt
from pipeline.stages.duplicates.cuts import read_cuts, with_cuts
from pipeline.stages.robots import table_of, with_table
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.stages.tables import all_in_one, as_input, one_to_one, screened
from pipeline.store import open_folder
from pipeline.store.parquet import iterate, read_table, schema_of

if TYPE_CHECKING:
    from filters.chain import Chain
    from filters.steps import Step
    from pipeline.recipe import Recipe

_PURPOSE = "calibration sample"
_BATCH = 512


def steps_of(recipe: Recipe) -> list[Step]:
    """What has to be measured of a sample; empty where no filter of the recipe needs a calibration of its own."""
    from filters.corpus_level import sampled_steps

    return sampled_steps(recipe.chain({}).steps) if recipe.filters is not None else []


def _size(recipe: Recipe) -> int:
    """How many documents the recipe wants to be sampled."""
    sizes = [getattr(step.settings, "sample", 0) for step in steps_of(recipe)]
    return max(sizes)


def sample_settings(recipe: Recipe) -> object:
    """What is measured, of how many documents; no threshold."""
    from filters.chain import Chain, asset_names
    from pipeline.named_assets import digests

    steps = steps_of(recipe)
    return {
        "chain": Chain(steps).fingerprint_settings(thresholds=False),
        "assets": digests(recipe, asset_names(steps)),
        "versions": {name: version(name) for name in ("spacy", "tldextract")},
        "documents": _size(recipe),
    }


def calibrate_settings(recipe: Recipe) -> object:
    """The rules that a sampled document has to pass, and how scores are combined: no policy on the result."""
    from filters.chain import Chain

    steps = recipe.chain({}).steps[: len(steps_of(recipe))]
    return {
        "rules": Chain(steps[:-1]).fingerprint_settings(),
        "ranks": Chain(steps).fingerprint_settings(False),
    }


def _extracted(receipt: Receipt) -> int:
    """Documents of a shard that no look screened."""
    counts = receipt.counts
    out, by_rule = counts.get("out", 0), counts.get("screened", {})
    return (out if isinstance(out, int) else 0) - (sum(by_rule.values()) if isinstance(by_rule, dict) else 0)


def plan_sample(planning: Planning) -> list[Shard]:
    """One shard a shard of extracted documents, with the cut that their number gives."""
    from filters.models.draw import cut

    documents = sum(map(_extracted, planning.ledger.closed("extract")))
    limit = cut(_size(planning.recipe) / max(documents, 1))
    return [
        Shard(
            name=shard.name,
            inputs=[*shard.inputs, Input(name="below", digest=f"{limit:017x}")],
            parameters={**shard.parameters, "below": f"{limit:x}"},
        )
        for shard in with_cuts(planning, "sample", with_table(planning, one_to_one(planning, "sample")))
    ]


@lru_cache(maxsize=2)
def _chain(recipe: Recipe, folder: str, hosts: str | None) -> Chain:
    from filters.chain import Chain, asset_names
    from pipeline.named_assets import load_all

    steps = steps_of(recipe)
    loaded = load_all(recipe, asset_names(steps))
    return Chain(steps, loaded | ({"robots": table_of(folder, hosts)} if hosts else {}))


def run_sample(shard: Shard, attempt: Attempt) -> None:
    """Measure the documents below the cut; one empty table where there are none, so that a schema is written."""
    from filters.union import apply_any

    chain = _chain(attempt.recipe, attempt.folder.url, shard.parameters.get("hosts"))
    for table in _sampled(shard, attempt):
        measured = apply_any(chain, table).documents.drop_columns(["text"])
        attempt.write("sampled", measured)
        attempt.documents += measured.num_rows
        attempt.report({"documents": attempt.documents})
    attempt.counts.update({"out": attempt.documents})


def _sampled(shard: Shard, attempt: Attempt) -> Iterator[pa.Table]:
    """The chosen documents. Texts are read only of a shard that has some."""
    from filters.models.draw import below

    limit, file = int(shard.parameters["below"], 16), shard.parameters["file"]
    schema = schema_of(attempt.folder, file)
    listed = read_table(attempt.folder, file, [name for name in ("id", REASON) if name in schema.names])
    attempt.counts.update({"in": listed.num_rows})
    ids = listed.filter(screened(listed).is_null())["id"].to_pylist()
    taken = below(ids, _PURPOSE, limit)
    wanted = pa.array([id_ for id_, one in zip(ids, taken, strict=True) if one], pa.string())
    if not len(wanted):
        yield _bare(schema.empty_table())
        return
    for table in map(read_cuts(attempt, shard), iterate(attempt.folder, file, None, _BATCH)):
        chosen = table.filter(pc.is_in(table["id"], value_set=wanted))
        if chosen.num_rows:
            yield _bare(chosen)


def _bare(documents: pa.Table) -> pa.Table:
    return documents.drop_columns([REASON]) if REASON in documents.column_names else documents


def calibrated_on(recipe: Recipe, extracted: pa.Table, documents: int) -> dict[str, Any]:
    """The calibrations that extracted documents give as a sample of `documents`; empty where none is needed."""
    from filters.chain import Chain, asset_names
    from filters.corpus_level import calibrations
    from pipeline.named_assets import load_all

    steps = steps_of(recipe)
    if not steps:
        return {}
    unscreened = _bare(extracted.filter(screened(extracted).is_null()))
    measured = Chain(steps, load_all(recipe, asset_names(steps))).apply(unscreened).documents
    return calibrations(recipe.chain({}).steps, measured, documents)


def plan_calibrate(planning: Planning) -> list[Shard]:
    """Everything at once, with the number of documents that the sample stands for."""
    files = [(receipt.shard, output) for receipt, output in planning.outputs("sample", "sampled")]
    documents = sum(map(_extracted, planning.ledger.closed("extract")))
    return [
        Shard(
            name=shard.name,
            inputs=[*shard.inputs, Input(name="documents", digest=str(documents))],
            parameters={**shard.parameters, "documents": documents},
        )
        for shard in all_in_one(planning, "all", files)
    ]


def run_calibrate(shard: Shard, attempt: Attempt) -> None:
    """Make the calibration, and say in the receipt what it holds."""
    from filters.corpus_level import calibrations
    from filters.models.calibration import encoded, summary

    sample = pa.concat_tables([read_table(attempt.folder, name) for name in shard.parameters["files"]])
    made = calibrations(attempt.recipe.chain({}).steps, sample, shard.parameters["documents"])
    for name, calibration in made.items():
        path = attempt.scratch / f"{name}.json"
        path.write_bytes(encoded(calibration))
        attempt.add_file(path, "calibration", path.name, calibration.passed)
        attempt.values[name] = summary(calibration)
    attempt.counts.update({"in": sample.num_rows})
    attempt.documents = sample.num_rows


def with_calibration(planning: Planning, shards: list[Shard]) -> list[Shard]:
    """Shards of documents that are ranked by the calibration, if the recipe needs one."""
    if "calibrate" not in planning.active:
        return shards
    found = planning.outputs("calibrate", "calibration")
    return [
        Shard(
            name=shard.name,
            inputs=[*shard.inputs, *(as_input(output) for _, output in found)],
            parameters={**shard.parameters, "calibration": [output.name for _, output in found]},
        )
        for shard in shards
    ]


@lru_cache(maxsize=2)
def calibration_of(folder: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The calibrations of a run by filter, read once by a process."""
    from filters.models.calibration import decoded

    run = open_folder(folder)
    return {name.rpartition("/")[2].rpartition("-")[0]: decoded(run.read(name)) for name in names}


SAMPLE = Stage(
    name="sample",
    version=2,
    folders=("sampled",),
    settings=sample_settings,
    plan=plan_sample,
    run=run_sample,
    read_by=("calibrate",),
)
CALIBRATE = Stage(
    name="calibrate",
    version=1,
    folders=("calibration",),
    settings=calibrate_settings,
    plan=plan_calibrate,
    run=run_calibrate,
    needed=True,
    reads_documents=False,
    read_by=("filter",),
)
