"""The road: run the stages of a recipe in order, from what the ledger already holds.

For each stage: fingerprint its settings together with the stages before it, plan its shards, run those that have no
receipt under their key, close the stage with a manifest. Nothing else decides what is done and what is not.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from pipeline.dedup.settings import DEDUP_STAGES, LINES_STAGES
from pipeline.engine.task import Done, Event, Failed, Task
from pipeline.errors import UsageError, UserError, nearest
from pipeline.inputs import InputFile
from pipeline.ledger import (
    GivenUp,
    Input,
    Ledger,
    Manifest,
    Receipt,
    Root,
    decoded,
    receipt_name,
    sealed,
    shard_key,
)
from pipeline.recipe import Recipe, resolved
from pipeline.show import show_text
from pipeline.stages import STAGES
from pipeline.stages.calibrate import steps_of
from pipeline.stages.ids import documents_of
from pipeline.stages.stage import GIVES_DOCUMENTS, Planning, Shard, Source, Stage
from pipeline.store import Folder, fingerprint
from pipeline.store.digest import combine

_LINES_STAND_BEFORE = {"filters": "sample", "first": "signatures", "last": "corpus"}
# Names a user may give to --until; `extract` brings `ids` with it, `filter` and `dedup` what stands between.
PUBLIC = ("extract", "filter", "dedup", "corpus", "tokenizer", "tokens", "train", "anneal", "eval", "report")


class Engine(Protocol):
    """What runs tasks."""

    name: str

    def run(self, tasks: Sequence[Task], on_event: Callable[[Event], None], alone: bool = False) -> None:
        """Run all tasks; each one ends as Done or Failed."""

    def stop(self, signal_number: int) -> None:
        """Ask for an end."""

    def close(self) -> None:
        """Release processes."""


class Watcher(Protocol):
    """Who is told how the run goes (the progress display)."""

    def stage(self, name: str, shards: int, done: Sequence[Receipt]) -> None:
        """A stage begins with some of its shards done before."""

    def event(self, event: Event) -> None:
        """Something happened to a shard."""

    def closed(self, name: str) -> None:
        """A stage is closed."""


class Earlier(Protocol):
    """An earlier run on the same inputs, whose results may spare work (`pipeline.retune`)."""

    def source(self, stage: str, shard: Shard) -> Source | None:
        """What it holds of a shard."""

    def released(self, stage: str) -> bool:
        """True if it has let go of the stage's files, so that they are not to be had here either."""


@dataclass
class Outcome:
    """What a call of `walk` did."""

    ran: int = 0  # shards computed now
    given_up: list[GivenUp] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)  # why stages were computed again


def active_stages(
    recipe: Recipe, until: str | None = None, files: Sequence[InputFile] | None = None
) -> tuple[str, ...]:
    """The stages of this recipe, in order, up to `until`; without `files`, all that it may have on any input."""
    if until is not None and until not in PUBLIC:
        raise UsageError(
            f"--until {until}: no such stage{nearest(until, PUBLIC)} (stages: {', '.join(PUBLIC)})"
        )
    absent: set[str] = set()
    if files is not None and not documents_of(files):
        absent |= {"ids"}
    if recipe.filters is None:
        absent |= {"filter"}
    if recipe.filters is None or not recipe.robots:
        absent |= {"robots", "hosts"}
    if not steps_of(recipe):
        absent |= {"sample", "calibrate"}
    if recipe.dedup is None or not recipe.dedup.document_kinds:
        absent |= set(DEDUP_STAGES)
    if recipe.dedup is None or recipe.dedup.lines is None:
        absent |= set(LINES_STAGES)
    if recipe.train is None:
        absent |= {"train", "anneal", "eval"}
    elif not recipe.train.anneal.arms:
        absent |= {"anneal"}
    names = [name for name in order_of(recipe) if name not in absent]
    if until is None or until == "report":
        return tuple(names)
    if until not in names:
        raise UsageError(f"--until {until}: the recipe {recipe.name} leaves this stage out")
    return tuple(names[: names.index(until) + 1])


def order_of(recipe: Recipe) -> tuple[str, ...]:
    """All stages in the order of this recipe: those that cut repeated lines stand where it wants them."""
    place = recipe.dedup.lines_at if recipe.dedup is not None else None
    if place is None:
        return tuple(STAGES)
    others = [name for name in STAGES if name not in LINES_STAGES]
    at = others.index(_LINES_STAND_BEFORE[place])
    return (*others[:at], *LINES_STAGES, *others[at:])


