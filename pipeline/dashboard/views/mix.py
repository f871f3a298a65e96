"""Tokens by domain: what the corpus has, what the recipe weighs, what training was to read and what it read."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from mixes.errors import MixError
from pipeline.dashboard.view import House, View
from pipeline.dashboard.views.missing import needs
from pipeline.dashboard.watch import Seen
from pipeline.report import funnel
from pipeline.report.training import exposure
from train.errors import TrainError

if TYPE_CHECKING:
    from mixes.weights import MixSettings
    from pipeline.report.run import Run

MOST = 10**15  # tokens of a budget that is asked for


class MixQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """`budget`: tokens of a training run to imagine, from this corpus under this recipe's mix; 0: none."""

    budget: Annotated[int, msgspec.Meta(ge=0, le=MOST)] = 0


class MixDomain(msgspec.Struct, frozen=True, kw_only=True):
    """One domain of the corpus: `documents`, training `tokens` and `heldout` ones (null before they are counted).

    `share`: of all training tokens, of all documents where tokens are not counted yet. `seen`: share of the tokens of
    the stable run, as planned, null where there is no plan.
    """

    domain: str
    documents: int
    tokens: int | None
    heldout: int | None
    share: float
    seen: float | None


class MixRow(msgspec.Struct, frozen=True, kw_only=True):
    """One domain in one phase: `weight` that the recipe writes, as a share (null: natural, or that of the phase
    before); `share` of the phase's tokens as planned; tokens `planned` and `read` (null before training); `epochs`: how
    often its training tokens are read in this phase, as planned."""

    domain: str
    weight: float | None
    share: float
    planned: int
    read: int | None
    epochs: float


class MixPhase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of a model's training: which `model` (`stable` or an arm), `phase` by name, tokens `planned` and `read`
    (null before training), `rows`: one a domain."""

    model: str
    phase: str
    planned: int
    read: int | None
    rows: list[MixRow]


class MixAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The mix as far as the run is.

    `missing`: why there is nothing to tell, and what would bring it, or nothing. `trained`: `phases` were read, and are
    not only planned. `weights`: `natural`, or `explicit`. `max_epochs`: how often a domain may be repeated over all
    phases. `domains`: of the corpus, the largest first. `phases`: of the recipe's training, or of an imagined one of
    `budget` tokens; empty if the recipe trains nothing and no budget was asked for. `refused`: why the recipe's mix
    gives no plan from this corpus, or nothing. `largest`: the most tokens that the cap allows under this mix, null
    where unknown.
    """

    missing: str
    trained: bool
    weights: str
    max_epochs: float
    budget: int
    largest: int | None
    refused: str
    domains: list[MixDomain]
    phases: list[MixPhase]


def answer(house: House, seen: Seen, asked: MixQuestion) -> MixAnswer:
    """The mix of a run as far as it is."""
    run = seen.run
    supply = {row.domain: row.train for row in funnel.domains(run) if row.train}
    phases, refused = [], ""
    trained = bool(run.closed["train"]) and not asked.budget
    if trained:
        phases = _read(run)
    elif supply:
        try:
            phases = _planned(run, supply, asked.budget)
        except (MixError, TrainError) as error:
            refused = str(error)
    mix = run.recipe.mix
    natural = not mix.phases and mix.weights == "natural"
    return MixAnswer(
        missing=needs(seen, ("corpus",), "a corpus"),
        trained=trained,
        weights="natural" if natural else "explicit",
        max_epochs=mix.max_epochs,
        budget=asked.budget,
        largest=_largest(run, supply) if supply else None,
        refused=refused,
        domains=_domains(run, phases),
        phases=phases,
    )


def _domains(run: Run, phases: list[MixPhase]) -> list[MixDomain]:
    stable = [row for phase in phases if phase.model == "stable" for row in phase.rows]
    planned = sum(row.planned for row in stable)
    rows = funnel.domains(run)
    counted = bool(run.closed["tokens"])
    whole = sum(row.train if counted else row.documents for row in rows) or 1
    return [
        MixDomain(
            domain=row.domain,
            documents=row.documents,
            tokens=row.train if counted else None,
            heldout=row.heldout if counted else None,
            share=(row.train if counted else row.documents) / whole,
            seen=sum(one.planned for one in stable if one.domain == row.domain) / planned
            if planned
            else None,
        )
        for row in rows
    ]


