"""Kept and dropped documents side by side, with the places in their texts that made rules fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.types import Span
from pipeline.dashboard.address import marked_address
from pipeline.dashboard.documents import UNKNOWN, Documents
from pipeline.dashboard.excerpt import Excerpt, ExcerptPiece, excerpt
from pipeline.dashboard.overlap import fired
from pipeline.dashboard.texts import Scan, Text, as_measured, occurrences, scan, spans_of, texts_of
from pipeline.dashboard.view import BadQuestion, House, View
from pipeline.dashboard.watch import Seen
from pipeline.errors import nearest
from pipeline.report.funnel import recipe_rules
from pipeline.report.samples import cut, masked
from pipeline.why_told import drops_when, value_of

if TYPE_CHECKING:
    from filters.chain import Chain

SHOWN = 5  # documents of a side on one page
VALUES = 6  # failing rules that are told of one document
SEARCHED = 20_000  # documents that one search may look at
ORDERS = 4  # by other seeds that are remembered
Array = np.ndarray[Any, Any]
Fate = Literal["", "dropped", "removed", "duplicate", "corpus", "kept so far"]


class SamplesQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which documents.

    `rule`: `<filter>.<rule>`, dropped documents that it fires on, with what it counts marked on both sides; `alone`:
    only those that no other rule fires on; `reason`: those of which it is the first failing rule; `fate`: what became
    of a document; `host`, `language`, `domain`: exactly; `text`: what the text contains, whole words or
    parts of them, upper and lower case alike; `seed`: another order; `page`: from 1.
    """

    rule: str = ""
    alone: bool = False
    reason: str = ""
    fate: Fate = ""
    host: str = ""
    language: str = ""
    domain: str = ""
    text: Annotated[str, msgspec.Meta(max_length=200)] = ""
    seed: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    page: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1


class SampleValue(msgspec.Struct, frozen=True, kw_only=True):
    """A rule against a document: `value` of `signal`, as `shown`; it `drops` when compared so (`drop_when`) with its
    `threshold`, and `failed` if that holds."""

    rule: str
    signal: str
    value: float | int | str | None
    shown: str
    drop_when: str
    threshold: float | int | str | list[str] | None
    drops: str
    failed: bool


class SampleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One document: `id`, `url` and `title` masked and cut, `host`, `language`, `domain` where it has one; `address` is
    `url` in pieces, those marked that a rule of the filter `url` counts.

    `fate`: what became of it; `reason`: the first rule that dropped it, or empty; `bytes`: of extracted text;
    `screened`: the rule by which a cheap look spared its extraction; `values`: of the rules that fail, the one asked
    for first, and `others` that are not listed; `rule`: whose places are marked in the excerpt; `source`: which text
    that is (`extracted`, also as a filter saw it after the edits before it; `documents`, `corpus`), empty where there
    is none to show, and then `excerpt` is null.
    """

    id: str
    url: str
    address: list[ExcerptPiece]
    title: str
    host: str
    language: str
    domain: str
    fate: str
    reason: str
    screened: str
    bytes: int
    values: list[SampleValue]
    others: int
    rule: str
    source: str
    excerpt: Excerpt | None


class SampleSide(msgspec.Struct, frozen=True, kw_only=True):
    """One side: `total` documents in memory that fit the question, of which `documents` are this page's; `duplicates`
    of the total were removed later as duplicates (null where that is not known, in a sample)."""

    total: int
    duplicates: int | None
    documents: list[SampleDocument]


class SampleSearch(msgspec.Struct, frozen=True, kw_only=True):
    """How far a search in texts got: `looked_at` of `candidates`, `found` that contain it, `stopped` at its bounds."""

    looked_at: int
    candidates: int
    found: int
    stopped: bool


class SamplesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Documents in an order by a hash of their ids, which does not change while a run goes on.

    `kept`: those that passed the filters, also if they were removed as duplicates later; `dropped`: by a filter, also
    those that count as removed.
    `rules`, `languages`, `domains`: what can be asked for; `exact`: every document is in memory, not a sample of them;
    `released`: texts as extracted were removed after the run, so dropped documents have none to show; `pages`: of the
    longer side, `page` the one shown, counted from 1 and the last one if less; `search`: how far texts were searched,
    null without `text`.
    """

    kept: SampleSide
    dropped: SampleSide
    search: SampleSearch | None
    rules: list[str]
    languages: list[str]
    domains: list[str]
    exact: bool
    released: bool
    page: int
    pages: int


