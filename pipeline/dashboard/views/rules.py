"""What every rule of the recipe did: documents that it fires on, first and alone, and on which it fires with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np

from pipeline.dashboard.overlap import Overlap, overlap
from pipeline.dashboard.view import BadQuestion, House, View
from pipeline.dashboard.watch import Seen
from pipeline.errors import nearest
from pipeline.report.funnel import condition, failing_counts, first_dropped, recipe_rules
from pipeline.sums import named, plain

if TYPE_CHECKING:
    from filters.types import Rule

EVERYTHING = 0.95  # share of the documents from which on a rule fires on nearly everything
Order = Literal["recipe", "fires", "first", "alone"]
Flag = Literal["", "off", "nothing", "nearly everything"]


class RulesQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """How the table is sorted, and whose overlap is shown.

    `sort`: the recipe's order, or the largest count first. `top`: how many rules the matrix holds, those that fire
    most. `filter`: only rules of this filter in both, by its name; empty: of all.
    """

    sort: Order = "recipe"
    top: Annotated[int, msgspec.Meta(ge=2, le=40)] = 12
    filter: str = ""


class RuleLine(msgspec.Struct, frozen=True, kw_only=True):
    """One rule and its documents.

    `rule` is `<filter>.<rule>`; `signal` the column it compares, in `unit`, which measures `description`; `drops` what
    drops a document, `by_language` the same for languages with a threshold of their own; `when` the rule's condition as
    the recipe has it; `source` the paper or program that it is from. `fires`: documents that it fires on; `share`: of
    all documents; `first`: those of them that it drops as the first failing rule; `excused`: documents that its
    condition spared; `screened`: documents whose extraction a cheap look spared for this rule. These are exact sums
    over receipts. `alone`: documents on which no other rule fires, from `alone_low` to `alone_high` where that is told
    from a sample; `alone_screened`: those of them that were screened, so other rules were not asked; `alone_bytes`:
    extracted text of `alone`, in bytes (none is known of screened ones); `alone_tokens`: the same in tokens at the
    corpus' bytes a token, null where the run has no tokens. `flag`: switched `off`, or fires on `nothing`, or on
    `nearly everything`, which is 95 % of the documents.
    """

    rule: str
    signal: str
    unit: str
    description: str
    drops: str
    by_language: dict[str, str]
    when: str
    source: str
    fires: int
    share: float
    first: int
    excused: int
    screened: int
    alone: int
    alone_low: int
    alone_high: int
    alone_screened: int
    alone_bytes: int
    alone_tokens: int | None
    flag: Flag


class RuleAbsent(msgspec.Struct, frozen=True, kw_only=True):
    """A filter of the recipe that is not applied: its list or model `asset` was not given; `source`: where it is."""

    filter: str
    asset: str
    source: str


class RuleBand(msgspec.Struct, frozen=True, kw_only=True):
    """What the filter or rule `name` removed against what its makers published (`source`).

    `share`: removed, of what reached the filter, by `by` (documents or characters), null where nothing did; `low` and
    `high`: the published band; `inside`: null where fewer than 500 documents reached it; `reached`: documents.
    """

    name: str
    share: float | None
    low: float
    high: float
    by: str
    inside: bool | None
    reached: int
    source: str


class RuleOverlap(msgspec.Struct, frozen=True, kw_only=True):
    """On how many documents two rules both fire.

    `documents[i][j]` is for `rules[i]` and `rules[j]`; on the diagonal stands how many rule i fires on. Where `exact`
    is false they are estimates from a sample, and `low` and `high` hold the ends of their 95 % intervals; else those
    are empty.
    """

    rules: list[str]
    documents: list[list[int]]
    low: list[list[int]]
    high: list[list[int]]
    exact: bool


class RulesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every rule of the recipe.

    `documents`: that the filters decided so far; `looked_at`: those of them that `alone` and `overlap` are told from;
    `exact`: true where that is all of them; `filters`: names that can be asked for; `rules`: all rules, in the order
    asked for; `overlap`: of the rules that fire most; `left_out`: filters that are not applied; `bands`: shares that
    were published.
    """

    documents: int
    looked_at: int
    exact: bool
    filters: list[str]
    rules: list[RuleLine]
    overlap: RuleOverlap
    left_out: list[RuleAbsent]
    bands: list[RuleBand]


