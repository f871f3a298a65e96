"""What a comparison answers: typed data that the command line prints and the dashboard publishes as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "Alone",
    "Answer",
    "Cell",
    "Difference",
    "NotJudged",
    "OtherReason",
    "ReasonCount",
    "Sample",
    "Setting",
    "Side",
]


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison.

    - `name`: the run's address, the recipe as it was named, or the `--set` pairs.
    - `kind`: `run`; `recipe` or `settings` are decisions of other thresholds over the signals that the left run stored.
    - `recipe`: the recipe's name.
    - `digest`: of a run over all of its outputs; of a recipe over its resolved settings.
    - `reached`: `corpus` if duplicates are known, `filters` if only the filters have decided.
    - `fates`: records by their last fate; they add up to `records`. `skipped`, `failed`, `dropped` (by a filter),
      `removed` (opted out, contaminated), `duplicates`, and what is still in: `corpus` or `kept` as in `reached`.
      `unknown`: pages that were screened unread and that the other thresholds might keep.
    - `records`: all records of the inputs.
    """

    name: str
    kind: str
    recipe: str
    digest: str
    reached: str
    fates: dict[str, int]
    records: int


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that differs between the two recipes.

    - `key`: dotted; filters by name, as `--set` takes it.
    - `left`, `right`: the values; null where that recipe has no such section or filter.
    """

    key: str
    left: Any
    right: Any


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Documents in common by what became of them on both sides.

    - `left`, `right`: fates: `failed`, `dropped`, `removed`, `duplicate`, `corpus` (`kept` where the filters' decisions
      are compared), `unknown`.
    - `documents`: how many.
    """

    left: str
    right: str
    documents: int


class ReasonCount(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that one side keeps, by why the other does not.

    - `reason`: the rule that drops them there, `<filter>.<rule>`, or `duplicate.<kind>`, `failed.<kind>`.
    - `documents`: how many.
    - `bytes`: of their texts as extracted, in UTF-8; null where no filter measured them.
    - `tokens`: as the side that keeps them encoded them; null where it did not get so far.
    """

    reason: str
    documents: int
    bytes: int | None
    tokens: int | None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A document that one side keeps and the other does not. Crawled text: show it escaped.

    - `id`, `url`, `host`: on the side that keeps it; e-mail addresses and the like in `url` are masked.
    - `other_id`: on the other side; the same where documents are joined by id.
    - `fate`, `reason`: what became of it on the other side, and by which rule.
    - `reasons`: all rules that drop it there.
    - `signal`, `value`, `drop_when`, `threshold`: the comparison that decides there; null where no rule did.
    - `detail`: of a failure the message, of a duplicate the id of what it repeats; else empty.
    - `text`: the first characters on the side that keeps it, masked; null where no text is stored.
    """

    id: str
    url: str
    host: str
    other_id: str
    fate: str
    reason: str
    reasons: list[str]
    signal: str | None
    value: Any
    drop_when: str | None
    threshold: Any
    detail: str
    text: str | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Documents in common that one side keeps and the other does not.

    - `documents`, `bytes`, `tokens`: in all; see `ReasonCount`.
    - `reasons`: by reason on the other side, most documents first.
    - `samples`: a few of them, those of the lowest hash of the id.
    """

    documents: int
    bytes: int | None
    tokens: int | None
    reasons: list[ReasonCount]
    samples: list[Sample]


class OtherReason(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that both sides drop for different reasons.

    - `left`, `right`: the reasons; null stands for none of this pair, in the last entry, which sums up the rest.
    - `documents`: how many.
    """

    left: str | None
    right: str | None
    documents: int


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that only one side has.

    - `documents`: how many.
    - `kept`: how many of them it keeps.
    """

    documents: int
    kept: int


class NotJudged(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the other recipe that stored signals cannot judge, so that it dropped nothing here.

    - `rule`: `<filter>.<rule>`, or the filter's name for all of its rules.
    - `why`: one line.
    """

    rule: str
    why: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Two sides compared, document by document.

    - `left`, `right`: the sides.
    - `level`: whose decisions are compared: `corpus` (filters and duplicates) or, where a side does not know its
      duplicates, `filters`.
    - `settings`: what differs between the recipes.
    - `joined_by`: `id`; or `url` where no id with its URL is on both sides (other inputs, or the same under other
      names): then the n-th document of a URL meets the n-th, in order of their ids.
    - `sampled`: null if every document was compared; else the share of documents, chosen by a hash of `joined_by`,
      that all numbers below are of.
    - `common`: documents that both sides have.
    - `only_left`, `only_right`: documents that one side has alone.
    - `matrix`: the documents in common by fate on both sides.
    - `differing`: documents in common that one side keeps and the other surely does not.
    - `only_left_keeps`, `only_right_keeps`: these, by side.
    - `both_drop`: documents in common that neither keeps, for different reasons.
    - `other_reasons`: these by reasons, most documents first; the most frequent pairs.
    - `judged`: where a side is thresholds over stored signals, its rules that could be judged; else empty.
    - `not_judged`: those that could not.
    - `notes`: what else to know when reading these numbers, one line each.
    """

    left: Side
    right: Side
    level: str
    settings: list[Setting]
    joined_by: str
    sampled: float | None
    common: int
    only_left: Alone
    only_right: Alone
    matrix: list[Cell]
    differing: int
    only_left_keeps: Difference
    only_right_keeps: Difference
    both_drop: int
    other_reasons: list[OtherReason]
    judged: list[str]
    not_judged: list[NotJudged]
    notes: list[str]
