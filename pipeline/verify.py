"""Integrity: every published file against its receipt, receipts against manifests, all of it under one root; repair.

Every file of the ledger carries or is covered by a digest: outputs by receipts, receipts by manifests, manifests and
the root by their own seals, `recipe.yaml`, `inputs.json` and the report by the root: any flipped bit is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pipeline.errors import UserError
from pipeline.inputs import InputFile, describe
from pipeline.ledger import ROOT, Ledger, Manifest, Output, Receipt, Root, decoded, is_whole
from pipeline.road import PUBLIC
from pipeline.stages import STAGES
from pipeline.stats import digest, require_run, stats
from pipeline.store import Folder

Bad = dict[str, str]
_READING = ("ids", "extract")  # stages that read inputs


def _bad(file: str, problem: str, stage: str = "", shard: str = "") -> Bad:
    return {"file": file, "stage": stage, "shard": shard, "problem": problem}


def _sha256(folder: Folder, name: str) -> tuple[str, int]:
    found, size = hashlib.sha256(), 0
    with folder.open(name) as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
            size += len(chunk)
    return found.hexdigest(), size


def _problem(folder: Folder, output: Output) -> str | None:
    try:
        found, size = _sha256(folder, output.name)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable ({error.strerror})"
    if size != output.bytes:
        return f"{size} bytes instead of {output.bytes}"
    return None if found == output.sha256 else "content changed (SHA-256 differs)"


def verify(folder: Folder) -> dict[str, Any]:
    """{ok, digest, bad, checked, stray}: every damaged or missing file with the stage and shard it belongs to.

    `stray` are files that no receipt names, such as those of a killed try: nobody reads them, `gc` removes them.
    """
    require_run(folder)
    ledger = Ledger(folder)
    root, bad = _root(folder)
    closed: dict[str, list[Receipt]] = {}
    checked = 0
    for stage in STAGES:
        manifest = _manifest(folder, stage, root, bad)
        if manifest is None:
            continue
        closed[stage] = _receipts(folder, manifest, bad)
        for receipt in closed[stage]:
            for output in receipt.outputs:
                if manifest.released and not folder.exists(output.name):
                    continue
                checked += 1
                if problem := _problem(folder, output):
                    bad.append(_bad(output.name, problem, stage, receipt.shard))
    if not bad and not _adds_up(folder, closed):
        bad.append(_bad("ledger", "the counts do not add up", "corpus"))
    return {
        "ok": not bad,
        "digest": digest({name: closed.get(name, []) for name in STAGES}),
        "bad": bad,
        "checked": checked,
        "stray": stray(folder, ledger),
    }


def _root(folder: Folder) -> tuple[Root | None, list[Bad]]:
    """The root and what is wrong with it and the files that it covers."""
    if not folder.exists(ROOT):
        return None, [_bad(ROOT, "missing")]
    root = decoded(folder.read(ROOT), Root)
    if root is None or not is_whole(root):
        return None, [_bad(ROOT, "damaged")]
    bad = []
    covered = {
        "recipe.yaml": root.recipe_sha256,
        "inputs.json": root.inputs_sha256,
        "report.html": root.report_sha256,
    }
    for name, sha256 in covered.items():
        if not sha256:
            continue
        if not folder.exists(name):
            bad.append(_bad(name, "missing"))
        elif _sha256(folder, name)[0] != sha256:
            bad.append(_bad(name, "content changed (SHA-256 differs)"))
    return root, bad


def _manifest(folder: Folder, stage: str, root: Root | None, bad: list[Bad]) -> Manifest | None:
    name = f"ledger/{stage}/manifest.json"
    if not folder.exists(name):
        if root is not None and stage in root.closed:
            bad.append(_bad(name, "missing", stage))
        return None
    manifest = decoded(folder.read(name), Manifest)
    if manifest is None or not is_whole(manifest):
        bad.append(_bad(name, "damaged", stage))
        return None
    return manifest


def _receipts(folder: Folder, manifest: Manifest, bad: list[Bad]) -> list[Receipt]:
    receipts = []
    for file, key, sha256 in zip(manifest.receipts, manifest.keys, manifest.receipt_sha256, strict=True):
        name, shard = f"ledger/{manifest.stage}/{file}", file.removesuffix(f"-{key}.json")
        if not folder.exists(name):
            bad.append(_bad(name, "missing", manifest.stage, shard))
            continue
        data = folder.read(name)
        receipt = decoded(data, Receipt)
        if receipt is None or hashlib.sha256(data).hexdigest() != sha256:
            bad.append(_bad(name, "damaged", manifest.stage, shard))
        else:
            receipts.append(receipt)
    return receipts


def _adds_up(folder: Folder, closed: dict[str, list[Receipt]]) -> bool:
    counts = stats(folder)
    held = sum(output.rows for receipt in closed.get("corpus", []) for output in receipt.outputs)
    return counts["corpus"] >= 0 and ("corpus" not in closed or held == counts["corpus"])


def stray(folder: Folder, ledger: Ledger) -> list[str]:
    """Files in public folders that no receipt of any recipe names, sorted."""
    named: set[str] = set()
    folders = {under for stage in STAGES.values() for under in stage.folders}
    for stage in STAGES:
        for name in ledger.names(stage):
            receipt = decoded(folder.read(f"ledger/{stage}/{name}"), Receipt)
            named |= {output.name for output in receipt.outputs} if receipt else set()
    folders |= {name.rpartition("/")[0] for name in named}
    there = {f"{under}/{name}" for under in folders for name in folder.names(under)}
    return sorted(there - named)


def asked_for(ledger: Ledger) -> tuple[str | None, list[str] | None]:
    """How far the run folder was asked to go (`--until`), and the stages of a one-stage verb if one made it.

    Where the root is damaged, the manifests say it.
    """
    root = ledger.root()
    closed = {name: manifest for name in STAGES if (manifest := ledger.manifest(name)) is not None}
    stages = list(root.stages) if root else list(closed)
    only = root.only if root else next((one.only for one in closed.values()), None)
    return next((name for name in reversed(stages) if name in PUBLIC), None), only


def require_inputs(folder: Folder, files: Sequence[InputFile], bad: list[Bad]) -> None:
    """Raise UserError where a repair has to read inputs again and one is gone or has changed."""
    manifest = Ledger(folder).manifest("extract")
    if manifest is not None and not manifest.released and not any(one["stage"] in _READING for one in bad):
        return
    for file in files:
        if file.size >= 0 and describe(file.path).digest != file.digest:
            raise UserError(
                f"input {file.path} is gone or has changed, and the repair has to read it: put it back first"
            )


def discard_bad(folder: Folder, bad: list[Bad]) -> None:
    """Remove what `verify` found damaged, and the receipts that vouch for it; the next run computes it again.

    Raises UserError where the ledger cannot say what was asked for: recipe and inputs are the user's.
    """
    lost = [one["file"] for one in bad if one["file"] in ("recipe.yaml", "inputs.json")]
    if lost:
        raise UserError(
            f"{folder.url}/{lost[0]} is damaged: run `sluice run` again with the recipe and the inputs"
        )
    ledger = Ledger(folder)
    for one in bad:
        if one["file"] not in ("ledger", "report.html"):
            folder.remove(one["file"])
        for name in ledger.names(one["stage"]) if one["shard"] else ():
            # A receipt's name is `<shard>-<key>.json`.
            if name.rpartition("-")[0] == one["shard"]:
                folder.remove(f"ledger/{one['stage']}/{name}")
