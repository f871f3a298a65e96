"""Predictions are those of fastText's own library, also of models that are trained here."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.models import fasttext_model
from filters.models.fasttext_model import FastTextError, Model
from pipeline import assets
from pipeline.errors import UsageError
from pipeline.fasttext_file import open_model
from tests.growth import assert_linear

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
    model.quantize(sys.argv[1], retrain=False, **quantised)
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


CHARACTERS = {"minn": 2, "maxn": 4, "dim": 10, "bucket": 5000, "epoch": 3}
PAIRS = {"wordNgrams": 2, "dim": 12, "bucket": 3000, "epoch": 3}
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "hs": ({"loss": "hs", **CHARACTERS}, None),
    "softmax without n-grams": ({"loss": "softmax", "dim": 7, "epoch": 3}, None),
    "softmax with pairs": ({"loss": "softmax", **PAIRS}, None),
    "softmax with triples and characters": ({"loss": "softmax", **CHARACTERS, "wordNgrams": 3}, None),
    "ns": ({"loss": "ns", **PAIRS}, None),
    "ova": ({"loss": "ova", **CHARACTERS}, None),
    "another label": ({"loss": "softmax", "label": "__is__", **PAIRS}, None),
    "hs, quantised": ({"loss": "hs", **CHARACTERS}, {"cutoff": 900, "qout": True, "qnorm": True}),
    "softmax, quantised": ({"loss": "softmax", **CHARACTERS}, {"cutoff": 900, "dsub": 3}),
    "pairs, quantised whole": ({"loss": "softmax", **PAIRS}, {"qnorm": True}),
    "pairs, quantised": ({"loss": "softmax", **PAIRS}, {"cutoff": 700, "qout": True}),
    "ova, quantised": ({"loss": "ova", **CHARACTERS}, {"qnorm": True, "qout": True, "dsub": 4}),
}


def examples(label: str = "__label__") -> list[str]:
    draw = random.Random(7)
    words = [
        [f"{draw.choice('abcdefgh')}{place}{draw.randrange(40)}é" for _ in range(30)] for place in range(300)
    ]
    return [
        f"{label}{place} {' '.join(draw.choices(words[place], k=8))}"
        for place in range(300)
        for _ in range(20)
    ]


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of a kind of model, and the file of one that was trained now."""
    folder = tmp_path_factory.mktemp("model")
    learn, quantised = KINDS[request.param]
    rows = examples(learn.get("label", "__label__"))
    (folder / "train.txt").write_text("\n".join(rows) + "\n")
    trained(folder / "train.txt", folder / "model", learn, quantised)
    return request.param, folder / "model"


