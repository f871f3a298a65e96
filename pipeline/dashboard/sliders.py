"""Thresholds as sliders, and what moving them does to documents, tokens, hosts and topics."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from filters.knobs import Knob
from filters.types import Rule
from pipeline.dashboard.sides import pages_of
from pipeline.dashboard.view import BadQuestion
from pipeline.dashboard.watch import Seen
from pipeline.errors import UsageError, UserError
from pipeline.recipe import Recipe, with_settings
from pipeline.report.token_rate import token_rate
from pipeline.store import fingerprint
from pipeline.whatif import Decisions, decisions, moved

GROUPS = 8  # hosts, languages and domains that gain or lose most
EXAMPLES = 8  # on the border
Array = np.ndarray[Any, Any]


class Slider(msgspec.Struct, frozen=True, kw_only=True):
    """A setting with its range: `key` as `--set` names it, the rule that it moves, the recipe's value and the one now.

    `signal` is the column that the rule reads; it drops a document whose value is `drop_when` (such as `<`) the
    threshold. `low`, `high` and `step` come from the values that documents have. Null values: the rule is off.
    `language` is the one that has this threshold of its own, or empty.
    """

    key: str
    rule: str
    signal: str
    drop_when: str
    recipe: float | None
    now: float | None
    low: float
    high: float
    step: float
    language: str


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """A number of documents; `low` and `high` are its 95 % interval where it was told from a sample."""

    number: int
    low: int
    high: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Documents of the group `name` that are kept by the recipe (`before`) and by the moved thresholds (`now`).

    Of the sample, where numbers come from one.
    """

    name: str
    before: int
    now: int


class Border(msgspec.Struct, frozen=True, kw_only=True):
    """A document near the threshold: its value, whether it was kept `before` and is `now`, and `others`.

    `others` are rules on other signals that it fails now; it is `unread` if a cheap look had screened it and
    `retune` would read it again. `id` is as stored, `url` and `title` masked and cut, `host` that of the address or
    empty.
    """

    id: str
    url: str
    title: str
    host: str
    value: float | None
    before: bool
    now: bool
    unread: bool
    others: list[str]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the moved thresholds keep.

    `documents` were judged. `before` are kept by the recipe, `now` by all rules with what was moved, `alone` by the
    rules on this signal alone. `gained` were dropped before, `lost` kept. `bytes_before`, `bytes_now`,
    `bytes_alone`, `tokens_before`, `tokens_now` and `tokens_alone` are of the text as extracted, before edits and
    duplicates; tokens are told from bytes at `tokens_per_byte`, which this run measured if `rate_measured`.
    `unread` pages were screened by a cheap look that would not screen them now: `retune` reads them again, and they
    are in none of the other numbers. `exact` is false where these come from the stored sample; `sampled` documents
    were looked at. `hosts`, `domains` and `languages` are those that gain or lose most; `border` holds documents
    nearest to the threshold.
    """

    documents: int
    before: Amount
    now: Amount
    alone: Amount
    gained: Amount
    lost: Amount
    bytes_before: int
    bytes_now: int
    bytes_alone: int
    tokens_before: int
    tokens_now: int
    tokens_alone: int
    tokens_per_byte: float
    rate_measured: bool
    unread: int
    exact: bool
    sampled: int
    hosts: list[Change]
    domains: list[Change]
    languages: list[Change]
    border: list[Border]


@dataclass(frozen=True)
class Moved:
    """A recipe with other thresholds, and its decisions over what is stored of a run."""

    recipe: Recipe
    before: Decisions | None
    now: Decisions | None
    settings: tuple[str, ...]
    patch: str
    command: str

    @property
    def stored(self) -> bool:
        """True if there are documents to decide about."""
        return self.now is not None

    @property
    def keep(self) -> Array:
        """Who is kept now, (rows,) of bool."""
        assert self.now is not None
        return self.now.keep

    @property
    def recipe_rules(self) -> list[tuple[str, Rule]]:
        """The rules with their thresholds now."""
        return self.recipe.chain({}).rules


def settings_now(seen: Seen, settings: Sequence[str]) -> Moved:
    """The run's recipe with these `--set` pairs, which have to be thresholds; raises BadQuestion.

    What `sluice retune` refuses is refused here, and ranks in the corpus that it would make anew.
    """
    from pipeline.retune import require_stored

    recipe, pairs = seen.run.recipe, tuple(settings)
    if pairs:
        require_filters(pairs)
        try:
            require_stored(seen.run.folder.url, recipe)
            recipe = _changed(recipe, pairs)
            _require_ranks(seen, recipe)
        except UserError as error:
            raise BadQuestion(str(error)) from None
    if not seen.documents.rows:
        return Moved(recipe, None, None, pairs, *_saved(seen, pairs))
    before = _decided(seen)
    now = moved(before, recipe, seen.documents, pages_of(seen)) if pairs else before
    return Moved(recipe, before, now, pairs, *_saved(seen, pairs))


def _require_ranks(seen: Seen, recipe: Recipe) -> None:
    """UsageError where stored ranks are not those that the recipe's thresholds would give."""
    from pipeline.stages.calibrate import calibrate_settings

    if "calibrate" not in seen.run.active:
        return
    before, now = (fingerprint(calibrate_settings(one)) for one in (seen.run.recipe, recipe))
    if before != now:
        raise UsageError(
            "these thresholds change which documents are ranked against each other, and so the ranks that are stored: "
            "`sluice compare` and `sluice retune` rank them again"
        )


