"""The ledger: one receipt a shard, and a manifest when every shard of a stage has one.

The set of receipts is the only truth: what was read, what was written with which digest, what became of every record,
what it cost. Resuming, statistics, provenance and reports read nothing else. A file that no receipt names is not data.

A receipt lies at `ledger/<stage>/<shard>-<key>.json`, where the key hashes the stage's fingerprint and the digests of
the shard's inputs; a changed recipe or input therefore never meets an old receipt. It is published with
create-if-absent: the first committer wins, and a second one with another digest is a `NondeterminismError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pipeline.errors import UserError
from pipeline.store import Folder, fingerprint
from pipeline.store.digest import combine

KEY_LENGTH = 12  # hexadecimal digits in file names


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

    def digest(self) -> str:
        """Over everything but the cost."""
        fields = msgspec.to_builtins(self)
        del fields["cost"]
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
    """A closed stage: its receipts in plan order, and one digest over them."""

    stage: str
    fingerprint: str
    settings: Any
    keys: list[str]
    receipts: list[str]
    digest: str
    given_up: list[GivenUp] = []
    released: bool = False  # its files were removed on purpose; the receipts stay


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
                self._cache[path] = msgspec.json.decode(self.folder.read(path), type=Receipt)
            except msgspec.DecodeError as error:
                raise UserError(
                    f"{self.folder.url}/{path} is damaged ({error}): run `sluice repair {self.folder.url}`"
                ) from error
        return self._cache[path]

    def commit(self, receipt: Receipt) -> Receipt:
        """Publish a receipt; returns the one that counts (an earlier one, if somebody was first)."""
        path = f"ledger/{receipt.stage}/{receipt.name}"
        if self.folder.create(path, msgspec.json.format(msgspec.json.encode(receipt), indent=1)):
            return receipt
        first = self.receipt(receipt.stage, receipt.name)
        if first.digest() != receipt.digest():
            raise NondeterminismError(
                f"stage {receipt.stage}, shard {receipt.shard}: computed twice with different results "
                f"({first.digest()[:12]} and {receipt.digest()[:12]}); please report this with {self.folder.url}/{path}"
            )
        return first

    def manifest(self, stage: str) -> Manifest | None:
        """The manifest, if the stage was closed."""
        path = f"ledger/{stage}/manifest.json"
        if not self.folder.exists(path):
            return None
        try:
            return msgspec.json.decode(self.folder.read(path), type=Manifest)
        except msgspec.DecodeError:
            return None  # damaged: the stage is closed again from its receipts

    def closed(self, stage: str) -> list[Receipt]:
        """The receipts of a closed stage in plan order; none if it is not closed."""
        manifest = self.manifest(stage)
        return [self.receipt(stage, name) for name in manifest.receipts] if manifest else []

    def close(self, manifest: Manifest, public: Iterable[str], keep: bool) -> None:
        """Close a stage; then the public folders hold exactly its files, older ones are removed unless `keep`."""
        path = f"ledger/{manifest.stage}/manifest.json"
        self.folder.replace(path, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        if keep:
            return
        named = {output.name for receipt in self.closed(manifest.stage) for output in receipt.outputs}
        for name in self.names(manifest.stage) - set(manifest.receipts):
            self.folder.remove(f"ledger/{manifest.stage}/{name}")
        for under in public:
            for name in self.folder.names(under):
                if f"{under}/{name}" not in named:
                    self.folder.remove(f"{under}/{name}")