def answer(house: House, seen: Seen, asked: SamplesQuestion) -> SamplesAnswer:
    """A page of each side; reads only the texts of what it shows, or of a bounded number where words are searched."""
    documents = seen.documents
    names = [name for name, _ in recipe_rules(seen.run)]
    for given in (asked.rule, asked.reason):
        if given and given not in names:
            raise BadQuestion(f"the recipe has no rule `{given}`{nearest(given, names)}")
    chosen = _chosen(documents, asked)
    ruled = chosen & _ruled(documents, asked)
    order = _order(documents, asked.seed)
    sides = {True: order[chosen[order] & documents.kept[order]], False: order[ruled[order]]}
    if asked.reason and not asked.fate:
        sides[False] = sides[False][_equals(documents, "reason", asked.reason)[sides[False]]]
    search = None
    if asked.text:
        sides, search = _searched(seen, sides, asked.text)
    pages = max(1, *(-(-len(rows) // SHOWN) for rows in sides.values()))
    page = min(asked.page, pages)
    first = (page - 1) * SHOWN
    shown = {kept: rows[first : first + SHOWN] for kept, rows in sides.items()}
    made = {kept: _documents(seen, rows, asked, kept) for kept, rows in shown.items()}
    return SamplesAnswer(
        kept=_side(documents, sides[True], made[True]),
        dropped=_side(documents, sides[False], made[False]),
        search=search,
        rules=names,
        languages=_labels(documents, "language"),
        domains=_labels(documents, "domain"),
        exact=documents.exact,
        released=_released(seen),
        page=page,
        pages=pages,
    )


def _side(documents: Documents, rows: Array, shown: list[SampleDocument]) -> SampleSide:
    duplicates = int(_equals(documents, "fate", "duplicate")[rows].sum()) if documents.exact else None
    return SampleSide(total=len(rows), duplicates=duplicates, documents=shown)


def _chosen(documents: Documents, asked: SamplesQuestion) -> Array:
    chosen = np.ones(documents.rows, np.bool_)
    wanted = {"host": asked.host.strip().lower(), "language": asked.language, "domain": asked.domain}
    for name, value in (wanted | {"fate": asked.fate}).items():
        if value:
            chosen &= _equals(documents, name, value)
    return chosen


def _equals(documents: Documents, name: str, value: str) -> Array:
    column = documents.table[name]
    if value == UNKNOWN:
        match = pc.or_(pc.is_null(column), pc.fill_null(pc.equal(column, ""), False))
    else:
        match = pc.fill_null(pc.equal(column, value), False)
    return np.asarray(match.combine_chunks().to_numpy(zero_copy_only=False), np.bool_)


def _ruled(documents: Documents, asked: SamplesQuestion) -> Array:
    """Dropped documents that the rule fires on, alone if that is asked."""
    ruled = ~documents.kept
    if asked.rule:
        rows, _ = fired(documents, [asked.rule])
        fires = np.zeros(documents.rows, np.bool_)
        fires[rows] = True
        ruled = ruled & fires
    if asked.alone:
        number = pc.fill_null(pc.list_value_length(documents.table["reasons"]), 0)
        ruled = ruled & (np.asarray(number) == 1)
    return ruled


def _order(documents: Documents, seed: int) -> Array:
    """All rows in an order by the hash of their ids."""

    def make() -> Array:
        from filters.models.draw import ranks

        return np.argsort(ranks(documents.table["id"].to_pylist(), f"samples {seed}"), kind="stable")

    if not documents.rows:
        return np.zeros(0, np.int64)
    return documents.among("sample order", seed, ORDERS, make)


def _labels(documents: Documents, name: str) -> list[str]:
    """The most frequent labels of a column."""

    def make() -> list[str]:
        if not documents.rows or documents.table[name].null_count == documents.rows:
            return []
        codes, labels = documents.codes(name)
        counts = np.bincount(codes, minlength=len(labels))
        best = sorted(range(len(labels)), key=lambda at: (-int(counts[at]), labels[at]))[:60]
        return [labels[at] for at in best]

    return documents.once(("sample labels", name), make)


def _released(seen: Seen) -> bool:
    """Whether there were extracted texts that are no longer there; looks at the first file."""
    for receipt in seen.run.closed["extract"]:
        for output in receipt.outputs:
            if output.folder == "extracted" and output.rows:
                return not seen.run.folder.exists(output.name)
    return False


def _searched(seen: Seen, sides: dict[bool, Array], words: str) -> tuple[dict[bool, Array], SampleSearch]:
    """The rows of each side whose texts contain the words, as far as a bounded search gets, shard after shard."""
    documents = seen.documents
    rows = np.sort(np.concatenate(list(sides.values())))[:SEARCHED]
    table = documents.table.select(["id", "shard"]).take(pa.array(rows))
    candidates: dict[str, list[str]] = {}
    for id_, shard in zip(table["id"].to_pylist(), table["shard"].to_pylist(), strict=True):
        candidates.setdefault(shard, []).append(id_)
    found: Scan = scan(seen.run, candidates, words)
    match = pc.is_in(table["id"], value_set=pa.array(found.found, pa.string()))
    with_words = np.zeros(documents.rows, np.bool_)
    with_words[rows] = np.asarray(match.combine_chunks().to_numpy(zero_copy_only=False), np.bool_)
    total = sum(map(len, sides.values()))
    search = SampleSearch(
        looked_at=found.looked_at,
        candidates=total,
        found=len(found.found),
        stopped=found.stopped or total > SEARCHED,
    )
    return {kept: one[with_words[one]] for kept, one in sides.items()}, search


def _documents(seen: Seen, rows: Array, asked: SamplesQuestion, kept: bool) -> list[SampleDocument]:
    if not len(rows):
        return []
    chain = seen.run.recipe.chain({})
    found = seen.documents.table.take(pa.array(rows)).to_pylist()
    places = {row["id"]: row["shard"] for row in found if row["screened"] is None}
    texts = texts_of(seen.run, places, finished=kept and not asked.rule)
    by_rule: dict[str, dict[str, Text]] = {}
    for row in found:
        rule = asked.rule or row["reason"] or ""
        if row["id"] in texts:
            by_rule.setdefault(rule, {})[row["id"]] = texts[row["id"]]
    languages = {row["id"]: row.get("language") for row in found}
    for rule, own in by_rule.items():
        texts |= as_measured(chain, rule, own, languages) if rule else own
    safe = masked([str(row[name] or "") for row in found for name in ("url", "title")])
    for at, row in enumerate(found):
        row["url"], row["title"] = cut(safe[2 * at]), cut(safe[2 * at + 1])
    return [_document(chain, row, texts.get(row["id"]), asked) for row in found]


def _document(chain: Chain, row: dict[str, Any], text: Text | None, asked: SamplesQuestion) -> SampleDocument:
    rule = asked.rule or row["reason"] or ""
    language = row.get("language")
    spans: list[Span] = []
    if text is not None and asked.text:
        spans = occurrences(text.text, asked.text)
    elif text is not None and rule:
        spans = spans_of(chain, rule, text.text, language)
    values = _values(chain, row, asked.rule)
    return SampleDocument(
        id=row["id"],
        url=row["url"],
        address=marked_address(row["url"], "" if asked.text else rule, rule in (row["reasons"] or ())),
        title=row["title"],
        host=row["host"] or "",
        language=language or "",
        domain=row.get("domain") or "",
        fate=row["fate"],
        reason=row["reason"] or "",
        screened=row["screened"] or "",
        bytes=row["bytes"],
        values=values[:VALUES],
        others=max(0, len(values) - VALUES),
        rule="" if asked.text else rule,
        source=text.source if text is not None else "",
        excerpt=excerpt(text.text, spans) if text is not None and text.text else None,
    )


def _values(chain: Chain, row: dict[str, Any], asked: str) -> list[SampleValue]:
    """The rules that fail, the one asked for first, also where it does not."""
    reasons = list(row["reasons"] or ())
    wanted = list(dict.fromkeys([*([asked] if asked else []), *reasons]))
    rules = dict(chain.rules_for(row.get("language")))
    values = []
    for name in wanted:
        if name not in rules or rules[name].signal not in row:
            continue
        rule, value = rules[name], row[rules[name].signal]
        if isinstance(value, float) and value != value:
            value = None
        told = {
            "signal": rule.signal,
            "value": value,
            "drop_when": rule.drop_when,
            "threshold": rule.threshold,
            "condition": "",
        }
        threshold = list(rule.threshold) if isinstance(rule.threshold, tuple) else rule.threshold
        values.append(
            SampleValue(
                rule=name,
                signal=rule.signal,
                value=value,
                shown=value_of(told),
                drop_when=rule.drop_when,
                threshold=threshold,
                drops=drops_when(told),
                failed=name in reasons,
            )
        )
    return values


VIEW = View("samples", "Samples", "e", SamplesQuestion, SamplesAnswer, answer)
