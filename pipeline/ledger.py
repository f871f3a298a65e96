"""The ledger: one receipt a shard, and a manifest when every shard of a stage has one.

The set of receipts is the only truth: what was read, what was written with which digest, what became of every record,
what it cost. Resuming, statistics, provenance and reports read nothing else. A file that no receipt names is not data.

A receipt lies at `ledger/<stage>/<shard>-<key>.json`, where the key hashes the stage's fingerprint and the digests of
the shard's inputs; a changed recipe or input therefore never meets an old receipt. It is published with
create-if-absent: the first committer wins, and a second one with another digest is a `NondeterminismError`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from pipeline.errors import UserError
from pipeline.store import Folder, fingerprint
from pipeline.store.digest import combine

T = TypeVar("T")

ROOT = "ledger/root.json"
SHARED = {"duplicates": ("dedup", "cut_lines")}  # folders that several stages publish into
KEY_LENGTH = 12  # hexadecimal digits in file names
CORE_HOUR_PRICE = 0.04  # of a core-hour where nobody says one: about a cloud's price in US dollars


class NondeterminismError(UserError):
    """The same shard of the same recipe gave two different results."""


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard reads: a name for people, a digest for the key."""

    name: str
    digest: str


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A published file: its name in the run folder, rows, bytes and SHA-256."""

    name: str
    rows: int
    bytes: int
    sha256: str

    @property
    def folder(self) -> str:
        """The public folder it lies in: `documents`, `dropped`, ..."""
        return self.name.rsplit("/", 1)[0]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard took. Never part of a digest."""

    core_seconds: float
    wall_seconds: float
    bytes_in: int = 0
    documents: int = 0
    host: str = ""
    started: float = 0.0  # Unix time when the attempt began, which ended `wall_seconds` later; 0: not noted
    peak_memory: int = 0  # bytes: see `pipeline.engine.meter`; 0: not noted
    device: str = ""  # that a model was trained on: cpu, or a GPU's name
    parts: dict[str, float] = {}  # what the stage itself measured, by name


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one shard. `counts` holds plain numbers or, one level down, numbers by name."""

    stage: str
    shard: str
    key: str
    fingerprint: str
    inputs: list[Input]
    outputs: list[Output]
    counts: dict[str, int | dict[str, int]]
    histograms: dict[str, Any]
    values: dict[str, Any]
    cost: Cost
    seal: str = ""  # over everything else in this file

    def digest(self) -> str:
        """Over everything but the cost."""
        fields = msgspec.to_builtins(self)
        del fields["cost"], fields["seal"]
        return fingerprint(fields)

    @property
    def name(self) -> str:
        """File name inside the stage's ledger folder."""
        return receipt_name(self.shard, self.key)


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """A shard that failed on every attempt."""

    shard: str
    reason: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A closed stage: its receipts in plan order with the digests of their files, and one digest over all of it."""

    stage: str
    fingerprint: str
    settings: Any
    keys: list[str]
    receipts: list[str]
    receipt_sha256: list[str]
    digest: str  # over the digests of the receipts, which cover all outputs and counts but no cost
    given_up: list[GivenUp] = []
    only: list[str] | None = None  # the stages of the one-stage verb that closed it
    released: bool = False  # its files were removed on purpose; the receipts stay
    seal: str = ""  # over everything else in this file


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """The top of the ledger: what the run folder was asked to hold, and which stages are closed."""

    recipe_sha256: str
    inputs_sha256: str
    stages: list[str]  # of the last call, in order
    only: list[str] | None = None  # the stages of a one-stage verb
    closed: list[str] = []
    report_sha256: str = ""
    seal: str = ""


Sealed = TypeVar("Sealed", Receipt, Manifest, Root)


def sealed(value: Sealed) -> Sealed:
    """`value` with its seal: a flipped bit anywhere in the file breaks it."""
    bare = msgspec.structs.replace(value, seal="")
    return msgspec.structs.replace(bare, seal=fingerprint(bare))


def is_whole(value: Receipt | Manifest | Root) -> bool:
    """True if the seal fits."""
    return value.seal == fingerprint(msgspec.structs.replace(value, seal=""))


def decoded(data: bytes, kind: type[T]) -> T | None:
    """A file of the ledger, or None where it is damaged."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def receipt_name(shard: str, key: str) -> str:
    """File name of a receipt."""
    return f"{shard}-{key}.json"


def shard_key(stage_fingerprint: str, inputs: Iterable[Input]) -> str:
    """Names the result of a shard: the stage's fingerprint and what the shard reads."""
    return combine([stage_fingerprint, *(f"{one.name} {one.digest}" for one in inputs)])[:KEY_LENGTH]


