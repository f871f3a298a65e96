"""One document's whole story: where it came from, every signal against its threshold, what became of it."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from filters import pii
from filters.extracted import EMPTY_SIGNAL
from pipeline.contamination import report as contamination
from pipeline.errors import UserError
from pipeline.ledger import Ledger
from pipeline.recipe import Recipe, read_resolved
from pipeline.road import read_inputs
from pipeline.show import show_text
from pipeline.stats import REMOVING, require_run
from pipeline.store import Folder
from pipeline.store.parquet import read_table, schema_of

_SEARCHED_BYTES = 1 << 30  # of inputs, for a URL that no document has
_RECORD = (
    "warc_file",
    "warc_offset",
    "warc_length",
    "warc_offset_in",
    "date",
    "title",
    "language_declared",
    "canonical",
    "license",
    "opt_out",
)
# What is said of documents by id alone.
_LISTED = (("dedup", "duplicates"), ("dedup", "clusters"), ("cut_lines", "duplicates"), ("cut_lines", "cut"))
_SEARCHED = (
    ("corpus", "corpus"),
    *_LISTED,
    ("filter", "dropped"),
    ("filter", "documents"),
    ("extract", "extracted"),
    ("extract", "failed"),
    ("tokens", "tokens"),
)


def _find(folder: Folder, ledger: Ledger, stage: str, under: str, key: str) -> list[dict[str, Any]]:
    """Rows of one public folder whose id or URL is `key`. An id that names its shard's file needs few files."""
    rows: list[dict[str, Any]] = []
    for receipt in ledger.closed(stage):
        for output in receipt.outputs:
            if output.folder != under or not output.rows or not output.name.endswith(".parquet"):
                continue
            if not folder.exists(output.name):
                continue
            names = [name for name in ("id", "url") if name in schema_of(folder, output.name).names]
            keys = read_table(folder, output.name, names)
            match = pc.equal(keys["id"], key)
            if "url" in names:
                match = pc.or_kleene(match, pc.equal(keys["url"], key))
            if pc.any(match).as_py():
                rows += read_table(folder, output.name).filter(pc.fill_null(match, False)).to_pylist()
    return rows


