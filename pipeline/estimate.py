"""What a run would cost, from a measured sample of its own input: `sluice plan`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from filters.document import empty
from filters.models.calibration import BYTES_PER_TOKEN
from pipeline.canaries import check
from pipeline.dedup.scope import crawl_labels, crawl_of
from pipeline.dedup.settings import SCOPES
from pipeline.errors import UserError
from pipeline.inputs import InputFile, find_inputs
from pipeline.ledger import Ledger
from pipeline.lint import Finding, Fired, fired, lint, suspicious
from pipeline.recipe import Recipe, read_resolved
from pipeline.road import Road, active_stages
from pipeline.stages import STAGES
from pipeline.stages.stage import Planning
from pipeline.store import Folder, open_folder

CROWDED = (
    "MinHash compares the documents of all {} crawls of the input: what it leaves of the old ones may be worse than "
    "what it removes, as FineWeb found; `dedup.scope: crawl` compares within each crawl"
)


def estimate(
    recipe: Recipe,
    inputs: Sequence[str],
    out: str | None,
    pages: int,
    price: float,
    base: str | None = None,
) -> dict[str, Any]:
    """Shards, what is done in `out`, and the measured sample scaled to all bytes of the input.

    The sample is of the first file that has documents; raises UserError when none has.
    """
    files = find_inputs(inputs, base)
    folder = open_folder(out or ".")
    planning = Planning(recipe, files, Ledger(folder), active_stages(recipe, "extract", files))
    total = sum(max(file.size, 0) for file in files)
    found: dict[str, Any] = {
        "files": len(files),
        "bytes": total,
        "extract_shards": len(STAGES["extract"].plan(planning)),
        "extract_shards_done": 0,
    }
    if out is not None and folder.exists("recipe.yaml"):
        road = Road(folder=folder, recipe=recipe, files=files, active=planning.active, whole=planning.active)
        planned = road.planned("extract")
        found["extract_shards_done"] = planned[1] if planned else 0
    sample = _sample(recipe, files, pages, total)
    scale = total / max(sample["bytes"], 1)
    hours = sample["seconds"] * scale / 3600
    findings = [*lint(recipe), *_crowded(recipe, files), *sample["findings"]]
    return {
        **found,
        "sample_pages": sample["pages"],
        "sample_kept_share": round(sample["kept"] / max(sample["pages"], 1), 4),
        "milliseconds_per_page": round(1000 * sample["seconds"] / max(sample["pages"], 1), 2),
        "pages": round(sample["pages"] * scale),
        "kept_tokens": round(sample["kept_bytes"] / BYTES_PER_TOKEN * scale),
        "core_hours": round(hours, 3),
        "price": round(hours * price, 4),
        "lost_by_year": _lost(recipe, folder if out is not None else None, sample),
        "findings": msgspec.to_builtins(findings),
        "rules": msgspec.to_builtins(sample["rules"]),
    }


def _crowded(recipe: Recipe, files: Sequence[InputFile]) -> list[Finding]:
    crawls = len(set(crawl_labels(files).values()))
    if recipe.dedup is None or recipe.dedup.minhash is None or recipe.dedup.scope != "global" or crawls < 2:
        return []
    return [Finding(severity="note", where="dedup.scope", problem=CROWDED.format(crawls))]


def _lost(recipe: Recipe, folder: Folder | None, sample: dict[str, Any]) -> dict[str, Any]:
    """Tokens lost to duplicates by scope (the recipe's first) and year: of a run that has counted, or of the sample."""
    from pipeline.stats import lost_by_year

    dedup = recipe.dedup
    if dedup is None or not dedup.document_kinds:
        return {}
    if folder is not None and (counted := lost_by_year(Ledger(folder).closed("dedup"))):
        done = read_resolved(folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml").dedup
        scope = done.scope if done is not None else dedup.scope
        return {"measured_on": "run", "scopes": {scope: msgspec.to_builtins(counted)}}
    from pipeline.dedup.sample import Sample

    documents = Sample(sample["documents"], dedup, sample["crawl"])
    scopes = [dedup.scope, *(scope for scope in SCOPES if scope != dedup.scope)]
    lost = {scope: msgspec.to_builtins(documents.lost(scope)) for scope in scopes}
    return {"measured_on": "sample", "scopes": lost if any(lost.values()) else {}}


def _sample(recipe: Recipe, files: Sequence[InputFile], pages: int, total: int) -> dict[str, Any]:
    for file in files:
        if file.size <= 0:
            continue
        try:
            sample = _measure(recipe, file, pages, total)
        except OSError:  # a run would count it as failed and go on, too
            continue
        if sample["pages"]:
            return sample
    others = f" and {len(files) - 1} more" if len(files) > 1 else ""
    raise UserError(f"--input {files[0].path}{others}: holds nothing to measure")


def _measure(recipe: Recipe, file: InputFile, pages: int, total: int) -> dict[str, Any]:
    """Extract and filter the first pages of a file in this process; `total` bytes are to be expected of such pages."""
    from pipeline import documents
    from pipeline.cascade import screen_for
    from pipeline.extract import Tally, extract_range

    tally = Tally()
    started = time.process_time()
    wall = time.perf_counter()
    if file.kind == "warc":
        parts = extract_range(file.path, 0, file.size, recipe.extract, tally, screen_for(recipe))
    else:
        parts = documents.read(file.path, file.kind, recipe.id_column, tally)
    tables, reached = [], 0
    for part in parts:
        tables.append(part.documents)
        places = zip(
            part.documents["warc_offset"].to_pylist(),
            part.documents["warc_length"].to_pylist(),
            part.documents["warc_offset_in"].to_pylist(),
            strict=True,
        )
        reached = max(
            [
                reached,
                *(at + length for at, length, within in places if within == "file" and length is not None),
            ]
        )
        if sum(table.num_rows for table in tables) >= pages:
            break
    passed = table = pa.concat_tables(tables) if tables else empty()
    seconds = max(time.perf_counter() - wall, time.process_time() - started)
    rows = table.num_rows
    size = reached or (tally.bytes_in if file.kind != "warc" else file.size)
    findings: list[Finding] = []
    rules: list[Fired] = []
    if rows and recipe.filters is not None:
        from pipeline.stages.calibrate import calibrated_on

        expected = round(rows * total / max(size, 1))
        chain = recipe.loaded_chain({"calibration": calibrated_on(recipe, table, expected)})
        chain.apply(table.slice(0, 1))  # compiled loops and models are loaded before the clock runs
        wall = time.perf_counter()
        applied = chain.apply(table)
        seconds += time.perf_counter() - wall
        passed = applied.documents.filter(pa.array(applied.verdict.keep))
        rules = fired(chain, applied)
        findings = [*check(recipe, chain), *suspicious(chain, rules, rows)]
    return {
        "pages": rows,
        "bytes": size,
        "kept": passed.num_rows,
        "kept_bytes": pc.sum(pc.binary_length(passed["text"])).as_py() or 0,
        "seconds": seconds,
        "findings": findings,
        "rules": rules,
        "documents": passed,
        "crawl": crawl_of(file.path),
    }