def require_filters(pairs: Sequence[str]) -> None:
    """BadQuestion for a setting that is none of a filter: whoever asks chooses no paths, models or lists here."""
    for pair in pairs:
        key, equals, _ = pair.partition("=")
        if not key.startswith("filters.") or key.count(".") < 2 or not equals:
            raise BadQuestion("set: write filters.NAME.KEY=value; other settings need `sluice run`")


@lru_cache(maxsize=64)
def _changed(recipe: Recipe, pairs: tuple[str, ...]) -> Recipe:
    from pipeline.retune import require_thresholds

    found = with_settings(recipe, pairs)
    require_thresholds(recipe, found)
    return found


def _decided(seen: Seen) -> Decisions:
    """The recipe's own decisions, made once a snapshot of the documents."""
    cache = seen.documents.cache
    if "decisions" not in cache:
        cache["decisions"] = decisions(seen.run.recipe, seen.documents, pages_of(seen))
    return cache["decisions"]


def _saved(seen: Seen, pairs: tuple[str, ...]) -> tuple[str, str]:
    """A recipe patch of these settings, and the command that runs them."""
    if not pairs:
        return "", ""
    from pipeline import yaml
    from pipeline.patch import patch_text

    changes: dict[str, dict[str, Any]] = {}
    words = ["sluice", "retune", seen.run.folder.url]
    for pair in pairs:
        words += ["--set", pair]
        key, _, value = pair.partition("=")
        _, name, *inside, leaf = key.split(".")
        into: dict[str, Any] = changes.setdefault(name, {})
        for part in inside:
            into = into.setdefault(part, {})
        into[leaf] = yaml.scalar(value)
    return patch_text(changes), shlex.join(words)


def sliders(seen: Seen, found: Sequence[Knob], now: Moved, signal: str) -> tuple[list[Slider], list[Slider]]:
    """The sliders of one signal, and those of other signals that were moved."""
    values = dict(pair.split("=", 1) for pair in now.settings)
    own = [_slider(seen, knob, values) for knob in found if knob.signal == signal]
    others = [_slider(seen, knob, values) for knob in found if knob.signal != signal and knob.key in values]
    return own, others


def _slider(seen: Seen, knob: Knob, values: dict[str, str]) -> Slider:
    now: float | None = knob.value
    if knob.key in values:
        try:
            now = float(values[knob.key])
        except ValueError:
            now = None  # such as `null`, which switches a rule off
    low, high = _range(seen, knob, now)
    step = 1.0 if knob.whole else _step((high - low) / 200)
    return Slider(
        key=knob.key,
        rule=knob.rule,
        signal=knob.signal,
        drop_when=knob.drop_when,
        recipe=knob.value,
        now=int(now) if knob.whole and now is not None else now,
        low=math.floor(low / step) * step,
        high=round(math.ceil(high / step - 1e-9) * step, 10),
        step=step,
        language=knob.language,
    )


def _range(seen: Seen, knob: Knob, now: float | None) -> tuple[float, float]:
    """The whole range of a share; else from 0 to where half of the documents are, with the threshold well inside."""
    limits = [float(one) for one in (knob.value, now) if one is not None]
    key, cache = f"range {knob.signal}", seen.documents.cache
    if key not in cache:
        there = knob.signal in seen.documents.table.column_names
        values = seen.documents.column(knob.signal).astype(float) if there else np.zeros(0)
        values = values[np.isfinite(values)]
        cache[key] = tuple(np.quantile(values, [0.0, 0.5, 0.98])) if len(values) else (0.0, 1.0, 1.0)
    least, middle, most = cache[key]
    if not knob.whole and most <= 1 and max(limits, default=0.0) <= 1 and min([least, *limits]) >= 0:
        return 0.0, 1.0
    low, high = min([least, 0.0, *limits]), max([middle, *(3 * limit for limit in limits)])
    return float(low), float(max(high, low + 1))


def _step(width: float) -> float:
    """A round step of about this width."""
    return float(10 ** math.floor(math.log10(width))) if width > 0 else 0.01


