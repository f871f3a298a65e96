"""Counts that add up: what became of every record of a run, read from the ledger alone.

`records == skipped + failed + dropped + duplicates + removed + corpus`, whatever the order of a recipe's stages and
however far a run went; `corpus` counts the documents that are still in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline import bands
from pipeline.contamination import report as contamination
from pipeline.errors import UserError
from pipeline.ledger import Ledger, Manifest, Receipt, Root
from pipeline.road import Road, read_inputs, stages_of
from pipeline.stages import STAGES
from pipeline.store import Folder
from pipeline.store.digest import combine
from pipeline.sums import StageSum, closed_sum, named, plain, ranked

if TYPE_CHECKING:
    from pipeline.dedup.lost import YearLoss
    from pipeline.inputs import InputFile
    from pipeline.recipe import Recipe

_SKIPPED = ("request", "warcinfo", "metadata", "revisit", "not_ok", "not_html")
_REMOVED = ("contaminated", "opt_out", "takedown")
# Documents that these filters drop count as removed: by what, the filter, and where its rules stand in the counts.
REMOVING = {"opt_out": ("optout", "opted_out"), "contaminated": ("contamination", "contaminated")}


def require_run(folder: Folder) -> None:
    """Raise UserError when this is no run folder."""
    if not folder.exists("recipe.yaml"):
        raise UserError(f"{folder.url} is no run folder (it has no recipe.yaml): make one with `sluice run`")


def read_closed(folder: Folder) -> tuple[Recipe, dict[str, Manifest], dict[str, StageSum]]:
    """The recipe of a run, and of its closed stages the manifests and the sums. Raises UserError when it is none."""
    require_run(folder)
    from pipeline.recipe import read_resolved

    ledger = Ledger(folder)
    recipe = read_resolved(folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml")
    manifests = {name: manifest for name in STAGES if (manifest := ledger.manifest(name)) is not None}
    return recipe, manifests, {name: closed_sum(ledger, name) for name in STAGES}


def stats(folder: Folder) -> dict[str, Any]:
    """The counts of a run, as `sluice stats --json` prints them."""
    return counted(folder, *read_closed(folder))


def counted(
    folder: Folder, recipe: Recipe, manifests: Mapping[str, Manifest], closed: Mapping[str, StageSum]
) -> dict[str, Any]:
    """The counts of these receipts, as `stats` gives them: of closed stages, or of what a run has done so far."""
    extracted = closed["extract"]
    given_up = [one for name in STAGES if name in manifests for one in manifests[name].given_up]
    lost_inputs = manifests["extract"].given_up if "extract" in manifests else []
    failed = named(extracted, "failed")
    failed += Counter({"shard_given_up": len(lost_inputs)})  # no entry where there are none
    records = plain(extracted, "records") + len(lost_inputs)
    skipped = named(extracted, "skipped")
    dropped = named(closed["filter"], "dropped")
    removed = {
        why: Counter({rule: dropped.pop(rule) for rule in list(dropped) if rule.startswith(f"{name}.")})
        for why, (name, _) in REMOVING.items()
    }
    duplicates = named(closed["dedup"], "duplicates") + named(closed["cut_lines"], "duplicates")
    _count_lost(manifests, closed, failed)
    corpus = (
        records
        - sum(skipped.values())
        - sum(failed.values())
        - sum(dropped.values())
        - sum(rules.total() for rules in removed.values())
        - sum(duplicates.values())
    )
    return {
        "records": records,
        "responses": plain(extracted, "responses"),
        "skipped": {
            name: skipped.get(name, 0) for name in (*_SKIPPED, *sorted(set(skipped) - set(_SKIPPED)))
        },
        "failed": dict(sorted(failed.items())),
        "dropped": ranked(dropped),
        "duplicates": dict(sorted(duplicates.items())),
        **_compared(closed),
        "removed": dict.fromkeys(_REMOVED, 0) | {why: rules.total() for why, rules in removed.items()},
        **{REMOVING[why][1]: ranked(rules) for why, rules in removed.items()},
        "contamination": contamination.by_benchmark(folder, closed["filter"]),
        "bands": _bands(recipe, closed["filter"]),
        "excused": ranked(named(closed["filter"], "excused")),
        "corpus": corpus,
        "robots": _robots(closed),
        "calibration": {name: found for one in closed["calibrate"] for name, found in one.values.items()},
        "problems": dict(sorted(named(extracted, "problems").items())),
        "screened": ranked(named(extracted, "screened")),
        "extractors": ranked(named(closed["filter"], "extractors")),
        "spared_core_seconds": spared_core_seconds(extracted),
        "domains": ranked(named(closed["corpus"], "domains")),
        "masked": dict(sorted(named(closed["corpus"], "masked").items())),
        "personal_data": dict(sorted(named(closed["corpus"], "personal_data").items())),
        "tokens": {split: named(closed["tokens"], "tokens").get(split, 0) for split in ("train", "heldout")},
        "bytes_in": sum(receipt.cost.bytes_in for receipt in extracted),
        "core_seconds": core_seconds(closed),
        "given_up": [{"shard": one.shard, "reason": one.reason} for one in given_up],
        "stages": {name: len(receipts) for name, receipts in closed.items() if receipts},
        "digest": digest(closed),
    }


def _lines(closed: Mapping[str, StageSum]) -> dict[str, int]:
    """Lines compared and cut; empty where a recipe cuts none."""
    if not closed["cut_lines"]:
        return {}
    names = ("lines_cut", "characters_cut", "documents_touched", "documents_emptied")
    return {"lines": plain(closed["line_keys"], "lines")} | {
        name: plain(closed["cut_lines"], name) for name in names
    }


def _bands(recipe: Recipe, filtered: StageSum) -> list[dict[str, Any]]:
    """The recipe's published removal shares against this run's; empty before the filters are through."""
    if not recipe.bands or not filtered:
        return []
    total = {"documents": plain(filtered, "in"), "characters": plain(filtered, "characters")}
    dropped = {"documents": named(filtered, "dropped"), "characters": named(filtered, "dropped_characters")}
    return bands.told(bands.judge(recipe, total, dropped))


def _compared(closed: Mapping[str, StageSum]) -> dict[str, Any]:
    """What comparing documents and their lines found, beyond how many were removed."""
    return {
        "lines": _lines(closed),
        "clusters": cluster_sizes(closed["dedup"]),
        "pairs": _pairs(closed["verify"]),
        "lost_by_year": [msgspec.to_builtins(row) for row in lost_by_year(closed["dedup"])],
    }


def cluster_sizes(compared: StageSum) -> dict[str, int]:
    """Number of clusters of two or more documents by size, from the receipts of `dedup`."""
    sizes = {int(size): number for size, number in compared.histograms.get("cluster_size", {}).items()}
    return {str(size): number for size, number in sorted(sizes.items()) if size > 1}


def lost_by_year(compared: Sequence[Receipt]) -> list[YearLoss]:
    """Tokens lost to duplicates by the crawl's year, from the receipts of `dedup`; empty where none counted them."""
    from pipeline.dedup.lost import by_year

    return by_year(named(compared, "bytes_by_year"), named(compared, "lost_bytes_by_year"))


