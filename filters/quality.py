"""Quality classifiers: fastText models by path score each document, and a policy says which scores are kept.

A classifier is any supervised fastText model and the label whose probability is the score, such as DCLM's
(`__label__hq`, kept from .018112; Li et al. 2024) or RedPajama-v1's `wikiref` (`__label__wiki`, kept from .25;
Together 2023). Policies: a threshold a classifier; the best share of the tokens; a budget of tokens; the lowest
bucket; GPT-3's Pareto draw (alpha 9; Pile-CC: 3). With `combine`, the classifiers' token-weighted percentiles are
combined and put into buckets, which mixes and reports read, too: see `filters.models.calibration`.

All that a policy compares is stored (how many tokens are better, at which alpha the draw drops), so every policy is a
threshold that can be changed later without reading or scoring a page again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from filters.batch import Batch
from filters.models.calibration import BYTES_PER_TOKEN, Calibration, Combine, calibrate, topics_of
from filters.models.draw import pareto_bound, uniform
from filters.models.fasttext_text import one_line
from filters.models.platt import Platt, calibrated
from filters.types import Amount, Count, FilterSpec, OfCorpus, Rule, Share, Signal

Array = np.ndarray[Any, Any]

_NAME = r"^[a-z][a-z0-9_]{0,40}$"
_OWN = ("percentile", "bucket", "above", "tokens_above", "pareto", "tokens")
NEMOTRON = "Nemotron-CC, Su et al. 2024, section 2.2"
GPT3 = "GPT-3, Brown et al. 2020, appendix A"
_OURS = "Sluice"


class Classifier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of the recipe's section `models`, the label whose probability is the score, and the least score."""

    model: str
    label: str
    min_score: Share | None = None
    platt: Platt | None = None  # from a trained model's card: the score is the calibrated probability


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept beside the classifiers' own thresholds; every one that is given must hold."""

    quantile: Share | None = None  # the best share of the tokens that the rules before keep
    budget: Count | None = None  # the best of them until so many tokens (estimated, before deduplication)
    min_bucket: Count | None = None
    pareto: Amount | None = None  # alpha of GPT-3's draw


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Classifiers by the name of their column, how they are combined, and the policy."""

    classifiers: dict[Annotated[str, msgspec.Meta(pattern=_NAME)], Classifier] = {}
    combine: Combine | None = None  # null: no percentiles, no buckets
    buckets: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 20
    by_topic: str | None = None  # percentiles within each value of this column, measured by an earlier filter
    policy: Policy = Policy()
    calibration: str | None = None  # of the section `models`; null: the run samples its own
    sample: Annotated[int, msgspec.Meta(ge=100)] = 20_000  # documents of all of a run


def signals(settings: Settings) -> list[Signal]:
    """A score a classifier, then what follows from them."""
    found = [
        Signal(
            f"quality_{name}",
            "probability",
            f"of {one.label}, by the model {one.model}",
            "fastText, Joulin et al. 2016",
        )
        for name, one in settings.classifiers.items()
    ]
    if found:
        found.append(Signal("quality_tokens", "tokens", f"UTF-8 bytes / {BYTES_PER_TOKEN}", _OURS))
    if settings.combine is not None:
        how = "highest" if settings.combine == "max" else "mean"
        found += [
            Signal(
                "quality_percentile", "share of tokens", f"in documents of a lower score, the {how}", NEMOTRON
            ),
            Signal("quality_bucket", "bucket", "the percentile in equal steps, 0 the lowest", NEMOTRON),
            Signal("quality_above", "share of tokens", "in documents of a higher percentile", _OURS),
            Signal(
                "quality_tokens_above", "tokens", "of the corpus in documents of a higher percentile", _OURS
            ),
        ]
    if _draws(settings):
        found.append(Signal("quality_pareto", "alpha", "from which on the draw drops the document", GPT3))
    return found


def rules(settings: Settings) -> list[Rule]:
    """The classifiers' thresholds, then the policies."""
    policy, found = settings.policy, []
    for name, one in settings.classifiers.items():
        found.append(Rule(name, f"quality_{name}", "<", one.min_score, "threshold of the model's authors"))
    if settings.combine is not None:
        found += [
            Rule("quantile", "quality_above", ">=", policy.quantile, "best share of the tokens"),
            Rule("budget", "quality_tokens_above", ">=", policy.budget, "best until so many tokens"),
            Rule("min_bucket", "quality_bucket", "<", policy.min_bucket, NEMOTRON),
        ]
    if _draws(settings):
        found.append(Rule("pareto", "quality_pareto", "<=", policy.pareto, GPT3))
    return found


def _draws(settings: Settings) -> bool:
    """Whether there is one score to draw by: of one classifier its own, of several the combined percentile."""
    return len(settings.classifiers) == 1 or (bool(settings.classifiers) and settings.combine is not None)


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """Scores and estimated tokens; the rest is derived from them."""
    if not settings.classifiers:
        return {}
    found = {
        f"quality_{name}": scored(batch, assets[f"models.{one.model}"], one.label, one.platt)
        for name, one in settings.classifiers.items()
    }
    sizes = np.fromiter((len(text.encode()) for text in batch.texts), np.float64, len(batch))
    found["quality_tokens"] = sizes / BYTES_PER_TOKEN
    if len(settings.classifiers) == 1:
        draws = uniform(batch.ids, "quality pareto")
        found["quality_pareto"] = pareto_bound(found[f"quality_{next(iter(settings.classifiers))}"], draws)
    return found


