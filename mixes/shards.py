"""Token shards: the format, its writer and the checks of one shard. This docstring is the specification (version 1).

A shard is two files of one stem, whatever the names are published under:

`<stem>.npy`      NumPy array format 1.0, one dimension, C order, no pickles: the token ids of all documents one after
                  the other, little-endian uint16 where the vocabulary has at most 65,536 tokens, otherwise uint32.
                  `numpy.load(mmap_mode="r", allow_pickle=False)` maps it.
`<stem>.parquet`  one row a document, in the order of the tokens; zstd, page checksums:
    id      string  the document's id
    domain  string  the label that mixes weight
    split   string  "train" or "heldout"; a held-out document is never trained on
    offset  int64   tokens from the start of the array
    length  int64   tokens, the end-of-document token included
    bytes   int64   of the text as UTF-8, the denominator of bits per byte
    ...             any further columns (quality scores), which readers here ignore
  and the file's key-value metadata: `sluice.shard` = "1", `sluice.vocab_size`, `sluice.eos`, and `sluice.tokens_sha256`
  (of the `.npy` file's bytes).

A document's tokens are those of its text, then one end-of-document token `eos`. Rows are ordered by split (train
first), then domain (code points), then the order in which the documents came: each (split, domain) of a shard is
therefore one contiguous run of tokens. Offsets start at 0 and leave no gaps. The same documents give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mixes.errors import ShardError
from pipeline.store import sha256_file
from pipeline.store.parquet import TableWriter

VERSION = "1"
TRAIN, HELDOUT = "train", "heldout"
SPLITS = (TRAIN, HELDOUT)  # in the order of the shards
COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("domain", pa.string()),
        ("split", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("bytes", pa.int64()),
    ]
)


def token_dtype(vocab_size: int) -> np.dtype:
    """The type of the ids of a vocabulary: '<u2' up to 65,536 tokens, else '<u4'."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


def write_shard(
    stem: Path, documents: pa.Table, tokens: Sequence[np.ndarray], *, vocab_size: int, eos: int
) -> tuple[Path, Path]:
    """Write one shard and return its (`.npy`, `.parquet`) paths; both are flushed to the disk, none is renamed.

    `documents` has the columns id, domain, split and bytes, and may have more; `tokens[i]` are the ids of row i
    without the end-of-document token. Raises ShardError for ids outside the vocabulary, an `eos` outside it or inside
    a document, or an unknown split, and OSError with its errno where the disk is full.
    """
    if not 0 <= eos < vocab_size:
        raise ShardError(f"the end-of-document token {eos} is outside the vocabulary of {vocab_size}")
    if len(tokens) != documents.num_rows:
        raise ShardError(f"{documents.num_rows} documents but {len(tokens)} lists of tokens")
    table, order = _ordered(documents, [len(ids) + 1 for ids in tokens])
    array = np.empty(pc.sum(table["length"]).as_py() or 0, dtype=token_dtype(vocab_size))
    position = 0
    for row in order:
        ids = np.asarray(tokens[row], dtype=np.int64)
        if ids.size and (ids.min() < 0 or ids.max() >= vocab_size):
            raise ShardError(
                f"a token of document {documents['id'][row]} is outside the vocabulary of {vocab_size}"
            )
        if (ids == eos).any():
            raise ShardError(
                f"the end-of-document token {eos} stands inside document {documents['id'][row]}, which it would cut"
            )
        array[position : position + ids.size] = ids
        array[position + ids.size] = eos
        position += ids.size + 1
    stem.parent.mkdir(parents=True, exist_ok=True)
    npy, parquet = stem.with_name(stem.name + ".npy"), stem.with_name(stem.name + ".parquet")
    with open(npy, "wb") as file:
        # `write_array` would write through `tofile`, whose error on a full disk has no errno.
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)
        file.flush()
        os.fsync(file.fileno())
    metadata = {
        "sluice.shard": VERSION,
        "sluice.vocab_size": str(vocab_size),
        "sluice.eos": str(eos),
        "sluice.tokens_sha256": sha256_file(npy),
    }
    writer = TableWriter(parquet, table.schema.with_metadata(metadata))
    writer.write(table)
    writer.close()
    return npy, parquet