def stages_of(
    recipe: Recipe, files: Sequence[InputFile], only: Sequence[str] | None, until: str | None = None
) -> tuple[str, ...]:
    """The stages of a run, or of a one-stage verb with what it has to read first."""
    active = active_stages(recipe, until, files)
    if only is None:
        return active
    first = {"ids", "extract", *(("robots", "hosts", "sample", "calibrate") if "filter" in only else ())}
    first |= set(LINES_STAGES) if {"filter", "dedup"} & set(only) else set()  # where they stand before it
    return tuple(name for name in active if name in first | set(only))


def lost_before(before: Sequence[str], given_up: Mapping[str, Sequence[GivenUp]]) -> list[Input]:
    """What shards of a stage read beside their files: that shards of the stages `before` it were given up.

    What an upstream stage gave up is part of what this one saw: it is redone when that shard succeeds.
    """
    lost = [one.shard for name in before for one in given_up.get(name, ())]
    return [Input(name="given_up", digest=combine(lost))] if lost else []


def fingerprints(recipe: Recipe, active: Sequence[str]) -> dict[str, str]:
    """Stage to fingerprint: its version and settings, and the fingerprint of the stage before it."""
    found: dict[str, str] = {}
    before = ""
    for name in active:
        stage = STAGES[name]
        before = fingerprint([name, stage.version, stage.settings(recipe), before])
        found[name] = before
    return found


