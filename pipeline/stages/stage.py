"""What a stage is, and what it is handed while it works.

A stage has a name, a version, the semantic settings it depends on, `plan` (what is there -> shards) and `run`
(one shard -> files, counts). It knows nothing of engines, processes or retries.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow as pa

from pipeline.ledger import KEY_LENGTH, Cost, Input, Ledger, Output, Receipt, shard_key
from pipeline.store import Folder, sha256_file
from pipeline.store.parquet import TableWriter

if TYPE_CHECKING:
    from pipeline.inputs import InputFile
    from pipeline.recipe import Recipe


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of work. `inputs` decide the key; `parameters` only say where things lie."""

    name: str
    inputs: list[Input]
    parameters: dict[str, Any] = {}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What an earlier run holds of a shard, which may spare its work: see `pipeline.stages.redecide`."""

    run: str
    receipts: dict[str, str]  # stage to the file name of its receipt for this shard
    released: list[str] = []  # stages whose files may be gone
    parameters: dict[str, Any] = {}  # of the shard of `extract`: where its records lie


# Stages that give documents to the next, and the public folder that they lie in.
GIVES_DOCUMENTS = {"extract": "extracted", "filter": "documents", "corpus": "corpus"}


@dataclass(frozen=True)
class Planning:
    """What `plan` may look at: the recipe, the input files and the closed stages before."""

    recipe: Recipe
    files: tuple[InputFile, ...]
    ledger: Ledger
    active: tuple[str, ...]  # the stages of this run, in order

    def documents(self, stage: str) -> tuple[str, str]:
        """Which stage before `stage` gives it documents, and in which public folder."""
        before = self.active[: self.active.index(stage)]
        return next((name, GIVES_DOCUMENTS[name]) for name in reversed(before) if name in GIVES_DOCUMENTS)

    def outputs(self, stage: str, under: str) -> list[tuple[Receipt, Output]]:
        """The files that a closed stage published in one public folder, in plan order."""
        return [
            (receipt, output)
            for receipt in self.ledger.closed(stage)
            for output in receipt.outputs
            if output.folder == under
        ]


@dataclass(frozen=True)
class Stage:
    """One room of the road; see the module's docstring."""

    name: str
    version: int
    folders: tuple[str, ...]  # the public folders it owns
    settings: Callable[[Recipe], object]  # semantic settings and model digests, JSON-able
    plan: Callable[[Planning], list[Shard]]
    run: Callable[[Shard, Attempt], None]
    alone: bool = False  # its shards use all cores themselves: one at a time
    needed: bool = False  # nothing can follow if one of its shards is given up
    reads_documents: bool = True
    read_by: tuple[str, ...] | None = None  # the only stages that read its files; None: any later one may


class _Finished(NamedTuple):
    path: Path
    under: str
    name: str
    rows: int
    addressed: bool


@dataclass
class Attempt:
    """One try at one shard: opens inputs, collects outputs and counts, and publishes them in the end.

    Files are written under the folder's scratch space and published under names that hold their digest, so a try that
    dies leaves nothing that counts, and a try that repeats another changes nothing.
    """

    stage: str
    fingerprint: str
    shard: Shard
    recipe: Recipe
    folder: Folder
    report: Callable[[Mapping[str, Any]], None]
    counts: Counter[str] = field(default_factory=Counter)
    named_counts: dict[str, Counter[str]] = field(default_factory=dict)
    histograms: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    bytes_in: int = 0
    documents: int = 0
    costs: dict[str, float] = field(default_factory=dict)
    device: str = ""  # that it trains on

    def __post_init__(self) -> None:
        self._scratch: Path | None = None
        self._writers: dict[tuple[str, str], tuple[Path, TableWriter]] = {}
        self._files: list[_Finished] = []
        self.outputs: list[Output] = []

    @property
    def scratch(self) -> Path:
        """A local folder for unfinished files, removed afterwards."""
        if self._scratch is None:
            self._scratch = self.folder.scratch()
        return self._scratch

    def count(self, name: str, by: Mapping[str, int]) -> None:
        """Add numbers by name, such as documents dropped by reason."""
        self.named_counts.setdefault(name, Counter()).update(dict(by))

    def write(self, under: str, table: pa.Table, stem: str | None = None) -> None:
        """Append rows to this shard's Parquet file in a public folder."""
        key = (under, stem or self.shard.name)
        if key not in self._writers:
            path = self.scratch / f"{under}.{len(self._writers)}.parquet"
            self._writers[key] = (path, TableWriter(path, table.schema))
        self._writers[key][1].write(table)

    def add_file(self, path: Path, under: str, name: str, rows: int = 0, addressed: bool = True) -> None:
        """Publish a finished local file; with `addressed` its digest goes into the name."""
        self._files.append(_Finished(path, under, name, rows, addressed))

    def _publish(self, file: _Finished) -> None:
        digest = sha256_file(file.path)
        name = file.name
        if file.addressed:
            stem, dot, suffix = name.rpartition(".")
            name = f"{stem}-{digest[:KEY_LENGTH]}{dot}{suffix}"
        size = file.path.stat().st_size
        self.folder.put(file.path, f"{file.under}/{name}")
        self.outputs.append(Output(name=f"{file.under}/{name}", rows=file.rows, bytes=size, sha256=digest))

    def publish(self, ledger: Ledger, spent: Callable[[], Cost]) -> Receipt:
        """Publish the files, then the receipt, which says what was spent up to then; returns the one that counts."""
        for (under, stem), (path, writer) in sorted(self._writers.items()):
            writer.close()
            self._publish(_Finished(path, under, f"{stem}.parquet", writer.rows, True))
        for file in self._files:
            self._publish(file)
        counts: dict[str, int | dict[str, int]] = dict(sorted(self.counts.items()))
        counts |= {name: dict(sorted(by.items())) for name, by in sorted(self.named_counts.items())}
        receipt = Receipt(
            stage=self.stage,
            shard=self.shard.name,
            key=shard_key(self.fingerprint, self.shard.inputs),
            fingerprint=self.fingerprint,
            inputs=list(self.shard.inputs),
            outputs=sorted(self.outputs, key=lambda output: output.name),
            counts=counts,
            histograms=self.histograms,
            values=self.values,
            cost=msgspec.structs.replace(
                spent(),
                bytes_in=self.bytes_in,
                documents=self.documents,
                device=self.device,
                parts={name: round(float(amount), 3) for name, amount in sorted(self.costs.items())},
            ),
        )
        return ledger.commit(receipt)

    def discard(self) -> None:
        """Remove the unfinished files."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