def _ordered(documents: pa.Table, lengths: list[int]) -> tuple[pa.Table, list[int]]:
    """The rows in the order of the shard, with offset and length, and which row each was."""
    wanted = ["id", "domain", "split", "bytes"]
    missing = [name for name in wanted if name not in documents.column_names]
    if missing:
        raise ShardError(f"the documents of a token shard lack {', '.join(missing)}")
    splits, domains = documents["split"].to_pylist(), documents["domain"].to_pylist()
    for split, domain in zip(splits, domains, strict=True):
        if split not in SPLITS or not domain:
            raise ShardError(
                f"a document needs a domain and a split of {SPLITS}, got {domain!r} and {split!r}"
            )
    rows = sorted(range(len(splits)), key=lambda row: (SPLITS.index(splits[row]), domains[row], row))
    taken = documents.take(pa.array(rows, pa.int64()))
    length = np.array([lengths[row] for row in rows], dtype=np.int64)
    offset = np.concatenate([np.zeros(1, np.int64), np.cumsum(length)[:-1]]) if rows else length
    columns = {name: taken[name] for name in wanted} | {
        "offset": pa.array(offset),
        "length": pa.array(length),
    }
    extra = [name for name in taken.column_names if name not in COLUMNS.names]
    table = pa.table([columns[name] for name in COLUMNS.names], schema=COLUMNS)
    for name in extra:
        table = table.append_column(name, taken[name])
    return table, rows


def open_tokens(npy: Path, vocab_size: int) -> np.ndarray:
    """The ids of one shard, mapped read-only. Raises ShardError if the file is damaged or of another type."""
    try:
        array: np.ndarray = np.load(npy, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        # An empty array cannot be mapped; it is valid all the same.
        array = _empty_array(npy, error)
    if array.ndim != 1 or array.dtype != token_dtype(vocab_size):
        raise ShardError(
            f"{npy}: expected one dimension of {token_dtype(vocab_size).str} for a vocabulary of {vocab_size}, "
            f"got {array.ndim} of {array.dtype.str}"
        )
    return array


def _empty_array(npy: Path, error: Exception) -> np.ndarray:
    try:
        array: np.ndarray = np.load(npy, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise ShardError(f"{npy}: not a readable token array ({error})") from error
    if array.size:
        raise ShardError(f"{npy}: cannot be mapped ({error})") from error
    return array


def read_documents(
    parquet: Path, vocab_size: int, eos: int, columns: Sequence[str] = COLUMNS.names
) -> pa.Table:
    """Rows of one shard's table, with its metadata in the schema; checksums verified, tokenizer compared.

    Raises ShardError if the file is damaged, of another version or made with another vocabulary.
    """
    try:
        table = pq.read_table(
            parquet, columns=list(columns), page_checksum_verification=True, use_threads=False
        )
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ShardError(f"{parquet}: not a readable table of documents ({error})") from error
    metadata = {key: value.decode("utf-8", "replace") for key, value in (table.schema.metadata or {}).items()}
    absent = [name for name in columns if name not in table.column_names]
    if metadata.get(b"sluice.shard") != VERSION or absent:
        raise ShardError(f"{parquet}: not a table of token shard version {VERSION}")
    made_with = (metadata.get(b"sluice.vocab_size"), metadata.get(b"sluice.eos"))
    if made_with != (str(vocab_size), str(eos)):
        raise ShardError(
            f"{parquet}: made with a vocabulary of {made_with[0]} and end token {made_with[1]}, "
            f"expected {vocab_size} and {eos}"
        )
    return table