def _pairs(verified: Sequence[Receipt]) -> dict[str, Any]:
    """Near pairs that were compared, and how often hashing was wrong about them; empty where none were verified."""
    if not verified:
        return {}
    from pipeline.dedup.pair_rates import ErrorSums, rates, total

    found = rates(total(ErrorSums(**receipt.values["pair_errors"]) for receipt in verified))
    counted = {name: plain(verified, name) for name in ("compared", "rejected", "capped")}
    return counted | msgspec.to_builtins(found)


def _robots(closed: Mapping[str, StageSum]) -> dict[str, int]:
    """What the given robots.txt files held; empty where a recipe names none."""
    if not closed["hosts"]:
        return {}
    counted = {name: plain(closed["robots"], name) for name in ("records", "used", "unknown", "damaged")}
    return counted | {"hosts": plain(closed["hosts"], "out")}


def _count_lost(
    manifests: Mapping[str, Manifest], closed: Mapping[str, StageSum], failed: Counter[str]
) -> None:
    # A shard given up after extraction takes its documents with it: they failed, and are counted as such.
    if not any(manifests[name].given_up for name in ("filter", "corpus") if name in manifests):
        return
    repeated: Counter[str] = Counter()
    for receipt in (*closed["dedup"], *closed["cut_lines"]):
        for output in receipt.outputs:
            if output.folder == "duplicates":
                repeated[output.name.rpartition("/")[2].rpartition("-")[0]] += output.rows
    for name, before in (("filter", "extract"), ("corpus", "filter")):
        for one in manifests[name].given_up if name in manifests else []:
            sources = [
                receipt for receipt in closed[before] or closed["extract"] if receipt.shard == one.shard
            ]
            # Duplicates in the shard are counted as duplicates already.
            failed["shard_given_up"] += plain(sources, "out") - (
                repeated[one.shard] if name == "corpus" else 0
            )


