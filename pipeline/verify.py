"""Integrity: every published file against its receipt, every manifest against its receipts; and repair by shard."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from pipeline.ledger import Ledger, Manifest, Output, Receipt
from pipeline.stages import STAGES
from pipeline.stats import digest, require_run, stats
from pipeline.store import Folder


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
    """{ok, digest, bad, checked}: every damaged, missing or unaccounted thing, with the stage and shard it belongs to."""
    require_run(folder)
    ledger = Ledger(folder)
    bad: list[dict[str, str]] = []
    closed: dict[str, list[Receipt]] = {}
    checked = 0
    for stage in STAGES:
        manifest = _manifest(folder, ledger, stage, bad)
        if manifest is None:
            continue
        closed[stage] = _receipts(folder, ledger, manifest, bad)
        for receipt in closed[stage]:
            for output in receipt.outputs:
                if manifest.released and not folder.exists(output.name):
                    continue
                checked += 1
                if problem := _problem(folder, output):
                    bad.append(
                        {"file": output.name, "stage": stage, "shard": receipt.shard, "problem": problem}
                    )
    if not bad:
        counts = stats(folder)
        if counts["corpus"] < 0 or ("corpus" in closed and _documents(closed["corpus"]) != counts["corpus"]):
            bad.append(
                {"file": "ledger", "stage": "corpus", "shard": "", "problem": "the counts do not add up"}
            )
    return {
        "ok": not bad,
        "digest": digest({name: closed.get(name, []) for name in STAGES}),
        "bad": bad,
        "checked": checked,
    }


def _documents(receipts: list[Receipt]) -> int:
    return sum(output.rows for receipt in receipts for output in receipt.outputs)


def _manifest(folder: Folder, ledger: Ledger, stage: str, bad: list[dict[str, str]]) -> Manifest | None:
    name = f"ledger/{stage}/manifest.json"
    if not folder.exists(name):
        return None
    manifest = ledger.manifest(stage)
    if manifest is None:
        bad.append({"file": name, "stage": stage, "shard": "", "problem": "damaged manifest"})
    return manifest


def _receipts(folder: Folder, ledger: Ledger, manifest: Manifest, bad: list[dict[str, str]]) -> list[Receipt]:
    receipts = []
    for file, key in zip(manifest.receipts, manifest.keys, strict=True):
        name = f"ledger/{manifest.stage}/{file}"
        shard = file.removesuffix(f"-{key}.json")
        try:
            receipt = msgspec.json.decode(folder.read(name), type=Receipt)
        except FileNotFoundError:
            bad.append({"file": name, "stage": manifest.stage, "shard": shard, "problem": "missing"})
            continue
        except msgspec.DecodeError:
            bad.append({"file": name, "stage": manifest.stage, "shard": shard, "problem": "damaged receipt"})
            continue
        if receipt.name != file or receipt.fingerprint != manifest.fingerprint:
            bad.append(
                {"file": name, "stage": manifest.stage, "shard": shard, "problem": "receipt of another shard"}
            )
        receipts.append(receipt)
    found = manifest.digest
    from pipeline.store.digest import combine

    if len(receipts) == len(manifest.receipts) and found != combine(
        output.sha256 for receipt in receipts for output in receipt.outputs
    ):
        bad.append(
            {
                "file": f"ledger/{manifest.stage}/manifest.json",
                "stage": manifest.stage,
                "shard": "",
                "problem": "its digest is not that of its receipts",
            }
        )
    return receipts


def discard_bad(folder: Folder, bad: list[dict[str, str]]) -> int:
    """Remove what `verify` found damaged, and the receipts that vouch for it; the next run computes it again."""
    ledger = Ledger(folder)
    for one in bad:
        folder.remove(one["file"]) if one["file"] != "ledger" else None
        manifest = ledger.manifest(one["stage"])
        for name in ledger.names(one["stage"]):
            # A receipt's name is `<shard>-<key>.json`.
            if one["shard"] and name.rpartition("-")[0] == one["shard"]:
                folder.remove(f"ledger/{one['stage']}/{name}")
        if manifest is None or not one["shard"]:
            folder.remove(f"ledger/{one['stage']}/manifest.json")
    return len(bad)
