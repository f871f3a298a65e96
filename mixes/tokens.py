"""A token set: an ordered list of token shards read as one stream of tokens a split and domain.

The stream of (split, domain) is the concatenation, in the order of the list, of that run of every shard (a shard
holds at most one run of each, see `mixes.shards`). Only the runs are kept in memory; arrays are mapped when a
sequence of theirs is read, and at most `OPEN_ARRAYS` stay mapped, because each holds a file descriptor.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mixes.errors import ShardError
from mixes.shards import HELDOUT, SPLITS, TRAIN, open_tokens, read_documents
from pipeline.store import fingerprint, sha256_file

OPEN_ARRAYS = 256


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One contiguous piece of a stream: `length` tokens of shard `shard` from `offset`."""

    shard: int
    offset: int
    length: int
    documents: int
    bytes: int


class HeldoutDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document to be scored: where its tokens lie, and how many bytes its text has."""

    id: str
    domain: str
    shard: int
    offset: int
    length: int  # tokens, the end-of-document token included
    bytes: int


class TokenSet:
    """Token shards of one tokenizer, opened in a fixed order."""

    def __init__(self, files: Sequence[tuple[Path, Path]], vocab_size: int, eos: int) -> None:
        self.files = [(Path(npy), Path(parquet)) for npy, parquet in files]
        self.vocab_size = vocab_size
        self.eos = eos
        self._runs: dict[tuple[str, str], list[Run]] = {}
        self._sha256: list[str] = []
        self._lengths: list[int] = []
        self._mapped: OrderedDict[int, np.ndarray] = OrderedDict()
        self._starts: dict[tuple[str, str], np.ndarray] = {}

    @classmethod
    def open(cls, files: Sequence[tuple[Path, Path]], vocab_size: int, eos: int) -> TokenSet:
        """Read every shard's table and header. Raises ShardError naming the file that is damaged or does not fit.

        Cost: the small tables only; `verify` also reads the tokens.
        """
        if not 0 <= eos < vocab_size:
            raise ShardError(f"the end-of-document token {eos} is outside the vocabulary of {vocab_size}")
        opened = cls(files, vocab_size, eos)
        for shard, (npy, parquet) in enumerate(opened.files):
            table = read_documents(parquet, vocab_size, eos)
            length = open_tokens(npy, vocab_size).size
            _check_rows(parquet, table, length)
            opened._lengths.append(length)
            opened._sha256.append(
                table.schema.metadata.get(b"sluice.tokens_sha256", b"").decode("ascii", "replace")
            )
            for key, run in _runs(shard, table):
                opened._runs.setdefault(key, []).append(run)
        for key, runs in opened._runs.items():
            opened._starts[key] = np.cumsum([0] + [run.length for run in runs])
        return opened

    @property
    def digest(self) -> str:
        """Identity of the tokens and their order: SHA-256 over every shard's, the vocabulary's size and `eos`."""
        return fingerprint({"shards": self._sha256, "vocab_size": self.vocab_size, "eos": self.eos})

    def supply(self, split: str = TRAIN) -> dict[str, int]:
        """Tokens of each domain of a split, domains in order of their names."""
        keys = sorted(domain for kept, domain in self._runs if kept == split)
        return {domain: int(self._starts[split, domain][-1]) for domain in keys}

    def counts(self, split: str = TRAIN) -> dict[str, dict[str, int]]:
        """Documents, tokens and UTF-8 bytes of each domain of a split."""
        return {
            domain: {
                "documents": sum(run.documents for run in self._runs[split, domain]),
                "tokens": tokens,
                "bytes": sum(run.bytes for run in self._runs[split, domain]),
            }
            for domain, tokens in self.supply(split).items()
        }

    def read(self, domain: str, start: int, length: int, split: str = TRAIN) -> np.ndarray:
        """`length` tokens of a stream from token `start`, as int64. Raises IndexError beyond the stream's end."""
        starts = self._starts[split, domain]
        if start < 0 or length < 0 or start + length > starts[-1]:
            raise IndexError(f"tokens {start} to {start + length} of {domain}, which has {int(starts[-1])}")
        pieces = []
        run = int(np.searchsorted(starts, start, side="right")) - 1
        while length > 0:
            within = start - int(starts[run])
            take = min(length, self._runs[split, domain][run].length - within)
            piece = self._runs[split, domain][run]
            pieces.append(self._slice(piece.shard, piece.offset + within, take))
            start, length, run = start + take, length - take, run + 1
        return np.concatenate(pieces) if pieces else np.empty(0, np.int64)

    def heldout(self) -> Iterator[HeldoutDocument]:
        """The held-out documents in the order of the shards."""
        for shard, (_, parquet) in enumerate(self.files):
            if not any(
                run.shard == shard for key, runs in self._runs.items() if key[0] == HELDOUT for run in runs
            ):
                continue
            table = read_documents(parquet, self.vocab_size, self.eos)
            for row in table.filter(pc.equal(table["split"], HELDOUT)).to_pylist():
                yield HeldoutDocument(
                    id=row["id"],
                    domain=row["domain"],
                    shard=shard,
                    offset=row["offset"],
                    length=row["length"],
                    bytes=row["bytes"],
                )

    def document_tokens(self, document: HeldoutDocument) -> np.ndarray:
        """A document's tokens, its end-of-document token included, as int64."""
        return self._slice(document.shard, document.offset, document.length)

    def verify(self) -> None:
        """Read every token: digests, ids inside the vocabulary, each document ended by `eos` and none before.

        Raises ShardError naming the first shard that is not as written.
        """
        for shard, (npy, parquet) in enumerate(self.files):
            if sha256_file(npy) != self._sha256[shard]:
                raise ShardError(f"{npy}: its bytes are not the ones that were written")
            array = self._array(shard)
            if array.size and int(array.max()) >= self.vocab_size:
                raise ShardError(f"{npy}: a token is outside the vocabulary of {self.vocab_size}")
            table = read_documents(parquet, self.vocab_size, self.eos)
            ends = table["offset"].to_numpy() + table["length"].to_numpy() - 1
            if not np.array_equal(np.flatnonzero(array == self.eos), ends):
                raise ShardError(f"{npy}: token {self.eos} does not end every document and nothing else")

    def _array(self, shard: int) -> np.ndarray:
        if shard not in self._mapped:
            array = open_tokens(self.files[shard][0], self.vocab_size)
            if array.size != self._lengths[shard]:
                raise ShardError(f"{self.files[shard][0]}: changed since it was opened")
            self._mapped[shard] = array
            if len(self._mapped) > OPEN_ARRAYS:
                self._mapped.popitem(last=False)
        self._mapped.move_to_end(shard)
        return self._mapped[shard]

    def _slice(self, shard: int, offset: int, length: int) -> np.ndarray:
        ids = self._array(shard)[offset : offset + length].astype(np.int64)
        if ids.size and int(ids.max()) >= self.vocab_size:
            raise ShardError(
                f"{self.files[shard][0]}: a token is outside the vocabulary of {self.vocab_size}"
            )
        return ids