@dataclass
class Road:
    """One run folder, one recipe, one list of inputs."""

    folder: Folder
    recipe: Recipe
    files: tuple[InputFile, ...]
    active: tuple[str, ...]  # what this call runs
    whole: tuple[str, ...]  # what the recipe holds; `active` is its beginning
    only: tuple[str, ...] | None = None  # the stages of a one-stage verb
    keep: bool = False
    earlier: Earlier | None = None

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder)
        self.fingerprints = fingerprints(self.recipe, self.whole)
        self.planning = Planning(self.recipe, self.files, self.ledger, self.active)

    @property
    def identity(self) -> str:
        """What this call does in its folder: recipe, inputs and, for a one-stage verb, its stages."""
        last = self.fingerprints[self.whole[-1]]
        return fingerprint([last, [[file.name, file.digest] for file in self.files], self.only])

    def prepare(self, accept_changed: bool) -> list[str]:
        """Write `recipe.yaml` and `inputs.json`; refuse inputs that changed under their name.

        Returns the stages of an earlier recipe whose files were removed because this one leaves them out.
        """
        self._check_inputs(accept_changed)
        _remove_dead_scratch(self.folder)
        recipe = resolved(self.recipe).encode()
        inputs = msgspec.json.format(msgspec.json.encode(self.files), indent=1)
        for name, data in (("recipe.yaml", recipe), ("inputs.json", inputs)):
            if not self.folder.exists(name) or self.folder.read(name) != data:
                self.folder.replace(name, data)
        retired = self._retire()
        before = self.ledger.root()
        self.ledger.write_root(
            Root(
                recipe_sha256=hashlib.sha256(recipe).hexdigest(),
                inputs_sha256=hashlib.sha256(inputs).hexdigest(),
                stages=list(self.active),
                only=list(self.only) if self.only is not None else None,
                closed=[name for name in sorted(STAGES) if self.ledger.manifest(name)],
                report_sha256=before.report_sha256 if before else "",
            )
        )
        return retired

    def _retire(self) -> list[str]:
        """What was closed under another recipe no longer counts; stages that the recipe lacks lose their files."""
        removed = []
        for name, stage in STAGES.items():
            manifest = self.ledger.manifest(name)
            if name not in self.whole:
                if manifest is not None:
                    self.ledger.reopen(name)
                if not self.keep:
                    removed += [name] if self.ledger.names(name) else []
                    self.ledger.clean(name, stage.folders)
            elif manifest is not None and manifest.fingerprint != self.fingerprints[name]:
                self.ledger.reopen(name)
        return removed

    def _check_inputs(self, accept_changed: bool) -> None:
        root = self.ledger.root()
        known = {file.name: file for file in read_inputs(self.folder)}
        if (
            root
            and known
            and hashlib.sha256(self.folder.read("inputs.json")).hexdigest() != root.inputs_sha256
        ):
            known = {}  # damaged: it is written again, and receipts under other digests no longer count
        for file in self.files:
            before = known.get(file.name)
            if before and before.size >= 0 and before.digest != file.digest and not accept_changed:
                raise UserError(
                    f"input {file.name} is not the file that {self.folder.url} was made from "
                    f"({before.size} bytes then, {file.size} now); use another --out, or --accept-changed to redo it"
                )

    def walk(self, engine: Callable[[], Engine], watcher: Watcher) -> Outcome:
        """Run every stage; `engine` is called once something has to be computed."""
        outcome = Outcome()
        encoded = msgspec.json.encode(self.recipe)
        for name in self.active:
            stage = STAGES[name]
            shards = self._plan(stage)
            todo, receipts = self._todo(name, shards)
            watcher.stage(name, len(shards), list(receipts.values()))
            given_up: list[GivenUp] = []
            if todo:
                tasks = [
                    Task(
                        run=self.folder.url,
                        stage=name,
                        fingerprint=self.fingerprints[name],
                        recipe=encoded,
                        shard=shard,
                        source=self.earlier.source(name, shard) if self.earlier else None,
                    )
                    for shard in todo
                ]
                if not all(task.source for task in tasks):
                    self._restore(name, engine, watcher, outcome)
                self._run(engine(), tasks, stage.alone, watcher, receipts, given_up)
                outcome.ran += len(todo)
            outcome.given_up += given_up
            if given_up and stage.needed:
                raise UserError(f"stage {name} could not finish: {show_text(given_up[0].reason, 400)}")
            self._close(stage, shards, receipts, given_up)
            watcher.closed(name)
        return outcome

    def _plan(self, stage: Stage) -> list[Shard]:
        shards = stage.plan(self.planning)
        assert len({shard.name for shard in shards}) == len(shards), f"shards of {stage.name} share a name"
        before = self.active[: self.active.index(stage.name)]
        given_up = {
            name: manifest.given_up for name in before if (manifest := self.ledger.manifest(name)) is not None
        }
        extra = lost_before(before, given_up)
        return (
            [msgspec.structs.replace(shard, inputs=[*shard.inputs, *extra]) for shard in shards]
            if extra
            else shards
        )

    def planned(self, name: str) -> tuple[int, int] | None:
        """Shards of a stage and how many of them are done; None where the stages before it do not say yet."""
        before = self.active[: self.active.index(name)]
        if any(self.ledger.manifest(one) is None for one in before):
            return None
        shards, there = self._plan(STAGES[name]), self.ledger.names(name)
        return len(shards), sum(self._receipt_name(name, shard) in there for shard in shards)

    def _receipt_name(self, stage: str, shard: Shard) -> str:
        return receipt_name(shard.name, shard_key(self.fingerprints[stage], shard.inputs))

    def _todo(self, name: str, shards: Sequence[Shard]) -> tuple[list[Shard], dict[str, Receipt]]:
        there = self.ledger.names(name)
        todo: list[Shard] = []
        receipts: dict[str, Receipt] = {}
        for shard in shards:
            file = self._receipt_name(name, shard)
            if file in there:
                receipts[shard.name] = self.ledger.receipt(name, file)
            else:
                todo.append(shard)
        return todo, receipts

    def _run(
        self,
        engine: Engine,
        tasks: list[Task],
        alone: bool,
        watcher: Watcher,
        receipts: dict[str, Receipt],
        given_up: list[GivenUp],
    ) -> None:
        def on_event(event: Event) -> None:
            if isinstance(event, Failed) and (there := self._committed(event.task)) is not None:
                event = Done(task=event.task, receipt=there)
            if isinstance(event, Done):
                receipts[event.task.shard.name] = event.receipt
            elif isinstance(event, Failed):
                given_up.append(GivenUp(shard=event.task.shard.name, reason=event.reason))
            watcher.event(event)

        engine.run(tasks, on_event, alone)

    def _committed(self, task: Task) -> Receipt | None:
        """The receipt of another run of this recipe, which may have released what this one still wanted to read."""
        file = receipt_name(task.shard.name, shard_key(task.fingerprint, task.shard.inputs))
        return self.ledger.receipt(task.stage, file) if file in self.ledger.names(task.stage) else None

    def _reads(self, name: str, before: str) -> bool:
        """Whether a stage reads what the one before it gave; documents are read from one stage alone."""
        readers = STAGES[before].read_by
        if readers is not None:
            return name in readers
        if before not in GIVES_DOCUMENTS:
            return True
        return STAGES[name].reads_documents and self.planning.documents(name)[0] == before

    def _released_for(self, name: str) -> list[str]:
        """Stages whose files were released that a stage reads, or that have to be there to restore such files."""
        found: list[str] = []
        for before in reversed(self.active[: self.active.index(name)]):
            manifest = self.ledger.manifest(before)
            if manifest is not None and manifest.released:
                found += [before] if any(self._reads(one, before) for one in (name, *found)) else []
        return found[::-1]

    def _restore(self, name: str, engine: Callable[[], Engine], watcher: Watcher, outcome: Outcome) -> None:
        """Compute again what was released after an earlier run and is needed now."""
        for before in self._released_for(name):
            manifest = self.ledger.manifest(before)
            assert manifest is not None
            missing = {
                receipt.shard
                for receipt in self.ledger.closed(before)
                if not all(self.folder.exists(output.name) for output in receipt.outputs)
            }
            shards = [shard for shard in self._plan(STAGES[before]) if shard.name in missing]
            tasks = [
                Task(
                    run=self.folder.url,
                    stage=before,
                    fingerprint=self.fingerprints[before],
                    recipe=msgspec.json.encode(self.recipe),
                    shard=shard,
                )
                for shard in shards
            ]
            lost: list[GivenUp] = []
            self._run(engine(), tasks, STAGES[before].alone, watcher, {}, lost)
            if lost:
                raise UserError(f"stage {before} could not be restored: {show_text(lost[0].reason, 400)}")
            outcome.ran += len(tasks)
            self.ledger.write_manifest(msgspec.structs.replace(manifest, released=False))

    def _close(
        self, stage: Stage, shards: Sequence[Shard], receipts: dict[str, Receipt], given_up: list[GivenUp]
    ) -> None:
        ordered = [receipts[shard.name] for shard in shards if shard.name in receipts]
        manifest = Manifest(
            stage=stage.name,
            fingerprint=self.fingerprints[stage.name],
            settings=msgspec.to_builtins(stage.settings(self.recipe)),
            keys=[receipt.key for receipt in ordered],
            receipts=[receipt.name for receipt in ordered],
            receipt_sha256=[self.ledger.receipt_sha256(stage.name, receipt.name) for receipt in ordered],
            digest=combine(receipt.digest() for receipt in ordered),
            only=list(self.only) if self.only is not None else None,
            given_up=sorted(given_up, key=lambda one: one.shard),
            released=self._released_before(stage.name, ordered),
        )
        there = self.ledger.manifest(stage.name)
        if (
            there is None
            or sealed(msgspec.structs.replace(there, released=False)).seal
            != sealed(msgspec.structs.replace(manifest, released=False)).seal
        ):
            # What follows was made from something else: it counts again once it is closed anew.
            for later in self.whole[self.whole.index(stage.name) + 1 :]:
                self.ledger.reopen(later)
            self.ledger.write_manifest(manifest)
        if not self.keep:
            self.ledger.clean(stage.name, stage.folders)

    def _released_before(self, name: str, receipts: Sequence[Receipt]) -> bool:
        """True if files are missing because the earlier run that they were taken from had released them."""
        if self.earlier is None or not self.earlier.released(name):
            return False
        return not all(self.folder.exists(output.name) for receipt in receipts for output in receipt.outputs)

    def forget_work(self) -> None:
        """Remove the checkpoints of trainings under way, once all is trained; other processes keep theirs."""
        if all(self.ledger.manifest(stage) for stage in ("train", "anneal") if stage in self.whole):
            forget_checkpoints(self.folder)

    def release(self, stages: Iterable[str], folders: Iterable[str] | None = None) -> None:
        """Remove files of closed stages on purpose; their receipts stay, so the next run recomputes nothing."""
        for name in stages:
            manifest = self.ledger.manifest(name)
            if manifest is None or manifest.released:
                continue
            wanted = set(folders) if folders is not None else set(STAGES[name].folders)
            self.ledger.write_manifest(msgspec.structs.replace(manifest, released=True))
            for receipt in self.ledger.closed(name):
                for output in receipt.outputs:
                    if output.folder in wanted:
                        self.folder.remove(output.name)
            for under in wanted:
                _remove_if_empty(self.folder, under)


def forget_checkpoints(folder: Folder) -> None:
    """Remove what trainings left in `_work/` that no process is at: of this recipe and of earlier ones."""
    if "://" in folder.url:
        return
    for work in sorted((Path(folder.url) / "_work").glob("*-*")):
        with contextlib.suppress(OSError), open(work / "lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(work, ignore_errors=True)
    _remove_if_empty(folder, "_work")


def read_inputs(folder: Folder) -> list[InputFile]:
    """The inputs that a run folder was made from; none if that is not known."""
    if not folder.exists("inputs.json"):
        return []
    return decoded(folder.read("inputs.json"), list[InputFile]) or []


def _remove_if_empty(folder: Folder, under: str) -> None:
    if "://" not in folder.url:
        with contextlib.suppress(OSError):
            (Path(folder.url) / under).rmdir()


def _remove_dead_scratch(folder: Folder) -> None:
    """Scratch folders of processes of this machine that are gone (they are named after them)."""
    if "://" in folder.url:
        return
    here = f"work.{platform.node()}."
    for path in (Path(folder.url) / "_tmp").glob(f"{here}*"):
        owner = path.name.removeprefix(here).split(".")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
