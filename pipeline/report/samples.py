"""Examples for the eye: failed records, dropped and kept documents. Texts are cut short and always shown masked.

Only the first files of a run are looked at, so a report of a large run costs no more than one of a small one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from filters.types import Rule
from pipeline.report.funnel import condition
from pipeline.report.run import Run
from pipeline.store.parquet import iterate, read_table

FILES = 20  # looked at, of each kind
PER_KIND = 3  # failed records
PER_BENCHMARK = 5  # places of its items
KEPT, DROPPED = 4, 8  # documents
CUT, LINES = 600, 12  # of a text: characters, lines
_NAME = 300  # characters of an address or a message


class Failure(NamedTuple):
    """A record that could not be read or extracted."""

    kind: str
    id: str
    offset: int | None
    url: str
    message: str


class Sample(NamedTuple):
    """A document: what became of it, and the beginning of its text, line by line."""

    id: str
    url: str
    title: str
    reason: str  # empty for kept documents
    facts: list[str]  # why, or what it is
    lines: list[str]
    more: int  # characters that are not shown


class Contaminated(NamedTuple):
    """A place in a document where an item of a benchmark was found."""

    id: str
    benchmark: str
    item: str
    kind: str
    start: int  # characters
    end: int
    score: float
    text: str


def failures(run: Run) -> list[Failure]:
    """The first failed records of every kind."""
    found: dict[str, list[Failure]] = {}
    columns = ["id", "url", "kind", "warc_offset", "message"]
    for _, output in islice(run.files("extract", "failed"), FILES):
        for row in read_table(run.folder, output.name, columns).to_pylist():
            of_kind = found.setdefault(str(row["kind"]), [])
            if len(of_kind) < PER_KIND:
                url, message = masked([str(row["url"] or ""), str(row["message"] or "")])
                of_kind.append(
                    Failure(str(row["kind"]), str(row["id"]), row["warc_offset"], cut(url), cut(message))
                )
    return [one for kind in sorted(found) for one in found[kind]]


def masked(texts: list[str]) -> list[str]:
    """The texts with e-mail and IP addresses and telephone numbers replaced, whatever the recipe says of them."""
    import pyarrow as pa

    from filters import pii

    array, _ = pii.mask(pa.array(texts, pa.large_string()), pii.Settings(phones=True))
    return [str(one) for one in array.to_pylist()]


def cut(text: str, limit: int = _NAME) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= limit else text[:limit] + "…"


def kept(run: Run) -> list[Sample]:
    """A few documents of the corpus, or of those that passed the filters when there is no corpus yet."""
    stage, under = ("corpus", "corpus") if run.closed["corpus"] else ("filter", "documents")
    rows: list[dict[str, Any]] = []
    for _, output in islice(run.files(stage, under), FILES):
        wanted = ["id", "url", "title", "text", "domain", "language", "language_score"]
        rows += _chosen(_rows(run, output.name, wanted), KEPT)
    return [_sample(row, "", _about(row)) for row in sorted(rows, key=lambda row: _rank(row["id"]))[:KEPT]]


def dropped(run: Run) -> list[Sample]:
    """One document for each of the rules that drop most, with the values that decided."""
    reasons = list(run.counts["dropped"])[:DROPPED]
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for receipt, output in islice(run.files("filter", "dropped"), FILES):
        table = read_table(run.folder, output.name)
        # One whose text there is to show, if there is one.
        for row in sorted(
            table.to_pylist(), key=lambda row: (row.get("screened") is not None, _rank(row["id"]))
        ):
            if row["reason"] in reasons and row["reason"] not in found:
                found[row["reason"]] = (receipt.shard, row)
        if len(found) == len(reasons):
            break
    chain = run.recipe.chain({})
    texts = _texts(run, {row["id"]: shard for shard, row in found.values()})
    samples = []
    for reason in reasons:
        if reason in found:
            row = found[reason][1]
            facts = [_because(rule, row[rule.signal]) for name, rule in chain.rules if name in row["reasons"]]
            if row.get("screened"):
                facts.append("screened by a cheap look: its main text was not extracted")
            samples.append(_sample(row | {"text": texts.get(row["id"])}, reason, facts))
    return samples


def contaminated(run: Run) -> list[Contaminated]:
    """The first places of each benchmark where items were found."""
    found: dict[str, list[Contaminated]] = {}
    columns = list(Contaminated._fields)
    for _, output in islice(run.files("filter", "contamination"), FILES):
        for row in read_table(run.folder, output.name, columns).to_pylist():
            of_benchmark = found.setdefault(row["benchmark"], [])
            if len(of_benchmark) < PER_BENCHMARK:
                (text,) = masked([row["text"]])
                of_benchmark.append(Contaminated(**row | {"text": cut(text)}))
    return [one for name in sorted(found) for one in found[name]]


def _because(rule: Rule, value: object) -> str:
    shown = f"{value:.4g}" if isinstance(value, float) else value
    return f"{rule.signal} = {shown}, drops when {condition(rule)}"


def _about(row: Mapping[str, Any]) -> list[str]:
    facts = []
    if row.get("domain"):
        facts.append(f"domain {row['domain']}")
    if row.get("language"):
        facts.append(f"language {row['language']} ({row.get('language_score') or 0:.2f})")
    return facts


def _texts(run: Run, shards: Mapping[str, str]) -> dict[str, str]:
    """The extracted texts of some documents, given by id and shard."""
    found: dict[str, str] = {}
    for receipt, output in run.files("extract", "extracted"):
        wanted = {id_ for id_, shard in shards.items() if shard == receipt.shard} - set(found)
        if not wanted:
            continue
        for row in _rows(run, output.name, ["id", "text"]):
            if row["id"] in wanted:
                found[row["id"]] = row["text"]
                wanted.discard(row["id"])
            if not wanted:
                break
    return found


def _rows(run: Run, name: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    from pipeline.store.parquet import schema_of

    there = set(schema_of(run.folder, name).names)
    for table in iterate(run.folder, name, [column for column in columns if column in there]):
        yield from table.to_pylist()


def _chosen(rows: Iterable[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """The rows of the lowest ranks, holding no more than `number`."""
    best: list[dict[str, Any]] = []
    for row in rows:
        best = sorted([*best, row], key=lambda one: _rank(one["id"]))[:number]
    return best


def _rank(identity: str) -> int:
    """A fixed random order, not that of the held-out split."""
    import hashlib

    return int.from_bytes(
        hashlib.blake2b(identity.encode(), digest_size=8, person=b"sluice-sample").digest(), "big"
    )


def _sample(row: Mapping[str, Any], reason: str, facts: list[str]) -> Sample:
    # Masked before it is cut: a cut address would not be recognised.
    whole = str(row.get("text") or "")
    text, url, title = masked([whole[: 4 * CUT], str(row.get("url") or ""), str(row.get("title") or "")])
    lines = text[:CUT].split("\n")[:LINES]
    more = max(0, len(whole) - len("\n".join(lines)))
    return Sample(str(row["id"]), cut(url), cut(title), reason, facts, lines, more)
