"""Stage `filter`: every signal of every document, then verdicts; `documents/` passed, `dropped/` did not.

`signals/` holds a sample of both, for questions about thresholds (`pipeline.signal_sample`). With the filter
`contamination`, `contamination/` lists the items of benchmarks that were found, in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.cascade import REASON
from pipeline import signal_sample
from pipeline.contamination import report
from pipeline.stages.calibrate import calibration_of, with_calibration
from pipeline.stages.duplicates.cuts import read_cuts, with_cuts
from pipeline.stages.robots import table_of, with_table
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.stages.tables import one_to_one, read_batches, screened

if TYPE_CHECKING:
    from filters.chain import Applied, Chain
    from pipeline.recipe import Recipe

BATCH = 512  # documents measured together; no decision depends on it
BINS = 50  # of a signal's histogram


def settings(recipe: Recipe) -> object:
    """Filters with their versions and thresholds, and the digests of the lists and models they use."""
    from filters.chain import asset_names
    from pipeline.named_assets import digests

    chain = recipe.chain({})
    return {
        "chain": chain.fingerprint_settings(),
        "assets": digests(recipe, asset_names(chain.steps)),
        "versions": {name: version(name) for name in ("spacy", "tldextract")},
    }


def plan(planning: Planning) -> list[Shard]:
    """One shard a shard of extracted documents, with the table of robots.txt and the calibration if there are any."""
    shards = with_cuts(planning, "filter", one_to_one(planning, "filter"))
    return with_calibration(planning, with_table(planning, shards))


def chain_of(recipe: Recipe, folder: str, parameters: Mapping[str, Any]) -> Chain:
    """The chain of a recipe with its lists and models loaded, and what the run found that a shard is judged by."""
    return _chain(recipe, folder, parameters.get("hosts"), tuple(parameters.get("calibration", ())))


@lru_cache(maxsize=2)
def _chain(recipe: Recipe, folder: str, hosts: str | None, calibration: tuple[str, ...]) -> Chain:
    found: dict[str, object] = {"robots": table_of(folder, hosts)} if hosts else {}
    return recipe.loaded_chain(found | {"calibration": calibration_of(folder, calibration)})


def run(shard: Shard, attempt: Attempt) -> None:
    """Measure and decide, a batch at a time."""
    from filters.union import apply_any

    chain = chain_of(attempt.recipe, attempt.folder.url, shard.parameters)
    bins = Histograms()
    cut = read_cuts(attempt, shard)
    for table in map(cut, read_batches(attempt, shard, BATCH)):
        record(attempt, apply_any(chain, table), screened(table), bins)
    attempt.histograms = bins.result()


def record(attempt: Attempt, applied: Applied, spared: pa.Array, bins: Histograms) -> None:
    """Write and count one batch of decided documents; `spared` are the rules that screened them, or null."""
    keep = pa.array(applied.verdict.keep)
    attempt.write("documents", applied.documents.filter(keep))
    judged = applied.documents.drop_columns(["text"])
    columns = {"reason": applied.verdict.reason, "reasons": applied.verdict.reasons, REASON: spared}
    for name, column in columns.items():
        judged = judged.append_column(name, column)
    dropped = judged.filter(pc.invert(keep))
    attempt.write("dropped", dropped)
    if (
        sample := signal_sample.sample_of(judged, keep)
    ).num_rows:  # a small shard may have none: then no file
        attempt.write(signal_sample.FOLDER, sample)
    attempt.count("dropped", Counter(dropped["reason"].to_pylist()))
    if excused := applied.verdict.excused.flatten().to_pylist():
        attempt.count("excused", Counter(excused))
    attempt.count("failing", Counter(rule for rules in dropped["reasons"].to_pylist() for rule in rules))
    report.record(attempt, applied)
    rows = applied.documents.num_rows
    _count_text(attempt, applied, spared)
    attempt.counts.update({"in": rows, "out": rows - dropped.num_rows})
    # Labels of the model are few; a column that came with the documents may hold anything.
    if any("language" in entry for entry in attempt.recipe.filters or ()):
        labels = applied.documents["language"].drop_null().to_pylist()
        attempt.count("languages", Counter(labels))
    if len(attempt.recipe.extract.extractors) > 1:
        kept = applied.documents["extractor"].filter(keep).drop_null().to_pylist()
        attempt.count("extractors", Counter(kept))
    attempt.documents += rows
    bins.add(applied.documents, applied.verdict.keep)
    attempt.report({"documents": attempt.documents})


def _count_text(attempt: Attempt, applied: Applied, spared: pa.Array) -> None:
    """Characters and bytes as extracted, in all and by the reason that dropped them; of screened pages none is known.

    `bytes == sum(dropped_bytes) + kept_bytes`, of which the edits leave `out_bytes`.
    """
    from filters.extracted import total_bytes

    known = spared.is_null()
    table = pa.table(
        {
            "reason": applied.verdict.reason,
            "characters": pc.fill_null(applied.documents["extract_characters"], 0),
            "bytes": pc.fill_null(applied.documents["extract_bytes"], 0),
        }
    ).filter(known)
    sums = table.group_by("reason").aggregate([("characters", "sum"), ("bytes", "sum")]).to_pylist()
    for unit in ("characters", "bytes"):
        by_reason = {row["reason"]: row[f"{unit}_sum"] for row in sums}
        attempt.counts.update({unit: sum(by_reason.values()), f"kept_{unit}": by_reason.pop(None, 0)})
        attempt.count(f"dropped_{unit}", by_reason)
    texts = applied.documents["text"].filter(pa.array(applied.verdict.keep))
    attempt.counts.update({"out_bytes": total_bytes(texts)})


class Histograms:
    """Kept and dropped documents by value of each numeric signal.

    Edges are fixed by the type and the value alone (never by the other values of a batch), so that shards add up:
    fractional numbers up to 1 in steps of .02, everything else by steps of a quarter of a power of two.
    """

    def __init__(self) -> None:
        self._bins: dict[str, dict[bool, Counter[str]]] = {}

    def add(self, table: pa.Table, keep: np.ndarray) -> None:
        """Count the documents of one batch."""
        fixed = {"warc_offset", "warc_length"}
        for field in table.schema:
            number = pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
            if not number or field.name in fixed:
                continue
            values = np.asarray(
                pc.fill_null(table[field.name].cast(pa.float64()), float("nan")), dtype=np.float64
            )
            measured = ~np.isnan(values)  # a screened page has few signals
            edges, which = np.unique(
                bin_edges(values[measured], pa.types.is_floating(field.type)), return_inverse=True
            )
            sides = self._bins.setdefault(field.name, {True: Counter(), False: Counter()})
            for side, counter in sides.items():
                times = np.bincount(which[keep[measured] == side], minlength=len(edges))
                for edge in np.flatnonzero(times):
                    counter[_label(edges[edge])] += int(times[edge])

    def result(self) -> dict[str, Any]:
        """{signal: {kept: {lower edge: documents}, dropped: {...}}}."""
        return {
            name: {
                "kept": dict(sorted(sides[True].items(), key=lambda item: float(item[0]))),
                "dropped": dict(sorted(sides[False].items(), key=lambda item: float(item[0]))),
            }
            for name, sides in sorted(self._bins.items())
        }


def bin_edges(values: np.ndarray, fractional: bool) -> np.ndarray:
    """The lower edge of the bin of each value."""
    positive = np.maximum(np.nan_to_num(values, nan=0.0), 0.0)
    # The nudge keeps a value that is an edge in its own bin: .58 * 50 is 28.999999999999996.
    edges = np.where(positive > 0, 2 ** (np.floor(np.log2(np.maximum(positive, 1e-9)) * 4 + 1e-9) / 4), 0.0)
    if fractional:
        edges = np.where(positive <= 1.0, np.floor(positive * BINS + 1e-9) / BINS, edges)
    return np.asarray(edges, np.float64)


def _label(edge: float) -> str:
    return f"{edge:.4g}"


def bin_labels(values: np.ndarray, fractional: bool) -> np.ndarray:
    """The lower edge of the bin of each value, as text (a receipt is JSON)."""
    return np.array([_label(edge) for edge in bin_edges(values, fractional)], dtype=object)


def edges_of(values: np.ndarray, fractional: bool) -> dict[str, int]:
    """Documents by the lower edge of their bin, ascending: what `bin_labels` says of each, counted."""
    found, numbers = np.unique(values, return_counts=True)
    labels = bin_labels(found, fractional)
    counted: Counter[str] = Counter()
    for label, number in zip(labels.tolist(), numbers.tolist(), strict=True):
        counted[label] += number
    return dict(sorted(counted.items(), key=lambda item: float(item[0])))


STAGE = Stage(
    name="filter",
    version=5,
    folders=("documents", "dropped", signal_sample.FOLDER, "contamination"),
    settings=settings,
    plan=plan,
    run=run,
)
