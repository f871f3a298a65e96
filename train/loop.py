"""The training loop: one step after another, every one a function of the settings, the tokens and the step's number.

Killed at any moment and started again, a run ends with the same bytes as one that was never killed (on one machine,
with the threads that the settings fix): weights are drawn from the seed, batches are computed from the step, nothing
else is random, and a checkpoint holds weights and optimizer exactly. A loss or gradient that is not a number stops the
run before it can reach the weights.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch

from mixes.mix import Mix
from mixes.tokens import TokenSet
from pipeline.store import canonical
from train import checkpoint as checkpoints
from train import publish
from train.attention import only
from train.config import TrainSettings, decisive, resolve, shape
from train.data import Batches
from train.device import Place, prepare
from train.errors import CheckpointError, NonFiniteLossError, StoppedError, TrainError
from train.export import write_model
from train.metrics import METRICS, Metrics, write_place
from train.model import Decoder, initialise
from train.optimizer import adamw, load_state, set_rate, state_tensors
from train.plan import flops_per_token
from train.schedule import stable_schedule
from train.stop import on_signals
from train.task import Task, check_same, identity

Progress = Callable[[int, int, float, float], None]
"""Called with steps done, steps in all, the last loss in nats, tokens a second."""

BRANCH = "checkpoint"  # the folder of a finished trunk that anneals start from
_LAST = 20  # logged steps that the reported loss is the mean of


def run_stable(
    tokens: TokenSet,
    mix: Mix,
    settings: TrainSettings,
    work: Path,
    out: Path,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a trunk through all that `mix` plans and publish it as the folder `out`.

    `work` holds checkpoints and survives a kill; calling again resumes there. `out` appears whole at the end: the model
    (`train.export`), `metrics.jsonl`, `train.json` and `checkpoint/`, the state where the stable stretch ended, for
    `train.anneal.run_arm`. Returns the content of `train.json` and, under `cost`, what depends on the machine and the
    day. Raises TrainError (and its kinds), MixError, ShardError.
    """
    full = resolve(settings)
    if mix.plan.sequence != full.sequence:
        raise TrainError(f"the mix is cut into {mix.plan.sequence} tokens, the model reads {full.sequence}")
    schedule = stable_schedule(mix.planned // full.batch, full.warmup_fraction, full.decay_fraction)
    task = Task(name="stable", tokens=tokens, mix=mix, settings=full, schedule=schedule)
    return finish(task, work, out, progress)


def finish(task: Task, work: Path, out: Path, progress: Progress | None) -> dict[str, Any]:
    """Train a task to its end and publish its folder; see `run_stable`."""
    model, place, cost = fit(task, work, progress)
    result = _summary(task, model, work)
    with publish.folder(out) as folder:
        write_model(model, folder, eos=task.tokens.eos)
        shutil.copyfile(work / METRICS, folder / METRICS)
        (folder / "train.json").write_bytes(msgspec.json.format(canonical(result)) + b"\n")
        if task.base is None:
            shutil.copytree(_branch(task, work), folder / BRANCH)
    return result | {"cost": cost | place.describe()}


def fit(task: Task, work: Path, progress: Progress | None) -> tuple[Decoder, Place, dict[str, Any]]:
    """Bring the task's model to its last step, from the newest valid checkpoint in `work` if there is one."""
    settings, sizes = task.settings, shape(task.settings, task.tokens.vocab_size)
    if task.schedule.end <= task.first:
        raise TrainError("the mix plans fewer sequences than one batch")
    place = prepare(settings.device, settings.threads, sizes.head_width)
    model = Decoder(sizes, rope_theta=settings.rope_theta, epsilon=settings.norm_epsilon, dtype=place.dtype)
    initialise(model, settings)
    model.to(place.device)
    optimizer = adamw(model, settings)
    publish.remove_unfinished(work / "checkpoints")
    found, damage = _resume(task, work)
    start = found or task.base
    if found:
        check_same(found, task)
    if start:
        _load(start, model, optimizer)
    first = start.head.step if start else task.first
    write_place(work, place.describe() | {"flops_per_token": flops_per_token(sizes)})
    began = time.perf_counter()
    with Metrics(work, first) as metrics:
        _Steps(task, model, optimizer, place, work, metrics, progress).run(first)
    seconds = time.perf_counter() - began
    steps = task.schedule.end - first
    return (
        model,
        place,
        {
            "seconds": seconds,
            "tokens": steps * task.tokens_per_step,
            "resumed_at": found.head.step if found else None,
            "damaged_checkpoints": damage,
        },
    )


def _resume(task: Task, work: Path) -> tuple[checkpoints.Checkpoint | None, list[str]]:
    """The checkpoint to go on from, None for the start, and what is wrong with those that were passed over.

    Behind the end of the stable stretch a trunk also needs the state that it saved there; without it there is nothing
    to anneal from, so the run goes back to where that state is made again.
    """
    found, damage = checkpoints.newest(work / "checkpoints")
    if task.base is None and found and found.head.step >= task.schedule.decay_from:
        try:
            _branch(task, work)
        except CheckpointError as error:
            found, older = checkpoints.go_back(work / "checkpoints", task.schedule.decay_from)
            damage = [*damage, str(error), *older]
    return found, damage


def _load(start: checkpoints.Checkpoint, model: Decoder, optimizer: torch.optim.Optimizer) -> None:
    weights, expected = start.weights(), model.state_dict()
    for name in sorted(set(weights) | set(expected)):
        shapes = [tuple(of[name].shape) if name in of else None for of in (expected, weights)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(f"{start.path}: {name} has shape {shapes[1]}, the model {shapes[0]}")
    model.load_state_dict(weights)
    load_state(model, optimizer, start.optimizer())


class _Steps:
    """The state of a loop while it runs."""

    def __init__(
        self,
        task: Task,
        model: Decoder,
        optimizer: torch.optim.Optimizer,
        place: Place,
        work: Path,
        metrics: Metrics,
        progress: Progress | None,
    ) -> None:
        self.task = task
        self.model = model
        self.optimizer = optimizer
        self.place = place
        self.work = work
        self.metrics = metrics
        self.progress = progress
        self.batches = Batches(task.tokens, task.mix, task.settings.batch)
        self.parameters = [weight for _, weight in sorted(model.named_parameters())]
        self.last_good: int | None = None
        self._mark = (time.perf_counter(), 0)

    def run(self, first: int) -> None:
        """Train steps `first` to the task's end, with checkpoints on the way."""
        task, settings = self.task, self.task.settings
        self.last_good = first if first > task.first or task.base else None
        self._mark = (time.perf_counter(), first)
        if task.base is None and first == task.schedule.decay_from and not self._has_branch():
            self._save(self.work / "branch", first)
        with on_signals() as stop, only(self.place.attention):
            for step in range(first, task.schedule.end):
                self._train(step)
                done = step + 1
                if task.base is None and done == task.schedule.decay_from:
                    self._save(self.work / "branch", done)
                due = done % settings.checkpoint_steps == 0 or done == task.schedule.end
                if due or stop.signal_number is not None:
                    self.metrics.sync()
                    self._save(self.work / "checkpoints", done)
                    checkpoints.prune(self.work / "checkpoints", settings.keep_checkpoints)
                    self.last_good = done
                if stop.signal_number is not None and done < task.schedule.end:
                    raise StoppedError(stop.signal_number, done)

    def _has_branch(self) -> bool:
        try:
            _branch(self.task, self.work)
        except CheckpointError:
            return False
        return True

    def _train(self, step: int) -> None:
        settings = self.task.settings
        self.model.train()
        inputs, targets = self.batches.at(step, self.place.device)
        loss = self.model.loss(inputs, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, settings.gradient_clip)
        done = step + 1
        logged = done % settings.log_steps == 0 or done == self.task.schedule.end
        # Reading a number waits for a GPU, so there it is looked at only when it is logged or about to be saved.
        if logged or self.place.device.type == "cpu" or done % settings.checkpoint_steps == 0:
            self._check(step, loss.item(), norm.item())
        rate = settings.learning_rate * self.task.schedule.multiplier(step)
        set_rate(self.optimizer, rate)
        self.optimizer.step()
        if logged:
            self._log(step, loss.item(), norm.item(), rate)

    def _check(self, step: int, loss: float, norm: float) -> None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            good = (
                "there is no checkpoint yet"
                if self.last_good is None
                else f"last good checkpoint: {self.last_good}"
            )
            raise NonFiniteLossError(
                f"step {step}: loss {loss}, gradient norm {norm}; {good}. Lower train.learning_rate and run again"
            )

    def _log(self, step: int, loss: float, norm: float, rate: float) -> None:
        done, now = step + 1, time.perf_counter()
        since, before = self._mark
        speed = (done - before) * self.task.tokens_per_step / max(now - since, 1e-9)
        self._mark = (now, done)
        self.metrics.write(
            {
                "step": done,
                "tokens": done * self.task.tokens_per_step,
                "phase": self.task.schedule.phase(step),
                "lr": rate,
                "loss": loss,
                "gradient_norm": norm,
            },
            {"step": done, "seconds": now - since, "tokens_per_second": speed},
        )
        if self.progress:
            first = self.task.first
            self.progress(done - first, self.task.schedule.end - first, loss, speed)

    def _save(self, folder: Path, done: int) -> None:
        checkpoints.save(
            folder,
            done,
            self.model.state_dict(),
            state_tensors(self.model, self.optimizer),
            run=identity(self.task, done),
            state={"task": self.task.name, "tokens": done * self.task.tokens_per_step},
        )


def _branch(task: Task, work: Path) -> Path:
    """The state at the end of the stable stretch, as the run saved it. Raises CheckpointError if it is damaged."""
    return checkpoints.verify(checkpoints.place(work / "branch", task.schedule.decay_from)).path


def _summary(task: Task, model: Decoder, work: Path) -> dict[str, Any]:
    lines = [msgspec.json.decode(line) for line in (work / METRICS).read_bytes().splitlines()]
    recent = [line["loss"] for line in lines[-_LAST:]]
    first, last = task.first * task.settings.batch, task.schedule.end * task.settings.batch
    return {
        "task": task.name,
        "settings": decisive(task.settings),
        "schedule": msgspec.to_builtins(task.schedule),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "first_step": task.first,
        "steps": task.schedule.end - task.first,
        "tokens": (task.schedule.end - task.first) * task.tokens_per_step,
        "first_loss": lines[0]["loss"] if lines else None,
        "last_loss": sum(recent) / len(recent) if recent else None,
        "token_set": task.tokens.digest,
        "order": task.mix.order_digest(first, last),
        "exposure": task.mix.exposure(last),
    }