def answer(house: House, seen: Seen, asked: RulesQuestion) -> RulesAnswer:
    """All rules of a run as far as it is; raises BadQuestion for a filter that the recipe does not have."""
    rules = recipe_rules(seen.run)
    filters = list(dict.fromkeys(name.partition(".")[0] for name, _ in rules))
    if asked.filter and asked.filter not in filters:
        raise BadQuestion(
            f"the recipe has no filter `{asked.filter}` with rules{nearest(asked.filter, filters)}"
        )
    found = overlap(seen.documents, [name for name, _ in rules])
    lines = [line for line in _lines(seen, rules, found) if _of(line.rule, asked.filter)]
    if asked.sort != "recipe":
        lines.sort(key=lambda line: -int(getattr(line, asked.sort)))
    return RulesAnswer(
        documents=plain(seen.run.closed["filter"], "in"),
        looked_at=seen.documents.rows,
        exact=_whole(seen),
        filters=filters,
        rules=lines,
        overlap=_overlap(seen, found, asked),
        left_out=[
            RuleAbsent(filter=one.filter, asset=one.asset, source=one.source)
            for one in seen.run.recipe.left_out
        ],
        bands=[msgspec.convert(one, RuleBand) for one in seen.run.counts["bands"]],
    )


def _of(rule: str, filter_name: str) -> bool:
    return not filter_name or rule.startswith(f"{filter_name}.")


def _whole(seen: Seen) -> bool:
    return seen.documents.exact and seen.documents.rows == seen.documents.total


def _lines(seen: Seen, rules: list[tuple[str, Rule]], found: Overlap) -> list[RuleLine]:
    run = seen.run
    if not rules:
        return []
    chain = run.recipe.chain({})
    signals = {signal.column: signal for signal in chain.signals}
    fires, first = failing_counts(run), first_dropped(run)
    excused, screened = named(run.closed["filter"], "excused"), named(run.closed["extract"], "screened")
    total = plain(run.closed["filter"], "in")
    per_byte = _tokens_per_byte(seen)
    lines = []
    for at, (name, rule) in enumerate(rules):
        alone, low, high = _told(int(found.alone[at]), seen)
        scale = alone / found.alone[at] if found.alone[at] else 1.0
        cost = round(int(found.alone_bytes[at]) * scale)
        signal = signals[rule.signal]
        own = {language: rules_of[at] for language, rules_of in chain.languages.items()}
        lines.append(
            RuleLine(
                rule=name,
                signal=rule.signal,
                unit=signal.unit,
                description=signal.description,
                drops="" if rule.threshold is None else condition(rule),
                by_language={
                    language: "never" if other.threshold is None else condition(other)
                    for language, other in own.items()
                    if other != rule
                },
                when=chain.guards[name].text if name in chain.guards else "",
                source=rule.source,
                fires=fires[name],
                share=fires[name] / total if total else 0.0,
                first=first.get(name, 0),
                excused=excused[name],
                screened=screened[name],
                alone=alone,
                alone_low=low,
                alone_high=high,
                alone_screened=round(int(found.screened_alone[at]) * scale),
                alone_bytes=cost,
                alone_tokens=None if per_byte is None else round(cost * per_byte),
                flag=_flag(rule, list(own.values()), fires[name], total),
            )
        )
    return lines


def _flag(rule: Rule, by_language: list[Rule], fires: int, total: int) -> Flag:
    if all(one.threshold is None for one in (rule, *by_language)):
        return "off"
    if not fires:
        return "nothing"
    return "nearly everything" if fires >= EVERYTHING * total else ""


def _tokens_per_byte(seen: Seen) -> float | None:
    """Of the corpus; null where the run has no tokens or did not count bytes."""
    tokens = named(seen.run.closed["tokens"], "tokens").total()
    size = plain(seen.run.closed["corpus"], "bytes")
    return tokens / size if tokens and size else None


def _told(count: int, seen: Seen) -> tuple[int, int, int]:
    """A count among the documents looked at as one of all, and its interval."""
    documents = seen.documents
    if _whole(seen) or not documents.rows:
        return count, count, count
    return documents.estimated(count)


def _overlap(seen: Seen, found: Overlap, asked: RulesQuestion) -> RuleOverlap:
    fires = np.diagonal(found.together)
    chosen = [at for at, name in enumerate(found.rules) if fires[at] and _of(name, asked.filter)]
    most = sorted(sorted(chosen, key=lambda at: -int(fires[at]))[: asked.top])
    counts = found.together[np.ix_(most, most)].tolist() if most else []
    exact = _whole(seen)
    told: list[list[tuple[int, int, int]]] = [[_told(count, seen) for count in row] for row in counts]

    def part(which: int) -> list[list[int]]:
        return [[cell[which] for cell in row] for row in told]

    return RuleOverlap(
        rules=[found.rules[at] for at in most],
        documents=part(0),
        low=[] if exact else part(1),
        high=[] if exact else part(2),
        exact=exact,
    )


VIEW = View("rules", "Rules", "r", RulesQuestion, RulesAnswer, answer)