def _check_rows(parquet: Path, table: pa.Table, tokens: int) -> None:
    lengths, offsets = table["length"].to_numpy(), table["offset"].to_numpy()
    expected = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    if table.num_rows and (lengths.min() < 1 or not np.array_equal(offsets, expected[:-1])):
        raise ShardError(f"{parquet}: its documents do not follow each other without gaps")
    if int(expected[-1]) != tokens:
        raise ShardError(f"{parquet}: its documents have {int(expected[-1])} tokens, the array {tokens}")
    if len(set(table["id"].to_pylist())) != table.num_rows:
        raise ShardError(f"{parquet}: an id occurs twice")


def _runs(shard: int, table: pa.Table) -> Iterator[tuple[tuple[str, str], Run]]:
    """The runs of one shard in order; the columns say where each begins and ends."""
    splits, domains = table["split"].to_pylist(), table["domain"].to_pylist()
    keys = list(zip(splits, domains, strict=True))
    rank = [(SPLITS.index(split) if split in SPLITS else len(SPLITS), domain) for split, domain in keys]
    if rank != sorted(rank) or any(split not in SPLITS for split in splits):
        raise ShardError(f"shard {shard}: documents are not in order of split and domain")
    edges = [row for row in range(len(keys)) if row == 0 or keys[row] != keys[row - 1]] + [len(keys)]
    offsets, lengths, sizes = (table[name].to_numpy() for name in ("offset", "length", "bytes"))
    for first, last in pairwise(edges):
        yield (
            keys[first],
            Run(
                shard=shard,
                offset=int(offsets[first]),
                length=int(lengths[first:last].sum()),
                documents=last - first,
                bytes=int(sizes[first:last].sum()),
            ),
        )
