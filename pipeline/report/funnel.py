"""What became of every record: the funnel from records to corpus, whose numbers add up, and what each rule did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from filters.types import Rule
from pipeline.comparison import compared
from pipeline.report import amounts
from pipeline.report.run import Run
from pipeline.stats import REMOVING
from pipeline.sums import named, plain, ranked

_NO_PAGE = (
    "not_ok",
    "not_html",
)  # responses that are no pages; every other kind of skipped record is no response
_AFTER = {
    "url": "after equal addresses",
    "exact": "after exact duplicates",
    "minhash": "after near duplicates",
    "lines": "after repeated lines",
}


class Step(NamedTuple):
    """One row of the funnel: `left` is the row before less `removed`, which is the sum of `why`.

    So it is with bytes of text, from extraction on, where the run counted them: `bytes` is that of the row before less
    `removed_bytes` (the sum of `why_bytes`) and less `changed_bytes`, which went out of documents that stay. `group`
    names the stages behind the row (`amounts.GROUPS`), `filter` the filter or the kind of duplicates that `why` is of.
    """

    name: str
    removed: int
    left: int
    why: dict[str, int]
    group: str = "extract"
    filter: str = ""
    bytes: int | None = None
    removed_bytes: int | None = None
    changed_bytes: int = 0
    why_bytes: Mapping[str, int] = {}


class RuleRow(NamedTuple):
    """One rule: documents that it was the first to drop, and all that fail it, alone or with others."""

    rule: str
    column: str
    condition: str  # what drops a document
    first: int
    failing: int


class DomainRow(NamedTuple):
    """One domain of the corpus."""

    domain: str
    documents: int
    train: int  # tokens
    heldout: int  # tokens


def funnel(run: Run) -> list[Step]:
    """The steps from records to corpus. The last one's `left` is the corpus."""
    counts = run.counts
    skipped, failed = counts["skipped"], dict(counts["failed"])
    given_up = failed.pop("shard_given_up", 0)
    lost_inputs = len(run.lost.get("extract", []))
    rows = _Rows(counts["records"])
    rows.add("responses", {kind: number for kind, number in skipped.items() if kind not in _NO_PAGE})
    rows.add("pages", {kind: number for kind, number in skipped.items() if kind in _NO_PAGE})
    rows.add("extracted", failed | {"shard_given_up": lost_inputs})
    found = amounts.texts(run)
    rows.begin_bytes(found.extracted)
    if run.recipe.dedup is not None and run.recipe.dedup.lines_at == "filters" and run.closed["cut_lines"]:
        rows.add("after repeated lines", {}, "lines", changed=found.lines_cut)
    if found.other_text:
        rows.add("texts that were judged", {}, "filter", changed=found.other_text)
    if "filter" in run.ended:
        _add_filters(rows, run, found)
    if {"dedup", "cut_lines"} & set(run.ended):
        for kind in _kinds(run):
            group, cut = ("lines", found.lines_cut) if kind == "lines" else ("dedup", 0)
            why, sizes = ({kind: of.get(kind, 0)} for of in (counts["duplicates"], found.duplicates))
            rows.add(_AFTER.get(kind, f"after {kind}"), why, group, kind, sizes, cut)
    if given_up > lost_inputs:
        why = {"shard_given_up": given_up - lost_inputs}
        rows.add("after shards given up", why, "corpus", sizes={"shard_given_up": found.lost})
    others = {why: number for why, number in counts["removed"].items() if why not in REMOVING}
    if sum(others.values()):
        rows.add("after removals", others, "corpus")
    if found.masked is not None and (found.masked or run.recipe.pii is not None):
        rows.add("after masking", {}, "corpus", changed=found.masked)
    whole = "corpus" in run.ended and "corpus" not in run.open
    rows.add("corpus" if whole else "left so far", {}, "corpus")
    if whole and found.extracted is None and amounts.counts_bytes(run, "corpus"):
        rows.begin_bytes(plain(run.closed["corpus"], "bytes"))
    return rows.steps