def core_seconds(closed: Mapping[str, StageSum]) -> dict[str, float]:
    """Processor time by stage, in seconds."""
    return {
        name: round(sum(receipt.cost.core_seconds for receipt in receipts), 3)
        for name, receipts in closed.items()
        if receipts
    }


def spared_core_seconds(extracted: Sequence[Receipt]) -> float | None:
    """What the cascade spared, an estimate: screened pages at the cost of the others by size, less all its looks.

    From what the shards measured of themselves; null where nothing was measured, as after a `retune`.
    """
    total: Counter[str] = Counter()
    for receipt in extracted:
        total.update(receipt.cost.parts)
    if not total["full_characters"] or not total["full_seconds"]:
        return None
    spared = total["spared_characters"] * total["full_seconds"] / total["full_characters"]
    return round(spared - total["look_seconds"], 3)


def digest(closed: Mapping[str, Sequence[Receipt]]) -> str:
    """One digest over all outputs: the same for every engine and number of workers."""
    return combine(
        f"{name} {output.name} {output.sha256}"
        for name, receipts in closed.items()
        for receipt in receipts
        for output in receipt.outputs
    )


def status(folder: Folder) -> dict[str, Any]:
    """How far a run is: shards done of shards planned, by stage (null until the stages before are closed)."""
    require_run(folder)
    from pipeline.recipe import read_resolved

    recipe = read_resolved(folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml")
    ledger, inputs = Ledger(folder), read_inputs(folder)
    root = ledger.root()
    whole = stages_of(recipe, inputs, root.only if root else None)
    road = Road(folder=folder, recipe=recipe, files=tuple(inputs), active=whole, whole=whole)
    manifests = {name: manifest for name in whole if (manifest := ledger.manifest(name)) is not None}
    planned = {name: found for name in whole if name not in manifests and (found := road.planned(name))}
    return status_of(folder, recipe, inputs, root, manifests, planned)


def status_of(
    folder: Folder,
    recipe: Recipe,
    inputs: Sequence[InputFile],
    root: Root | None,
    manifests: Mapping[str, Manifest],
    planned: Mapping[str, tuple[int, int]],
) -> dict[str, Any]:
    """What `status` says; `planned` holds shards planned and done of stages that are not closed, where known."""
    stages = []
    for name in stages_of(recipe, inputs, root.only if root else None):
        manifest = manifests.get(name)
        lost = len(manifest.given_up) if manifest else 0
        there = (len(manifest.receipts) + lost, len(manifest.receipts)) if manifest else planned.get(name)
        stages.append(
            {
                "stage": name,
                "closed": manifest is not None,
                "shards": there[0] if there else None,
                "shards_done": there[1] if there else 0,
                "given_up": lost,
            }
        )
    return {
        "run": folder.url,
        "recipe": recipe.name,
        "inputs": [file.name for file in inputs],
        "stages": stages,
        "report": folder.exists("report.html"),
    }
