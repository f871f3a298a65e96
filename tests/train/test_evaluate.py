"""Perplexity and bits per byte equal a direct computation, every held-out token scored once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import torch

from mixes.mix import Mix
from mixes.shards import write_shard
from mixes.tokens import TokenSet
from train.config import EvalSettings, TrainSettings
from train.errors import TrainError
from train.evaluate import Document, evaluate, score
from train.export import load_model
from train.loop import run_stable
from train.model import Decoder

EOS = 256


@pytest.fixture(scope="module")
def model_dir(
    tokens: TokenSet, mix: Mix, small: TrainSettings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("model")
    run_stable(tokens, mix, small, folder / "work", folder / "out")
    return folder / "out"


def naive(model: Decoder, ids: list[int], stride: int) -> float:
    """One token at a time: token t is predicted from its window's start, as the module's docstring says."""
    context, total = model.sizes.sequence, 0.0
    stream = [EOS, *ids]
    for t in range(len(ids)):
        moved = max(0, math.ceil((t + 1 - context) / stride)) * stride
        start = min(moved, max(0, len(ids) - context))
        with torch.no_grad():
            logits = model(torch.tensor([stream[start : t + 1]]))[0, -1].double()
        total -= float(logits.log_softmax(-1)[stream[t + 1]])
    return total


@pytest.mark.parametrize("stride", [1, 7, 16, 32])
@pytest.mark.parametrize("length", [1, 31, 32, 33, 48, 49, 100])
def test_documents_of_any_length_against_one_token_at_a_time(
    model_dir: Path, stride: int, length: int
) -> None:
    model, eos = load_model(model_dir)
    assert eos == EOS
    ids = np.random.RandomState(length).randint(0, 257, length)
    document = Document(domain="x", tokens=ids, bytes=length)
    result = score(model_dir, [document], EvalSettings(stride=stride, device="cpu", threads=1, batch=3))
    assert result["overall"]["nats"] == pytest.approx(naive(model, ids.tolist(), stride), rel=1e-5)
    assert result["overall"]["tokens"] == length


def test_domains_add_up(model_dir: Path, tokens: TokenSet) -> None:
    settings = EvalSettings(device="cpu", threads=1)
    result = evaluate(model_dir, tokens, settings)
    model, _ = load_model(model_dir)
    counts = tokens.counts("heldout")
    for domain, row in result["domains"].items():
        documents = [one for one in tokens.heldout() if one.domain == domain]
        nats = sum(naive(model, tokens.document_tokens(one).tolist(), 16) for one in documents[:1])
        assert nats > 0
        assert (row["documents"], row["tokens"], row["bytes"]) == tuple(counts[domain].values())
        assert row["held_out"] == row["documents"]
        assert row["perplexity"] == pytest.approx(math.exp(row["nats"] / row["tokens"]))
        assert row["bits_per_byte"] == pytest.approx(row["nats"] / math.log(2) / row["bytes"])
        assert row["interval"][0] < row["bits_per_byte"] < row["interval"][1]
    overall = result["overall"]
    for name in ("documents", "tokens", "bytes", "nats", "held_out"):
        assert overall[name] == pytest.approx(sum(row[name] for row in result["domains"].values()))
    # Every token costs less than under a model that knows nothing, after twelve steps.
    assert overall["perplexity"] < 257


def test_padding_and_batches_change_nothing(model_dir: Path, tokens: TokenSet) -> None:
    rows = [
        evaluate(model_dir, tokens, EvalSettings(device="cpu", threads=1, batch=batch))["overall"]["nats"]
        for batch in (1, 5, 64)
    ]
    assert rows[0] == pytest.approx(rows[1], rel=1e-6)
    assert rows[0] == pytest.approx(rows[2], rel=1e-6)


def test_limits_take_whole_documents_at_random(model_dir: Path, tokens: TokenSet) -> None:
    few = evaluate(model_dir, tokens, EvalSettings(device="cpu", threads=1, max_documents=2))
    assert {row["documents"] for row in few["domains"].values()} == {2}
    assert few["overall"]["held_out"] == sum(row["documents"] for row in tokens.counts("heldout").values())
    short = evaluate(model_dir, tokens, EvalSettings(device="cpu", threads=1, max_tokens=1))
    assert {row["documents"] for row in short["domains"].values()} == {1}


def test_where_nothing_was_held_out_the_score_is_empty(model_dir: Path, tmp_path: Path) -> None:
    table = pa.table({"id": ["a"], "domain": ["logs"], "split": ["train"], "bytes": [3]})
    pair = write_shard(tmp_path / "all", table, [np.array([1, 2, 3])], vocab_size=257, eos=EOS)
    result = evaluate(model_dir, TokenSet.open([pair], 257, EOS), EvalSettings(device="cpu", threads=1))
    assert result["domains"] == {}
    assert result["overall"] == {
        "documents": 0,
        "tokens": 0,
        "bytes": 0,
        "nats": 0.0,
        "perplexity": None,
        "bits_per_byte": None,
        "interval": None,
        "held_out": 0,
    }
    assert json.loads(msgspec.json.encode(result))["windowing"] == result["windowing"]


def test_what_cannot_be_scored(model_dir: Path, tokens: TokenSet, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="not a usable model folder"):
        evaluate(tmp_path, tokens)
    with pytest.raises(TrainError, match="vocabulary of 257, the tokens of 300"):
        score(model_dir, [], EvalSettings(device="cpu"), vocab_size=300)
    with pytest.raises(TrainError, match="between 1 and the context of 32"):
        score(model_dir, [], EvalSettings(device="cpu", stride=33))
