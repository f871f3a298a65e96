from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from filters.chain import Chain, chain_steps
from filters.document import from_rows
from pipeline import assets

ENGLISH = "The committee met on Tuesday to discuss the budget for the coming year and agreed on most of it."
GERMAN = "Der Ausschuss traf sich am Dienstag, um über den Haushalt des kommenden Jahres zu sprechen."


def apply(texts: list[str], **values: Any) -> Any:
    chain = Chain(chain_steps([{"language": values}]), {"lid176": assets.load("lid176")})
    return chain.apply(from_rows([{"id": str(i), "url": "", "text": text} for i, text in enumerate(texts)]))


def test_language_and_score_fill_the_documents_columns() -> None:
    applied = apply([ENGLISH, GERMAN, ENGLISH.replace(" ", "\n"), " ", "123"])
    fixed = from_rows([]).column_names
    assert applied.documents.column_names[: len(fixed)] == fixed
    assert applied.documents["language"].to_pylist()[:4] == ["en", "de", "en", "und"]
    scores = applied.documents["language_score"].to_pylist()
    assert scores[0] > 0.9
    assert scores[0] == pytest.approx(scores[2], abs=1e-9)  # a newline is white space to the model
    assert scores[3] == 0
    assert applied.verdict.reason.to_pylist()[:4] == [None, "language.language", None, "extract.empty"]


def test_score_must_exceed_the_threshold() -> None:
    score = apply([ENGLISH]).documents["language_score"][0].as_py()
    assert apply([ENGLISH], min_score=score).verdict.reason.to_pylist() == ["language.score"]
    assert apply([ENGLISH], min_score=score - 1e-9).verdict.keep.tolist() == [True]
    assert apply([ENGLISH], min_score=None).verdict.keep.tolist() == [True]


def test_wanted_languages() -> None:
    assert apply([ENGLISH, GERMAN], languages=["de"]).verdict.keep.tolist() == [False, True]
    assert apply([ENGLISH, GERMAN], languages=["de", "en"]).verdict.keep.tolist() == [True, True]
    assert apply([ENGLISH, GERMAN], languages=None).verdict.keep.tolist() == [True, True]


def test_decisions_are_datatroves_with_the_same_model(data_dir: Path) -> None:
    from datatrove.data import Document
    from datatrove.pipeline.filters import LanguageFilter
    from datatrove.utils.lid import FT176LID
    from fasttext.FastText import _FastText

    original = _FastText(model_path=str(assets.paths("lid176")[0]))

    class Installed(FT176LID):
        @property
        def model(self) -> Any:
            return original

    theirs = LanguageFilter(languages="en")
    theirs.model = Installed(["en"])
    with gzip.open(data_dir / "language" / "udhr.jsonl.gz", "rt") as file:
        texts = ["\n".join(json.loads(line)["paragraphs"])[:1500] for line in file]
    assert len(texts) > 400
    applied = apply(texts)
    expected = [bool(theirs.filter(Document(text=text, id=""))) for text in texts]
    assert applied.verdict.keep.tolist() == expected
    assert any(expected)
