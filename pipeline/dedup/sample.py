"""Duplicates among documents that fit into memory, by the steps that the stages take: what `sluice plan` looks at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.components import ALONE, MEMBER, Fates
from pipeline.dedup.grouping import groups_of
from pipeline.dedup.lost import YearLoss, by_year
from pipeline.dedup.policy import scores
from pipeline.dedup.runs import Entries
from pipeline.dedup.scope import crawl_year, scope_keys
from pipeline.dedup.settings import DedupSettings, Scope
from pipeline.dedup.sign import shingle_sets, signed
from pipeline.dedup.urls import url_hashes
from pipeline.dedup.verify import Members, settle

Array = np.ndarray[Any, Any]


class Sample:
    """Documents that fit into memory, and which of them each scope would remove as duplicates of each other."""

    def __init__(self, documents: pa.Table, dedup: DedupSettings, crawl: str) -> None:
        """`crawl` is that of the documents' input; raises UserError where the policy's column is missing."""
        self._documents, self._dedup, self._crawl = documents, dedup, crawl
        self._scores = scores(documents, dedup.keep)
        self._years = crawl_year(documents, crawl)
        texts = documents["text"].combine_chunks()
        self._sizes = np.asarray(pc.fill_null(pc.binary_length(texts), 0), np.int64)
        self._signed = signed(texts, dedup)
        if dedup.url is not None:
            self._urls = url_hashes(documents["url"].combine_chunks(), dedup.url.variant)
        if dedup.minhash is not None:
            self._shingles = shingle_sets(texts, dedup.minhash)

    def removed(self, scope: Scope) -> Array:
        """Which documents would be removed, (n,) of bool, by the steps that the stages take."""
        fates = Fates(self._documents.num_rows, self._scores)
        scopes = scope_keys(self._documents, scope, self._crawl)
        for number, kind in enumerate(self._dedup.document_kinds, 1):
            groups = groups_of([self._entries(kind, scopes)], [0])
            if kind == "minhash":
                fates.join(groups)
                candidates = groups
            else:
                fates.remove(groups, number)
        fates.flatten()
        gone = (fates.fate != ALONE) & (fates.fate != MEMBER)
        if "minhash" in self._dedup.document_kinds and self._dedup.minhash is not None:
            left = fates.candidates(candidates).groups
            everyone = np.arange(len(gone), dtype=np.int64)
            members = Members(everyone, self._scores, *self._shingles)
            settled = settle(members, left, self._dedup.minhash.verify)
            gone |= settled.survivor != everyone
        return np.asarray(gone, np.bool_)

    def _entries(self, kind: str, scopes: Array) -> Entries:
        """Keys of one kind with the documents' rows, and the rest of the hash where it has 128 bits."""
        rows = np.arange(len(scopes), dtype=np.uint32)
        if kind == "minhash":
            there = self._signed.has_shingles
            bands = self._signed.band_keys[there] ^ scopes[there][:, None]
            return Entries(bands.reshape(-1), np.repeat(rows[there], bands.shape[1])[:, None])
        hashes, there = (
            self._urls if kind == "url" else (self._signed.text_hashes, np.ones(len(rows), np.bool_))
        )
        rest = np.ascontiguousarray(hashes[there, 1:]).view(np.uint32)
        return Entries(
            hashes[there, 0] ^ scopes[there],
            np.concatenate([rows[there, None], rest], axis=1, dtype=np.uint32),
        )

    def lost(self, scope: Scope) -> list[YearLoss]:
        """By year, what the scope takes."""
        return by_year(self._by_year(np.ones(len(self._years), np.bool_)), self._by_year(self.removed(scope)))

    def _by_year(self, chosen: Array) -> dict[str, int]:
        found = {}
        for year in np.unique(self._years[chosen]).tolist():
            found[str(year)] = int(self._sizes[chosen & (self._years == year)].sum())
        return found
