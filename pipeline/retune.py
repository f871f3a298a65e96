"""`retune`: a run with other thresholds from what an earlier one stored, with the bytes of a fresh run.

The new run folder is one like any other: the same plan, the same keys, the same stages. Only the work on a shard is
replaced where the earlier run holds what it would find (`pipeline.stages.redecide`). So a killed `retune` is resumed by
another, or by `run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from filters.cascade import Screen
from pipeline.cascade import screen_for
from pipeline.errors import UsageError, UserError
from pipeline.inputs import InputFile, describe
from pipeline.ledger import Ledger, Manifest, receipt_name, shard_key
from pipeline.patch import Patch
from pipeline.recipe import Recipe, read, read_resolved
from pipeline.road import fingerprints, read_inputs, stages_of
from pipeline.stages import STAGES
from pipeline.stages.redecide import SHORTCUTS
from pipeline.stages.stage import Planning, Shard, Source
from pipeline.stats import require_run
from pipeline.store import Folder
from pipeline.sums import plain
from pipeline.verify import asked_for

_STORED = ("extract", "filter")
_KEPT_AGAIN = ("signatures", "corpus")  # stages that take over what was made of single documents


@dataclass
class Retuning:
    """An earlier run, the recipe with other thresholds, and what can be taken over. See `road.Earlier`."""

    folder: Folder
    before: Recipe
    recipe: Recipe
    files: tuple[InputFile, ...]
    until: str | None
    only: list[str] | None
    whole: bool = False  # all inputs have to be read again
    _receipts: dict[str, dict[str, str]] = field(default_factory=dict)
    _parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    _fingerprints: dict[str, str] = field(default_factory=dict)
    _before: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder)

    def source(self, stage: str, shard: Shard) -> Source | None:
        """What the earlier run holds of a shard; None where that is no use."""
        if stage == "extract" and self.whole:
            return None
        if stage == "calibrate" or (stage == "sample" and self.released(stage)):
            return None  # cheap, and what thresholds change; the sample's files are gone
        names = {name: self._by_shard(name) for name in ((*_STORED,) if stage == "filter" else (stage,))}
        found = {name: shards[shard.name] for name, shards in names.items() if shard.name in shards}
        if set(found) != set(names):
            return None
        computes = stage not in SHORTCUTS or (stage in _KEPT_AGAIN and not self._serves(stage))
        if computes and not self._adopted(stage, shard):
            return None  # it is computed from files of this run, which may have to be restored first
        if stage == "filter" and self.released("extract") and not self.whole and not self._from_warc():
            return None  # only a WARC file can be read by offset
        released = [name for name in found if self.released(name)]
        parameters = self._extracted_from().get(shard.name, {}) if released and stage == "filter" else {}
        return Source(run=self.folder.url, receipts=found, released=released, parameters=parameters)

    def _serves(self, stage: str) -> bool:
        """Whether a stage of the earlier run was closed by this version, and its files and documents are there."""
        if not self._before:
            road = stages_of(self.before, self.files, self.only, self.until)
            self._before = fingerprints(self.before, road)
        manifest = self.ledger.manifest(stage)
        same = manifest is not None and manifest.fingerprint == self._before.get(stage)
        return same and not any(map(self.released, (stage, "filter", "dedup", "cut_lines")))

    def _adopted(self, stage: str, shard: Shard) -> bool:
        """Whether the earlier run's receipt of a shard counts here too."""
        if not self._fingerprints:
            self._fingerprints = fingerprints(
                self.recipe, stages_of(self.recipe, self.files, self.only, self.until)
            )
        key = shard_key(self._fingerprints[stage], shard.inputs)
        return self._by_shard(stage)[shard.name] == receipt_name(shard.name, key)

    def released(self, stage: str) -> bool:
        """True if the earlier run has let go of the stage's files."""
        manifest = self.ledger.manifest(stage)
        return manifest is not None and manifest.released

    def _extracted_from(self) -> dict[str, dict[str, Any]]:
        """Shards of `extract`, and where their records lie."""
        if not self._parameters:
            planning = Planning(self.recipe, self.files, self.ledger, ("extract",))
            self._parameters = {shard.name: shard.parameters for shard in STAGES["extract"].plan(planning)}
        return self._parameters

    def _from_warc(self) -> bool:
        return all(file.kind == "warc" for file in self.files)

    def _by_shard(self, stage: str) -> dict[str, str]:
        """Shards of a closed stage, and the file names of their receipts."""
        if stage not in self._receipts:
            manifest = self.ledger.manifest(stage)
            pairs = zip(manifest.receipts, manifest.keys, strict=True) if manifest else ()
            self._receipts[stage] = {name.removesuffix(f"-{key}.json"): name for name, key in pairs}
        return self._receipts[stage]


