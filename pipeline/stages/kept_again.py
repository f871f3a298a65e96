"""Stages `signatures` and `corpus` for documents that an earlier run kept, too.

An edit is no threshold, so a document that two runs keep has the same text in both, and what was made of the text alone
is taken over: the keys by which duplicates are found, masks, and the label of the domain. Documents that are new here
are treated as in any run, in the same batches and order, so that files end with the bytes of a fresh run. Nothing is
taken over where lines are cut from texts in between, which depends on all other documents.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ledger import Output, Receipt
from pipeline.stages.corpus import STAGE as CORPUS
from pipeline.stages.corpus import FromTexts, finish_all
from pipeline.stages.duplicates.run_writer import RUN
from pipeline.stages.duplicates.signatures import BATCH, SIGNATURES, WIDTHS, keys_of, sign
from pipeline.stages.earlier import reading, receipt_of, recipe_of
from pipeline.stages.stage import Attempt, Shard, Source, Stage
from pipeline.store import Folder
from pipeline.store.parquet import read_table

if TYPE_CHECKING:
    from filters.pii import Masked, Settings
    from pipeline.dedup.runs import Entries
    from pipeline.dedup.settings import DedupSettings
    from pipeline.recipe import Recipe


def signatures(shard: Shard, attempt: Attempt, source: Source) -> None:
    """What `signatures` gives, with the keys that the earlier run's block of this name holds."""
    folder, old = receipt_of(source, "signatures")
    if not _usable(SIGNATURES, attempt, source, folder, old) or _splits(attempt.recipe):
        SIGNATURES.run(shard, attempt)
        return
    with reading(folder):
        signed = _Signed(folder, old.outputs, attempt.recipe)
    sign(shard, attempt, signed.keys)
    attempt.costs["signed_anew"] = signed.anew


def corpus(shard: Shard, attempt: Attempt, source: Source) -> None:
    """What `corpus` gives, with the masks and labels that the earlier run's shard of this name holds."""
    folder, old = receipt_of(source, "corpus")
    if not _usable(CORPUS, attempt, source, folder, old):
        CORPUS.run(shard, attempt)
        return
    with reading(folder):
        finished = _Finished(folder, old.outputs, attempt.recipe.pii is not None)
    finish_all(shard, attempt, finished)
    attempt.costs |= finished.anew


def _usable(stage: Stage, attempt: Attempt, source: Source, folder: Folder, old: Receipt) -> bool:
    """Whether what the earlier run holds of a shard is made as it would be here, of the same texts, and there."""
    before = recipe_of(source.run)
    cut = [one.dedup is not None and one.dedup.lines is not None for one in (before, attempt.recipe)]
    return (
        not any(cut)
        and stage.settings(before) == stage.settings(attempt.recipe)
        and all(folder.exists(output.name) for output in old.outputs)
    )


def _splits(recipe: Recipe) -> bool:
    """Whether the keys of a batch may be more than a run holds, so that those of one document lie in two of them."""
    from pipeline.dedup.runs import RUN_ENTRIES

    minhash = recipe.dedup.minhash if recipe.dedup is not None else None
    return minhash is not None and minhash.bands * BATCH > RUN_ENTRIES


def _places(ids: pa.Array) -> dict[str, int]:
    return dict(zip(ids.to_pylist(), range(len(ids)), strict=True))


def _found(ids: pa.ChunkedArray, places: dict[str, int]) -> np.ndarray:
    """The earlier row of each document, (n,) of int64; -1 where it has none."""
    return np.fromiter((places.get(id_, -1) for id_ in ids.to_pylist()), np.int64, len(ids))


class _Signed:
    """The keys of a block as an earlier run published them, by row."""

    def __init__(self, folder: Folder, outputs: list[Output], recipe: Recipe) -> None:
        from pipeline.dedup.runs import read_parts

        assert recipe.dedup is not None
        listed = next(output for output in outputs if not output.name.endswith(RUN))
        self._places = _places(read_table(folder, listed.name, ["id"])["id"].combine_chunks())
        self.anew = 0  # documents that were not there
        runs = [output for output in outputs if output.name.endswith(RUN)]
        for run in runs:
            _require_whole(folder, run)
        names = [run.name for run in runs]
        # In the order in which `keys_of` gives them, which decides where a run ends.
        self._by_row: dict[str, tuple[Entries, np.ndarray]] = {
            kind: _by_row(read_parts(folder, names, kind, 0, 1, width), len(self._places))
            for kind, width in WIDTHS.items()
            if kind in recipe.dedup.document_kinds
        }

    def keys(self, dedup: DedupSettings, crawl: str, rows: np.ndarray, table: pa.Table) -> dict[str, Entries]:
        """As `keys_of`: of documents that were signed before what was found, of the others what their texts give."""
        from pipeline.dedup.runs import Entries

        earlier = _found(table["id"], self._places)
        known = earlier >= 0
        self.anew += int(np.count_nonzero(~known))
        merged = {kind: self._of(kind, earlier[known], rows[known]) for kind in self._by_row}
        if known.all():
            return merged
        for kind, new in keys_of(dedup, crawl, rows[~known], table.filter(pa.array(~known))).items():
            keys = np.concatenate([merged[kind].keys, new.keys])
            values = np.concatenate([merged[kind].values, new.values])
            order = np.argsort(values[:, 0], kind="stable")
            merged[kind] = Entries(keys[order], values[order])
        return merged

    def _of(self, kind: str, earlier: np.ndarray, rows: np.ndarray) -> Entries:
        """The entries of some earlier rows, which stand in `rows` now."""
        from pipeline.dedup.runs import Entries

        entries, starts = self._by_row[kind]
        counts = starts[earlier + 1] - starts[earlier]
        ends = np.cumsum(counts)
        at = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts[earlier] - (ends - counts), counts)
        values = entries.values[at]
        values[:, 0] = np.repeat(rows, counts)
        return Entries(entries.keys[at], values)


