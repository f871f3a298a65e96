"""Predictions are those of fastText's own library, also of models that are trained here."""

from __future__ import annotations

import gzip
import json
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import fasttext_model
from filters.fasttext_model import FastTextError, Model
from pipeline import assets

CLOSE = 3e-5  # of a probability: fastText adds up in 32 bits


@pytest.fixture(scope="module")
def lid() -> tuple[Model, Any]:
    return assets.load("lid176"), library(assets.paths("lid176")[0])


def library(path: Path) -> Any:
    from fasttext.FastText import _FastText

    return _FastText(model_path=str(path))


def trained(
    text: Path, out: Path, settings_: dict[str, Any], quantised: dict[str, Any] | None = None
) -> None:
    """Trains and saves a model in a process of its own.

    fastText trains on memory that it has not set: where the process used that memory before, and now and then in a new
    one, training ends with `Encountered NaN` (fastText#1278).
    """
    for _ in range(20):
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, str(text), str(out), json.dumps([settings_, quantised])],
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return
        if "NaN" not in done.stderr:
            break
    pytest.fail(done.stderr)


TRAIN = """
import fasttext, json, sys
settings, quantised = json.loads(sys.argv[3])
model = fasttext.train_supervised(sys.argv[1], thread=1, verbose=0, **settings)
if quantised is not None:
    model.quantize(sys.argv[1], cutoff=900, retrain=False, **quantised)
model.save_model(sys.argv[2])
"""


def theirs(model: Any, text: str) -> tuple[str, float]:
    found = model.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
    return (found[0][1], found[0][0]) if found else ("", 0.0)


def assert_same(model: Model, other: Any, text: str) -> None:
    (label, score), (wanted, wanted_score) = model.predict(text), theirs(other, text)
    assert score == pytest.approx(wanted_score, abs=CLOSE), text
    if label != wanted:  # as good as equal
        assert dict(zip(*other.predict(text.replace("\n", " "), k=3), strict=True))[label] == pytest.approx(
            wanted_score, abs=CLOSE
        )


WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        "the der le the, Haus. 東京 привет </s> </s>x __label__en __label__ x a é < > <s> 1 .".split()
    ),
)


@settings(max_examples=300, deadline=None)
@given(words=st.lists(WORDS, max_size=12), joint=st.sampled_from(list(" \n\t\v\f\r\0\u00a0\u2003")))
def test_any_text(lid: tuple[Model, Any], words: list[str], joint: str) -> None:
    text = joint.join(words).encode("utf-8", "ignore").decode()
    assert_same(*lid, text)


def test_every_language_of_the_declaration_of_human_rights(lid: tuple[Model, Any], data_dir: Path) -> None:
    with gzip.open(data_dir / "language" / "udhr.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = ["\n".join(json.loads(line)["paragraphs"])[:3000] for line in lines]
    assert len(texts) > 300
    for text in texts:
        assert_same(*lid, text)


def test_what_was_seen_before_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = assets.paths("lid176")[0].read_bytes()
    texts = [f"the house number {number} of der Straße {number * 7919}" for number in range(300)]
    fresh = [Model(data).predict(text) for text in texts[:5]]
    monkeypatch.setattr(fasttext_model, "_REMEMBERED", 16)
    small = Model(data)
    once = [small.predict(text) for text in texts]
    assert [small.predict(text) for text in reversed(texts)][::-1] == once
    assert once[:5] == fresh
    assert once == [assets.load("lid176").predict(text) for text in texts]


@pytest.mark.parametrize("loss", ["hs", "softmax"])
@pytest.mark.parametrize("quantised", [{"qout": True, "qnorm": True}, {"qout": False, "dsub": 3}])
def test_models_that_are_trained_here(loss: str, quantised: dict[str, Any], tmp_path: Path) -> None:
    draw = random.Random(7)
    words = [
        [f"{draw.choice('abcdefgh')}{label}{draw.randrange(40)}é" for _ in range(30)] for label in range(300)
    ]
    rows = [(label, " ".join(draw.choices(words[label], k=8))) for label in range(300) for _ in range(20)]
    train = tmp_path / "train.txt"
    train.write_text("".join(f"__label__{label} {text}\n" for label, text in rows))
    learn = {"loss": loss, "minn": 2, "maxn": 4, "dim": 10, "bucket": 5000, "epoch": 3}
    trained(train, tmp_path / "model.ftz", learn, quantised)
    other = library(tmp_path / "model.ftz")
    model = Model((tmp_path / "model.ftz").read_bytes())
    for _, text in rows[::20]:
        assert_same(model, other, text)
    labels = {model.predict(text)[0] for _, text in rows}
    assert len(labels) > 1


def test_files_that_cannot_be_read() -> None:
    data = assets.paths("lid176")[0].read_bytes()
    start = struct.calcsize("<2i12id")

    def patched(number: int, value: int) -> bytes:
        at = 8 + 4 * number
        return data[:at] + struct.pack("<i", value) + data[at + 4 :]

    entry = b"word\0" + struct.pack("<qb", 3, 0) + b"__label__a\0" + struct.pack("<qb", 3, 1)
    plain = data[:start] + struct.pack("<iiiqq", 2, 1, 1, 6, 0) + entry + b"\0" * 64
    uncut = data[:start] + struct.pack("<iiiqq", 2, 1, 1, 6, -1) + entry + b"\1" * 64
    for content, said in (
        (b"", "ends early"),
        (b"x" * 64, "no fastText model"),
        (data[:start], "ends early"),
        (data[:5000], "ends early"),
        (data[: len(data) // 2], "ends early"),
        (data[:-100], "ends early"),
        (patched(5, 2), "word n-grams"),
        (patched(6, 4), "neither hs nor softmax"),
        (plain, "not quantised"),
        (uncut, "without a cutoff"),
    ):
        with pytest.raises(FastTextError, match=said):
            Model(content)
