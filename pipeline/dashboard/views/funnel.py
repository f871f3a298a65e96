"""From records to tokens, step by step, and the same by language, host, domain or crawl."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pipeline.dashboard.breakdown import FunnelBreakdown, breakdown
from pipeline.dashboard.view import House, View
from pipeline.dashboard.watch import Seen
from pipeline.report import amounts
from pipeline.report import funnel as steps
from pipeline.report.run import Run
from pipeline.report.token_rate import token_rate
from pipeline.sums import plain

Most = Annotated[int, msgspec.Meta(ge=1, le=500)]


class FunnelQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """`by` breaks documents down (empty: not), at most `limit` groups, those with most of `order` first."""

    by: Literal["", "language", "host", "domain", "crawl"] = ""
    limit: Most = 20
    order: Literal["seen", "dropped", "duplicate", "corpus", "share", "bytes"] = "seen"


class FunnelHead(msgspec.Struct, frozen=True, kw_only=True):
    """The run in figures, so far.

    `records` of any type were read from `bytes_in` bytes of input; `responses` of them are none of another type, also
    those that were not delivered whole; `pages` are those that are not known to be anything else than web pages, as the
    steps of these names have them. `corpus` documents are still in, of `text_bytes` bytes in UTF-8 (null where not
    counted) and `tokens` tokens, estimated unless `tokens_exact`. `core_hours` is processor time of all stages, `price`
    that in dollars.
    """

    records: int
    bytes_in: int
    responses: int
    pages: int
    corpus: int
    text_bytes: int | None
    tokens: int | None
    tokens_exact: bool
    core_hours: float
    price: float


class FunnelReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why documents were removed in a step.

    `name` within the step; `rule` is the rule's whole name (`<filter>.<rule>`) and `signal` the column that it reads,
    both empty for what is no rule. `documents`, and bytes of their text (null where not counted).
    """

    name: str
    rule: str
    signal: str
    documents: int
    bytes: int | None


class FunnelStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step by its `name`: `left` documents of the step before less `removed`, which is the sum of `why`.

    `bytes` of text in UTF-8 are left: those of the step before less `removed_bytes` (the sum of `why`) and less
    `changed_bytes`, which went out of documents that stay; null before extraction and where not counted. `tokens` is an
    estimate from bytes unless `tokens_exact`. `group` names the stages behind the step (see FunnelCost), `filter` the
    filter, or the kind of duplicates (`exact`, ...) of a step of the groups dedup and lines; else it is empty.
    """

    name: str
    group: str
    filter: str
    removed: int
    left: int
    bytes: int | None
    removed_bytes: int | None
    changed_bytes: int
    tokens: int | None
    tokens_exact: bool
    why: list[FunnelReason]


class FunnelCost(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time of the stages behind a group of steps, in core-seconds: by stage, in all (`core_seconds`), and the
    `parts` that the stage `extract` measured of itself (`looking` at pages cheaply, `extracting` the others).

    What one filter takes of its stage is not measured. The group `model` (training) has no step.
    """

    group: str
    stages: dict[str, float]
    core_seconds: float
    parts: dict[str, float]


class FunnelOpen(msgspec.Struct, frozen=True, kw_only=True):
    """A stage that is not finished: shards `done`, of `planned` if that is known."""

    stage: str
    done: int
    planned: int | None


class FunnelScreened(msgspec.Struct, frozen=True, kw_only=True):
    """Pages that a cheap look spared the extraction, by `rules`, and core-seconds `spared` so, estimated, or null.

    They count as extracted, without a byte of text, until the filters drop them by these rules.
    """

    rules: dict[str, int]
    spared: float | None


class FunnelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The steps from records to tokens, what they cost (`costs`), and what there is in all (`head`).

    `bytes_per_token` is what estimates are made with: `measured` on this run's corpus, or a constant of English web
    text. `open` lists the stages under way: while there are any, all numbers are so far. `split` is tokens by split,
    once there are any. `screened` documents were dropped by a cheap look before extraction. `by` is the breakdown that
    was asked for, or null.
    """

    head: FunnelHead
    steps: list[FunnelStep]
    costs: list[FunnelCost]
    bytes_per_token: float
    measured: bool
    split: dict[str, int]
    screened: FunnelScreened
    open: list[FunnelOpen]
    by: FunnelBreakdown | None


def answer(house: House, seen: Seen, asked: FunnelQuestion) -> FunnelAnswer:
    """The funnel of a run as far as it is."""
    run, rate = seen.run, token_rate(seen.run)
    found = steps.funnel(run)
    exact = amounts.exact_tokens(run)
    return FunnelAnswer(
        head=_head(house, run, found, exact),
        steps=[*_steps(run, found, exact), *_tokens(run, found[-1], exact)],
        costs=[FunnelCost(**one._asdict()) for one in amounts.costs(run)],
        bytes_per_token=1 / rate.tokens_per_byte,
        measured=rate.measured,
        split=run.counts["tokens"] if "tokens" in run.ended else {},
        screened=FunnelScreened(rules=run.counts["screened"], spared=run.counts["spared_core_seconds"]),
        open=_open(seen),
        by=_breakdown(seen, asked, rate.tokens_per_byte) if asked.by else None,
    )


def _head(house: House, run: Run, found: list[steps.Step], exact: int | None) -> FunnelHead:
    counts, last = run.counts, found[-1]
    left = {step.name: step.left for step in found}
    hours = sum(counts["core_seconds"].values()) / 3600
    return FunnelHead(
        records=counts["records"],
        bytes_in=counts["bytes_in"],
        responses=left["responses"],
        pages=left["pages"],
        corpus=last.left,
        text_bytes=last.bytes,
        tokens=exact if exact is not None else amounts.estimated(last.bytes, run),
        tokens_exact=exact is not None,
        core_hours=round(hours, 6),
        price=round(hours * house.price, 6),
    )


def _breakdown(seen: Seen, asked: FunnelQuestion, tokens_per_byte: float) -> FunnelBreakdown:
    chain = seen.run.recipe.chain({}) if seen.run.recipe.filters is not None else None
    labelled = chain is not None and any(step.name == "domain" for step in chain.steps)
    return breakdown(
        seen.documents,
        asked.by,
        asked.order,
        asked.limit,
        tokens_per_byte,
        corpus_labels=asked.by == "domain" and not labelled,
    )


def _steps(run: Run, found: list[steps.Step], exact: int | None) -> list[FunnelStep]:
    rules = dict(steps.recipe_rules(run))
    told = []
    for step in found:
        last = step is found[-1] and exact is not None
        why = []
        for name, documents in step.why.items():
            rule = f"{step.filter}.{name}" if step.group == "filter" else ""
            size = None if step.removed_bytes is None else step.why_bytes.get(name, 0)
            signal = rules[rule].signal if rule in rules else ""
            why.append(FunnelReason(name=name, rule=rule, signal=signal, documents=documents, bytes=size))
        told.append(
            FunnelStep(
                name=step.name,
                group=step.group,
                filter=step.filter,
                removed=step.removed,
                left=step.left,
                bytes=step.bytes,
                removed_bytes=step.removed_bytes,
                changed_bytes=step.changed_bytes,
                tokens=exact if last else amounts.estimated(step.bytes, run),
                tokens_exact=last,
                why=why,
            )
        )
    return told


def _tokens(run: Run, last: steps.Step, exact: int | None) -> list[FunnelStep]:
    """What has been encoded: a step of its own once there is any of it."""
    if not run.closed["tokens"]:
        return []
    tokens = sum(run.counts["tokens"].values())
    return [
        FunnelStep(
            name="tokens" if exact is not None else "tokens so far",
            group="tokens",
            filter="",
            removed=0,
            left=plain(run.closed["tokens"], "in"),
            bytes=last.bytes if exact is not None else None,
            removed_bytes=0 if exact is not None and last.bytes is not None else None,
            changed_bytes=0,
            tokens=tokens,
            tokens_exact=True,
            why=[],
        )
    ]


def _open(seen: Seen) -> list[FunnelOpen]:
    stages = {stage["stage"]: stage for stage in seen.status["stages"]}
    return [
        FunnelOpen(stage=name, done=len(seen.run.closed[name]), planned=stages.get(name, {}).get("shards"))
        for name in seen.run.open
    ]


VIEW = View("funnel", "Funnel", "f", FunnelQuestion, FunnelAnswer, answer)
