"""Documents to tokens: one shard of the corpus becomes one token shard (format: `mixes/shards.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stages.stage import Attempt, Shard

BATCH = 256  # documents encoded together
GENERAL = "general"  # the domain of documents without a label


@dataclass(frozen=True)
class Encoded:
    """What one shard became; tokens by split, and by split and domain."""

    paths: tuple[Path, ...]
    documents: int
    tokens: dict[str, int]
    by_domain: dict[str, dict[str, int]]


@lru_cache(maxsize=2)
def _tokenizer(path: Path) -> Any:
    from pipeline.tokenizer import load_tokenizer

    return load_tokenizer(path)


def encode(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Token ids of each text, special tokens never."""
    encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return [one.ids for one in encoded]


def encode_shard(documents: pa.Table, attempt: Attempt, shard: Shard) -> Encoded:
    """Encode, split by hash of the id, and write the token shard into the attempt's scratch folder."""
    from mixes.heldout import is_heldout
    from mixes.shards import write_shard

    parameters = shard.parameters
    tokenizer = _tokenizer(attempt.folder.local(parameters["tokenizer"], attempt.scratch))
    texts = documents["text"].to_pylist()
    ids: list[np.ndarray] = []
    for start in range(0, len(texts), BATCH):
        batch = encode(tokenizer, texts[start : start + BATCH])
        ids.extend(np.array(tokens, dtype=np.int64) for tokens in batch)
        attempt.report({"documents": len(ids)})
    names = documents["id"].to_pylist()
    heldout = is_heldout(names, attempt.recipe.tokenize.heldout)
    split = np.where(heldout, "heldout", "train")
    if "domain" in documents.schema.names:
        domain = pc.fill_null(documents["domain"], GENERAL).to_pylist()
    else:
        domain = [GENERAL] * len(names)
    rows = pa.table(
        {
            "id": documents["id"],
            "domain": pa.array(domain, pa.string()),
            "split": pa.array(split.tolist(), pa.string()),
            "bytes": pc.binary_length(documents["text"]).cast(pa.int64()),
        }
    )
    stem = attempt.scratch / "tokens"
    paths = write_shard(stem, rows, ids, vocab_size=parameters["vocabulary"], eos=parameters["eos"])
    lengths = np.array([len(one) + 1 for one in ids], dtype=np.int64)
    totals = {name: int(lengths[split == name].sum()) for name in ("train", "heldout")}
    by_domain: dict[str, dict[str, int]] = {"train": {}, "heldout": {}}
    for name, label, length in zip(split.tolist(), domain, lengths.tolist(), strict=True):
        by_domain[name][label] = by_domain[name].get(label, 0) + length
    return Encoded(paths, len(names), totals, by_domain)