def test_models_that_are_trained_here(kind: tuple[str, Path]) -> None:
    """Predictions and all probabilities are the library's; of ns and ova up to a step of its table of sigmoids."""
    name, path = kind
    other, model = library(path), open_model(path)
    close = 0.008 if name.startswith(("ns", "ova")) else CLOSE
    texts = [row.split(" ", 1)[1] for row in examples()[::40]]
    texts += [
        "a </s> b",
        "a1 __label__5 b2",
        "__is__1 a1",
        "",
        "\n",
        "é é\ta\vb\0c",
        texts[0] + "\n" + texts[1],
    ]
    off = []
    for text in texts:
        found = other.f.predict(text.replace("\n", " ") + "\n", -1, 0.0, "strict")
        wanted = {label: score for score, label in found}
        chances = model.probabilities(text)
        assert len(chances) == len(model.labels) == 300
        if not wanted:
            assert model.predict(text) == ("", 0.0)
            assert not chances.any()
            continue
        off += [abs(chances[place] - wanted.get(label, 0.0)) for place, label in enumerate(model.labels)]
        label, score = model.predict(text)
        assert score == pytest.approx(chances.max(), abs=1e-12)
        assert chances[model.place(label)] == pytest.approx(score, abs=1e-12)
    assert max(off) < close
    assert sorted(off)[len(off) * 9 // 10] < CLOSE
    assert len({model.predict(row.split(" ", 1)[1])[0] for row in examples()[::20]}) > 1


def test_scores_by_name(kind: tuple[str, Path]) -> None:
    model = open_model(kind[1])
    text = examples()[0].split(" ", 1)[1]
    label = model.labels[7]
    assert model.score(text, label) == model.probabilities(text)[7]
    if label.startswith("__label__"):
        assert model.score(text, label.removeprefix("__label__")) == model.score(text, label)
    with pytest.raises(KeyError, match="no label 'missing'"):
        model.score(text, "missing")


def test_any_buffer_will_do_and_none_is_copied(kind: tuple[str, Path]) -> None:
    data = kind[1].read_bytes()
    texts = [row.split(" ", 1)[1] for row in examples()[::600]]
    wanted = [open_model(kind[1]).predict(text) for text in texts]
    for buffer in (data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        assert [Model(buffer).predict(text) for text in texts] == wanted
    if "quantised" not in kind[0]:
        whole = np.frombuffer(data, np.uint8)
        assert np.shares_memory(Model(whole)._matrix.dense, whole)


def test_mutated_files_are_refused_or_read(kind: tuple[str, Path]) -> None:
    """No changed byte of what describes a model, and no shorter file, does more than a FastTextError."""
    data = kind[1].read_bytes()
    draw = random.Random(3)
    interesting = [*range(64), *(draw.randrange(len(data)) for _ in range(60))]
    for at in interesting:
        for value in (0, 1, 0x7F, 0x80, 0xFF, data[at] ^ 1):
            changed = bytearray(data)
            changed[at] = value
            with contextlib.suppress(FastTextError):
                Model(bytes(changed)).predict("a1 b2 c3 1é")
    for size in [*range(200), *(draw.randrange(len(data)) for _ in range(30))]:
        with pytest.raises(FastTextError):
            Model(data[:size])


def test_numbers_that_are_not_finite(kind: tuple[str, Path]) -> None:
    data = kind[1].read_bytes()
    matrix = Model(data)._matrix.dense
    if matrix.tobytes() not in data:
        return  # quantised
    damaged = data.replace(matrix.tobytes(), np.full(matrix.shape, np.nan, "<f4").tobytes())
    with pytest.raises(FastTextError, match="not finite"):
        Model(damaged).predict(examples()[0].split(" ", 1)[1])


def test_version_11_has_no_character_n_grams(kind: tuple[str, Path], tmp_path: Path) -> None:
    data = bytearray(kind[1].read_bytes())
    data[4] = 11
    (tmp_path / "old").write_bytes(data)
    other, model = library(tmp_path / "old"), open_model(tmp_path / "old")
    close = 0.008 if kind[0].startswith(("ns", "ova")) else CLOSE
    for row in examples()[::60]:
        text = row.split(" ", 1)[1]
        assert model.predict(text)[1] == pytest.approx(theirs(other, text)[1], abs=close)


def test_files_that_cannot_be_read() -> None:
    data = assets.paths("lid176")[0].read_bytes()
    start = struct.calcsize("<2i12id")

    def patched(number: int, value: int) -> bytes:
        at = 8 + 4 * number
        return data[:at] + struct.pack("<i", value) + data[at + 4 :]

    word = b"word\0" + struct.pack("<qb", 3, 0)
    label = b"__label__a\0" + struct.pack("<qb", 3, 1)
    cut = data[:start] + struct.pack("<iiiqq", 2, 1, 1, 6, 0) + word + label + b"\0" * 64
    mixed = data[:start] + struct.pack("<iiiqq", 2, 1, 1, 6, -1) + label + word + b"\1" * 64
    latin = data[:start] + struct.pack("<iiiqq", 1, 0, 1, 6, -1) + b"\xe9" + label
    for content, said in (
        (b"", "ends early"),
        (b"x" * 64, "no fastText model"),
        (data[:start], "ends early"),
        (data[:5000], "ends early"),
        (data[: len(data) // 2], "ends early"),
        (data[:-100], "ends early"),
        (patched(-1, 13), "version 11 or 12"),
        (patched(0, 17), "the dimension is 17"),
        (patched(5, 2000), "n-grams up to 2000"),
        (patched(6, 9), "loss 9"),
        (patched(7, 1), "word vectors"),
        (patched(8, 0), "without buckets"),
        (cut, "not quantised"),
        (mixed, "mixed up"),
        (latin, "not UTF-8"),
        (data[:start] + struct.pack("<iiiqq", 1 << 30, (1 << 30) - 1, 1, 6, -1) + b"\0" * 64, "ends early"),
        (data[:start] + struct.pack("<iiiqq", 5, 5, 0, 6, -1) + b"\0" * 64, "5 words and 0 labels"),
    ):
        with pytest.raises(FastTextError, match=said):
            Model(content)


def test_open_model_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "empty.bin").write_bytes(b"")
    (tmp_path / "text.bin").write_text("no model " * 20)
    for name, said in (
        ("empty.bin", "empty"),
        ("text.bin", "no fastText model"),
        ("none.bin", "No such file"),
    ):
        with pytest.raises(UsageError, match=f"{name}: .*{said}"):
            open_model(tmp_path / name)


def test_time_is_linear(kind: tuple[str, Path]) -> None:
    model = open_model(kind[1])
    for unit in ("a", "a1 b2 ", "x1é "):
        assert_linear(lambda size, unit=unit: model.predict(unit * size), 3000)  # type: ignore[misc]