def scored(batch: Batch, model: Any, label: str, platt: Platt | None = None) -> Array:
    """The probability of a label for each text, float64; 0 where the model sees nothing it knows."""
    lines = batch.part("one_line", lambda: [one_line(text) for text in batch.texts])
    scores = np.fromiter((model.score(line, label) for line in lines), np.float64, len(batch))
    return calibrated(scores, platt) if platt is not None else scores


def derive(columns: Mapping[str, Array], settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """What the calibration makes of the scores."""
    if settings.combine is None:
        return {}
    pinned = settings.calibration
    found: Calibration = assets[f"models.{pinned}"] if pinned else assets["calibration"]["quality"]
    scores, topics = _inputs(columns, settings)
    percentile = found.combined(scores, topics)
    over = found.above.at(percentile)
    derived = {
        "quality_percentile": percentile,
        "quality_bucket": np.minimum(
            (percentile * settings.buckets + 1e-9).astype(np.int64), settings.buckets - 1
        ),
        "quality_above": over,
        "quality_tokens_above": over * found.tokens,
    }
    if len(scores) > 1:
        ids = [str(one or "") for one in columns["id"]]
        derived["quality_pareto"] = pareto_bound(percentile, uniform(ids, "quality pareto"))
    return derived


def made(columns: Mapping[str, Array], settings: Settings, documents: int, sampled: int) -> Calibration:
    """The calibration from the columns of the sampled documents that pass."""
    scores, topics = _inputs(columns, settings)
    return calibrate(
        scores,
        columns["quality_tokens"],
        topics,
        combine=settings.combine or "max",
        by_topic=settings.by_topic,
        documents=documents,
        sampled=sampled,
    )


def _inputs(columns: Mapping[str, Array], settings: Settings) -> tuple[dict[str, Array], Array | None]:
    topic = settings.by_topic
    # The filter that measures topics may have been left out for want of its model.
    topics = topics_of(columns[topic]) if topic is not None and topic in columns else None
    return {name: columns[f"quality_{name}"] for name in settings.classifiers}, topics


def raw(settings: Settings) -> Settings | None:
    """Settings that measure what each document says by itself; None where nothing depends on the corpus."""
    if settings.combine is None or settings.calibration is not None:
        return None
    return msgspec.structs.replace(settings, combine=None, by_topic=None, policy=Policy())


def check(settings: Settings, columns: Sequence[str]) -> None:
    """ValueError, beginning with the key, for settings that cannot hold together after filters with these columns."""
    policy, combine = settings.policy, settings.combine is not None
    clash = next((name for name in settings.classifiers if name in _OWN), None)
    if clash:
        raise ValueError(f"classifiers.{clash}: this name is taken by the column quality_{clash}")
    if settings.policy.pareto is not None and not _draws(settings):
        raise ValueError("policy.pareto: needs one classifier, or `combine` of several")
    for key in ("quantile", "budget", "min_bucket"):
        if getattr(policy, key) is not None and not combine:
            raise ValueError(f"policy.{key}: needs percentiles: write `combine: max` or `combine: mean`")
    for key in ("by_topic", "calibration"):
        if getattr(settings, key) is not None and not combine:
            raise ValueError(f"{key}: nothing reads it without `combine`")
    if combine and not settings.classifiers:
        raise ValueError("classifiers: expected at least one to combine")
    if settings.by_topic is not None and settings.by_topic not in columns:
        raise ValueError(f"by_topic: no filter before this one measures {settings.by_topic!r}")
    if policy.min_bucket is not None and policy.min_bucket >= settings.buckets:
        raise ValueError(
            f"policy.min_bucket: expected less than the {settings.buckets} buckets, got {policy.min_bucket}"
        )


def alike(settings: Settings, own: Settings) -> None:
    """ValueError where a language's own settings differ in more than models and thresholds."""
    for key in ("combine", "buckets", "by_topic", "calibration", "sample"):
        if getattr(settings, key) != getattr(own, key):
            raise ValueError(f"{key}: is the same for all languages")
    if list(settings.classifiers) != list(own.classifiers):
        raise ValueError("classifiers: have the same names in all languages")


def fits(settings: Settings, assets: Mapping[str, Any]) -> None:
    """ValueError, beginning with the key, if a model lacks the label, or a given calibration is one of other scores."""
    for name, one in settings.classifiers.items():
        try:
            assets[f"models.{one.model}"].place(one.label)
        except KeyError as error:
            raise ValueError(f"classifiers.{name}.label: {error.args[0]}") from None
    if settings.calibration is None:
        return
    pinned: Calibration = assets[f"models.{settings.calibration}"]
    wanted = (set(settings.classifiers), settings.combine, settings.by_topic)
    if wanted != (set(pinned.percentiles), pinned.combine, pinned.by_topic):
        made_of = f"{pinned.combine} of {', '.join(sorted(pinned.percentiles))}"
        by_topic = f", by {pinned.by_topic}" if pinned.by_topic else ""
        raise ValueError(
            f"calibration: that of models.{settings.calibration} was made for {made_of}{by_topic}"
        )


def assets(settings: Settings) -> tuple[str, ...]:
    """The models, and the calibration if one is given."""
    names = [one.model for one in settings.classifiers.values()]
    names += [settings.calibration] if settings.calibration else []
    return tuple(dict.fromkeys(f"models.{name}" for name in names))


SPEC = FilterSpec(
    name="quality",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset({"policy", "classifiers.*.min_score"}),
    check=check,
    fits=fits,
    of_corpus=OfCorpus(raw, made, derive, alike),
    example=Settings(
        classifiers={"wikiref": Classifier(model="wikiref", label="__label__wiki", min_score=0.25)},
        combine="max",
    ),
)