def _read(run: Run) -> list[MixPhase]:
    """What was planned and read, from the receipts."""
    found = []
    for (model, phase), rows in groupby(exposure(run), key=lambda row: (row.run, row.phase)):
        weights = _written(run, model, phase)
        told = [
            MixRow(
                domain=row.domain,
                weight=weights.get(row.domain, 0.0) if weights else None,
                share=row.share,
                planned=row.planned,
                read=row.read,
                epochs=row.epochs,
            )
            for row in rows
        ]
        planned, read = (sum(getattr(row, name) for row in told) for name in ("planned", "read"))
        found.append(MixPhase(model=model, phase=phase, planned=planned, read=read, rows=_ordered(told)))
    return found


def _planned(run: Run, supply: Mapping[str, int], budget: int) -> list[MixPhase]:
    """What training would read: of a budget, or as the recipe has it. Raises MixError, TrainError."""
    from mixes.mix import Mix

    if budget:
        sequence = _sequence(run)
        mix = Mix.build(supply, run.recipe.mix, sequence=sequence, sequences=max(1, budget // sequence))
        return _phases(run, "stable", mix.exposure(), set())
    if run.recipe.train is None or not run.closed["tokenizer"]:
        return []
    from pipeline.stages.learn import fitting
    from train.plan import make_plan

    train = fitting(run.recipe.train, run.recipe.mix, supply)
    plan = make_plan(supply, run.recipe.mix, train, run.closed["tokenizer"][0].values["vocabulary"])
    found = _phases(run, "stable", plan.mix.exposure(), set())
    before = {one.phase for one in found}
    for name, mix in plan.arm_mixes.items():
        found += _phases(run, name, mix.exposure(), before)
    return found


def _phases(run: Run, model: str, rows: list[dict[str, Any]], before: set[str]) -> list[MixPhase]:
    found = []
    for phase, of_phase in groupby(rows, key=lambda row: str(row["phase"])):
        if phase == "total" or phase in before:
            continue
        weights = _written(run, model, phase)
        told = [
            MixRow(
                domain=row["domain"],
                weight=weights.get(row["domain"], 0.0) if weights else None,
                share=row["share"],
                planned=row["tokens"],
                read=None,
                epochs=row["epochs"],
            )
            for row in of_phase
            if row["tokens"]
        ]
        planned = sum(row.planned for row in told)
        found.append(MixPhase(model=model, phase=phase, planned=planned, read=None, rows=_ordered(told)))
    return found


def _ordered(rows: list[MixRow]) -> list[MixRow]:
    return sorted(rows, key=lambda row: (-row.planned, row.domain))


def _written(run: Run, model: str, phase: str) -> dict[str, float]:
    """The recipe's weights as shares; none where it says natural, or the same as before."""
    arms = {arm.name: arm.weights for arm in run.recipe.train.anneal.arms} if run.recipe.train else {}
    weights: Any = arms.get(model)
    if model == "stable":
        weights = next((one.weights for one in run.recipe.mix.in_phases() if one.name == phase), None)
    if weights is None or isinstance(weights, str):
        return {}
    whole = sum(weights.values()) or 1.0
    return {name: weight / whole for name, weight in weights.items()}


def _sequence(run: Run) -> int:
    """Tokens that training reads at a time; 1 where the recipe does not train."""
    from train.config import resolve

    return resolve(run.recipe.train).sequence if run.recipe.train else 1


def _largest(run: Run, supply: Mapping[str, int]) -> int | None:
    """The most tokens under the cap, by bisection; None where the mix allows not one sequence."""
    sequence, settings = _sequence(run), run.recipe.mix
    low, high = 0, int(settings.max_epochs * sum(supply.values())) // sequence + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(supply, settings, sequence, middle) else (low, middle)
    return low * sequence or None


def _fits(supply: Mapping[str, int], settings: MixSettings, sequence: int, sequences: int) -> bool:
    from mixes.mix import Mix

    try:
        Mix.build(supply, settings, sequence=sequence, sequences=sequences)
    except MixError:
        return False
    return True


VIEW = View("mix", "Mix", "m", MixQuestion, MixAnswer, answer)
