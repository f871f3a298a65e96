"""`sluice eval` on documents: domains, what could not be scored, and one line for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from pipeline.errors import UserError
from pipeline.scoring import score_documents
from pipeline.tokenizer import END_OF_TEXT
from tests.pipeline.conftest import sluice
from train.config import TrainSettings, resolve, shape
from train.export import write_model
from train.model import Decoder, initialise

ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "The harbour was opened in the morning.", "domain": "news"},
    {"id": "b", "text": "Nobody objected.", "domain": "news"},
    {"id": "c", "text": "def open(): pass", "domain": "code"},
    {"id": "c", "text": "an id of its own is not needed here", "domain": None},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of a byte-level vocabulary."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=257, special_tokens=[END_OF_TEXT], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["text"], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = resolve(
        TrainSettings(depth=1, width=32, heads=2, key_value_heads=1, hidden=64, sequence=32, tokens=4096)
    )
    decoder = Decoder(shape(settings, tokenizer.get_vocab_size()))
    initialise(decoder, settings)
    write_model(decoder, folder, eos=tokenizer.token_to_id(END_OF_TEXT))
    return folder


def score(model: Path, *paths: Path) -> dict[str, Any]:
    return score_documents(model, model / "tokenizer.json", [str(path) for path in paths])


def written(path: Path, extra: str = "") -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + extra)
    return path


def test_jsonl_and_parquet_score_the_same_by_domain(model: Path, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "d.parquet")
    found = score(model, written(tmp_path / "d.jsonl"))
    assert {name: row["documents"] for name, row in found["domains"].items()} == {
        "code": 1,
        "general": 1,
        "news": 2,
    }
    assert found["overall"]["bytes"] == sum(len(row["text"]) for row in ROWS)
    assert found["failed"] == {}
    # A document's nats do not depend on the file it came from; the sums run in another order.
    there = score(model, tmp_path / "d.parquet")
    assert there["overall"]["nats"] == pytest.approx(found["overall"]["nats"], rel=1e-6)
    assert there["domains"].keys() == found["domains"].keys()


def test_rows_that_cannot_be_scored_are_counted(model: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "d.jsonl", '{broken\n[1]\n{"id": "x"}\n{"text": "", "domain": 3}\n')
    text = pa.array([b"whole", b"\xff", None], pa.binary())
    pq.write_table(pa.table({"text": text}), tmp_path / "e.parquet")
    found = score(model, path, tmp_path / "e.parquet")
    assert found["failed"] == {"bad_encoding": 1, "bad_json": 2, "no_text": 2}
    assert found["overall"]["documents"] == len(ROWS) + 2
    assert found["domains"]["general"]["documents"] == 3


def test_the_command_prints_what_failed(model: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "d.jsonl", "{broken\n")
    done = sluice("eval", model, "--documents", path, "--json")
    found = json.loads(done.stdout)
    assert found["failed"] == {"bad_json": 1}
    assert set(found["domains"]) == {"code", "general", "news"}


def damaged(folder: Path, what: str) -> Path:
    path = folder / {"empty": "x.jsonl", "cut": "x.jsonl.gz", "warc": "x.warc"}.get(what, "x.parquet")
    if what == "flipped":
        texts = [f"text {n} " * 30 for n in range(50)]
        pq.write_table(pa.table({"text": texts}), path, use_dictionary=False, write_page_checksum=True)
        data = bytearray(path.read_bytes())
        hurt = pq.read_metadata(path).row_group(0).column(0)
        data[hurt.data_page_offset + hurt.total_compressed_size - 9] ^= 4
        path.write_bytes(data)
    elif what == "no_text":
        pq.write_table(pa.table({"body": ["a"]}), path)
    elif what != "missing":
        path.write_bytes({"empty": b"", "cut": b"\x1f\x8b\x08\0", "warc": b"WARC/1.0\r\n"}[what])
    return path


@pytest.mark.parametrize("what", ["missing", "flipped", "no_text", "empty", "cut", "warc"])
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among-others"])
def test_a_file_that_cannot_be_read_is_named(model: Path, tmp_path: Path, what: str, alone: bool) -> None:
    bad = damaged(tmp_path, what)
    with pytest.raises(UserError) as caught:
        score(model, *([] if alone else [written(tmp_path / "a.jsonl")]), bad)
    message = str(caught.value)
    if what == "warc" and not alone:
        assert "all WARC or all documents" in message
    else:
        assert message.startswith(f"--documents {bad}: ")
    assert "\n" not in message
    assert "--input" not in message


def test_no_documents_at_all(model: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "d.parquet")
    with pytest.raises(UserError, match="no held-out documents"):
        score(model, tmp_path / "d.parquet")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"model": {"type": "BPE"}}'], ids=range(4))
def test_a_bad_tokenizer_is_one_line(model: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is no tokenizer") as caught:
        score_documents(model, path, [str(written(tmp_path / "d.jsonl"))])
    assert "\n" not in str(caught.value)