class _Rows:
    """Rows under construction, each taking from the one before."""

    def __init__(self, records: int) -> None:
        self.steps = [Step("records", 0, records, {})]

    def begin_bytes(self, extracted: int | None) -> None:
        """The last row is the first whose text has been counted."""
        self.steps[-1] = self.steps[-1]._replace(bytes=extracted)

    def add(
        self,
        name: str,
        why: Mapping[str, int],
        group: str = "extract",
        of: str = "",
        sizes: Mapping[str, int] | None = None,
        changed: int = 0,
    ) -> None:
        """Take `why` documents, `sizes` bytes with them and `changed` bytes out of the others."""
        last = self.steps[-1]
        fired = {reason: number for reason, number in why.items() if number}
        lost = {reason: number for reason, number in (sizes or {}).items() if number}
        gone, size = sum(fired.values()), sum(lost.values())
        step = Step(name, gone, last.left - gone, fired, group, of)
        if last.bytes is not None:
            left = last.bytes - size - changed
            step = step._replace(bytes=left, removed_bytes=size, changed_bytes=changed, why_bytes=lost)
        self.steps.append(step)


def _add_filters(rows: _Rows, run: Run, found: amounts.Texts) -> None:
    """A row a filter, and one for what those that edit took."""
    for name, why in _by_filter(run).items():
        sizes = {rule: found.dropped.get(f"{name}.{rule}", 0) for rule in why}
        rows.add("with text" if name == "extract" else f"after {name}", why, "filter", name, sizes)
    if found.edited is not None and (found.edited or amounts.editing(run)):
        rows.add("after edits", {}, "filter", changed=found.edited)


def _kinds(run: Run) -> list[str]:
    """The kinds of duplicates that the recipe looks for, in its order, and then any others that were counted."""
    wanted: list[str] = list(run.recipe.dedup.kinds) if run.recipe.dedup is not None else []
    return [*wanted, *sorted(set(run.counts["duplicates"]) - set(wanted))]


def first_dropped(run: Run) -> dict[str, int]:
    """Documents by the rule that was the first to drop them, also those that count as removed."""
    found: dict[str, int] = dict(run.counts["dropped"])
    for _, rules in REMOVING.values():
        found |= run.counts[rules]
    return found


def _by_filter(run: Run) -> dict[str, dict[str, int]]:
    """Filter to documents by the rule that was the first to drop them, all in recipe order."""
    dropped = first_dropped(run)
    order = [name for name, _ in recipe_rules(run)]
    found: dict[str, dict[str, int]] = {}
    for rule in [*order, *sorted(set(dropped) - set(order))]:
        found.setdefault(rule.partition(".")[0], {})[rule.partition(".")[2]] = dropped.get(rule, 0)
    if not any(found.get("extract", {}).values()):
        found.pop("extract", None)
    return found


def recipe_rules(run: Run) -> list[tuple[str, Rule]]:
    """The rules of the recipe as (`<filter>.<rule>`, rule), in its order."""
    return run.recipe.chain({}).rules if run.recipe.filters is not None else []


def condition(rule: Rule) -> str:
    """What drops a document, as text; see `compared`."""
    return compared(rule.drop_when, rule.threshold)


def failing_counts(run: Run) -> Counter[str]:
    """Documents by every rule that they fail."""
    return named(run.closed["filter"], "failing")


def rules(run: Run) -> tuple[list[RuleRow], list[str]]:
    """The rules that fired, in recipe order, and the names of those that fired on nothing."""
    first, failing = first_dropped(run), failing_counts(run)
    rows, silent = [], []
    for name, rule in recipe_rules(run):
        if rule.threshold is None:
            continue
        if first.get(name) or failing.get(name):
            rows.append(RuleRow(name, rule.signal, condition(rule), first.get(name, 0), failing.get(name, 0)))
        else:
            silent.append(name)
    return rows, silent


def domains(run: Run) -> list[DomainRow]:
    """Documents and tokens of every domain, the largest first."""
    documents = run.counts["domains"]
    train = named(run.closed["tokens"], "train_by_domain")
    heldout = named(run.closed["tokens"], "heldout_by_domain")
    names = sorted({*documents, *train, *heldout}, key=lambda name: (-documents.get(name, 0), name))
    return [DomainRow(name, documents.get(name, 0), train[name], heldout[name]) for name in names]


def languages(run: Run) -> dict[str, int]:
    """Extracted documents by their most probable language, the most frequent first."""
    return ranked(named(run.closed["filter"], "languages"))
