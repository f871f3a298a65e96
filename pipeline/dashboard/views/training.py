"""What was learned, and how it goes while it is learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.dashboard.live import InTraining, in_training
from pipeline.dashboard.view import House, View
from pipeline.dashboard.views.missing import needs
from pipeline.dashboard.watch import Seen
from pipeline.report import training
from pipeline.report.training import Line, Model, Pace, Phase

if TYPE_CHECKING:
    from markupsafe import Markup

    from pipeline.report.run import Run


class TrainingQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """No parameters."""


class TrainingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the stable run was planned as: `parameters` of the model; `tokens` to read, and as many as were `wanted`;
    `steps` of `tokens_per_step`; `limited_by` budget or supply; `arms` of `arm_tokens` each; `flops_per_token` of
    forward and backward pass, by the model's size and the `flops_formula`."""

    parameters: int
    tokens: int
    wanted: int
    steps: int
    tokens_per_step: int
    limited_by: str
    arms: int
    arm_tokens: int
    flops_per_token: float
    flops_formula: str


class TrainingScore(msgspec.Struct, frozen=True, kw_only=True):
    """A model on held-out `documents` of so many `tokens`: `bits_per_byte` with its 95 % `interval` over documents
    (null where these are too few), and `perplexity` of a token."""

    documents: int
    tokens: int
    bits_per_byte: float
    interval: tuple[float, float] | None
    perplexity: float


class TrainingModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model by `name`, its `colour` in charts, and in words `what` sets it apart.

    `tokens`: read by its own steps; `last_loss`: mean of its last logged steps, nats a token; `seconds`: from begin to
    end on its machine; `pace`: how fast its steps were (null where its receipt does not tell). `overall`, `domains`:
    held-out scores, null and empty before they are there.
    """

    name: str
    colour: str
    what: str
    tokens: int
    last_loss: float | None
    seconds: float
    pace: Pace | None
    overall: TrainingScore | None
    domains: dict[str, TrainingScore]


class TrainingLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a model logged, its `colour` as the model's, thinned to some 400 points: pairs of tokens read and `loss`
    (smoothed, nats a token), `raw` loss, learning `rate`.
    """

    model: str
    colour: str
    loss: list[tuple[float, float]]
    raw: list[tuple[float, float]]
    rate: list[tuple[float, float]]


class TrainingNow(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is being trained: its last logged `step` and, of all, how many tokens that are, in which `phase` of
    the schedule, with what `loss`, and at what `pace` since the step before (null where unknown)."""

    model: str
    step: int
    tokens: int
    phase: str
    loss: float
    pace: Pace | None


class TrainingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Training as far as it is.

    `missing`: why there is nothing to tell, and what would bring it, or nothing. `plan`: null before the stable run has
    ended. `now`: models in training. `models`: that are trained. `lines`: of both. `phases` of the stable run after
    its first, once it has ended. `effects`: what sets the arms apart, in sentences. `windowing`: how held-out documents
    were scored.
    """

    missing: str
    plan: TrainingPlan | None
    now: list[TrainingNow]
    models: list[TrainingModel]
    lines: list[TrainingLine]
    phases: list[Phase]
    effects: list[str]
    windowing: str


def answer(house: House, seen: Seen, asked: TrainingQuestion) -> TrainingAnswer:
    """The training of a run as far as it is, from receipts and, while it goes on, from what it writes."""
    run = seen.run
    now = in_training(run)
    found = training.models(run)
    every = [*found, *(_model(one, len(found) + number) for number, one in enumerate(now))]
    told = training.lines(run, every, {one.model: one.steps for one in now})
    plan = _plan(run)
    scored = run.closed["eval"]
    return TrainingAnswer(
        missing="" if now else needs(seen, ("train",), "a section `train`"),
        plan=plan,
        now=[_now(one) for one in now],
        models=[_told(run, model) for model in found],
        lines=[
            TrainingLine(
                model=one.name,
                colour=one.class_,
                loss=list(one.loss),
                raw=list(one.raw),
                rate=list(one.rate),
            )
            for one in told
        ],
        phases=training.phases(run),
        effects=training.effects(run, found),
        windowing=str(scored[0].values.get("scores", {}).get("windowing", "")) if scored else "",
    )


def _plan(run: Run) -> TrainingPlan | None:
    plan = training.plan(run)
    if not plan:
        return None
    return TrainingPlan(
        parameters=plan["parameters"],
        tokens=plan["tokens"],
        wanted=plan["tokens_wanted"],
        steps=plan["steps"],
        tokens_per_step=plan["tokens_per_step"],
        limited_by=plan["limited_by"],
        arms=len(run.recipe.train.anneal.arms) if run.recipe.train else 0,
        arm_tokens=plan["arm_tokens"],
        flops_per_token=plan["flops_per_token"],
        flops_formula=plan["flops_formula"],
    )


def _model(one: InTraining, number: int) -> Model:
    return Model(one.model, f"c{number % 6}", "in training", 0, None, {}, {})


def _now(one: InTraining) -> TrainingNow:
    last = one.steps[-1]
    return TrainingNow(
        model=one.model,
        step=last["step"],
        tokens=last["tokens"],
        phase=str(last.get("phase", "")),
        loss=last["loss"],
        pace=one.pace,
    )


def _told(run: Run, model: Model) -> TrainingModel:
    receipts = [*run.closed["train"], *run.closed["anneal"]]
    return TrainingModel(
        name=model.name,
        colour=model.class_,
        what=model.what,
        tokens=model.tokens,
        last_loss=model.last_loss,
        seconds=next((one.cost.wall_seconds for one in receipts if one.shard == model.name), 0.0),
        pace=model.pace,
        overall=_score(model.overall),
        domains={name: score for name, row in model.domains.items() if (score := _score(row))},
    )


def _score(row: Mapping[str, Any]) -> TrainingScore | None:
    if row.get("bits_per_byte") is None:
        return None
    low_high = row.get("interval")
    return TrainingScore(
        documents=row["documents"],
        tokens=row["tokens"],
        bits_per_byte=row["bits_per_byte"],
        interval=(low_high[0], low_high[1]) if low_high else None,
        perplexity=row["perplexity"],
    )


def loss_charts(lines: Sequence[TrainingLine], phases: Sequence[Phase]) -> list[Markup]:
    """The answer's lines as the report draws them."""
    return training.loss_charts(
        [Line(one.model, one.colour, one.loss, one.raw, one.rate) for one in lines],
        phases,
    )


def scores_chart(models: Sequence[TrainingModel]) -> Markup:
    """The answer's scores as the report draws them."""
    return training.scores_chart(
        [
            Model(
                one.name,
                one.colour,
                one.what,
                one.tokens,
                one.last_loss,
                msgspec.to_builtins(one.overall) if one.overall else {},
                {name: msgspec.to_builtins(score) for name, score in one.domains.items()},
            )
            for one in models
        ]
    )


def scored(models: Sequence[TrainingModel]) -> list[str]:
    """The domains that any model was scored on."""
    return sorted({name for one in models for name in one.domains})


VIEW = View("training", "Training", "t", TrainingQuestion, TrainingAnswer, answer)
