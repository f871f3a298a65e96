from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filters import language_codes
from filters.batch import Batch
from filters.chain import Chain, asset_names, chain_steps
from filters.document import from_rows
from filters.language import openlid_cleaned
from filters.language_codes import NO_LANGUAGE
from filters.models.fasttext_model import Model
from filters.noise import noise_shares
from pipeline import assets
from tests.filters.test_fasttext_model import trained
from tests.growth import assert_linear

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


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model whose labels name language and script, as GlotLID's do."""
    folder = tmp_path_factory.mktemp("scripted")
    lines = [
        f"__label__eng_Latn {ENGLISH}",
        f"__label__deu_Latn {GERMAN}",
        "__label__zxx_Zyyy 1 2 3 4 5 + = ~ |",
    ]
    (folder / "text").write_text("\n".join(lines * 40))
    trained(folder / "text", folder / "model", {"dim": 8, "minn": 2, "maxn": 4, "epoch": 10, "lr": 0.5}, {})
    return Model((folder / "model").read_bytes())


def apply_named(model: Model, texts: list[str], **values: Any) -> Any:
    steps = chain_steps([{"language": {"model": "glotlid", "min_score": None, **values}}])
    assert asset_names(steps) == ["models.glotlid"]
    chain = Chain(steps, {"models.glotlid": model})
    return chain.apply(from_rows([{"id": str(i), "url": "", "text": text} for i, text in enumerate(texts)]))


def test_a_recipes_own_model_keeps_its_labels_and_is_asked_for_either_name(scripted: Model) -> None:
    texts = [ENGLISH, GERMAN, "1 2 3 4 + = 5 | ~"]
    for wanted in ("en", "eng_Latn", "eng"):
        applied = apply_named(scripted, texts, languages=[wanted])
        assert applied.documents["language"].to_pylist() == ["eng_Latn", "deu_Latn", "zxx_Zyyy"]
        assert applied.verdict.keep.tolist() == [True, False, False]
    assert apply(texts[:2], languages=["eng_Latn"], min_score=0.5).verdict.keep.tolist() == [True, False]


def test_every_code_of_the_model_has_labels_with_a_script() -> None:
    model = assets.load("lid176")
    assert set(language_codes.codes()) == {label.removeprefix("__label__") for label in model.labels}
    seen = set[str]()
    for code in language_codes.codes():
        named = language_codes.names(code)[1:]
        assert named
        assert seen.isdisjoint(named)
        seen.update(named)
        for label in named:
            assert re.fullmatch(r"[a-z]{3}_[A-Z][a-z]{3}", label)
            assert language_codes.code_of(label) == code
    assert language_codes.code_of("xx_unknown") == "xx_unknown"
    assert language_codes.names("zxx") == ("zxx",)


BASE64 = "aGVsbG8gd29ybGQgSGVsbG8Xy29ybGQ= dGhpcyBpcyBhIHRlc3Q= QmFzZTY0IGVuY29kZWQ="


def test_noise_is_a_language_of_its_own_where_asked_for() -> None:
    texts = [ENGLISH, BASE64, "*** === ### >>>", "1 | 2 | 3 | 4 | 12.50"]
    plain = apply(texts, languages=None, min_score=None)
    assert NO_LANGUAGE not in plain.documents["language"].to_pylist()
    noise = plain.documents["language_noise"].to_pylist()
    assert noise == [0.0, 1.0, 1.0, 1.0]
    asked = apply(texts, languages=["en", "zxx"], min_score=None, noise=0.5)
    assert asked.documents["language"].to_pylist() == ["en", "zxx", "zxx", "zxx"]
    assert asked.documents["language_score"].to_pylist()[1:] == [1.0, 1.0, 1.0]
    assert asked.documents["language_score"][0] == plain.documents["language_score"][0]
    assert apply(["Half 1"], noise=2 / 6, min_score=None).documents["language"][0].as_py() != "zxx"  # 1 of 5


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("didn't (it) McDonald’s, x-ray", 0),
        ("我们在北京大学学习2024年H5N1病毒。", 0),
        ("ผมชอบกินข้าวผัด हिन्दी लिखा है।", 0),
        ("a" * 4 + " " + "b" * 5, 5 / 9),
        ("abCdEf abCdEfGh", 8 / 14),  # two capitals inside, three
        ("a1b a1b2", 4 / 7),
        ("x" + "ab" * 19 + "x " + "x" + "ab" * 20, 41 / 81),
        ("http://example.org is", 18 / 20),
        ("ab12 a123", 4 / 8),  # half letters, a quarter
        ("", 0),
        (" \n", 0),
    ],
)
def test_what_is_no_language(text: str, share: float) -> None:
    assert noise_shares(Batch(["a", text, "1"])).tolist() == [0, pytest.approx(share), 1]


def test_marked_pages_and_the_declaration_are_language(data_dir: Path) -> None:
    with gzip.open(data_dir / "web" / "gold.jsonl.gz", "rt") as file:
        pages = [json.loads(line).get("text") or "" for line in file]
    with gzip.open(data_dir / "language" / "udhr.jsonl.gz", "rt") as file:
        declarations = ["\n".join(json.loads(line)["paragraphs"]) for line in file]
    assert np.mean(noise_shares(Batch(pages)) > 0.5) < 0.001
    assert noise_shares(Batch(declarations)).max() < 0.05


@pytest.mark.parametrize("unit", ["aB", "a1", "x", "://", "\u0301", "中"])
def test_cost_of_noise_is_linear(unit: str) -> None:
    assert_linear(lambda size: noise_shares(Batch([unit * size])), 50_000)


def test_openlids_cleaning_leaves_small_letters() -> None:
    assert (
        openlid_cleaned("  Hello,\n\nWorld 2024! Ünï_x ③ 日本（語）🎉 हिन्दी  ")
        == "hello world ünï_x 日本語 हिन्दी"
    )
    assert openlid_cleaned(" 12 !") == " "


def test_cleaned_text_is_what_the_model_sees(scripted: Model) -> None:
    plain = apply_named(scripted, [ENGLISH.lower().replace(".", ""), "12!"])
    cleaned = apply_named(scripted, [ENGLISH.upper() + " 123!", "12!"], cleaning="openlid")
    assert cleaned.documents["language_score"][0] == plain.documents["language_score"][0]
    assert cleaned.documents["language"].to_pylist() == ["eng_Latn", "und"]
