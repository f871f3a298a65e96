"""Any datatrove filter decides in a recipe what it decides in datatrove."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from filters.document import from_rows
from filters.foreign import Use
from pipeline.errors import UsageError
from pipeline.recipe import Recipe, read
from tests.pipeline.conftest import sluice

OWN = """
from datatrove.pipeline.filters.base_filter import BaseFilter


class Shout(BaseFilter):
    name = "shout"

    def __init__(self, most: int):
        super().__init__()
        self.most = most

    def filter(self, doc):
        if "boom" in doc.text:
            raise RuntimeError("boom")
        doc.text = doc.text.replace("!!", "!")
        return True if doc.text.count("!") <= self.most else (False, "shouting")
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_filters.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_filters", raising=False)


def recipe(*uses: str) -> Recipe:
    return read(
        f"name: r\nfilters:\n  - datatrove: {{use: [{', '.join(uses)}]}}\n  - gopher_quality\n", "r.yaml"
    )


@pytest.mark.usefixtures("own")
def test_a_users_own_filter_decides_edits_and_fails() -> None:
    chain = recipe("{filter: own_filters.Shout, arguments: {most: 1}}").loaded_chain()
    texts = ["Calm words.", "Loud!! words", "Loud! and! louder!", "boom"]
    applied = chain.apply(from_rows([{"id": str(i), "text": text} for i, text in enumerate(texts)]))
    rows = applied.documents.to_pylist()
    assert [row["datatrove_shout_drops"] for row in rows] == [0, 0, 1, 0]
    assert [row["datatrove_shout_reason"] for row in rows] == ["", "", "shouting", ""]
    assert [row["datatrove_shout_error"] for row in rows] == [0, 0, 0, 1]
    assert [row["text"] for row in rows] == ["Calm words.", "Loud! words", "Loud! and! louder!", "boom"]
    assert applied.verdict.reason[2].as_py() == "datatrove.shout"
    assert chain.decide(applied.documents).reasons.to_pylist() == applied.verdict.reasons.to_pylist()


def test_datatroves_own_filters_by_their_names(real_like: list[str]) -> None:
    from datatrove.data import Document
    from datatrove.pipeline.filters import GopherQualityFilter

    chain = recipe(
        "{filter: GopherQualityFilter, arguments: {min_doc_words: 5}, name: theirs}"
    ).loaded_chain()
    applied = chain.apply(from_rows([{"id": str(i), "text": text} for i, text in enumerate(real_like)]))
    theirs = GopherQualityFilter(min_doc_words=5)
    expected = [theirs.filter(Document(text=text, id="")) is True for text in real_like]
    assert [not drops for drops in applied.documents["datatrove_theirs_drops"].to_pylist()] == expected
    assert set(expected) == {True, False}


@pytest.fixture
def real_like() -> list[str]:
    plain = "The words of this line have to be read with that and of the page. "
    return [plain * 3, "too short", "# # # # " + plain, plain + "a b c d e f g " * 20]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            "{filter: GopherQualtyFilter}",
            "has no filter GopherQualtyFilter; did you mean `GopherQualityFilter`",
        ),
        ("{filter: no_such_module.Mine}", "No module named 'no_such_module'"),
        ("{filter: GopherQualityFilter, arguments: {words: 3}}", "unexpected keyword argument 'words'"),
    ],
)
def test_mistakes_are_one_line(use: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        recipe(use).loaded_chain()


def test_names_are_checked_when_the_recipe_is_read() -> None:
    twice = "{filter: GopherQualityFilter}"
    with pytest.raises(UsageError, match="is named twice"):
        recipe(twice, twice)
    with pytest.raises(UsageError, match="a name of letters"):
        recipe("{filter: GopherQualityFilter, name: 'a b'}")


def test_the_source_is_part_of_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: None
) -> None:
    from pipeline.foreign import digest

    name = "datatrove:" + '{"filter":"own_filters.Shout"}'
    before = digest(name)
    (tmp_path / "own_filters.py").write_text(OWN.replace("<=", "<"))
    monkeypatch.delitem(sys.modules, "own_filters")
    import linecache

    linecache.clearcache()
    assert digest(name) != before
    assert Use(filter="a.B").label == "b"


def test_a_run_with_it(sample: Path, tmp_path: Path) -> None:
    text = (
        "name: own\nextract: {extractor: resiliparse}\nfilters:\n"
        "  - datatrove: {use: [{filter: GopherQualityFilter}, {filter: FineWebQualityFilter}]}\n"
    )
    (tmp_path / "own.yaml").write_text(text)
    words: list[Any] = ["--input", sample, "--out", tmp_path / "run", "--until", "filter", "--quiet"]
    sluice("run", tmp_path / "own.yaml", *words)
    told = sluice("stats", tmp_path / "run", "--json").stdout
    assert '"datatrove.gopherqualityfilter":' in told
    assert '"datatrove.finewebqualityfilter":' in told
