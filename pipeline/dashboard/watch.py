"""A run folder as it is watched: read in steps, again while the run goes on, and handed out as snapshots.

Receipts never change, so each is read once. What is closed is told by the root of the ledger, a small file; manifests
are looked at again from time to time, since a stage can be closed anew (`repair`, a second call).
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from pipeline.dashboard.clusters import ClusterLoading, Clusters
from pipeline.dashboard.documents import Documents, Loading
from pipeline.dashboard.live import written
from pipeline.errors import UserError
from pipeline.ledger import Ledger, Manifest, Root
from pipeline.recipe import read_resolved
from pipeline.report.run import Run, run_of
from pipeline.road import Road, fingerprints, read_inputs, stages_of
from pipeline.stages import STAGES
from pipeline.stats import require_run, status_of
from pipeline.store import Folder
from pipeline.sums import StageSum, advance

PAUSE = 1.0  # seconds between looks
REST = (
    10  # looks that a pause is at least as long as; snapshots, while there is more to read, that reading is
)
LOOK_AGAIN = 10.0  # seconds after which manifests that are known are read again


@dataclass(frozen=True)
class Seen:
    """One snapshot of a run. `reading` is true while parts of the ledger or of the signals are still unread."""

    name: str  # in addresses
    run: Run
    status: dict[str, Any]  # what `sluice status --json` prints
    documents: Documents
    clusters: Clusters
    version: str  # changes with all that a page could show
    reading: bool
    live: bool  # stages that the run was asked for are not closed, or not read yet
    damage: str  # what could not be read, in one line, or nothing


class Watched:
    """A run folder and the last snapshot of it. `look` is called by one thread at a time."""

    def __init__(self, folder: Folder, name: str) -> None:
        require_run(folder)
        self.folder, self.name = folder, name
        self._forget(b"")
        self._looked = self._next = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.seen = self._snapshot(True, "")

    def _forget(self, recipe: bytes) -> None:
        self._recipe_text = recipe or self.folder.read("recipe.yaml")
        self._recipe = read_resolved(self._recipe_text.decode(), f"{self.folder.url}/recipe.yaml")
        self._ledger = Ledger(self.folder)
        self._root = self._ledger.root()  # it is written after the inputs, so it is read before them
        self._inputs = read_inputs(self.folder)
        self._manifests: dict[str, Manifest] = {}
        self._digests: dict[str, str] = {}
        self._sums = {name: StageSum(name) for name in STAGES}
        self._others: dict[str, set[str]] = {name: set() for name in STAGES}
        self._planned: dict[str, int] = {}
        self._whole: tuple[str, ...] = ()
        self._own: dict[str, str] = {}  # their fingerprints
        self._loading = Loading(self.folder, self._recipe)
        self._clusters = ClusterLoading(self.folder)

    def start(self) -> None:
        """Look again and again in a thread of its own, until `stop`."""

        def watch() -> None:
            while not self._stop.is_set():
                began = time.monotonic()
                more = self.look()
                took = time.monotonic() - began
                if not more:
                    self._stop.wait(max(PAUSE, REST * took))

        self._thread = threading.Thread(target=watch, name=f"watch {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the last snapshot stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> bool:
        """Read what is new, a batch of it; True if there is more to read at once.

        Whatever a damaged folder leads to becomes `damage` of the snapshot, beside what could be read.
        """
        more, steps, damage = False, 0, ""
        try:
            more = self._read()
            steps = written(self.folder)
            damage = "" if more else self._loading.missing(self._sums)
        except Exception as error:
            damage = self._damage(error)
        began = time.monotonic()
        if more and not damage and began < self._next:
            return True
        version = self._version(more, damage)
        if version != self.seen.version.partition(".")[0]:
            try:
                self.seen = self._snapshot(more, damage)
            except Exception as error:
                damage = damage or self._damage(error)
                version = self._version(False, damage)
                self.seen = replace(self.seen, reading=False, damage=damage)
            ended = time.monotonic()
            self._next = ended + REST * (ended - began)
        # A training writes long before its receipt; then only the version is new.
        self.seen = replace(self.seen, version=f"{version}.{steps}" if steps else version)
        return more

    def _damage(self, error: Exception) -> str:
        if isinstance(error, UserError):
            return str(error)
        url = self.folder.url
        try:
            require_run(self.folder)
        except (UserError, OSError):
            return f"{url} is gone: what it held when it was last read is shown"
        return f"{url} cannot be read ({error}): run `sluice verify {url}`"

    def look_to_the_end(self) -> Seen:
        """Read everything that is there; the snapshot of it."""
        while self.look():
            pass
        return self.seen

    def _read(self) -> bool:
        recipe = self.folder.read("recipe.yaml")
        root = self._ledger.root()
        if recipe != self._recipe_text or (
            _inputs_of(root) != _inputs_of(self._root) and read_inputs(self.folder) != self._inputs
        ):
            self._forget(recipe)
        self._root = root
        closed = set(root.closed) if root else {name for name in STAGES if self._ledger.manifest(name)}
        again = time.monotonic() - self._looked > LOOK_AGAIN
        for name in STAGES:
            if name not in closed:
                if self._manifests.pop(name, None) is not None:
                    self._reset(name)
            elif again or name not in self._manifests:
                self._read_manifest(name)
        if again:
            self._looked = time.monotonic()
        whole = stages_of(self._recipe, self._inputs, root.only if root else None)
        if whole != self._whole:
            self._whole, self._own = whole, fingerprints(self._recipe, whole)
        for name in whole:
            if not advance(
                self._sums[name], self._ledger, self._manifests.get(name), self._own[name], self._others[name]
            ):
                return True
        if self._loading.advance(self._sums):
            return True
        return self._clusters.advance(self._sums, "dedup" in self._manifests)

    def _reset(self, stage: str) -> None:
        self._sums[stage], self._others[stage] = StageSum(stage), set()
        self._loading.forget(stage)
        if stage == "dedup":
            self._clusters.forget()

    def _read_manifest(self, stage: str) -> None:
        try:
            digest = hashlib.sha256(self.folder.read(f"ledger/{stage}/manifest.json")).hexdigest()
        except FileNotFoundError:
            return  # taken back since the root was read
        if digest == self._digests.get(stage) and stage in self._manifests:
            return
        manifest = self._ledger.manifest(stage)
        if manifest is None:
            return
        self._manifests[stage], self._digests[stage] = manifest, digest
        named = set(manifest.receipts)
        if any(receipt.name not in named for receipt in self._sums[stage]):
            self._reset(stage)

    def _version(self, reading: bool, damage: str) -> str:
        parts = [
            f"{name}:{len(found)}:{name in self._manifests}" for name, found in self._sums.items() if found
        ]
        parts += [*self._digests.values(), str(self._loading.rows), str(self._clusters.rows)]
        parts += [self._root.seal if self._root else "", str(reading), damage]
        return hashlib.sha256(" ".join(parts).encode() + self._recipe_text).hexdigest()[:16]

    def _snapshot(self, reading: bool, damage: str) -> Seen:
        sums = {}
        for name, found in self._sums.items():
            manifest = self._manifests.get(name)
            whole = manifest is not None and len(manifest.receipts) == len(found)
            sums[name] = found.in_order(manifest.receipts) if manifest and whole else found.copy()
        run = run_of(self.folder, self._recipe, self._inputs, self._manifests, sums)
        root = self._root
        planned = {} if damage else self._plan(sums)  # planning reads receipts
        return Seen(
            name=self.name,
            run=run,
            status=status_of(self.folder, self._recipe, self._inputs, root, self._manifests, planned),
            documents=self._loading.snapshot(run),
            clusters=self._clusters.snapshot(sums),
            version=self._version(reading, damage),
            reading=reading,
            live=reading or not root or not set(root.stages) <= set(self._manifests),
            damage=damage,
        )

    def _plan(self, sums: dict[str, StageSum]) -> dict[str, tuple[int, int]]:
        """Shards planned and done of the first stage that is not closed, which is the one that works."""
        root = self._root
        whole = stages_of(self._recipe, self._inputs, root.only if root else None)
        name = next((name for name in whole if name not in self._manifests), None)
        if name is None:
            return {}
        if name not in self._planned:
            road = Road(
                folder=self.folder, recipe=self._recipe, files=tuple(self._inputs), active=whole, whole=whole
            )
            for before, receipts in sums.items():
                # Plans read counts of `extract` alone, and the others' receipts with theirs would fill the memory.
                if before in self._manifests and before != "extract":
                    road.ledger.remember(receipts)
            planned = road.planned(name)
            if planned is None:
                return {}
            self._planned[name] = planned[0]
        return {name: (self._planned[name], len(sums[name]))}


def _inputs_of(root: Root | None) -> str:
    return root.inputs_sha256 if root else ""
