"""Stages `train`, `anneal` and `eval`: the stable run, its annealing arms, and what each model scores by domain.

Models lie under plain names: `model/stable/`, `model/anneal/<arm>/`, and the final one, the last arm of the recipe (or
the stable run if there is none), in `model/` itself. Checkpoints live in `_work/` until the stage is committed, so a
killed run goes on where it was.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.errors import Stopped, UserError
from pipeline.ledger import Input, shard_key
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.stages.tables import as_input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixes.mix import MixSettings
    from mixes.tokens import TokenSet
    from pipeline.recipe import Recipe
    from train.config import Arm, TrainSettings


def settings(recipe: Recipe) -> object:
    """Everything that decides a byte of the stable model; the arms belong to `anneal`."""
    from importlib.metadata import version

    from train.config import decisive

    assert recipe.train is not None
    final = not recipe.train.anneal.arms  # then the stable model is also published as the final one
    anneal = recipe.train.anneal
    return {
        "train": decisive(recipe.train),
        # Where tokens are short, arms want some left.
        "room": None if final else [anneal.fraction, anneal.tokens],
        "final": final,
        "mix": msgspec.to_builtins(recipe.mix),
        "torch": version("torch"),
    }


def anneal_settings(recipe: Recipe) -> object:
    """The arms."""
    assert recipe.train is not None
    return msgspec.to_builtins(recipe.train.anneal)


def eval_settings(recipe: Recipe) -> object:
    """How much is scored."""
    return msgspec.to_builtins(recipe.eval)


def _token_files(planning: Planning) -> tuple[list[Input], dict[str, Any]]:
    outputs = [output for _, output in planning.outputs("tokens", "tokens")]
    arrays = [output for output in outputs if output.name.endswith(".npy")]
    tables = [output for output in outputs if output.name.endswith(".parquet")]
    learned = planning.ledger.closed("tokenizer")[0]
    parameters = {
        "arrays": [output.name for output in arrays],
        "tables": [output.name for output in tables],
        "vocabulary": learned.values["vocabulary"],
        "eos": learned.values["eos"],
        "tokenizer": learned.outputs[0].name,
    }
    return [as_input(output) for output in outputs], parameters


def plan_train(planning: Planning) -> list[Shard]:
    """One shard: one model."""
    inputs, parameters = _token_files(planning)
    assert planning.recipe.train is not None
    final = not planning.recipe.train.anneal.arms
    return [Shard(name="stable", inputs=inputs, parameters={**parameters, "final": final})]


def plan_anneal(planning: Planning) -> list[Shard]:
    """One shard an arm; all start from the same checkpoint."""
    inputs, parameters = _token_files(planning)
    checkpoint = [output for _, output in planning.outputs("train", "model/stable/checkpoint")]
    train = planning.recipe.train
    assert train is not None
    return [
        Shard(
            name=arm.name,
            inputs=[*inputs, *(as_input(output) for output in checkpoint)],
            parameters={
                **parameters,
                "checkpoint": [output.name for output in checkpoint],
                "final": arm is train.anneal.arms[-1],
            },
        )
        for arm in train.anneal.arms
    ]


def plan_eval(planning: Planning) -> list[Shard]:
    """One shard a model: the stable one and every arm."""
    inputs, parameters = _token_files(planning)
    found = []
    for stage in ("train", "anneal"):
        for receipt in planning.ledger.closed(stage) if stage in planning.active else []:
            under = "model/stable" if stage == "train" else f"model/anneal/{receipt.shard}"
            files = [output for output in receipt.outputs if output.folder == under]
            found.append(
                Shard(
                    name=receipt.shard,
                    inputs=[*inputs, *(as_input(output) for output in files)],
                    parameters={**parameters, "model": [output.name for output in files]},
                )
            )
    return found


def _open(attempt: Attempt, parameters: Mapping[str, Any]) -> TokenSet:
    from mixes.tokens import TokenSet

    folder, scratch = attempt.folder, attempt.scratch
    files = [
        (folder.local(array, scratch), folder.local(table, scratch))
        for array, table in zip(parameters["arrays"], parameters["tables"], strict=True)
    ]
    return TokenSet.open(files, parameters["vocabulary"], parameters["eos"])


@contextmanager
def _work(attempt: Attempt) -> Iterator[Path]:
    """Where checkpoints survive a kill: in a run folder on a disk, else in the scratch folder.

    One process at a time may use it; a second run in the same folder trains for itself, to the same bytes.
    """
    private = attempt.scratch / "work"
    if "://" in attempt.folder.url:
        yield private
        return
    key = shard_key(attempt.fingerprint, attempt.shard.inputs)
    work = Path(attempt.folder.url) / "_work" / f"{attempt.stage}-{attempt.shard.name}-{key}"
    work.mkdir(parents=True, exist_ok=True)
    with open(work / "lock", "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go by the kernel when the process dies
        except OSError:
            yield private
        else:
            yield work


@contextmanager
def _in_words() -> Iterator[None]:
    """Errors of a mix, of shards and of training are for the person who wrote the recipe."""
    from mixes.errors import MixError, ShardError
    from train.errors import StoppedError, TrainError

    try:
        yield
    except StoppedError as error:
        raise Stopped(error.signal_number) from error
    except (MixError, ShardError, TrainError) as error:
        raise UserError(str(error)) from error


def _plan(attempt: Attempt, tokens: TokenSet, train: TrainSettings, shard: Shard) -> Any:
    from train.plan import make_plan

    return make_plan(tokens.supply(), attempt.recipe.mix, train, shard.parameters["vocabulary"])


def fitting(train: TrainSettings, mix: MixSettings, supply: Mapping[str, int]) -> TrainSettings:
    """The settings with arms that this corpus can feed; `supply` is training tokens by domain.

    Under `over_cap: water-fill` domains that it happens to hold nothing of lose their weight, and an arm that has no
    other goes on with the stable mix. Where the mix refuses, raises MixError with the arm's key.
    """
    from mixes.mix import sequences_of
    from train.config import resolve

    sizes = sequences_of(supply, resolve(train).sequence)
    arms = tuple(
        msgspec.structs.replace(
            arm, weights=_arm_weights(f"train.anneal.arms[{number}]", arm.weights, mix, sizes)
        )
        for number, arm in enumerate(train.anneal.arms)
    )
    return msgspec.structs.replace(train, anneal=msgspec.structs.replace(train.anneal, arms=arms))


def _arm_weights(key: str, weights: Any, mix: MixSettings, sizes: Mapping[str, int]) -> Any:
    from filters.domain import DOMAINS
    from mixes.errors import MixError
    from mixes.weights import relative_weights, weighs_nothing

    if isinstance(weights, str):
        return weights
    if mix.over_cap == "water-fill":
        # A name that no document could bear is a mistake, and stays for the error that names its neighbour.
        weights = {k: v for k, v in weights.items() if sizes.get(k) or (k not in DOMAINS and k not in sizes)}
        if weighs_nothing(weights):
            return "stable"
    try:
        relative_weights(weights, sizes, mix)
    except MixError as error:
        raise MixError(str(error).replace("mix:", f"{key}.weights:", 1)) from None
    return weights


def _fallback(asked: Arm, used: Arm) -> dict[str, Any]:
    """What a receipt says of an arm whose domains the corpus has none of."""
    if isinstance(asked.weights, str) or used.weights != "stable":
        return {}
    wanted = sorted(name for name, weight in asked.weights.items() if weight)
    return {"fallback": {"weights": "stable", "no_tokens_of": wanted}}


def _settings(attempt: Attempt, tokens: TokenSet) -> TrainSettings:
    assert attempt.recipe.train is not None
    return fitting(attempt.recipe.train, attempt.recipe.mix, tokens.supply())


def _arm(train: TrainSettings | None, name: str) -> Arm:
    assert train is not None
    return next(arm for arm in train.anneal.arms if arm.name == name)


def _progress(attempt: Attempt) -> Any:
    def progress(step: int, steps: int, loss: float, rate: float) -> None:
        attempt.report({"step": step, "steps": steps, "loss": loss, "tokens_per_second": round(rate)})

    return progress


def _publish(attempt: Attempt, shard: Shard, out: Path, under: str) -> None:
    """Every file of a finished model under its own name; the final model also in `model/` itself."""
    tokenizer = attempt.folder.local(shard.parameters["tokenizer"], attempt.scratch)
    shutil.copyfile(tokenizer, out / "tokenizer.json")
    if shard.parameters["final"]:
        copy = attempt.scratch / "final"
        shutil.copytree(out, copy, ignore=shutil.ignore_patterns("checkpoint"))
        for path in sorted(copy.rglob("*")):
            if path.is_file():
                attempt.add_file(path, "model", str(path.relative_to(copy)), addressed=False)
    for path in sorted(out.rglob("*")):
        if path.is_file():
            attempt.add_file(path, under, str(path.relative_to(out)), addressed=False)


def run_train(shard: Shard, attempt: Attempt) -> None:
    """Warm up and run at a stable learning rate."""
    from train.loop import run_stable

    with _in_words(), _work(attempt) as work:
        tokens = _open(attempt, shard.parameters)
        train = _settings(attempt, tokens)
        plan = _plan(attempt, tokens, train, shard)
        out = attempt.scratch / "model"
        result = run_stable(tokens, plan.mix, train, work, out, _progress(attempt))
    attempt.values = {"plan": plan.summary, **_plain(result)}
    _account(attempt, result["cost"])
    _publish(attempt, shard, out, "model/stable")


def run_anneal(shard: Shard, attempt: Attempt) -> None:
    """One arm from the stable checkpoint."""
    from train.anneal import run_arm

    with _in_words(), _work(attempt) as work:
        tokens = _open(attempt, shard.parameters)
        train = _settings(attempt, tokens)
        asked, arm = _arm(attempt.recipe.train, shard.name), _arm(train, shard.name)
        plan = _plan(attempt, tokens, train, shard)
        out = attempt.scratch / "model"
        files = [attempt.folder.local(name, attempt.scratch) for name in shard.parameters["checkpoint"]]
        checkpoint = files[0].parent
        result = run_arm(tokens, plan.mix, train, arm, checkpoint, work, out, _progress(attempt))
    planned = plan.arm_mixes[arm.name].exposure()
    attempt.values = {"planned": planned, **_plain(result), **_fallback(asked, arm)}
    _account(attempt, result["cost"])
    _publish(attempt, shard, out, f"model/anneal/{shard.name}")


def _plain(result: Mapping[str, Any]) -> dict[str, Any]:
    """What of a result is the same wherever it was computed."""
    return {name: value for name, value in result.items() if name != "cost"}


def _account(attempt: Attempt, cost: Mapping[str, Any]) -> None:
    """Where the steps of this attempt were trained (of a resumed one, those since), how fast, and the device's best."""
    attempt.device = cost["device"]
    attempt.costs |= {
        "trained_tokens": cost["tokens"],
        "train_seconds": cost["seconds"],
        "peak_flops": cost["peak_flops"],
        "peak_measured": cost["peak_measured"],
    }


def run_eval(shard: Shard, attempt: Attempt) -> None:
    """Perplexity and bits per byte of one model on held-out documents, by domain."""
    from train.evaluate import evaluate

    with _in_words():
        tokens = _open(attempt, shard.parameters)
        files = [attempt.folder.local(name, attempt.scratch) for name in shard.parameters["model"]]
        folder = next(path.parent for path in files if path.name == "model.safetensors")
        result = evaluate(folder, tokens, attempt.recipe.eval)
    path = attempt.scratch / f"{shard.name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1))
    attempt.add_file(path, "eval", f"{shard.name}.json")
    attempt.values = {"scores": result}


TRAIN = Stage(
    name="train",
    version=2,
    folders=("model/stable",),
    settings=settings,
    plan=plan_train,
    run=run_train,
    alone=True,
    needed=True,
)
ANNEAL = Stage(
    name="anneal",
    version=2,
    folders=("model/anneal",),
    settings=anneal_settings,
    plan=plan_anneal,
    run=run_anneal,
    alone=True,
    needed=True,
)
EVAL = Stage(
    name="eval",
    version=1,
    folders=("eval",),
    settings=eval_settings,
    plan=plan_eval,
    run=run_eval,
    alone=True,
    needed=True,
)
