"""Stages that end with the bytes of a fresh run, from what an earlier run with other thresholds stored.

`adopted` takes over a shard whose key the earlier run has, too. `SHORTCUTS` holds what replaces the work of `extract`
and `filter` where thresholds differ: signals are decided again, edits are made again for documents that are kept now
and were not, and only pages whose full text the earlier cascade had spared are read from the WARC, by their offsets.
What follows takes over what was made of documents that both runs keep (`pipeline.stages.kept_again`).

Each works on one shard and holds the texts of its documents in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.cascade import COLUMNS, REASON, Look, Screen, by_look
from pipeline.errors import UserError
from pipeline.ledger import KEY_LENGTH, Output, Receipt, shard_key
from pipeline.stages.earlier import output_of, reading, receipt_of, recipe_of
from pipeline.stages.kept_again import corpus, signatures
from pipeline.stages.stage import Attempt, Shard, Source
from pipeline.store import Folder, sha256_file
from pipeline.store.parquet import iterate, read_table, schema_of

if TYPE_CHECKING:
    from filters.chain import Chain
    from filters.types import Verdict
    from pipeline.extract import Part, Tally
    from pipeline.recipe import Recipe
    from pipeline.reread import Place

Array = np.ndarray
_OF_PAGES = ("timeout", "memory", "crash", "extractor_error")  # failures that a look may have come before


def adopted(attempt: Attempt, source: Source) -> Receipt | None:
    """The receipt of the earlier run's shard, its files copied, if it has the same key; else None.

    Files that the earlier run has released are not there, and not missed.
    """
    if attempt.stage not in source.receipts:
        return None
    folder, receipt = receipt_of(source, attempt.stage)
    if receipt.key != shard_key(attempt.fingerprint, attempt.shard.inputs):
        return None
    for output in receipt.outputs:
        if folder.exists(output.name):
            attempt.folder.put(_copied(folder, output, attempt), output.name)
        elif attempt.stage not in source.released:
            raise UserError(f"{folder.url}/{output.name} is missing: run `sluice repair {folder.url}`")
    return receipt


def _copied(folder: Folder, output: Output, attempt: Attempt) -> Any:
    """A copy of a published file in the scratch folder, checked."""
    path = attempt.scratch / f"copy.{output.sha256}"
    with folder.open(output.name) as file, open(path, "wb") as copy:
        while chunk := file.read(1 << 20):
            copy.write(chunk)
    if sha256_file(path) != output.sha256:
        raise UserError(f"{folder.url}/{output.name} is damaged: run `sluice repair {folder.url}`")
    return path


def extract(shard: Shard, attempt: Attempt, source: Source) -> None:
    """What `extract` gives with another screen: pages that it spares now lose their text, others are read again."""
    folder, old = receipt_of(source, "extract")
    _take_counts(attempt, old)
    if shard.parameters["kind"] != "warc" or shard.parameters["missing"]:
        for output in old.outputs:
            path = _copied(folder, output, attempt)
            attempt.add_file(path, output.folder, f"{shard.name}.parquet", output.rows)
        return
    from pipeline.extract import Tally
    from pipeline.stages.extract import run

    plan = _plan(folder, old, source, attempt.recipe)
    if not plan.sorted:
        attempt.counts.clear()
        attempt.named_counts.clear()
        run(shard, attempt)
        attempt.costs["reread"] = attempt.counts["out"]
        return
    tally = Tally()
    parts = _read_again(shard.parameters, attempt, plan.places, tally)
    _write_documents(folder, old, attempt, plan, parts)
    failed = _write_failed(folder, old, attempt, plan, parts)
    for output in old.outputs:
        if output.folder == "pdfs":  # the list of PDFs, which no threshold touches
            attempt.add_file(
                _copied(folder, output, attempt), output.folder, f"{shard.name}.parquet", output.rows
            )
    attempt.named_counts["failed"] = Counter(failed)
    _move_problems(attempt, plan, parts, tally)
    attempt.costs = {"reread": len(plan.places)}
    accounted = sum(attempt.named_counts["skipped"].values()) + len(failed) + attempt.counts["out"]
    if attempt.counts["records"] != accounted:
        raise AssertionError(f"{shard.name}: {attempt.counts['records']} records, {accounted} accounted for")


def _take_counts(attempt: Attempt, old: Receipt) -> None:
    for name, value in old.counts.items():
        if isinstance(value, dict):
            attempt.named_counts[name] = Counter(value)
        else:
            attempt.counts[name] = value
    attempt.values = dict(old.values)
    attempt.bytes_in, attempt.documents = old.cost.bytes_in, old.cost.documents


class _Plan(NamedTuple):
    """What becomes of the extracted documents of a shard, row by row, and which records are read again."""

    screen: Screen | None
    rules: list[str | None]  # that screen a document now
    again: list[bool]  # its record is read again
    ids: list[str]
    failed: set[str]  # ids of failed pages that are read again
    places: list[Place]
    sorted: bool  # offsets tell where what is read again belongs


def _plan(folder: Folder, old: Receipt, source: Source, recipe: Recipe) -> _Plan:
    from pipeline.cascade import screen_for
    from pipeline.reread import Place

    before, now = screen_for(recipe_of(source.run)), screen_for(recipe)
    assert before is not None
    columns = ["id", "url", "warc_offset", "warc_length", "warc_offset_in", REASON, *COLUMNS]
    with reading(folder):
        rows = read_table(folder, output_of(old, "extracted").name, columns).to_pylist()
        failures = read_table(folder, output_of(old, "failed").name).to_pylist()
    addresses = _addresses(rows, before, now)
    decided = [_decided(row, rule, now) for row, rule in zip(rows, addresses, strict=True)]
    offset_in = rows[0]["warc_offset_in"] if rows else "stream"
    failed = [row for row in failures if row["kind"] in _OF_PAGES]
    wanted = [row for row, (_, again) in zip(rows, decided, strict=True) if again]
    places = sorted(Place(row["warc_offset"], row["warc_length"], offset_in) for row in [*wanted, *failed])
    return _Plan(
        screen=now,
        rules=[rule for rule, _ in decided],
        again=[again for _, again in decided],
        ids=[row["id"] for row in rows],
        failed={row["id"] for row in failed},
        places=places,
        sorted=not places or _sorted(rows, failures),
    )


def _sorted(rows: Sequence[Mapping[str, Any]], failures: Sequence[Mapping[str, Any]]) -> bool:
    """Whether offsets are in record order: they are not where several WARCs lie in a file or a stream is damaged."""
    offsets = [row["warc_offset"] for row in rows]
    within = {row["warc_offset_in"] for row in rows}
    damaged = any(row["kind"] not in _OF_PAGES for row in failures)
    return offsets == sorted(offsets) and (within == {"file"} or (len(within) == 1 and not damaged))


def _addresses(rows: Sequence[Mapping[str, Any]], before: Screen, now: Screen | None) -> list[str | None]:
    """The rule that screens each address now."""
    if now is None:
        return [None] * len(rows)
    if (now.url, now.margins.url) == (before.url, before.margins.url):
        return [row[REASON] if _by_address(row[REASON]) else None for row in rows]
    from pipeline.cascade import Cascade

    return Cascade(now).addresses([row["url"] for row in rows])


def _by_address(rule: str | None) -> bool:
    return rule is not None and rule.startswith("url.")


def _decided(row: Mapping[str, Any], address: str | None, now: Screen | None) -> tuple[str | None, bool]:
    """The rule that screens a document now, and whether its record has to be read again."""
    if address is not None:
        return address, False
    if _by_address(row[REASON]):
        return None, True  # it was never looked at
    if row[COLUMNS[0]] is None:
        return None, False  # a text already, which nobody looks at
    looked = now is not None and now.looks
    rule = by_look(Look(*(row[name] for name in COLUMNS)), now) if looked and now is not None else None
    return rule, rule is None and row[REASON] is not None


def _read_again(
    parameters: Mapping[str, Any], attempt: Attempt, places: Sequence[Place], tally: Tally
) -> list[Part]:
    from pipeline.cascade import screen_for
    from pipeline.extract import extract_records, read_limits
    from pipeline.inputs import name_of
    from pipeline.reread import records_at

    if not places:
        return []
    path, settings = parameters["path"], attempt.recipe.extract
    found = records_at(path, parameters["start"], parameters["end"], places, read_limits(settings))
    return list(extract_records(found, name_of(path), settings, tally, screen_for(attempt.recipe)))


def _write_documents(
    folder: Folder, old: Receipt, attempt: Attempt, plan: _Plan, parts: Sequence[Part]
) -> None:
    """Old documents that stay or are screened now, and those that were read again, in order of offset."""
    from filters.chain import in_order
    from filters.extracted import total_bytes
    from pipeline.cascade import schema as schema_of
    from pipeline.cascade import screened_row, table

    schema = schema_of(plan.screen)
    fresh = pa.concat_tables([schema.empty_table(), *(part.documents for part in parts)])
    offsets = fresh["warc_offset"].to_numpy()
    attempt.write("extracted", schema.empty_table())
    at = given = rows = size = 0
    screened: Counter[str] = Counter(value for value in _column(fresh, REASON) if value is not None)
    for batch in _batches(folder, output_of(old, "extracted").name):
        rules, again = plan.rules[at : at + len(batch)], plan.again[at : at + len(batch)]
        at += len(batch)
        spared = np.array([rule is not None for rule in rules], bool)
        stay = ~spared & ~np.array(again, bool)
        kept = batch.filter(pa.array(stay))
        if plan.screen is None or not plan.screen.looks:
            kept = kept.drop_columns(list(COLUMNS))
        spared_rows = [
            screened_row(row, rule, None if _by_address(rule) else [row[name] for name in COLUMNS])
            for row, rule in zip(batch.drop_columns(["text"]).to_pylist(), rules, strict=True)
            if rule is not None
        ]
        screened.update(rule for rule in rules if rule is not None)
        last = batch["warc_offset"][-1].as_py()
        upto = int(np.searchsorted(offsets, last, side="right"))
        pieces = [_in_schema(kept, schema), fresh.slice(given, upto - given)]
        pieces += [_in_schema(table(spared_rows, plan.screen), schema)] if spared_rows else []
        merged = in_order([(piece, piece["warc_offset"].to_numpy()) for piece in pieces])
        attempt.write("extracted", merged)
        given, rows, size = upto, rows + merged.num_rows, size + total_bytes(merged["text"])
    rest = fresh.slice(given)
    attempt.write("extracted", rest)
    attempt.counts["out"] = attempt.documents = rows + rest.num_rows
    attempt.counts["bytes"] = size + total_bytes(rest["text"])
    attempt.named_counts["screened"] = screened


def _batches(folder: Folder, name: str) -> Iterator[pa.Table]:
    batches = iterate(folder, name)
    while True:
        with reading(folder):  # around the reading alone: what is written fails by itself
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _column(table: pa.Table, name: str) -> list[Any]:
    return table[name].to_pylist() if name in table.column_names else []


def _in_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`, null where the table lacks them."""
    there = set(table.column_names)
    arrays = [
        table[field.name].cast(field.type) if field.name in there else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _write_failed(
    folder: Folder, old: Receipt, attempt: Attempt, plan: _Plan, parts: Sequence[Part]
) -> list[str]:
    """Old failures but those read again, and new ones, each before the first that lies behind it; their kinds."""
    from pipeline.extract import FAILED_SCHEMA

    rows = [
        row
        for row in read_table(folder, output_of(old, "failed").name).to_pylist()
        if row["id"] not in plan.failed
    ]
    for row in (row for part in parts for row in part.failed.to_pylist()):
        behind = (i for i, one in enumerate(rows) if one["warc_offset"] > row["warc_offset"])
        rows.insert(next(behind, len(rows)), row)
    attempt.write("failed", pa.Table.from_pylist(rows, schema=FAILED_SCHEMA))
    return [row["kind"] for row in rows]


def _move_problems(attempt: Attempt, plan: _Plan, parts: Sequence[Part], tally: Tally) -> None:
    """Counts the faults of pages that have become documents, and no longer those of pages that no longer are."""
    before = set(plan.ids)
    now = {id_ for part in parts for id_ in part.documents["id"].to_pylist()}
    problems = attempt.named_counts["problems"]
    for id_, problem in tally.faults.items():
        problems[problem] += int(id_ in now) - int(id_ in before)
    attempt.named_counts["problems"] = +problems


def filter_(shard: Shard, attempt: Attempt, source: Source) -> None:
    """What `filter` gives with other thresholds: verdicts on stored signals; pages read again are measured."""
    from filters.chain import Applied
    from pipeline.stages.filter import Histograms, record

    documents, verdict, spared = _Stored(shard, attempt, source).decided()
    bins = Histograms()
    record(attempt, Applied(documents, verdict), spared, bins)
    attempt.histograms = bins.result()


class _Stored:
    """The documents of a shard as an earlier run left them, kept or dropped, and as they are extracted here."""

    def __init__(self, shard: Shard, attempt: Attempt, source: Source) -> None:
        self.parameters, self.attempt = source.parameters, attempt
        self.shard, self.chain = shard, attempt.recipe.chain({})
        folder, old = receipt_of(source, "filter")
        with reading(folder):
            kept = read_table(folder, output_of(old, "documents").name)
            self.dropped = self._ranked(read_table(folder, output_of(old, "dropped").name))
        self.schema = kept.schema.remove_metadata()
        self.texts = kept["text"].combine_chunks()
        self.kept = self._ranked(kept.drop_columns(["text"]))
        self.file = shard.parameters["file"]
        self.same = old.inputs[0] == shard.inputs[0]  # nothing was extracted otherwise
        self.listed = self._listed()

    def _ranked(self, documents: pa.Table) -> pa.Table:
        """Measured documents, ranked by the calibration of this run."""
        from filters.corpus_level import with_derived
        from pipeline.stages.calibrate import calibration_of

        names = tuple(self.shard.parameters.get("calibration", ()))
        found = calibration_of(self.attempt.folder.url, names)
        return with_derived(self.chain.steps, documents, {"calibration": found})

    def _listed(self) -> pa.Table | None:
        """The extracted documents without their text; None where they were released."""
        if not self.attempt.folder.exists(self.file):
            return None
        names = schema_of(self.attempt.folder, self.file).names
        wanted = [name for name in names if name != "text" and (not self.same or name in ("id", REASON))]
        return read_table(self.attempt.folder, self.file, wanted)

    def decided(self) -> tuple[pa.Table, Verdict, pa.Array]:
        """All documents with signals, and text where one is kept now, in order; verdicts; rules that screened them."""
        from filters.chain import in_order

        kept, dropped = (
            dict(zip(table["id"].to_pylist(), range(table.num_rows), strict=True))
            for table in (self.kept, self.dropped)
        )
        reasons = self.dropped[REASON].to_pylist()
        ids, rules = self._order()
        groups: dict[str, list[int]] = {"kept": [], "dropped": [], "screened": [], "again": []}
        for number, (id_, rule) in enumerate(zip(ids, rules, strict=True)):
            if rule is not None:
                groups["screened"].append(number)
            elif id_ in kept:
                groups["kept"].append(number)
            elif id_ in dropped and reasons[dropped[id_]] is None:
                groups["dropped"].append(number)
            else:
                groups["again"].append(number)
        again = self._measured([ids[i] for i in groups["again"]])
        at_kept = [kept[ids[i]] for i in groups["kept"]]
        parts = [
            (_taken(self.kept, at_kept), groups["kept"]),
            (_taken(self.dropped, [dropped[ids[i]] for i in groups["dropped"]]), groups["dropped"]),
            (self._screened(groups["screened"], dropped, ids), groups["screened"]),
            (again, groups["again"]),
        ]
        bare = self.schema.remove(self.schema.get_field_index("text"))
        signals = in_order([(_in_schema(table, bare), np.array(at, np.int64)) for table, at in parts])
        verdict = self.chain.decide(signals)
        new = np.array(groups["dropped"], np.int64)
        new = new[verdict.keep[new]]
        edited = self._edited(signals.take(pa.array(new)))
        texts = {"kept": (self.texts, np.array(at_kept, np.int64), groups["kept"])}
        texts["again"] = (again["text"].combine_chunks(), np.arange(again.num_rows), groups["again"])
        texts["new"] = (edited, np.arange(len(new)), new.tolist())
        column = _chosen(list(texts.values()), verdict.keep)
        self.attempt.costs["remeasured"] = len(groups["again"])
        at = self.schema.get_field_index("text")
        return signals.add_column(at, "text", column), verdict, pa.array(rules, pa.string())

    def _order(self) -> tuple[list[str], list[str | None]]:
        """Ids of all documents in order, and the rules that screen them now."""
        if self.listed is not None:
            rules = _column(self.listed, REASON) or [None] * self.listed.num_rows
            return self.listed["id"].to_pylist(), rules
        # Released, so nothing was extracted anew and what the earlier run dropped or kept is all there is.
        kept = [(row["warc_offset"], row["id"], None) for row in _rows(self.kept, "warc_offset", "id")]
        columns = ("warc_offset", "id", REASON)
        dropped = [tuple(row[name] for name in columns) for row in _rows(self.dropped, *columns)]
        for places in (kept, dropped):
            if [place[0] for place in places] != sorted(place[0] for place in places):
                raise UserError("the text was not kept, and offsets are not in order: use `sluice run`")
        places = sorted([*kept, *dropped], key=lambda place: place[0])
        return [id_ for _, id_, _ in places], [rule for _, _, rule in places]

    def _edited(self, documents: pa.Table) -> pa.Array:
        """The edited texts of documents, in their order."""
        if not documents.num_rows:
            return pa.array([], pa.large_string())
        texts = self._texts(documents)
        order = pc.index_in(documents["id"].combine_chunks(), value_set=texts["id"].combine_chunks())
        texts = texts.take(order)
        return _edits(self.attempt.recipe).edited(texts, documents["language"].to_pylist())

    def _texts(self, documents: pa.Table) -> pa.Table:
        """The extracted rows of these documents; from the WARC where `extracted/` was released."""
        if self.listed is not None:
            return self._extracted(documents["id"].to_pylist(), ["id", "text", "url"])
        from pipeline.extract import Tally
        from pipeline.reread import Place

        columns = ("warc_offset", "warc_length", "warc_offset_in")
        places = [Place(*(row[name] for name in columns)) for row in _rows(documents, *columns)]
        self.attempt.costs["reread"] = len(places)
        parts = _read_again(self.parameters, self.attempt, sorted(places), Tally())
        found = pa.concat_tables([part.documents for part in parts])
        if set(found["id"].to_pylist()) != set(documents["id"].to_pylist()):
            raise UserError(
                f"{self.parameters['path']} does not hold the pages that it held: use `sluice run`"
            )
        return found

    def _extracted(self, ids: Sequence[str], columns: Sequence[str] | None = None) -> pa.Table:
        wanted = pa.array(ids, pa.string())
        found = [
            batch.filter(pc.is_in(batch["id"], value_set=wanted))
            for batch in iterate(self.attempt.folder, self.file, columns)
        ]
        return pa.concat_tables(found)

    def _screened(self, rows: Sequence[int], dropped: Mapping[str, int], ids: Sequence[str]) -> pa.Table:
        """Documents that the cascade screens now, with what its look saw."""
        if self.listed is None or self.same or not rows:
            return _taken(self.dropped, [dropped[ids[i]] for i in rows])
        documents = _taken(self.listed, rows)
        documents = documents.append_column("text", pa.nulls(len(rows), pa.large_string()))
        return _url_chain(self.attempt.recipe).screened(documents, self.schema)

    def _measured(self, ids: Sequence[str]) -> pa.Table:
        """Documents that were read again, in order, measured."""
        from pipeline.stages.filter import BATCH, chain_of

        if not ids:
            return self.schema.empty_table()
        found = self._extracted(ids)
        chain = chain_of(self.attempt.recipe, self.attempt.folder.url, self.shard.parameters)
        tables = [chain.apply(found.slice(at, BATCH)).documents for at in range(0, found.num_rows, BATCH)]
        return pa.concat_tables(tables)


def _taken(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    return table.take(pa.array(rows, pa.int64()))


def _chosen(texts: Sequence[tuple[pa.Array, Array, Sequence[int]]], keep: Array) -> pa.Array:
    """The texts of kept documents, null for others: arrays, places in them, and the documents these are of."""
    bases = np.cumsum([0, *(len(column) for column, _, _ in texts)])
    at = np.zeros(len(keep), np.int64)
    for base, (_, places, documents) in zip(bases[:-1], texts, strict=True):
        at[documents] = base + places
    whole = pa.concat_arrays([column.cast(pa.large_string()) for column, _, _ in texts])
    return whole.take(pa.array(at, mask=~keep))


def _rows(table: pa.Table, *names: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.select(list(names)).to_pylist()
    return rows


@lru_cache(maxsize=2)
def _edits(recipe: Recipe) -> Chain:
    """The filters that edit texts, with what they alone need."""
    from filters import FILTERS
    from filters.chain import Chain, asset_names
    from pipeline.named_assets import load_all

    steps = [step for step in recipe.chain({}).steps if FILTERS[step.name].edit is not None]
    return Chain(steps, load_all(recipe, asset_names(steps)))


@lru_cache(maxsize=2)
def _url_chain(recipe: Recipe) -> Chain:
    """The chain with what it needs to judge addresses, and no models."""
    from filters import FILTERS
    from pipeline import assets

    steps = recipe.chain({}).steps
    needed = [asset for step in steps if step.name == "url" for asset in FILTERS["url"].assets(step.settings)]
    return recipe.chain({name: assets.load(name) for name in needed})


def repeat(shard: Shard, attempt: Attempt, source: Source) -> None:
    """What a stage gave that no threshold touches, although its key holds those of the stages before it."""
    from pipeline.stages import STAGES

    folder, old = receipt_of(source, attempt.stage)
    if old.inputs != shard.inputs:
        STAGES[attempt.stage].run(shard, attempt)
        return
    _take_counts(attempt, old)
    for output in old.outputs:
        stem, _, suffix = output.name.rpartition("/")[2].rpartition(".")
        name = f"{stem.removesuffix(f'-{output.sha256[:KEY_LENGTH]}')}.{suffix}"
        attempt.add_file(_copied(folder, output, attempt), output.folder, name, output.rows)


SHORTCUTS: dict[str, Callable[[Shard, Attempt, Source], None]] = {
    "extract": extract,
    "robots": repeat,
    "hosts": repeat,
    "sample": repeat,
    "filter": filter_,
    "signatures": signatures,
    "corpus": corpus,
}
