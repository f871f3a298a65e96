from __future__ import annotations

import gzip
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filters.models.arpa import read_arpa
from filters.models.importance_model import train_importance
from filters.models.ngram_training import train_ngrams
from pipeline import language_models
from pipeline.language_models import ModelError, ccnet_normal
from pipeline.named_assets import KINDS
from tests.filters.test_ngrams_model import ARPA


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "x.arpa"
    path.write_text(ARPA)
    return path


def test_models_made_here_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "x.ngrams"
    path.write_bytes(train_ngrams(["a b", "a c"]))
    model = KINDS["ngrams"].load(path)
    base: Any = model.table
    while not isinstance(base, np.memmap):
        base = base.base
    assert model.perplexities(["a b"])[0][0] < model.perplexities(["b a"])[0][0]
    path.write_bytes(train_importance(["a"], ["b"]))
    assert KINDS["importance"].load(path).grams == 2
    with pytest.raises(ModelError, match=r"x\.ngrams: a model of kind 'importance', not 'ngrams'"):
        language_models.ngrams(path)
    (tmp_path / "empty").write_bytes(b"")
    for load in (language_models.ngrams, language_models.importance):
        with pytest.raises(ModelError, match="empty: "):
            load(tmp_path / "empty")
    assert ModelError("x").exit_code == 2


def test_arpa_files_are_read_plain_and_packed(arpa: Path) -> None:
    packed = arpa.with_name("x.arpa.gz")
    packed.write_bytes(gzip.compress(arpa.read_bytes()))
    for path in (arpa, packed):
        assert language_models.ngrams(path).log_probabilities(["a b a"])[0].tolist() == [-0.46875]
    arpa.write_text("no model")
    with pytest.raises(ModelError, match=r"x\.arpa: no line"):
        language_models.ngrams(arpa)


class StandIn:
    """As much of the package kenlm as the adapter asks of it, over our own reader of ARPA files."""

    def __init__(self, path: str) -> None:
        self.model = read_arpa(Path(path).read_text().splitlines())

    def score(self, line: str) -> float:
        return float(self.model.log_probabilities([line])[0][0])

    def __contains__(self, word: str) -> bool:
        return not self.model.log_probabilities([word])[2][0]


class Pieces:
    """A SentencePiece model that cuts into characters."""

    def __init__(self, model_file: str) -> None:
        assert model_file.endswith("x.sp.model")

    def encode(self, text: str, out_type: type) -> list[str]:
        return list(text.replace(" ", ""))


def package(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = types.ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def test_kenlm_models_score_lines_as_they_stand(arpa: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(monkeypatch, "kenlm", Model=StandIn)
    found, unknown = language_models.kenlm(arpa).perplexities(["a b\n\na z", "", "a"])
    wanted, strange = language_models.ngrams(arpa).perplexities(["a b\n\na z", "", "a"])
    np.testing.assert_allclose(found, wanted)
    np.testing.assert_allclose(unknown, strange)
    assert unknown[0] == 1 / 6


def test_sentencepiece_models_get_ccnets_text_as_one_line(
    arpa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(monkeypatch, "kenlm", Model=StandIn)
    package(monkeypatch, "sentencepiece", SentencePieceProcessor=Pieces)
    arpa.with_name("x.sp.model").write_bytes(b"")
    found, _ = language_models.kenlm(arpa.parent).perplexities(["Á\nb"])
    assert found[0] == pytest.approx(10 ** (2.0625 / 3))


def test_what_is_missing_is_named(arpa: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(ModelError, match=r"needs the package kenlm: run `pip install kenlm`"):
        KINDS["kenlm"].load(arpa)
    arpa.with_name("y.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"expected one KenLM file .* found 2 and 0"):
        language_models.kenlm(arpa.parent)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  Café 2024 ", "cafe 0000"),
        ("a\nb\tc\x7f", "abc"),  # newlines are removed, not replaced
        ("“q” — …。", '"q"  -  .... '.strip()),
        ("٣", "0"),
    ],
)
def test_ccnet_normalises(text: str, normal: str) -> None:
    assert ccnet_normal(text) == normal
