"""What was learned: loss over the stable run and its annealing arms, the arms at their end, held-out scores, exposure.

The arms branch from one checkpoint and see equal numbers of tokens. Losses on training batches of different mixes do
not compare; the held-out scores do, since every model reads the same documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import IO, Any, NamedTuple

import msgspec
from markupsafe import Markup

from pipeline.ledger import Receipt
from pipeline.report.charts import Mark, Panel, Point, Score, Series, line_chart, score_chart
from pipeline.report.run import Run

Logged = Mapping[str, Any]  # a logged step: step, tokens, loss, lr, phase and others
POINTS = 400  # of a line; more cannot be told apart
_STRETCHES, _STRETCH = 64, 16 << 10  # of a large file of metrics that are read: how many, bytes
_WINDOW = 0.04  # of the stable run's logged steps: a smoothed loss is the mean of as many


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a model was trained on a `device`, as far as one process did it: of a resumed one, the last.

    `tokens_per_second`, and `flops_per_second` by the count of `train.plan.FLOPS_FORMULA`; `mfu` is what share those
    are of `peak_flops` (a second), which the device's maker publishes or, `measured`, its matrix products reached: see
    `train.peak`.
    """

    device: str
    tokens_per_second: float
    flops_per_second: float
    mfu: float
    peak_flops: float
    measured: bool


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the stable run by its `name`, `of` the schedule or of the mix, that begins when `start` tokens have
    been read."""

    name: str
    of: str
    start: int


class Model(NamedTuple):
    """A trained model: the stable one or an arm."""

    name: str
    class_: str  # its colour in every chart
    what: str  # in words
    tokens: int
    last_loss: float | None  # mean of the last logged steps
    overall: Mapping[str, Any]  # its row of held-out scores, empty before `eval`
    domains: Mapping[str, Mapping[str, Any]]
    pace: Pace | None = None


class Line(NamedTuple):
    """What a model logged over the tokens that it had read: thinned to what a line can show."""

    name: str
    class_: str
    loss: Sequence[Point]  # smoothed, nats a token
    raw: Sequence[Point]
    rate: Sequence[Point]  # the learning rate


class Exposure(NamedTuple):
    """Tokens of one domain in one phase, as planned and as read."""

    run: str
    phase: str
    domain: str
    share: float
    planned: int
    read: int
    epochs: float


def models(run: Run) -> list[Model]:
    """The stable model, then the arms in the order of the recipe."""
    scores = {receipt.shard: receipt.values.get("scores", {}) for receipt in run.closed["eval"]}
    arms = {arm.name: arm for arm in run.recipe.train.anneal.arms} if run.recipe.train else {}
    found = []
    for number, receipt in enumerate([*run.closed["train"], *run.closed["anneal"]]):
        arm, score = arms.get(receipt.shard), scores.get(receipt.shard, {})
        mix = (
            "" if arm is None else "same mix" if arm.weights == "stable" else f"mix: {_weights(arm.weights)}"
        )
        decay = "" if arm is None else "rate kept" if arm.decay == "none" else "rate decays to zero"
        found.append(
            Model(
                name=receipt.shard,
                class_=f"c{number % 6}",
                what=f"{decay}, {mix}" if arm else "warm-up, then a stable rate",
                tokens=int(receipt.values.get("tokens") or 0),
                last_loss=receipt.values.get("last_loss"),
                overall=score.get("overall", {}),
                domains=score.get("domains", {}),
                pace=_pace(receipt, plan(run)),
            )
        )
    return found


def plan(run: Run) -> Mapping[str, Any]:
    """What the stable run was planned as (see `train.plan`), empty before it has ended."""
    found: Mapping[str, Any] = run.closed["train"][0].values.get("plan", {}) if run.closed["train"] else {}
    return found


def pace(speed: float, flops_per_token: float, peak: float, measured: bool, device: str) -> Pace:
    """The pace of so many tokens a second, on a device that does at most `peak` operations a second."""
    return Pace(
        device=device,
        tokens_per_second=speed,
        flops_per_second=speed * flops_per_token,
        mfu=speed * flops_per_token / peak,
        peak_flops=peak,
        measured=measured,
    )


def _pace(receipt: Receipt, planned: Mapping[str, Any]) -> Pace | None:
    """How fast this receipt's model was trained; None where it does not tell, or nothing was left to train."""
    parts = receipt.cost.parts
    if not (planned and parts.get("trained_tokens") and parts.get("train_seconds")):
        return None
    speed = parts["trained_tokens"] / parts["train_seconds"]
    measured = bool(parts["peak_measured"])
    return pace(speed, planned["flops_per_token"], parts["peak_flops"], measured, receipt.cost.device)


