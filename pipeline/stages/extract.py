"""Stage `extract`: byte ranges of WARC files, or files of documents, to `extracted/` and `failed/`."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from pipeline.inputs import open_input, ranges
from pipeline.ledger import Input, Output
from pipeline.stages.ids import documents_of
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.stages.tables import as_input
from pipeline.store import Folder
from pipeline.store.parquet import read_table

if TYPE_CHECKING:
    from pipeline.recipe import Recipe


def settings(recipe: Recipe) -> object:
    """The extractor, its version, and how documents that need no extraction are read."""
    from pipeline import cascade
    from pipeline.extraction import PACKAGES

    extractors = recipe.extract.extractors
    packages = [*(PACKAGES.get(name, name) for name in extractors), "lxml", "warcio", "resiliparse", "brotli"]
    packages += ["pypdfium2"] if recipe.extract.pdf == "text" else []
    return {
        "extract": {**msgspec.to_builtins(recipe.extract), "cascade": cascade.settings(recipe)},
        "versions": {name: version(name) for name in packages},
        "model": _model_digest() if "blocks" in extractors else None,
        "id_column": recipe.id_column,
    }


def _model_digest() -> str:
    from pipeline.extraction.blocks.model import model_digest

    return model_digest()


def plan(planning: Planning) -> list[Shard]:
    """One shard a byte range of a WARC; one a file of documents, with the list of its repeated ids."""
    shards = []
    repeated = _repeated(planning)
    for file in planning.files:
        pieces = ranges(file.size) if file.kind == "warc" else [(0, max(file.size, 0))]
        for start, end in pieces:
            parameters = {
                "path": file.path,
                "kind": file.kind,
                "start": start,
                "end": end,
                "missing": file.size < 0,
            }
            inputs = [Input(name=f"{file.name}:{start}-{end}", digest=file.digest)]
            if file.name in repeated:
                inputs.append(as_input(repeated[file.name]))
                parameters["repeated"] = repeated[file.name].name
            shards.append(
                Shard(name=f"{_safe(file.name)}-{start:012d}", inputs=inputs, parameters=parameters)
            )
    return shards


def _repeated(planning: Planning) -> dict[str, Output]:
    """Input files by name, with what stage `ids` says of them."""
    found = [output for _, output in planning.outputs("ids", "repeated")]
    return dict(zip((file.name for file in documents_of(planning.files)), found, strict=bool(found)))


def _safe(name: str) -> str:
    # Base names come from users and object stores: only plain characters reach our own file names. What was changed
    # gets a hash of the whole, or two names could become one.
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in name)[
        :100
    ]
    return plain if plain == name else f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def _range_sha256(path: str, start: int, end: int) -> str:
    """Of the bytes that a shard owns: the proof of what it was made from."""
    found, left = hashlib.sha256(), end - start
    with open_input(path) as file:
        file.seek(start)
        while left > 0 and (chunk := file.read(min(left, 1 << 20))):
            found.update(chunk)
            left -= len(chunk)
    return found.hexdigest()


def _places(folder: Folder, name: str | None) -> dict[int, str]:
    """Rows of one file whose id stands elsewhere, and where."""
    rows = read_table(folder, name).to_pylist() if name else []
    return {row["row"]: f"row {row['first_row']} of {row['first_file']}" for row in rows}


def run(shard: Shard, attempt: Attempt) -> None:
    """Read one shard; every record is delivered, skipped or failed, and counted."""
    from filters.document import SCHEMA
    from filters.extracted import total_bytes
    from pipeline import documents
    from pipeline.cascade import schema, screen_for
    from pipeline.extract import FAILED_SCHEMA, Tally, extract_range

    parameters, tally = shard.parameters, Tally()
    screen = screen_for(attempt.recipe) if parameters["kind"] == "warc" else None
    columns = schema(screen) if parameters["kind"] == "warc" else SCHEMA
    attempt.write("extracted", columns.empty_table())
    attempt.write("failed", FAILED_SCHEMA.empty_table())
    if parameters["missing"]:
        parts = documents.missing(parameters["path"], tally)
    elif parameters["kind"] == "warc":
        parts = extract_range(
            parameters["path"], parameters["start"], parameters["end"], attempt.recipe.extract, tally, screen
        )
    else:
        repeated = _places(attempt.folder, parameters.get("repeated"))
        parts = documents.read(
            parameters["path"], parameters["kind"], attempt.recipe.id_column, tally, repeated
        )
    for part in parts:
        if part.documents.num_rows:
            attempt.write("extracted", part.documents)
            attempt.counts.update({"bytes": total_bytes(part.documents["text"])})
        attempt.write("failed", part.failed)
        if part.pdfs.num_rows:
            attempt.write("pdfs", part.pdfs)
        attempt.report({"documents": tally.documents, "failed": sum(tally.failed.values())})
    if not parameters["missing"]:
        place = parameters["path"], parameters["start"], parameters["end"]
        attempt.values = {"range_sha256": tally.sha256 or _range_sha256(*place)}
    attempt.counts.update(records=tally.records, responses=tally.responses, out=tally.documents, bytes=0)
    attempt.count("skipped", tally.skipped)
    attempt.count("failed", tally.failed)
    attempt.count("problems", tally.problems)
    attempt.count("screened", tally.screened)
    attempt.costs = tally.costs
    attempt.bytes_in, attempt.documents = tally.bytes_in, tally.documents
    accounted = sum(tally.skipped.values()) + sum(tally.failed.values()) + tally.documents
    if tally.records != accounted:
        raise AssertionError(f"{shard.name}: {tally.records} records, {accounted} accounted for")


STAGE = Stage(
    name="extract", version=6, folders=("extracted", "failed", "pdfs"), settings=settings, plan=plan, run=run
)
