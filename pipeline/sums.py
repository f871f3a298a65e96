"""Sums over the receipts of a stage, made one receipt at a time.

A run of ten thousand shards has some hundred thousand receipts, most of them histograms. Statistics need their sums,
and of each shard only what is its own: its files, its plain counts, its cost. So a receipt is read once, its nested
counts and histograms are added up, and the rest is kept. What is summed does not depend on the order of receipts, so a
run that is watched ends with the numbers that reading it afterwards gives.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import msgspec

from pipeline.errors import UserError
from pipeline.ledger import Ledger, Manifest, Receipt, decoded, is_whole

BATCH = 2000  # receipts read by one call of `advance`: some seconds


class StageSum(Sequence[Receipt]):
    """The receipts of one stage without what is summed here, in plan order once the stage is closed.

    `counts` holds plain counts, `named` counts by name, `histograms` those of all receipts added up leaf by leaf.
    """

    def __init__(self, stage: str, receipts: Iterable[Receipt] = ()) -> None:
        self.stage = stage
        self.counts: Counter[str] = Counter()
        self.named: dict[str, Counter[str]] = {}
        self.histograms: dict[str, Any] = {}
        self._receipts: dict[str, Receipt] = {}
        for receipt in receipts:
            self.add(receipt)

    def add(self, receipt: Receipt) -> None:
        """Add one receipt; one that was added before changes nothing."""
        if receipt.name in self._receipts:
            return
        own: dict[str, int | dict[str, int]] = {}
        for name, value in receipt.counts.items():
            if isinstance(value, dict):
                self.named.setdefault(name, Counter()).update(value)
            else:
                self.counts[name] += value
                own[name] = value
        _add(self.histograms, receipt.histograms)
        self._receipts[receipt.name] = msgspec.structs.replace(receipt, counts=own, histograms={})

    def has(self, name: str) -> bool:
        """True if the receipt of this file name was added."""
        return name in self._receipts

    def __len__(self) -> int:
        return len(self._receipts)

    def __iter__(self) -> Iterator[Receipt]:
        return iter(self._receipts.values())

    @overload
    def __getitem__(self, at: int) -> Receipt: ...
    @overload
    def __getitem__(self, at: slice) -> list[Receipt]: ...
    def __getitem__(self, at: int | slice) -> Receipt | list[Receipt]:
        return list(self._receipts.values())[at]

    def copy(self) -> StageSum:
        """The sums as they are now; more receipts may be added to this one."""
        found = StageSum(self.stage)
        found.counts, found._receipts = Counter(self.counts), dict(self._receipts)
        found.named = {name: Counter(counts) for name, counts in self.named.items()}
        found.histograms = _copied(self.histograms)
        return found

    def in_order(self, names: Sequence[str]) -> StageSum:
        """The same sums with exactly these receipts, in this order; ValueError if others were added."""
        if set(names) != set(self._receipts):
            raise ValueError(f"stage {self.stage}: other receipts than those named were added")
        found = StageSum(self.stage)
        found.counts, found.named, found.histograms = self.counts, self.named, self.histograms
        found._receipts = {name: self._receipts[name] for name in names}
        return found


def _add(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict):  # asked of millions: an abstract class takes ten times as long
            _add(into.setdefault(key, {}), value)
        else:
            into[key] = into.get(key, 0) + value


def _copied(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in tree.items()}


def named(receipts: Sequence[Receipt], name: str) -> Counter[str]:
    """Sum of one group of counts over receipts."""
    if isinstance(receipts, StageSum):
        return Counter(receipts.named.get(name, {}))
    total: Counter[str] = Counter()
    for receipt in receipts:
        group = receipt.counts.get(name)
        if isinstance(group, dict):
            total.update(group)
    return total


def plain(receipts: Sequence[Receipt], name: str) -> int:
    """Sum of one plain count over receipts."""
    if isinstance(receipts, StageSum):
        return receipts.counts[name]
    return sum(value for receipt in receipts if isinstance(value := receipt.counts.get(name), int))


def ranked(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by name, the largest first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def closed_sum(ledger: Ledger, stage: str) -> StageSum:
    """The receipts of a closed stage; none if it is not closed."""
    manifest = ledger.manifest(stage)
    found = StageSum(stage)
    for number, name in enumerate(manifest.receipts if manifest else ()):
        found.add(_read(ledger, stage, name, manifest, number))
    return found


def advance(
    found: StageSum, ledger: Ledger, manifest: Manifest | None, fingerprint: str, seen: set[str]
) -> bool:
    """Add what is new of a stage, at most `BATCH` receipts; True if everything that is there has been read.

    Without a manifest, receipts of other settings are left out; `seen` remembers their names, so they are read once.
    """
    if manifest and len(found) == len(manifest.receipts):
        return True
    names = manifest.receipts if manifest else sorted(ledger.names(found.stage))
    new = [(number, name) for number, name in enumerate(names) if not found.has(name) and name not in seen]
    for number, name in new[:BATCH]:
        receipt = _read(ledger, found.stage, name, manifest, number)
        if manifest is not None or receipt.fingerprint == fingerprint:
            found.add(receipt)
        else:
            seen.add(name)
    return len(new) <= BATCH


def _read(ledger: Ledger, stage: str, name: str, manifest: Manifest | None, number: int) -> Receipt:
    """One receipt, checked by the manifest's digest of its file (ten times as fast as its seal), else by its seal."""
    path = f"ledger/{stage}/{name}"
    try:
        data = ledger.folder.read(path)
    except FileNotFoundError:
        data = b""
    receipt = decoded(data, Receipt)
    known = manifest is not None and hashlib.sha256(data).hexdigest() == manifest.receipt_sha256[number]
    if receipt is None or not (known or is_whole(receipt)):
        raise UserError(f"{ledger.folder.url}/{path} is damaged: run `sluice repair {ledger.folder.url}`")
    return receipt