def phases(run: Run) -> list[Phase]:
    """Where the stable run's stretches begin, after the first one of each kind; none before it has ended."""
    if not run.closed["train"]:
        return []
    values = run.closed["train"][0].values
    schedule, step = values.get("schedule", {}), plan(run).get("tokens_per_step", 0)
    names = (("stable", schedule.get("warmup", 0)), ("decay", schedule.get("decay_from", 0)))
    found = [
        Phase(name=name, of="schedule", start=at * step)
        for name, at in names
        if 0 < at < schedule.get("end", 0)
    ]
    read: dict[str, int] = {}
    for row in values.get("exposure", []):
        if row["phase"] != "total":
            read[row["phase"]] = read.get(row["phase"], 0) + row["tokens"]
    starts = zip(read, accumulate(read.values(), initial=0), strict=False)
    return [*found, *(Phase(name=name, of="mix", start=start) for name, start in starts if start)]


def _weights(weights: Any) -> str:
    if isinstance(weights, str):
        return weights
    total = sum(weights.values()) or 1
    return ", ".join(f"{name} {100 * weight / total:.0f} %" for name, weight in weights.items() if weight)


def lines(run: Run, found: Sequence[Model], live: Mapping[str, Sequence[Logged]] = {}) -> list[Line]:
    """What every model logged, in the order of the models; `live` are rows of those that are still in training.

    An arm's smoothed loss begins with the stable run's, where it branches off.
    """
    logged = {model.name: live.get(model.name) or _metrics(run, model.name) for model in found}
    trunk = logged.get("stable", [])
    if not trunk:
        return []
    window = max(1, min(len(trunk) // 4, 8), round(len(trunk) * _WINDOW))
    told = []
    for model in found:
        own = logged[model.name]
        before = (
            [row for row in trunk if own and row["step"] < own[0]["step"]] if model.name != "stable" else []
        )
        joined = _smooth([(row["tokens"], row["loss"]) for row in [*before, *own]], window)
        raw = [(row["tokens"], row["loss"]) for row in own]
        told.append(
            Line(
                model.name,
                model.class_,
                _thin(joined[max(0, len(before) - 1) :] if own else []),
                _thin(raw),
                _thin([(row["tokens"], row["lr"]) for row in own]),
            )
        )
    return told


def loss_charts(told: Sequence[Line], stretches: Sequence[Phase] = ()) -> list[Markup]:
    """Loss and learning rate over the whole run with its phases, and a closer view of the arms."""
    if not told:
        return []
    loss = [Series(one.name, one.class_, one.loss, one.raw) for one in told]
    rate = [Series(one.name, one.class_, one.rate) for one in told]
    whole = line_chart(
        "Training loss and learning rate over the whole run",
        "Smoothed loss in nats over each training batch, the raw values pale behind it; the learning rate below.",
        [Panel("loss, nats per token", 190, loss), Panel("learning rate", 70, rate, low=0.0)],
        "tokens read",
        [Mark(one.start, one.name if one.of == "schedule" else f"mix: {one.name}") for one in stretches],
    )
    arms = [series for series in loss[1:] if series.points]
    return [whole, _closer(loss[0], arms)] if arms else [whole]


def _closer(trunk: Series, arms: Sequence[Series]) -> Markup:
    start, end = min(one.points[0][0] for one in arms), max(one.points[-1][0] for one in arms)
    since = start - (end - start) / 2
    shown = [trunk._replace(points=[p for p in trunk.points if p[0] >= since], faint=())]
    shown += [arm._replace(faint=()) for arm in arms]
    return line_chart(
        "The annealing arms",
        "Smoothed training loss of the arms from the checkpoint they share, which all see the same number of tokens.",
        [Panel("loss, nats per token", 286, shown)],
        "tokens read",
    )


def _metrics(run: Run, name: str) -> list[Logged]:
    """The logged steps of a model, in order; none if the file is gone."""
    stage, under = ("train", "model/stable") if name == "stable" else ("anneal", f"model/anneal/{name}")
    output = run.file(stage, name, f"{under}/metrics.jsonl")
    if output is None or not run.folder.exists(output.name):
        return []
    with run.folder.open(output.name) as file:
        return logged(file, output.bytes)


def logged(file: IO[bytes], size: int) -> list[Logged]:
    """The steps in a file of metrics of so many bytes, in order; of a large file stretches at equal distances.

    Lines that are not whole, and others than steps, are left out: the file may be growing.
    """
    if size <= _STRETCHES * _STRETCH:
        stretches = [file.read(size)]
    else:
        stretches = []
        for number in range(_STRETCHES):
            file.seek(number * (size - _STRETCH) // (_STRETCHES - 1))
            text = file.read(_STRETCH)
            stretches.append(text if number == 0 else text.partition(b"\n")[2])
    found: dict[int, Logged] = {}
    for line in (line for text in stretches for line in text.splitlines()):
        try:
            row = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(row, dict) and {"step", "tokens", "loss", "lr"} <= set(row):
            found[row["step"]] = row
    return [found[step] for step in sorted(found)]


def _smooth(points: Sequence[Point], window: int) -> list[Point]:
    """The mean of the last `window` values at every point, of fewer where the loss still falls fast."""
    sums = [0.0, *accumulate(y for _, y in points)]
    out = []
    for at, (x, _) in enumerate(points):
        first = max(at + 1 - window, at - at // 3)
        out.append((x, (sums[at + 1] - sums[first]) / (at + 1 - first)))
    return out


def _thin(points: Sequence[Point]) -> list[Point]:
    """At most about `POINTS` of them, the last one always."""
    every = max(1, len(points) // POINTS)
    return [point for at, point in enumerate(points) if at % every == 0 or at == len(points) - 1]


def scores_chart(found: Sequence[Model]) -> Markup:
    """Bits per byte on held-out documents with their 95 % intervals, by domain."""
    rows = [("overall", [_score(model.overall) for model in found])]
    rows += [
        (domain, [_score(model.domains.get(domain, {})) for model in found]) for domain in domains(found)
    ]
    return score_chart(
        "Bits per byte on held-out documents, by domain and model",
        "A dot a model, lower is better; lines are 95 % intervals over documents.",
        [(model.name, model.class_) for model in found],
        rows,
        "bits per byte",
    )


def domains(found: Sequence[Model]) -> list[str]:
    """The domains that were scored."""
    return sorted({domain for model in found for domain in model.domains})


def _score(row: Mapping[str, Any]) -> Score | None:
    value, interval = row.get("bits_per_byte"), row.get("interval")
    if value is None:
        return None
    return Score(float(value), (float(interval[0]), float(interval[1])) if interval else None)


def effects(run: Run, found: Sequence[Model]) -> list[str]:
    """What separates the arms, in sentences: the effect of the decay, then that of the data."""
    if run.recipe.train is None:
        return []
    score = {model.name: model.overall.get("bits_per_byte") for model in found}
    arms = [arm for arm in run.recipe.train.anneal.arms if score.get(arm.name) is not None]
    plain = next((arm for arm in arms if arm.decay == "none" and arm.weights == "stable"), None)
    same = next((arm for arm in arms if arm.decay == "linear" and arm.weights == "stable"), None)
    said = []
    if plain and same:
        said.append(_effect("the decay of the learning rate", same.name, plain.name, score))
    fallen = {one.shard: one.values["fallback"] for one in run.closed["anneal"] if "fallback" in one.values}
    if same:
        others = [arm for arm in arms if arm.decay == "linear" and arm.weights != "stable"]
        said += [
            _effect("the data alone", arm.name, same.name, score) for arm in others if arm.name not in fallen
        ]
    for name, fallback in sorted(fallen.items()):
        missing = ", ".join(fallback["no_tokens_of"])
        said.append(f"{name} went on with the mix of the stable run: the corpus holds no tokens of {missing}")
    return said


def _effect(cause: str, after: str, before: str, score: Mapping[str, float | None]) -> str:
    change = (score[after] or 0.0) - (score[before] or 0.0)
    signed = f"{change:+.4f}".replace("-", "−")
    return f"{after} − {before}: {signed} bits per byte over all held-out documents, due to {cause}"


def exposure(run: Run) -> list[Exposure]:
    """Planned and read tokens by domain: the phases of the stable run, then each arm's own phase."""
    trained = run.closed["train"]
    if not trained:
        return []
    plan = trained[0].values.get("plan", {})
    rows = _exposed(trained[0], plan.get("exposure", []), set())
    trunk_phases = {row.phase for row in rows}
    for receipt in run.closed["anneal"]:
        rows += _exposed(receipt, receipt.values.get("planned", []), trunk_phases)
    return rows


def _exposed(receipt: Receipt, planned: Sequence[Mapping[str, Any]], seen: set[str]) -> list[Exposure]:
    read = {(row["phase"], row["domain"]): row for row in receipt.values.get("exposure", [])}
    found = []
    for row in planned:
        key = (row["phase"], row["domain"])
        actual = read.get(key, {})
        if row["phase"] == "total" or row["phase"] in seen or not (row["tokens"] or actual.get("tokens")):
            continue
        share, epochs = float(row["share"]), float(row["epochs"])
        found.append(
            Exposure(receipt.shard, *key, share, row["tokens"], int(actual.get("tokens", 0)), epochs)
        )
    return found
