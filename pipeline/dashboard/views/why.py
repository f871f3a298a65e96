"""One document's whole story, as `sluice why` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow.compute as pc

from pipeline.dashboard.documents import Documents
from pipeline.dashboard.view import BadQuestion, House, View
from pipeline.dashboard.watch import Seen
from pipeline.errors import UserError
from pipeline.lookup import Files, files_of, place_of, rows_of, rows_where
from pipeline.report.samples import masked
from pipeline.show import show_text
from pipeline.why import skipped_stories, story
from pipeline.why_told import drops_when, lines, mark, value_of

TEXT = 4000  # characters of a text that are shown
STORIES = 10  # of one URL
FAILED_FILES = 200  # that are searched for a record that failed
EXAMPLES = 4


class WhyQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """`id`: a document's id or its URL."""

    id: str = ""


class WhyLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the story: what it is about (`label`), and the words."""

    label: str
    words: str


class WhyRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule against the document, as `sluice why --json` has it.

    `value` was measured of `signal`, null where it was not; the rule drops when `value drop_when threshold` holds and
    `condition` does not spare the document (`excused`), and then it has `failed`; a null threshold switches it off.
    `mark` says the same in a word, `shown` and `drops` are value and threshold as text.
    """

    rule: str
    signal: str
    value: float | int | str | None
    drop_when: str
    threshold: float | int | str | list[str] | None
    failed: bool
    condition: str
    excused: bool
    mark: str
    shown: str
    drops: str


class WhyCluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster of near copies that the document stands for: the id it goes by, and its size in documents."""

    id: str
    documents: int


class WhyStory(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one document: its `id`, `url` and `title`.

    `fate` is dropped, removed, duplicate, failed, skipped, corpus or kept so far; `reason` the first failing rule,
    `reasons` all; `told` the lines of `sluice why`; `rules` every rule in recipe order; `duplicate_of` the copy that
    was kept, `cluster` the group that the document stands for; `text` the beginning of its text as far as the run is,
    as extracted where it was dropped, with personal data masked, null where there is none; `more` characters follow.
    """

    id: str
    url: str
    title: str
    fate: str
    reason: str
    reasons: list[str]
    told: list[WhyLine]
    rules: list[WhyRule]
    duplicate_of: str
    cluster: WhyCluster | None
    text: str | None
    more: int


class WhyExample(msgspec.Struct, frozen=True, kw_only=True):
    """A document that can be asked for: its `id`, `title` and `fate`."""

    id: str
    title: str
    fate: str


class WhyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The stories of the documents with this id or URL; without a question, some ids to begin with
    (`examples`)."""

    stories: list[WhyStory]
    examples: list[WhyExample]


def answer(house: House, seen: Seen, asked: WhyQuestion) -> WhyAnswer:
    """The stories of an id or URL; BadQuestion (404) where no document, failed or skipped record bears it.

    An id names its file, so few files are opened; a URL is looked for among the documents in memory.
    """
    if not asked.id.strip():
        return WhyAnswer(stories=[], examples=_examples(seen.documents))
    files = files_of(seen.run)
    for key in (asked.id, asked.id.strip()):  # as it was asked first: an id may end in a space
        found = place_of(files, key) or _in_memory(seen.documents, key) or _failed(files, key)
        if found:
            break
    stories = [
        story(id_, rows_of(files, id_, shards), seen.run.recipe)
        for id_, shards in sorted(found.items())[:STORIES]
    ]
    return WhyAnswer(stories=[_shown(one) for one in stories or _skipped(seen, key)], examples=[])


def _in_memory(documents: Documents, key: str) -> dict[str, set[str]]:
    table = documents.table
    match = pc.or_kleene(pc.equal(table["id"], key), pc.equal(table["url"], key))
    at = np.flatnonzero(pc.fill_null(match, False))[:STORIES]
    chosen = table.select(["id", "shard"]).take(at)
    return {row["id"]: {row["shard"]} for row in chosen.to_pylist()}


def _failed(files: Files, key: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for number, (shard, name) in enumerate(files.of("extract", "failed", None)):
        if number == FAILED_FILES:
            break
        for column in ("id", "url"):
            for row in rows_where(files.folder, name, column, [key], ["id"]):
                found.setdefault(row["id"], set()).add(shard)
    return found


def _skipped(seen: Seen, key: str) -> list[dict[str, Any]]:
    """A record that became no document, if the id says where it lies in a file of this machine."""
    name = key.rpartition("@")[0]
    here = any(file.name == name and "://" not in file.path for file in seen.run.inputs)
    try:
        if here:
            return skipped_stories(seen.run.folder, seen.run.recipe, key, most=0)
    except UserError:
        pass
    looked = "" if seen.documents.exact else " in the sample that is in memory"
    raise BadQuestion(
        f"no document has the id or URL {show_text(key)}{looked}; `sluice why` searches the inputs, too", 404
    )


def _shown(told: Mapping[str, Any]) -> WhyStory:
    """A story for a page: everything that was crawled masked, the text cut."""
    text = told.get("text")
    bare = _masked({**told, "text": text[: 2 * TEXT] if text is not None else None})
    begin = bare["text"][:TEXT] if text is not None else None
    duplicate = told.get("duplicate") or {}
    cluster = told.get("cluster")
    return WhyStory(
        id=str(told["id"]),
        url=bare["url"] or "",
        title=bare["record"]["title"] or "",
        fate=told["fate"],
        reason=told.get("reason") or "",
        reasons=told.get("reasons") or [],
        told=[WhyLine(label=label, words=words) for label, words in lines(bare)],
        rules=[
            msgspec.convert(
                one | {"mark": mark(one), "shown": value_of(one), "drops": drops_when(one)}, WhyRule
            )
            for one in told.get("rules", [])
        ],
        duplicate_of=duplicate.get("duplicate_of") or "",
        cluster=msgspec.convert(cluster, WhyCluster) if cluster else None,
        text=begin,
        more=max(0, len(text) - TEXT) if text is not None else 0,
    )


def _masked(told: dict[str, Any]) -> dict[str, Any]:
    """The story with personal data masked in all that comes from a page."""

    def safe(value: Any) -> Any:
        return masked([value])[0] if isinstance(value, str) and value else value

    found = told | {"url": safe(told["url"]), "text": safe(told.get("text"))}
    own = ("title", "canonical", "license", "opt_out")
    found["record"] = told["record"] | {name: safe(told["record"].get(name)) for name in own}
    if "failed" in told:
        found["failed"] = told["failed"] | {"message": safe(told["failed"]["message"])}
    found["contamination"] = [one | {"text": safe(one["text"])} for one in told.get("contamination", [])]
    return found


def _examples(documents: Documents) -> list[WhyExample]:
    """The first documents of every fate."""
    if not documents.rows:
        return []
    codes, labels = documents.codes("fate")
    at = [int(i) for code in range(len(labels)) for i in np.flatnonzero(codes == code)[:EXAMPLES]]
    rows = documents.table.select(["id", "title", "fate"]).take(at).to_pylist()
    titles = masked([row["title"] or "" for row in rows])
    return [
        WhyExample(id=row["id"], title=show_text(title, 80), fate=row["fate"])
        for row, title in zip(rows, titles, strict=True)
    ]


VIEW = View("why", "Why", "w", WhyQuestion, WhyAnswer, answer)