def why(folder: Folder, key: str) -> list[dict[str, Any]]:
    """The stories of all documents with this id or URL; raises UserError if there is none."""
    require_run(folder)
    ledger = Ledger(folder)
    recipe = read_resolved(folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    keys = [key]
    for stage, under in _SEARCHED:
        for row in _find(folder, ledger, stage, under, key):
            found.setdefault(row["id"], {})[under] = row
    for id_ in found:
        if id_ not in keys:
            # A URL was asked for: duplicates, clusters and cut lines are listed by id alone.
            for stage, under in _LISTED:
                for row in _find(folder, ledger, stage, under, id_):
                    found[id_][under] = row
    if not found:
        return _skipped(folder, recipe, key)
    return [_story(id_, rows, recipe, folder, ledger) for id_, rows in sorted(found.items())]


def _skipped(folder: Folder, recipe: Recipe, key: str) -> list[dict[str, Any]]:
    """The stories of records that became no document, read from the inputs; raises UserError if there is none.

    An id names its place; for a URL the inputs are read from the start, if they are not too large for that.
    """
    from pipeline.extract import skipped

    files = [file for file in read_inputs(folder) if file.kind == "warc" and file.size > 0]
    name, _, offset = key.rpartition("@")
    places = [file for file in files if file.name == name and offset.isdecimal()]
    searched = places or (files if sum(file.size for file in files) <= _SEARCHED_BYTES else [])
    stories: list[dict[str, Any]] = []
    ranges: list[tuple[int, int | None]] = [(0, None)]
    if places:
        # Of an id whose offset is one in the decompressed file, the range holds nothing or another record.
        ranges = [(int(offset), int(offset) + 1), (0, None)][: 1 + (places[0].size <= _SEARCHED_BYTES)]
    for file, (start, end) in ((file, one) for file in searched for one in ranges):
        if stories and places:
            break
        try:
            for record, reason in skipped(file.path, start, end, recipe.extract, key):
                known = {name: record.get(name) for name in _RECORD}
                story = {"id": record["id"], "url": record["url"], "fate": "skipped", "reason": reason}
                stories.append({**story, "record": known})
        except OSError:
            continue  # the input is gone: nothing more can be said
    if not stories:
        unread = (
            "" if searched or not files else "; its inputs are too large to be searched for skipped records"
        )
        raise UserError(f"{folder.url} has no document with the id or URL {show_text(key)}{unread}")
    return stories


def _fate(rows: dict[str, dict[str, Any]]) -> str:
    if "failed" in rows:
        return "failed"
    if "dropped" in rows:
        name = str(rows["dropped"]["reason"]).partition(".")[0]
        return "removed" if any(name == one for one, _ in REMOVING.values()) else "dropped"
    if "duplicates" in rows:
        return "duplicate"
    return "corpus" if "corpus" in rows or "tokens" in rows else "kept so far"


def _story(
    id_: str, rows: dict[str, dict[str, Any]], recipe: Recipe, folder: Folder, ledger: Ledger
) -> dict[str, Any]:
    record = next(
        (rows[under] for under in ("extracted", "documents", "dropped", "corpus", "failed") if under in rows),
        {},
    )
    measured = rows.get("documents") or rows.get("dropped") or rows.get("corpus")
    story: dict[str, Any] = {
        "id": id_,
        "url": record.get("url"),
        "fate": _fate(rows),
        "record": {name: record.get(name) for name in _RECORD},
    }
    if "failed" in rows:
        story["failed"] = {"kind": rows["failed"].get("kind"), "message": rows["failed"].get("message")}
    if "dropped" in rows:
        story["reason"], story["reasons"] = rows["dropped"]["reason"], rows["dropped"]["reasons"]
        story["screened"] = rows["dropped"].get("screened")
    if measured is not None and EMPTY_SIGNAL.column in measured:  # a recipe without filters measures nothing
        story["language"] = {"language": measured.get("language"), "score": measured.get("language_score")}
        text = rows.get("extracted", {}).get("text")
        row = {**measured, "text": text if text is not None else measured.get("text")}
        if found := contamination.told(recipe, measured):
            story["contamination"] = found
        story["rules"] = [
            {
                "rule": one.rule,
                "signal": one.column,
                "value": one.value,
                "drop_when": one.drop_when,
                "threshold": one.threshold,
                "failed": one.failed,
                "condition": one.condition,
                "excused": one.excused,
            }
            for one in recipe.chain({}).explain(row)
        ]
    if duplicate := rows.get("duplicates"):
        story["duplicate"] = {name: duplicate[name] for name in ("duplicate_of", "kind", "similarity")}
    if "cut" in rows:
        story["lines_cut"] = {name: rows["cut"][name] for name in ("lines", "characters", "emptied")}
    if "clusters" in rows:
        story["cluster"] = {"id": rows["clusters"]["cluster"], "documents": rows["clusters"]["size"]}
    if "corpus" in rows:
        story["domain"] = rows["corpus"].get("domain")
        counts = {kind: rows["corpus"].get(f"pii_{kind}") or 0 for kind in pii.KINDS}
        kinds = pii.masked(recipe.pii) if recipe.pii is not None else ()
        story["masked"] = {kind: counts[kind] for kind in kinds}
        story["personal_data"] = counts
    if "corpus" in rows or "tokens" in rows:
        story["tokens"] = _tokens(id_, folder, ledger)
    text = (rows.get("corpus") or rows.get("documents") or rows.get("extracted") or {}).get("text")
    if text is not None:
        story["text"] = text
    return story


def _tokens(id_: str, folder: Folder, ledger: Ledger) -> dict[str, Any] | None:
    """Where a document's tokens lie: shard, offset and length in tokens, split."""
    for receipt in ledger.closed("tokens"):
        for output in receipt.outputs:
            if output.name.endswith(".parquet") and folder.exists(output.name):
                table = read_table(folder, output.name)
                rows = table.filter(pc.equal(table["id"], id_)).to_pylist()
                if rows:
                    return {
                        "shard": receipt.shard,
                        **{name: rows[0][name] for name in ("split", "offset", "length")},
                    }
    return None
