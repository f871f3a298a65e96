"""What the steps of a run amount to beside documents: bytes of text, tokens, core-seconds. Read from the ledger alone.

Bytes are of UTF-8. What was extracted is what filters are said to drop; what edits, cuts and masks take out of
documents that stay is told apart. So from extraction to the corpus each amount is the one before less what was taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from filters import FILTERS
from pipeline.dedup.settings import DEDUP_STAGES, LINES_STAGES
from pipeline.report.run import Run
from pipeline.report.token_rate import token_rate
from pipeline.sums import named, plain

# Which stages stand behind the steps of a group.
GROUPS: dict[str, tuple[str, ...]] = {
    "extract": ("ids", "extract"),
    "filter": ("robots", "hosts", "sample", "calibrate", "filter"),
    "dedup": DEDUP_STAGES,
    "lines": LINES_STAGES,
    "corpus": ("corpus",),
    "tokens": ("tokenizer", "tokens"),
    "model": ("train", "anneal", "eval"),
}


class Texts(NamedTuple):
    """Bytes of text: `extracted`, and what was taken of it since, by what. None where a run has not counted it."""

    extracted: int | None
    dropped: Mapping[str, int]  # by the rule that was the first to drop the document
    duplicates: Mapping[str, int]  # by kind
    lines_cut: int  # out of documents that stay
    other_text: int  # less in the texts that were judged than in those of a page's first extractor
    edited: int | None  # out of documents that stay, by filters that edit
    masked: int | None  # longer or shorter after masking; with `lost` where both are known as one sum only
    lost: int  # with shards of `filter` that were given up


class StepCost(NamedTuple):
    """Core-seconds of the stages behind a group of steps; `parts` is what a stage measured of itself."""

    group: str
    stages: dict[str, float]
    core_seconds: float
    parts: dict[str, float]


def counts_bytes(run: Run, stage: str, name: str = "bytes") -> bool:
    """Whether the receipts of a stage tell bytes; those of older versions do not."""
    return name in run.closed[stage].counts


def texts(run: Run) -> Texts:
    """The bytes of a run as far as it is."""
    extracted, filtered = run.closed["extract"], run.closed["filter"]
    known = counts_bytes(run, "extract") and (not filtered or counts_bytes(run, "filter"))
    found = Texts(
        extracted=plain(extracted, "bytes") if known else None,
        dropped=named(filtered, "dropped_bytes"),
        duplicates=named(run.closed["dedup"], "duplicate_bytes")
        + named(run.closed["cut_lines"], "duplicate_bytes"),
        lines_cut=plain(run.closed["cut_lines"], "bytes_cut"),
        other_text=_other_text(run) if known else 0,
        edited=plain(filtered, "kept_bytes") - plain(filtered, "out_bytes") if known and filtered else None,
        masked=None,
        lost=_lost(run) if known else 0,
    )
    if not known or "corpus" in run.open or not counts_bytes(run, "corpus"):
        return found
    return found._replace(masked=left(found) - plain(run.closed["corpus"], "bytes"))


def left(found: Texts) -> int:
    """What is left of the extracted bytes after everything that has been counted."""
    gone = (found.lines_cut, found.other_text, found.edited or 0, found.masked or 0, found.lost)
    return (found.extracted or 0) - sum(found.dropped.values()) - sum(found.duplicates.values()) - sum(gone)


def _other_text(run: Run) -> int:
    # Of a union of extractors the filters judge, and count, another text than the first one's, page by page.
    if len(run.recipe.extract.extractors) < 2:
        return 0
    given = {one.shard: _own(one.counts, "bytes") for one in run.closed["extract"]}
    return sum(given.get(one.shard, 0) - _own(one.counts, "bytes") for one in run.closed["filter"])


def _lost(run: Run) -> int:
    shards = {one.shard for one in run.lost.get("filter", [])}
    return sum(_own(one.counts, "bytes") for one in run.closed["extract"] if one.shard in shards)


def _own(counts: Mapping[str, object], name: str) -> int:
    value = counts.get(name, 0)
    return value if isinstance(value, int) else 0


def editing(run: Run) -> list[str]:
    """The filters of the recipe that change texts, in its order."""
    if run.recipe.filters is None:
        return []
    return [step.name for step in run.recipe.chain({}).steps if FILTERS[step.name].edit is not None]


def estimated(size: int | None, run: Run) -> int | None:
    """Tokens of so many bytes of text: an estimate by `token_rate`; None where bytes are not known."""
    return None if size is None else round(size * token_rate(run).tokens_per_byte)


def exact_tokens(run: Run) -> int | None:
    """Tokens of the corpus, where all of it has been encoded."""
    if "tokens" not in run.ended or "tokens" in run.open:
        return None
    return named(run.closed["tokens"], "tokens").total()


def costs(run: Run) -> list[StepCost]:
    """What each group of steps took, in the order of the road; groups without a receipt are left out."""
    seconds: Mapping[str, float] = run.counts["core_seconds"]
    found = []
    for group, stages in GROUPS.items():
        own = {stage: seconds[stage] for stage in stages if stage in seconds}
        if own:
            parts = _screening(run) if group == "extract" else {}
            found.append(StepCost(group, own, round(sum(own.values()), 3), parts))
    return found


def _screening(run: Run) -> dict[str, float]:
    """Core-seconds that looking at pages cheaply and extracting the others took, where shards measured it."""
    total: Counter[str] = Counter()
    for receipt in run.closed["extract"]:
        total.update(receipt.cost.parts)
    names = {"look_seconds": "looking", "full_seconds": "extracting"}
    return {label: round(total[name], 3) for name, label in names.items() if total[name]}
