"""Two sides compared: one question for the command line and the dashboard.

Up to `EXACT` documents a side every one is compared; of larger runs a share of the documents, chosen by a hash of the
id alone: as many as can be on the command line, those of the stored sample where a page waits. Only columns of ids,
addresses, reasons and signals are read, a shard at a time, and the texts of the few documents that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.models.draw import below, cut
from pipeline.compare.answer import Answer, Difference, ReasonCount
from pipeline.compare.join import Joined, joined
from pipeline.compare.run import EXACT, ROWS, RunSide
from pipeline.compare.samples import samples
from pipeline.compare.settings import differing
from pipeline.compare.whatif import WhatIf
from pipeline.errors import UsageError, UserError
from pipeline.recipe import Recipe
from pipeline.report.run import open_run
from pipeline.signal_sample import SAMPLED, is_sampled
from pipeline.store import Folder

SAMPLES = 5  # a side
_PURPOSE = "comparison"
# Settings that other thresholds over stored signals may differ in, besides those of filters.
_HARMLESS = ("extract.cascade", "bands", "canaries", "max_failed", "keep_text")


def compare_runs(
    left: Folder | RunSide, right: Folder | RunSide, limit: int = SAMPLES, exact: int = EXACT
) -> Answer:
    """Two runs compared, by what became of each document.

    `limit` is the number of samples a side. Raises UserError where a folder is no run, or not filtered to the end.
    """
    return _compared(_side(left), _side(right), limit, exact)


def compare_recipe(
    run: Folder | RunSide, recipe: Recipe, name: str, limit: int = SAMPLES, exact: int = EXACT
) -> Answer:
    """A run compared with another recipe's filters over the signals that it stored.

    Rules that these cannot judge drop nothing and are listed. Raises UserError where the folder is no run, UsageError
    where stored signals decide nothing at all.
    """
    one = _side(run)
    return _compared(one, WhatIf(one, recipe, name, "recipe"), limit, exact)


def compare_settings(
    run: Folder | RunSide, recipe: Recipe, name: str, limit: int = SAMPLES, exact: int = EXACT
) -> Answer:
    """A run compared with its own recipe under changed thresholds, as `retune` would decide, nothing written.

    Raises UsageError for a change that stored signals cannot answer, else as `compare_recipe`.
    """
    one = _side(run)
    other = WhatIf(one, recipe, name, "settings")
    for setting in differing(one.recipe, recipe):
        if not setting.key.startswith(("filters", *_HARMLESS)):
            raise UsageError(
                f"{setting.key}: only thresholds of filters can be judged by stored signals: make a run with it "
                "and compare that"
            )
    if other.judging.not_judged:
        first = other.judging.not_judged[0]
        raise UsageError(
            f"{first.rule} cannot be judged by stored signals: {first.why}; make a run with it and compare that"
        )
    return _compared(one, other, limit, exact)


def _side(run: Folder | RunSide) -> RunSide:
    return run if isinstance(run, RunSide) else RunSide(open_run(run))


def _compared(left: RunSide, right: RunSide | WhatIf, limit: int, exact: int) -> Answer:
    if min(left.share, right.share) < 1:
        return _of_samples(left, right, limit)
    level = "corpus" if left.reached == right.reached == "corpus" else "filters"
    share = min(1.0, exact / max(left.documents, right.documents, 1))
    for by in ("id", "url"):
        # Of other inputs no id is there twice; by address, the choice has to fall on the same addresses.
        lefts, rights = (_rows(side, level, by, share) for side in (left, right))
        with joined(lefts, rights, by) as both:
            if both.common or by == "url" or not (lefts.num_rows and rights.num_rows):
                return _answer(left, right, both, level, by, share, limit)
    raise AssertionError("a join is always answered")


def _of_samples(left: RunSide, right: RunSide | WhatIf, limit: int) -> Answer:
    """Compared by the documents that the same hash of the id chose on both sides, those that failed apart."""
    share = min(left.share, right.share)
    tables: list[pa.Table] = []
    for side in (left, right):
        table = pa.concat_tables([ROWS.empty_table(), *side.rows("filters")])
        table = table.filter(pc.not_equal(table["fate"], "failed"))
        if side.share > share:
            table = table.filter(pa.array(is_sampled(table["id"].to_pylist(), round(1 / share / SAMPLED))))
        tables.append(table)
    with joined(tables[0], tables[1], "id") as both:
        if not both.common:
            raise UserError(
                "no document is in the stored samples of both sides, which are chosen by their ids"
            )
        return _answer(left, right, both, "filters", "id", share, limit)


def _rows(side: RunSide | WhatIf, level: str, by: str, share: float) -> pa.Table:
    limit = cut(share)
    tables = [ROWS.empty_table()]
    for rows in side.rows(level):
        if share < 1.0:
            keys = [one or "" for one in rows[by].to_pylist()]
            rows = rows.filter(pa.array(below(keys, _PURPOSE, limit)))
        tables.append(rows)
    return pa.concat_tables(tables)


def _answer(
    left: RunSide, right: RunSide | WhatIf, both: Joined, level: str, by: str, share: float, limit: int
) -> Answer:
    sides: dict[str, RunSide | WhatIf] = {"left": left, "right": right}
    total, pairs = both.other_reasons()
    ours, theirs = (
        _difference(sides, both, side, other, limit) for side, other in (("left", "right"), ("right", "left"))
    )
    what_if = right if isinstance(right, WhatIf) else None
    return Answer(
        left=left.side(),
        right=right.side(),
        level=level,
        settings=differing(left.recipe, right.recipe),
        joined_by=by,
        sampled=share if share < 1.0 else None,
        common=both.common,
        only_left=both.alone("left"),
        only_right=both.alone("right"),
        matrix=both.matrix(),
        differing=ours.documents + theirs.documents,
        only_left_keeps=ours,
        only_right_keeps=theirs,
        both_drop=total,
        other_reasons=pairs,
        judged=[name for name, _ in what_if.judging.rules] if what_if else [],
        not_judged=what_if.judging.not_judged if what_if else [],
        notes=[*_notes(left, right, level, by), *(what_if.notes() if what_if else [])],
    )


def _difference(
    sides: dict[str, RunSide | WhatIf], both: Joined, side: str, other: str, limit: int
) -> Difference:
    reasons = both.kept_by(side, other)
    return Difference(
        documents=sum(one.documents for one in reasons),
        bytes=_total(reasons, "bytes"),
        tokens=_total(reasons, "tokens"),
        reasons=reasons,
        samples=samples(sides[side], sides[other], both.chosen(side, other, limit), both, side),
    )


def _total(reasons: Sequence[ReasonCount], name: str) -> int | None:
    values: list[Any] = [getattr(one, name) for one in reasons]
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _notes(left: RunSide, right: RunSide | WhatIf, level: str, by: str) -> list[str]:
    notes = []
    sampled = min(left.share, right.share)
    if sampled < 1:
        notes.append(
            f"compared are the filters' decisions in the stored sample, one document in {round(1 / sampled)} by a hash "
            "of its id, without pages that failed; what became of every record is estimated from it where it is not "
            "known"
        )
    if by == "url":
        notes.append("no id is on both sides with the same URL, so documents are joined by URL")
    if sampled == 1 and level == "filters" and isinstance(right, RunSide):
        short = [side.folder.url for side in (left, right) if side.reached == "filters"]
        notes.append(f"{', '.join(short)}: duplicates are not known, so the filters' decisions are compared")
    return notes
