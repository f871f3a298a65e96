"""The why view tells of every document what `sluice why` tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lxml.html import document_fromstring

from pipeline.dashboard.page import render
from pipeline.dashboard.view import BadQuestion, House
from pipeline.dashboard.views import VIEWS
from pipeline.dashboard.views.why import TEXT, WhyAnswer, WhyQuestion, answer
from pipeline.dashboard.watch import Seen
from pipeline.report.samples import masked
from pipeline.store import open_folder
from pipeline.why import why
from pipeline.why_told import printed
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import rows, sluice

pytestmark = pytest.mark.xdist_group("dashboard")


@pytest.fixture(scope="module")
def seen(small_run: Path) -> Seen:
    return seen_of(small_run)


def ask(seen: Seen, key: str) -> WhyAnswer:
    return answer(House({"run": seen}, 0.04), seen, WhyQuestion(id=key))


@pytest.mark.parametrize("under", ["dropped", "corpus", "duplicates", "failed"])
def test_stories_are_those_of_the_command(seen: Seen, small_run: Path, under: str) -> None:
    found = list(rows(small_run, under).values())
    assert found
    for row in found[:6]:
        (told,) = why(open_folder(small_run), row["id"])
        (one,) = ask(seen, row["id"]).stories
        assert (one.id, one.fate, one.reason) == (row["id"], told["fate"], told.get("reason") or "")
        assert [[rule.rule, rule.value, rule.failed, rule.excused] for rule in one.rules] == [
            [rule["rule"], rule["value"], rule["failed"], rule["excused"]] for rule in told.get("rules", [])
        ]
        by_terminal = list(printed(told))
        for line in one.told:
            assert masked([f"{line.label:<11} {line.words}"])[0] in masked(by_terminal)
        if "text" in told:
            assert one.text is not None
            assert one.text[:200] == masked([told["text"]])[0][:200]
            assert one.more == max(0, len(told["text"]) - TEXT)


def test_a_url_finds_all_its_documents(seen: Seen, small_run: Path) -> None:
    by_url: dict[str, list[str]] = {}
    for row in rows(small_run, "extracted").values():
        by_url.setdefault(row["url"], []).append(row["id"])
    for url, ids in [max(by_url.items(), key=lambda item: len(item[1])), next(iter(by_url.items()))]:
        assert [one.id for one in ask(seen, url).stories] == sorted(ids)


def test_a_failed_record_by_its_url_and_a_skipped_one_by_its_place(seen: Seen, small_run: Path) -> None:
    failed = next(iter(rows(small_run, "failed").values()))
    assert [one.fate for one in ask(seen, failed["url"]).stories] == ["failed"]
    (one,) = ask(seen, "sample.warc.gz@0").stories
    assert (one.fate, one.rules) == ("skipped", [])


def test_what_is_not_there(seen: Seen) -> None:
    for key in ("nothing", "sample.warc.gz@77", "http://nowhere.example/", "\x1b[31m\u202e", "x" * 1500):
        with pytest.raises(BadQuestion, match="no document has the id or URL") as caught:
            ask(seen, key)
        assert caught.value.status == 404
        assert "\x1b" not in str(caught.value)


def test_without_a_question_there_are_ids_to_ask_for(seen: Seen) -> None:
    examples = ask(seen, "").examples
    assert {one.fate for one in examples} >= {"dropped", "corpus", "duplicate"}
    assert all(ask(seen, one.id).stories[0].fate == one.fate for one in examples)


def test_the_command_prints_the_same_words(small_run: Path) -> None:
    id_ = next(iter(rows(small_run, "dropped")))
    (told,) = why(open_folder(small_run), id_)
    assert sluice("why", small_run, id_).stdout.splitlines() == list(printed(told))
    assert json.loads(sluice("why", small_run, id_, "--json").stdout)["reasons"] == told["reasons"]


def test_what_drops_is_said_in_words(seen: Seen, small_run: Path) -> None:
    id_ = next(id_ for id_, row in rows(small_run, "dropped").items() if row["language"] not in ("en", None))
    (one,) = ask(seen, id_).stories
    said = {rule.rule: rule.drops for rule in one.rules}
    assert said["language.language"] == "drops when language is not en"
    assert said["gopher_quality.short"].startswith("drops when < ")
    assert "drops when language is not en" in sluice("why", small_run, id_).stdout


def test_the_page_marks_what_drops(seen: Seen, small_run: Path) -> None:
    row: dict[str, Any] = next(row for row in rows(small_run, "dropped").values() if not row["screened"])
    house, asked = House({"run": seen}, 0.04), WhyQuestion(id=row["id"])
    page = document_fromstring(render(house, seen, VIEWS["why"], asked, answer(house, seen, asked)))
    failing = [tr.findtext("th/a") for tr in page.iter("tr") if tr.get("class") == "fails"]
    assert failing == row["reasons"]
    assert not [one for one in page.iter() if one.get("style") or one.get("onclick")]
