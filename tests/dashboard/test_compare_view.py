"""The compare view says what the command says, and the slider, the view and `retune` keep the same pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml.html import document_fromstring

from pipeline.dashboard.page import render, setting
from pipeline.dashboard.sliders import Outcome, outcome, settings_now
from pipeline.dashboard.view import BadQuestion, House
from pipeline.dashboard.views import VIEWS, compare
from pipeline.dashboard.watch import Seen, Watched
from pipeline.store import open_folder
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import rows, sets, sluice

pytestmark = pytest.mark.xdist_group("dashboard")

LOOSE_WORDS = ("filters.gopher_quality.min_words=20",)
LOOSE_LANGUAGE = ("filters.language.min_score=0.2", "filters.url.min_subwords=null")
TIGHT = ("filters.gopher_quality.min_words=180", "filters.language.min_score=0.9")


@pytest.fixture(scope="module")
def retuned(small_run: Path) -> Path:
    out = small_run.parent / "tight"
    sluice("retune", small_run, "--out", out, *sets(TIGHT))
    return out


@pytest.fixture(scope="module")
def house(small_run: Path, retuned: Path) -> House:
    other = Watched(open_folder(retuned), "other").look_to_the_end()
    return House({"run": seen_of(small_run), "other": other}, 0.04)


def asked(house: House, **values: Any) -> Any:
    found = compare.answer(house, house.runs["run"], compare.CompareQuestion(**values)).answer
    return json.loads(msgspec.json.encode(found))


def told(*words: str | Path) -> Any:
    return json.loads(sluice("compare", *words, "--json").stdout)


def test_the_view_says_what_the_command_says(house: House, small_run: Path, retuned: Path) -> None:
    for pairs in (LOOSE_LANGUAGE, TIGHT):
        assert asked(house, set=pairs) == told(small_run, *sets(pairs))
    assert asked(house, recipe="c4") == told(small_run, "c4")
    found = asked(house, other="other")
    assert found == told(small_run, retuned)
    assert found["level"] == "corpus"
    assert found["only_left_keeps"]["documents"] > 0


def test_a_second_question_opens_no_table_but_for_texts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(house, set=LOOSE_WORDS)
    opened: list[str] = []
    real = type(house.runs["run"].run.folder).open

    def noted(folder: Any, name: str, *rest: Any) -> Any:
        opened.append(name)
        return real(folder, name, *rest)

    monkeypatch.setattr(type(house.runs["run"].run.folder), "open", noted)
    asked(house, set=("filters.gopher_quality.min_words=90",), limit=0)
    asked(house, set=LOOSE_LANGUAGE, limit=0)
    assert opened == []


def slid(seen: Seen, pairs: tuple[str, ...]) -> Outcome:
    return outcome(seen, settings_now(seen, pairs), "gopher_quality_words")


@pytest.mark.parametrize("pairs", [LOOSE_WORDS, LOOSE_LANGUAGE, TIGHT], ids=["words", "language", "tight"])
def test_slider_view_and_retune_agree(
    house: House, small_run: Path, retuned: Path, tmp_path: Path, pairs: tuple[str, ...]
) -> None:
    moved, compared = slid(house.runs["run"], pairs), asked(house, set=pairs)
    assert moved.now.number == compared["right"]["fates"]["kept"]
    assert moved.unread == compared["right"]["fates"]["unknown"]
    assert moved.gained.number == compared["only_right_keeps"]["documents"]
    new = retuned if pairs is TIGHT else tmp_path / "new"
    if pairs is not TIGHT:
        sluice("retune", small_run, "--out", new, *sets(pairs))
    kept, before = rows(new, "documents"), rows(small_run, "dropped")
    read_again = {one for one in kept if one in before and before[one]["screened"] is not None}
    assert moved.now.number == len(kept) - len(read_again)
    now = {**rows(new, "dropped"), **{one: {"screened": None} for one in kept}}
    open_ = [one for one in before if before[one]["screened"] and not now.get(one, before[one])["screened"]]
    assert moved.unread == len(open_)


def test_settings_are_shown_as_json(house: House) -> None:
    assert [setting(value) for value in (None, True, "a", ["en"], {"a": None})] == [
        "–", "true", '"a"', '["en"]', '{"a":null}',
    ]  # fmt: skip
    assert len(setting("x" * 500)) == 80
    question = compare.CompareQuestion(recipe="c4")
    seen = house.runs["run"]
    page = render(house, seen, VIEWS["compare"], question, compare.answer(house, seen, question))
    assert "None</td>" not in page
    assert "[&#39;" not in page


@pytest.mark.parametrize("values", [{"set": TIGHT}, {"recipe": "c4"}, {"other": "other"}], ids=str)
def test_both_columns_account_for_every_record(house: House, values: dict[str, Any]) -> None:
    """The sides name what they still have differently; neither lacks what the other calls by another name."""
    seen, question = house.runs["run"], compare.CompareQuestion(**values)
    told = compare.answer(house, seen, question)
    assert told.answer is not None
    page = document_fromstring(render(house, seen, VIEWS["compare"], question, told))
    rows = [row for row in page.iter("tr") if row.get("data-fate")]
    for at, side in enumerate((told.answer.left, told.answer.right)):
        shown = {row.get("data-fate"): row.findall("td")[at].text_content() for row in rows}
        numbers = {fate: int(text.replace(",", "")) for fate, text in shown.items() if text != "–"}
        assert numbers == {fate: side.fates[fate] for fate in shown if fate in side.fates}
        assert sum(numbers.values()) == side.records
    if "other" not in values:
        assert {"kept", "corpus"} <= {row.get("data-fate") for row in rows}


@pytest.mark.parametrize(
    "values",
    [{"recipe": "c5"}, {"other": "x"}, {"set": ("dedup=null",)}, {"recipe": "c4", "other": "other"}],
)
def test_what_is_not_there_is_refused(house: House, values: dict[str, Any]) -> None:
    with pytest.raises(BadQuestion):
        asked(house, **values)