def outcome(seen: Seen, now: Moved, signal: str) -> Outcome:
    """What is kept before and now, and who gains and loses by it."""
    assert now.before is not None
    assert now.now is not None
    documents = seen.documents
    before, keep = now.before.keep, now.keep
    own = [at for at, (_, rule) in enumerate(now.recipe_rules) if rule.signal == signal]
    alone = ~now.now.spared  # nobody measured the signal of these
    for at in own:
        alone &= ~now.now.failed[at]
    rate = token_rate(seen.run)
    sizes = [int(documents.bytes[kept].sum() * documents.scale) for kept in (before, keep, alone)]
    tokens = [round(size * rate.tokens_per_byte) for size in sizes]
    return Outcome(
        documents=documents.total,
        before=_amount(seen, before),
        now=_amount(seen, keep),
        alone=_amount(seen, alone),
        gained=_amount(seen, keep & ~before),
        lost=_amount(seen, before & ~keep),
        bytes_before=sizes[0],
        bytes_now=sizes[1],
        bytes_alone=sizes[2],
        tokens_before=tokens[0],
        tokens_now=tokens[1],
        tokens_alone=tokens[2],
        tokens_per_byte=rate.tokens_per_byte,
        rate_measured=rate.measured,
        unread=int(now.now.unread.sum() * documents.scale),
        exact=documents.exact,
        sampled=documents.rows,
        hosts=_changes(seen, "host", before, keep),
        domains=_changes(seen, "domain", before, keep),
        languages=_changes(seen, "language", before, keep),
        border=_border(seen, now, signal, own, before, keep),
    )


def _amount(seen: Seen, chosen: Array) -> Amount:
    found = int(chosen.sum())
    if seen.documents.exact:
        return Amount(number=found, low=found, high=found)
    number, low, high = seen.documents.estimated(found)
    return Amount(number=number, low=low, high=high)


def _changes(seen: Seen, name: str, before: Array, keep: Array) -> list[Change]:
    """The groups that gain or lose most documents; the largest ones where nothing moves."""
    codes, labels = seen.documents.codes(name)
    was, now = (np.bincount(codes[kept], minlength=len(labels)) for kept in (before, keep))
    order = np.lexsort((np.arange(len(labels)), -was, -np.abs(now - was)))[:GROUPS]
    return [
        Change(name=labels[at], before=int(was[at]), now=int(now[at])) for at in order if was[at] or now[at]
    ]


def _distance(seen: Seen, now: Moved, own: list[int], values: Array) -> Array:
    """How far each value is from the nearest threshold of these rules for its document's language, (rows,)."""
    from filters.language_codes import code_of

    chain = now.recipe.chain({})
    far = np.full(len(values), np.inf)
    own_rules = np.zeros(len(values), np.bool_)
    sides: list[tuple[Array, list[Rule]]] = []
    if chain.languages:
        codes, labels = seen.documents.codes("language")
        known = np.array([code_of(label) for label in labels], object)
        for language, rules in chain.languages.items():
            rows = (known == language)[codes]
            own_rules |= rows
            sides.append((rows, rules))
    sides.append((~own_rules, [rule for _, rule in chain.rules]))
    for rows, rules in sides:
        for at in own:
            if isinstance(limit := rules[at].threshold, int | float):
                far[rows] = np.fmin(far[rows], np.abs(values[rows] - limit))
    return np.where(np.isnan(values), np.inf, far)


def _both_sides(order: Array, fails: Array) -> Array:
    """The first `EXAMPLES` rows of an order, half of those that fail and half of the others where there are enough."""
    half = EXAMPLES // 2
    sides = [order[fails[order]], order[~fails[order]]]
    number = max(half, EXAMPLES - len(sides[1]))
    chosen = np.concatenate([sides[0][:number], sides[1][: EXAMPLES - min(number, len(sides[0]))]])
    return order[np.isin(order, chosen)]


def _border(seen: Seen, now: Moved, signal: str, own: list[int], before: Array, keep: Array) -> list[Border]:
    """Documents whose values lie closest to the threshold, half of them on each side as far as there are enough.

    First those whose fate it changes, then those that it alone decides about.
    """
    if signal not in seen.documents.table.column_names:
        return []
    values = seen.documents.column(signal).astype(float)
    far = _distance(seen, now, own, values)
    if not np.isfinite(far).any():
        return []
    decided, decides = now.now, far < np.inf
    assert decided is not None
    for at in range(len(now.recipe_rules)):
        if at not in own:
            decides &= ~decided.failed[at]
    rank = np.where(before != keep, 0, np.where(decides, 1, 2)) + np.where(far < np.inf, 0, 3)
    order = _both_sides(np.lexsort((far, rank)), np.any([decided.failed[at] for at in own], axis=0))
    names = decided.names
    table = seen.documents.table.take(order)
    from pipeline.report.samples import cut, masked

    rows = table.select(
        [name for name in ("id", "url", "title", "host") if name in table.column_names]
    ).to_pylist()
    shown = masked(
        [text for row in rows for text in (str(row.get("url") or ""), str(row.get("title") or ""))]
    )
    return [
        Border(
            id=row["id"],
            url=cut(shown[2 * number]),
            title=cut(shown[2 * number + 1]),
            host=row.get("host") or "",
            value=None if np.isnan(values[at]) else float(values[at]),
            before=bool(before[at]),
            now=bool(keep[at]),
            unread=bool(decided.unread[at]),
            others=[name for i, name in enumerate(names) if i not in own and decided.failed[i][at]],
        )
        for number, (row, at) in enumerate(zip(rows, order.tolist(), strict=True))
        if np.isfinite(far[at])
    ]
