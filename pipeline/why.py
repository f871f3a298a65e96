"""One document's whole story: where it came from, every signal against its threshold, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filters import pii
from filters.extracted import EMPTY_SIGNAL
from pipeline.contamination import report as contamination
from pipeline.errors import UserError
from pipeline.ledger import Ledger
from pipeline.lookup import closed_files, places_of, rows_of
from pipeline.recipe import Recipe, read_resolved
from pipeline.road import read_inputs
from pipeline.show import show_text
from pipeline.stats import REMOVING, require_run
from pipeline.store import Folder

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


def why(folder: Folder, key: str) -> list[dict[str, Any]]:
    """The stories of all documents with this id or URL; raises UserError if there is none."""
    require_run(folder)
    ledger = Ledger(folder)
    recipe = read_resolved(folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml")
    files = closed_files(ledger)
    found = places_of(files, key)
    if not found:
        return skipped_stories(folder, recipe, key)
    return [story(id_, rows_of(files, id_, places), recipe) for id_, places in sorted(found.items())]


def skipped_stories(
    folder: Folder, recipe: Recipe, key: str, most: int = _SEARCHED_BYTES
) -> list[dict[str, Any]]:
    """The stories of records that became no document, read from the inputs; raises UserError if there is none.

    An id names its place; for a URL the inputs are read from the start, if they have at most `most` bytes.
    """
    from pipeline.extract import skipped

    files = [file for file in read_inputs(folder) if file.kind == "warc" and file.size > 0]
    name, _, offset = key.rpartition("@")
    places = [file for file in files if file.name == name and offset.isdecimal()]
    searched = places or (files if sum(file.size for file in files) <= most else [])
    stories: list[dict[str, Any]] = []
    ranges: list[tuple[int, int | None]] = [(0, None)]
    if places:
        # Of an id whose offset is one in the decompressed file, the range holds nothing or another record.
        ranges = [(int(offset), int(offset) + 1), (0, None)][: 1 + (places[0].size <= most)]
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


def story(id_: str, found: Mapping[str, tuple[str, dict[str, Any]]], recipe: Recipe) -> dict[str, Any]:
    """One document's story from what a run holds of it: by public folder, the shard and the row."""
    rows = {under: row for under, (_, row) in found.items()}
    record = next(
        (rows[under] for under in ("extracted", "documents", "dropped", "corpus", "failed") if under in rows),
        {},
    )
    measured = rows.get("documents") or rows.get("dropped") or rows.get("corpus")
    told: dict[str, Any] = {
        "id": id_,
        "url": record.get("url"),
        "fate": _fate(rows),
        "record": {name: record.get(name) for name in _RECORD},
    }
    if "failed" in rows:
        told["failed"] = {"kind": rows["failed"].get("kind"), "message": rows["failed"].get("message")}
    if "dropped" in rows:
        told["reason"], told["reasons"] = rows["dropped"]["reason"], rows["dropped"]["reasons"]
        told["screened"] = rows["dropped"].get("screened")
    if measured is not None and EMPTY_SIGNAL.column in measured:  # a recipe without filters measures nothing
        told["language"] = {"language": measured.get("language"), "score": measured.get("language_score")}
        text = rows.get("extracted", {}).get("text")
        row = {**measured, "text": text if text is not None else measured.get("text")}
        if matches := contamination.told(recipe, measured):
            told["contamination"] = matches
        told["rules"] = [
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
        told["duplicate"] = {name: duplicate[name] for name in ("duplicate_of", "kind", "similarity")}
    if "cut" in rows:
        told["lines_cut"] = {name: rows["cut"][name] for name in ("lines", "characters", "emptied")}
    if "clusters" in rows:
        told["cluster"] = {"id": rows["clusters"]["cluster"], "documents": rows["clusters"]["size"]}
    if "corpus" in rows:
        told["domain"] = rows["corpus"].get("domain")
        counts = {kind: rows["corpus"].get(f"pii_{kind}") or 0 for kind in pii.KINDS}
        kinds = pii.masked(recipe.pii) if recipe.pii is not None else ()
        told["masked"] = {kind: counts[kind] for kind in kinds}
        told["personal_data"] = counts
    if "corpus" in rows or "tokens" in rows:
        shard, at = found.get("tokens", ("", None))
        names = ("split", "offset", "length")
        told["tokens"] = None if at is None else {"shard": shard, **{name: at[name] for name in names}}
    text = (rows.get("corpus") or rows.get("documents") or rows.get("extracted") or {}).get("text")
    if text is not None:
        told["text"] = text
    return told
