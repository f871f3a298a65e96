"""Several extractors: a page that the filters keep with any is kept, once, with the first such text."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.extraction import EXTRACTORS, extract_page
from pipeline.extraction.wishes import Wishes
from pipeline.recipe import load, read_resolved, resolved
from pipeline.retune import retuning
from pipeline.store import open_folder
from tests.pipeline.conftest import rows, sluice, stats

pytestmark = pytest.mark.xdist_group("union")

NAMES = ("justext", "resiliparse")
UNION = f"union: [{', '.join(NAMES)}]"
PAGE = (
    "<p>{} says in one long paragraph that the ferry leaves at noon and comes back before the evening.</p>"
    * 9
)


@pytest.fixture(scope="module")
def arms(piece: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One run with each extractor, and one with both, every page extracted."""
    folder = tmp_path_factory.mktemp("union")
    words = ["run", "fineweb", "--input", piece, "--until", "filter", "--set", "extract.cascade=null"]
    runs = {name: folder / str(number) for number, name in enumerate((*NAMES, UNION))}
    for name, run in runs.items():
        sluice(*words, "--out", run, "--extractor", name)
    return runs


def test_what_any_extractor_saves_is_kept_with_the_first_text(arms: dict[str, Path]) -> None:
    first, second = (rows(arms[name], "documents") for name in NAMES)
    both = rows(arms[UNION], "documents")
    assert set(both) == set(first) | set(second)
    only = set(second) - set(first)
    assert len(only) > 5
    assert set(first) - set(second)
    for id_, row in both.items():
        assert row == (first | {one: second[one] for one in only})[id_]
    assert {row["extractor"] for row in both.values()} == set(NAMES)
    dropped, dropped_first = rows(arms[UNION], "dropped"), rows(arms[NAMES[0]], "dropped")
    assert all(dropped_first[id_] == row for id_, row in dropped.items())
    found = stats(arms[UNION])
    assert found["extractors"] == {NAMES[0]: len(first), NAMES[1]: len(only)}
    assert stats(arms[NAMES[0]])["extractors"] == {}
    assert found["corpus"] == len(both)


def test_with_the_cascade_screened_pages_have_no_text_of_any(
    arms: dict[str, Path], piece: Path, tmp_path: Path
) -> None:
    words = ["run", "fineweb", "--input", piece, "--until", "filter", "--extractor", UNION]
    sluice(*words, "--out", tmp_path / "run")
    kept, whole = rows(tmp_path / "run", "documents"), rows(arms[UNION], "documents")
    assert set(kept) <= set(whole)
    assert len(kept) >= 0.97 * len(whole)
    assert all(row == whole[id_] for id_, row in kept.items())
    screened = [row for row in rows(tmp_path / "run", "extracted").values() if row["screened"]]
    assert len(screened) > 20
    assert all(row["text"] is row["others"] is row["extractor"] is None for row in screened)


def test_retune_says_why_it_cannot(arms: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match=r"union of extractors.* use `sluice run`"):
        retuning(open_folder(arms[UNION]), ["filters.gopher_quality.min_words=40"])


def test_texts_of_one_page() -> None:
    html = f"<title>A page</title><nav>Home</nav><article>{PAGE.format(*'abcdefghi')}</article>"
    names = ("trafilatura", "resiliparse", "blocks", "blocks")
    found = extract_page(html, "", names, "precision", comments=False)
    texts = [EXTRACTORS[name](html, "", Wishes()) for name in names]
    assert (found.text, found.extractor, found.title) == (texts[0], "trafilatura", "A page")
    listed = {(one["text"], one["extractor"]) for one in found.others or ()}
    wanted = {text: name for name, text in reversed(list(zip(names, texts, strict=True)))}
    assert listed == set(wanted.items()) - {(texts[0], "trafilatura")}
    alone = extract_page(html, "", ["trafilatura"], "precision", comments=False)
    assert alone == found._replace(others=None)


def test_an_extractor_that_fails_has_found_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(html: str, url: str, wishes: Wishes) -> str:
        raise ValueError("no such tree")

    def out_of_memory(html: str, url: str, wishes: Wishes) -> str:
        raise MemoryError

    monkeypatch.setitem(EXTRACTORS, "justext", broken)
    html = PAGE.format(*"abcdefghi")
    found = extract_page(html, "", ["justext", "resiliparse"], "precision", comments=False)
    assert (found.extractor, found.others) == ("resiliparse", None)
    for names in (["justext"], ["justext", "justext"]):
        with pytest.raises(ValueError, match="no such tree"):
            extract_page(html, "", names, "precision", comments=False)
    monkeypatch.setitem(EXTRACTORS, "blocks", out_of_memory)
    with pytest.raises(MemoryError):
        extract_page(html, "", ["blocks", "resiliparse"], "precision", comments=False)
    with pytest.raises(ValueError, match="no such tree"):
        extract_page("", "", ["justext", "resiliparse"], "precision", comments=False)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("union: [blocks]", "extract.extractor.union: expected"),
        ("union: []", "extract.extractor.union: expected"),
        ("union: [blocks, tika]", r"extract.extractor.union\[1\]: expected .*'blocks', got 'tika'"),
        ("union: [blocks, blocks]", "extract.extractor.union: blocks is named twice"),
        ("unoin: [blocks, justext]", "extract.extractor"),
        ("tika", "extract.extractor: expected"),
        ("3", "extract.extractor: expected"),
    ],
)
def test_a_wrong_union_is_refused(value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load("fineweb", [f"extract.extractor={value}"])


def test_a_union_is_written_out() -> None:
    recipe = load("fineweb", [f"extract.extractor={UNION}"])
    assert recipe.extract.extractors == NAMES
    assert read_resolved(resolved(recipe), "recipe.yaml") == recipe


COMMENTED = """<html><head><title>A page</title></head><body><article><h1>The ferry</h1>{}</article>
<section class="comments" id="comments"><h3>Comments</h3><ol class="comment-list">{}</ol></section></body></html>"""
COMMENT = """<li class="comment"><div class="comment-author">Reader {0}</div><div class="comment-content"><p>I took
this boat {0} times last summer, and it was late every time but once; the coffee on board was good.</p></div></li>"""


@pytest.mark.parametrize("extractor", ["trafilatura", "resiliparse", "blocks"])
def test_comments_are_a_switch(extractor: str) -> None:
    html = COMMENTED.format(PAGE.format(*"abcdefghi"), "".join(COMMENT.format(number) for number in range(9)))
    without, with_ = (
        extract_page(html, "", [extractor], "balanced", comments=comments).text for comments in (False, True)
    )
    assert without.count("ferry leaves at noon") == with_.count("ferry leaves at noon") == 9
    assert without.count("coffee on board") == 0
    assert with_.count("coffee on board") == 9