def retuning(folder: Folder, settings: Sequence[str], patch: Patch | None = None) -> Retuning:
    """What a retune of a run with a patch and these `--set` pairs is; refuses what stored signals cannot answer.

    Raises UserError where the run is not far enough or was made by other versions, UsageError for what changes.
    """
    require_run(folder)
    if not settings and patch is None:
        raise UsageError("name what to change, such as --set filters.gopher_quality.min_words=40")
    text, name = folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml"
    before, recipe = read_resolved(text, name), read(text, name, settings, patch)
    require_stored(folder.url, before)
    files = tuple(read_inputs(folder))
    ledger = Ledger(folder)
    until, only = asked_for(ledger)
    found = Retuning(folder, before, recipe, files, until, only)
    manifests = _closed(folder, ledger, before)
    require_thresholds(before, recipe, patch)
    road = stages_of(recipe, files, only, until)
    old, new = (fingerprints(one, stages_of(one, files, only, until)) for one in (before, recipe))
    for stage, manifest in manifests.items():
        if manifest.fingerprint != old.get(stage):
            raise UserError(
                f"{folder.url} was made by other versions, whose signals may differ: use `sluice run` on its inputs"
            )
    assert "filter" in road
    changed = old["extract"] != new["extract"]
    found.whole = changed and found.released("extract")
    if changed or found.released("extract"):
        _require_unchanged(files)
    return found


def _closed(folder: Folder, ledger: Ledger, recipe: Recipe) -> dict[str, Manifest]:
    if recipe.filters is None:
        raise UsageError(f"{folder.url} has no filters, so no thresholds: use `sluice run`")
    found = {name: manifest for name in _STORED if (manifest := ledger.manifest(name)) is not None}
    if len(found) < len(_STORED):
        raise UserError(f"{folder.url} has not been filtered to the end yet: run it first")
    return found


def require_stored(url: str, recipe: Recipe) -> None:
    """UsageError if a run of this recipe has not stored what its filters saw."""
    if len(recipe.extract.extractors) > 1:
        raise UsageError(
            f"{url} has a union of extractors: signals are stored of one text a page only, so use `sluice run`"
        )
    if recipe.dedup is not None and recipe.dedup.lines_at == "filters":
        raise UsageError(
            f"{url} cuts repeated lines before its filters, and what is stored of its pages has these lines: "
            "use `sluice run`"
        )


def require_thresholds(before: Recipe, recipe: Recipe, patch: Patch | None = None) -> None:
    """UsageError if the recipes differ in what is measured."""
    old, new = (msgspec.to_builtins(one.extract) | {"cascade": None} for one in (before, recipe))
    differing = [f"extract.{key}" for key in old if old[key] != new[key]]
    differing += [key for key in ("id_column", "robots") if getattr(before, key) != getattr(recipe, key)]
    if recipe.filters is None:
        differing.append("filters")
    else:
        measured = (one.chain({}).fingerprint_settings(thresholds=False) for one in (before, recipe))
        for one, other in zip(*measured, strict=True):
            keys = [key for key in one["settings"] if one["settings"][key] != other["settings"][key]]
            keys += [] if one.get("by_language") == other.get("by_language") else ["by_language"]
            differing += [f"filters.{one['name']}.{key}" for key in keys]
    if differing:
        place = (patch.where(differing[0]) if patch is not None else None) or "--set"
        raise UsageError(
            f"{place} {differing[0]}: it decides what is read or measured and is no threshold: use `sluice run`"
        )
    if not _stored_for(screen_for(before), screen_for(recipe)):
        raise UsageError(
            "the cascade would look at pages that it did not look at before: use `sluice run`, "
            "or --set extract.cascade=null"
        )


def _stored_for(before: Screen | None, now: Screen | None) -> bool:
    """Whether the looks of one screen serve another."""
    if now is None:
        return True
    return before is not None and (before.looks or not now.looks)


def _require_unchanged(files: Sequence[InputFile]) -> None:
    """UserError if an input that may have to be read again has changed; one that is gone may not be needed."""
    for file in files:
        if file.size >= 0 and (there := describe(file.path)).size >= 0 and there.digest != file.digest:
            raise UserError(f"input {file.path} has changed since: use `sluice run` with another --out")


def result(found: Retuning, folder: Folder) -> dict[str, Any]:
    """What a retune did: records read again, documents decided from stored signals, kept before and after."""
    before, after = found.ledger.closed("filter"), Ledger(folder).closed("filter")
    extracted = Ledger(folder).closed("extract")
    spent = [receipt.cost for receipt in (*extracted, *after)]
    reread = sum(int(cost.parts.get("reread", 0)) for cost in spent)
    measured = sum(int(receipt.cost.parts.get("remeasured", 0)) for receipt in after)
    if found.whole:
        reread = plain(extracted, "out")
    return {
        "out": folder.url,
        "reread": reread,
        "decided": plain(after, "in") - measured,
        "kept_before": plain(before, "out"),
        "kept_after": plain(after, "out"),
        "core_seconds": round(sum(cost.core_seconds for cost in spent), 3),
    }