class Ledger:
    """Receipts and manifests of one run folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._cache: dict[str, Receipt] = {}

    def names(self, stage: str) -> set[str]:
        """File names of the receipts that are there, of any recipe."""
        return {name for name in self.folder.names(f"ledger/{stage}") if name != "manifest.json"}

    def receipt(self, stage: str, name: str) -> Receipt:
        """One receipt; receipts never change, so they are read once."""
        path = f"ledger/{stage}/{name}"
        if path not in self._cache:
            try:
                found = decoded(self.folder.read(path), Receipt)
            except FileNotFoundError:
                found = None
            if found is None or not is_whole(found):
                raise UserError(f"{self.folder.url}/{path} is damaged: run `sluice repair {self.folder.url}`")
            self._cache[path] = found
        return self._cache[path]

    def remember(self, receipts: Iterable[Receipt]) -> None:
        """Take these receipts as read, so that their files are not opened."""
        self._cache |= {f"ledger/{receipt.stage}/{receipt.name}": receipt for receipt in receipts}

    def commit(self, receipt: Receipt) -> Receipt:
        """Publish a receipt; returns the one that counts (an earlier one, if somebody was first)."""
        path = f"ledger/{receipt.stage}/{receipt.name}"
        receipt = sealed(receipt)
        if self.folder.create(path, _pretty(receipt)):
            return receipt
        first = self.receipt(receipt.stage, receipt.name)
        if first.digest() != receipt.digest():
            raise NondeterminismError(
                f"stage {receipt.stage}, shard {receipt.shard}: computed twice with different results "
                f"({first.digest()[:12]} and {receipt.digest()[:12]}); please report this with {self.folder.url}/{path}"
            )
        return first

    def manifest(self, stage: str) -> Manifest | None:
        """The manifest, if the stage was closed; a damaged one counts as none, and the stage is closed again."""
        path = f"ledger/{stage}/manifest.json"
        if not self.folder.exists(path):
            return None
        found = decoded(self.folder.read(path), Manifest)
        return found if found is not None and is_whole(found) else None

    def closed(self, stage: str) -> list[Receipt]:
        """The receipts of a closed stage in plan order; none if it is not closed."""
        manifest = self.manifest(stage)
        return [self.receipt(stage, name) for name in manifest.receipts] if manifest else []

    def root(self) -> Root | None:
        """The top of the ledger, if it is there and whole."""
        if not self.folder.exists(ROOT):
            return None
        found = decoded(self.folder.read(ROOT), Root)
        return found if found is not None and is_whole(found) else None

    def write_root(self, root: Root) -> None:
        """Publish the top of the ledger if it says something new."""
        if self.root() != sealed(root):
            self.folder.replace(ROOT, _pretty(sealed(root)))

    def write_manifest(self, manifest: Manifest) -> None:
        """Publish a manifest; from now on the stage is closed."""
        self.folder.replace(f"ledger/{manifest.stage}/manifest.json", _pretty(sealed(manifest)))
        self._note_closed(manifest.stage, True)

    def reopen(self, stage: str) -> None:
        """Take a manifest back: receipts and files stay, and count again once the stage is closed anew."""
        self._note_closed(stage, False)
        self.folder.remove(f"ledger/{stage}/manifest.json")

    def _note_closed(self, stage: str, closed: bool) -> None:
        root = self.root()
        if root is not None and (stage in root.closed) != closed:
            names = sorted({*root.closed, stage} if closed else {*root.closed} - {stage})
            self.write_root(msgspec.structs.replace(root, closed=names))

    def receipt_sha256(self, stage: str, name: str) -> str:
        """SHA-256 of a receipt's file."""
        return hashlib.sha256(self.folder.read(f"ledger/{stage}/{name}")).hexdigest()

    def clean(self, stage: str, public: Iterable[str]) -> None:
        """Leave exactly the receipts of a stage's manifest (none, if it has none) and the files that they name."""
        manifest = self.manifest(stage)
        kept = self.closed(stage)
        named = {output.name for receipt in kept for output in receipt.outputs}
        old = self.names(stage) - set(manifest.receipts if manifest else ())
        folders = set(public)
        for name in sorted(old):
            data = self.folder.read(f"ledger/{stage}/{name}")
            receipt = decoded(data, Receipt)
            folders |= {output.folder for output in receipt.outputs} if receipt else set()
            self.folder.remove(f"ledger/{stage}/{name}")
        # `model/` itself is shared: it belongs to whichever stage publishes the final model.
        for under in sorted(folders - {"model"}):
            for name in self.folder.names(under):
                if f"{under}/{name}" not in named | self._of_others(under, stage):
                    self.folder.remove(f"{under}/{name}")

    def _of_others(self, under: str, stage: str) -> set[str]:
        """The files in a shared folder that receipts of other stages name."""
        others = [one for one in SHARED.get(under, ()) if one != stage]
        texts = [self.folder.read(f"ledger/{one}/{name}") for one in others for name in self.names(one)]
        receipts = [receipt for text in texts if (receipt := decoded(text, Receipt))]
        return {output.name for receipt in receipts for output in receipt.outputs}


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)