def _require_whole(folder: Folder, output: Output) -> None:
    """OSError unless a file is what its receipt says: arrays have checksums, and what describes them has none."""
    digest = hashlib.sha256()
    with folder.open(output.name) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != output.sha256:
        raise OSError(f"{output.name}: its digest is another")


def _by_row(parts: list[Entries], rows: int) -> tuple[Entries, np.ndarray]:
    """Entries in the order of their rows, and where those of each row begin (rows + 1,) of int64."""
    from pipeline.dedup.runs import Entries

    keys = np.concatenate([part.keys for part in parts])
    values = np.concatenate([part.values for part in parts])
    order = np.argsort(values[:, 0], kind="stable")
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(values[:, 0], minlength=rows))])
    return Entries(keys[order], values[order]), starts


class _Finished:
    """The texts of a shard as an earlier run masked and labelled them."""

    def __init__(self, folder: Folder, outputs: list[Output], masked: bool) -> None:
        columns = ["id", "domain", *(("text", "pii_spans") if masked else ())]
        self._corpus = read_table(folder, outputs[0].name, columns).combine_chunks()
        self._places = _places(self._corpus["id"].combine_chunks())
        self._from_texts = FromTexts()
        self.anew = {"masked_anew": 0.0, "labelled_anew": 0.0}  # documents that were not there

    def masked(self, table: pa.Table, settings: Settings) -> Masked:
        """As `filters.pii.apply`: what was masked before is counted by the places that were stored."""
        from filters import pii

        earlier = _found(table["id"], self._places)
        new = self._from_texts.masked(table.filter(pa.array(earlier < 0)), settings)
        self.anew["masked_anew"] += len(new.texts)
        old = self._corpus.select(["text", "pii_spans"]).take(pa.array(earlier[earlier >= 0]))
        spans = old["pii_spans"].combine_chunks().cast(pii.SPANS)
        places, kinds, are_masks = _flat(spans)
        order = np.argsort(np.concatenate([np.flatnonzero(earlier >= 0), np.flatnonzero(earlier < 0)]))

        def joined(before: pa.Array, now: pa.Array) -> pa.Array:
            return pa.concat_arrays([before, now]).take(pa.array(order))

        def counted(kind: pii.Kind, among: np.ndarray, now: np.ndarray) -> np.ndarray:
            before = np.bincount(places[(kinds == kind) & among], minlength=len(spans))
            return np.concatenate([before, now])[order]

        return pii.Masked(
            joined(old["text"].combine_chunks().cast(pa.large_string()), new.texts.cast(pa.large_string())),
            {kind: counted(kind, np.ones(len(kinds), np.bool_), new.found[kind]) for kind in new.found},
            {kind: counted(kind, are_masks, new.masks[kind]) for kind in new.masks},
            joined(spans, new.spans),
        )

    def labels(self, table: pa.Table) -> pa.Array:
        """As `filters.domain.label`."""
        earlier = _found(table["id"], self._places)
        new = self._from_texts.labels(table.filter(pa.array(earlier < 0)))
        self.anew["labelled_anew"] += len(new)
        old = self._corpus["domain"].combine_chunks().take(pa.array(earlier[earlier >= 0]))
        order = np.argsort(np.concatenate([np.flatnonzero(earlier >= 0), np.flatnonzero(earlier < 0)]))
        return pa.concat_arrays([old, new]).take(pa.array(order))


def _flat(spans: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each place in a column of places its row, its kind, and whether it is a mask."""
    inside = pc.list_flatten(spans)
    return (
        np.asarray(pc.list_parent_indices(spans), np.int64),
        np.array(pc.struct_field(inside, "kind").to_pylist(), object),
        np.asarray(pc.struct_field(inside, "masked"), np.bool_),
    )
