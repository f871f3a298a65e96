"""Score a model on documents that are text: encode them with the model's tokenizer, then evaluate as a run does."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.documents import FILE_FAILURES, LABELLED, labelled
from pipeline.errors import UsageError, UserError
from pipeline.extract import Tally
from pipeline.inputs import InputFile, find_inputs
from pipeline.show import show_text
from pipeline.tokenizer import END_OF_TEXT, load_tokenizer, vocabulary_size
from pipeline.tokens import BATCH, GENERAL, encode


def score_documents(model: Path, tokenizer_file: Path, paths: Sequence[str]) -> dict[str, Any]:
    """Perplexity and bits per byte by domain over every document of the files.

    {"domains", "overall", "windowing"} of `train.evaluate`, and "failed": {kind: rows that could not be scored}. Raises
    UserError for a file that is missing, empty, damaged or without `text`, and where no document is left.
    """
    from mixes.errors import ShardError
    from mixes.tokens import TokenSet
    from train.config import EvalSettings
    from train.errors import TrainError
    from train.evaluate import evaluate

    tokenizer = _tokenizer(tokenizer_file)
    eos, vocabulary = tokenizer.token_to_id(END_OF_TEXT), vocabulary_size(tokenizer)
    if eos is None:
        raise UserError(f"{tokenizer_file} has no token {END_OF_TEXT}")
    failed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="sluice.") as scratch:
        try:
            files = [
                _write(Path(scratch) / str(number), _documents(file, failed), tokenizer, vocabulary, eos)
                for number, file in enumerate(_find(paths))
            ]
            result = evaluate(model, TokenSet.open(files, vocabulary, eos), EvalSettings())
            if not result["overall"]["documents"]:
                raise UserError("these tokens have no held-out documents")
        except (TrainError, ShardError) as error:
            raise UserError(str(error)) from error
    return {**result, "failed": dict(sorted(failed.items()))}


def _tokenizer(path: Path) -> Any:
    try:
        return load_tokenizer(path)
    except ValueError as error:
        raise UserError(f"{path} is no tokenizer: {error}") from error


def _find(paths: Sequence[str]) -> tuple[InputFile, ...]:
    try:
        files = find_inputs(paths)
    except UsageError as error:
        # The messages are written for the verbs that name their files with --input.
        raise UsageError(str(error).replace("--input", "--documents", 1)) from error
    for file in files:
        if file.kind == "warc":
            raise UsageError(f"--documents {file.path}: Parquet or JSONL with a column `text`, no WARC")
        if file.size < 0:
            raise UserError(f"--documents {file.path}: no such file")
    return files


def _documents(file: InputFile, failed: Counter[str]) -> pa.Table:
    """The documents of a file; adds to `failed` the rows that are none, by kind."""
    tally, tables = Tally(), [LABELLED.empty_table()]
    try:
        for part in labelled(file.path, file.kind, tally):
            tables.append(part.documents)
            for row in part.failed.to_pylist():
                if row["kind"] in FILE_FAILURES:
                    raise UserError(f"--documents {file.path}: {row['kind']}, {show_text(row['message'])}")
    except OSError as error:
        raise UserError(f"--documents {file.path}: {show_text(error.strerror or error)}") from error
    failed.update(tally.failed)
    return pa.concat_tables(tables)


def _write(stem: Path, documents: pa.Table, tokenizer: Any, vocabulary: int, eos: int) -> tuple[Path, Path]:
    """One token shard of the documents, all of them held out."""
    import numpy as np

    from mixes.shards import write_shard

    texts = documents["text"].to_pylist()
    batches = (encode(tokenizer, texts[start : start + BATCH]) for start in range(0, len(texts), BATCH))
    rows = pa.table(
        {
            "id": documents["id"],
            "domain": pa.array([label or GENERAL for label in documents["domain"].to_pylist()], pa.string()),
            "split": pa.array(["heldout"] * len(texts), pa.string()),
            "bytes": pc.binary_length(documents["text"]).cast(pa.int64()),
        }
    )
    tokens = [np.array(one, dtype=np.int64) for batch in batches for one in batch]
    return write_shard(stem, rows, tokens, vocab_size=vocabulary, eos=eos)
