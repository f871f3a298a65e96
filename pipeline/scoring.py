"""Score a model on documents that are text: encode them with the model's tokenizer, then evaluate as a run does."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.documents import read
from pipeline.errors import UserError
from pipeline.extract import Tally
from pipeline.inputs import InputFile, find_inputs
from pipeline.tokenizer import END_OF_TEXT
from pipeline.tokens import BATCH, GENERAL, encode


def _documents(file: InputFile) -> pa.Table:
    if file.kind == "warc":
        raise UserError(f"--documents {file.path}: Parquet or JSONL with a column `text`, no WARC")
    if file.kind == "parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(file.path, page_checksum_verification=True)
        if "text" not in table.column_names:
            raise UserError(f"--documents {file.path}: no column `text`")
        domain = pc.fill_null(table["domain"], GENERAL) if "domain" in table.column_names else None
    else:
        parts = [part.documents for part in read(file.path, file.kind, "id", Tally())]
        table = pa.concat_tables(parts) if parts else pa.table({"text": pa.array([], pa.string())})
        domain = None
    labels = domain if domain is not None else pa.array([GENERAL] * table.num_rows, pa.string())
    text = pc.fill_null(table["text"].cast(pa.large_string()), "")
    return pa.table({"text": text, "domain": labels})


def score_documents(model: Path, tokenizer_file: Path, paths: Sequence[str]) -> dict[str, Any]:
    """Perplexity and bits per byte by domain over every document of the files."""
    from tokenizers import Tokenizer

    from mixes.shards import write_shard
    from mixes.tokens import TokenSet
    from train.config import EvalSettings
    from train.errors import TrainError
    from train.evaluate import evaluate

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.encode_special_tokens = True
    eos, vocabulary = tokenizer.token_to_id(END_OF_TEXT), tokenizer.get_vocab_size()
    if eos is None:
        raise UserError(f"{tokenizer_file} has no token {END_OF_TEXT}")
    with tempfile.TemporaryDirectory(prefix="sluice.") as scratch:
        files: list[tuple[Path, Path]] = []
        for file in find_inputs(paths):
            table = _documents(file)
            texts = table["text"].to_pylist()
            ids = [
                one
                for start in range(0, len(texts), BATCH)
                for one in encode(tokenizer, texts[start : start + BATCH])
            ]
            rows = pa.table(
                {
                    "id": pa.array([f"{file.name}#{row}" for row in range(len(texts))], pa.string()),
                    "domain": table["domain"],
                    "split": pa.array(["heldout"] * len(texts), pa.string()),
                    "bytes": pc.binary_length(table["text"]).cast(pa.int64()),
                }
            )
            stem = Path(scratch) / str(len(files))
            files.append(
                write_shard(stem, rows, [_array(one) for one in ids], vocab_size=vocabulary, eos=eos)
            )
        try:
            return evaluate(model, TokenSet.open(files, vocabulary, eos), EvalSettings())
        except TrainError as error:
            raise UserError(str(error)) from error


def _array(ids: list[int]) -> Any:
    import numpy as np

    return np.array(ids, dtype=np.int64)
