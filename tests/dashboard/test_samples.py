"""The samples view: the documents that were asked for, their texts as rules saw them, inert and masked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from lxml.html import HtmlElement, document_fromstring
from starlette.testclient import TestClient

from pipeline.dashboard.app import make_app
from pipeline.dashboard.page import render
from pipeline.dashboard.view import BadQuestion, House, question
from pipeline.dashboard.views.samples import (
    SHOWN,
    VIEW,
    SampleDocument,
    SamplesAnswer,
    SamplesQuestion,
    answer,
)
from pipeline.dashboard.watch import Seen, Watched
from pipeline.store import open_folder
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import rows, sets, sluice
from tests.pipeline.test_report import ATTACK, PROSE

pytestmark = pytest.mark.xdist_group("dashboard")


@pytest.fixture(scope="module")
def seen(small_run: Path) -> Seen:
    return seen_of(small_run)


@pytest.fixture(scope="module")
def dropped(small_run: Path) -> dict[str, dict[str, Any]]:
    return rows(small_run, "dropped")


def ask(seen: Seen, **parameters: str) -> SamplesAnswer:
    return answer(House({"run": seen}, 0.04), seen, question(SamplesQuestion, list(parameters.items())))


def all_of(seen: Seen, side: str, **parameters: str) -> list[SampleDocument]:
    """Every page of one side."""
    first = ask(seen, **parameters)
    pages = [ask(seen, page=str(number), **parameters) for number in range(1, first.pages + 1)]
    found: list[SampleDocument] = [one for page in pages for one in getattr(page, side).documents]
    assert len(found) == getattr(first, side).total
    return found


def marked(one: SampleDocument) -> list[str]:
    assert one.excerpt is not None
    return [piece.text for piece in one.excerpt.pieces if piece.marked]


def test_the_sides_hold_what_was_asked_for(
    seen: Seen, small_run: Path, dropped: dict[str, dict[str, Any]]
) -> None:
    kept = rows(small_run, "documents")
    assert {one.id for one in all_of(seen, "kept")} == set(kept)
    assert {one.id for one in all_of(seen, "dropped")} == set(dropped)
    rule = max(
        {rule for row in dropped.values() for rule in row["reasons"]},
        key=lambda rule: sum(rule in row["reasons"] for row in dropped.values()),
    )
    wanted = {id_ for id_, row in dropped.items() if rule in row["reasons"]}
    assert {one.id for one in all_of(seen, "dropped", rule=rule)} == wanted
    alone = {id_ for id_, row in dropped.items() if len(row["reasons"]) == 1}
    assert {one.id for one in all_of(seen, "dropped", alone="true")} == alone
    reason = next(iter(dropped.values()))["reason"]
    first = {id_ for id_, row in dropped.items() if row["reason"] == reason}
    assert {one.id for one in all_of(seen, "dropped", reason=reason)} == first
    repeated = set(rows(small_run, "duplicates"))
    assert {one.id for one in all_of(seen, "kept", fate="duplicate")} == repeated
    assert ask(seen, fate="duplicate").dropped.total == 0
    assert ask(seen, fate="duplicate").kept.duplicates == ask(seen).kept.duplicates == len(repeated) > 0


def test_host_language_and_domain(seen: Seen, small_run: Path, dropped: dict[str, dict[str, Any]]) -> None:
    corpus = rows(small_run, "corpus")
    domain = next(iter(corpus.values()))["domain"]
    assert {one.id for one in all_of(seen, "kept", domain=domain)} >= {
        id_ for id_, row in corpus.items() if row["domain"] == domain
    }
    assert {one.domain for one in all_of(seen, "kept", domain=domain)} == {domain}
    host = all_of(seen, "dropped")[0].host
    assert {one.host for one in all_of(seen, "dropped", host=host.upper())} == {host}
    language = next(row["language"] for row in dropped.values() if row["language"] not in ("en", None))
    found = all_of(seen, "dropped", language=language)
    assert {one.id for one in found} == {id_ for id_, row in dropped.items() if row["language"] == language}


def test_the_order_is_by_id_alone_and_seeded(seen: Seen) -> None:
    ids = [one.id for one in all_of(seen, "dropped")]
    assert ids == [one.id for one in all_of(seen, "dropped")]
    assert ids != [one.id for one in all_of(seen, "dropped", seed="1")]
    rule = ask(seen).dropped.documents[0].reason
    some = [one.id for one in all_of(seen, "dropped", reason=rule)]
    assert some == [id_ for id_ in ids if id_ in set(some)]
    assert len(ask(seen).kept.documents) == SHOWN


def test_values_are_those_that_were_stored(seen: Seen, dropped: dict[str, dict[str, Any]]) -> None:
    for one in all_of(seen, "dropped"):
        row = dropped[one.id]
        assert [value.rule for value in one.values] == row["reasons"][: len(one.values)]
        assert len(one.values) + one.others == len(row["reasons"])
        assert all(value.value == row[value.signal] and value.failed for value in one.values)


def test_excerpts_are_of_the_texts(seen: Seen, small_run: Path) -> None:
    extracted, corpus = rows(small_run, "extracted"), rows(small_run, "corpus")
    for one in ask(seen, fate="corpus").kept.documents:
        assert one.excerpt is not None
        assert one.source == "corpus"
        begin = "".join(piece.text for piece in one.excerpt.pieces)
        # The corpus' own masks are what a mask here would be.
        assert corpus[one.id]["text"].startswith(begin[:100])
        assert len(begin) + one.excerpt.after == len(corpus[one.id]["text"])
    shown = [one for one in all_of(seen, "dropped") if one.excerpt is not None]
    assert shown
    assert all(one.source.startswith("extracted") for one in shown)
    assert all(extracted[one.id]["text"] for one in shown)
    assert all(one.excerpt is None for one in all_of(seen, "dropped") if one.screened)


def test_what_made_a_rule_fire_is_marked(tmp_path: Path) -> None:
    """On texts of which is known what stands where; the last rule measures what an edit left."""
    bullets = "".join(f"- point number {i} of the list that goes on\n" for i in range(30))
    lines = PROSE.strip().split("\n")
    documents = {
        "bullets": bullets,
        "code": f"{PROSE}\nif (x) {{ return the value of the thing; }}\n{PROSE.upper()}",
        "copies": "\n".join([*lines, "This notice uses cookies for the harbour page.", *lines]),
    }
    file = tmp_path / "d.jsonl"
    file.write_text("\n".join(json.dumps({"id": id_, "text": text}) for id_, text in documents.items()))
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: marks\nfilters: [gopher_quality, c4, fineweb]\n")
    sluice("run", recipe, "--input", file, "--out", tmp_path / "run", "--until", "filter")
    found = seen_of(tmp_path / "run")
    (one,) = all_of(found, "dropped", rule="gopher_quality.bullet_lines")
    assert marked(one)[0] == "- point number 0 of the list that goes on"
    assert one.rule == "gopher_quality.bullet_lines"
    (one,) = all_of(found, "dropped", rule="c4.curly_bracket")
    assert marked(one) == ["{"]
    assert one.excerpt is not None
    assert one.excerpt.before > 0
    assert one.excerpt.places == 1
    (one,) = [one for one in all_of(found, "dropped", rule="fineweb.char_dup") if one.id == "copies"]
    assert one.source == "extracted, as fineweb saw it"
    assert one.excerpt is not None
    assert "cookies" not in "".join(piece.text for piece in one.excerpt.pieces)
    assert marked(one)[0].strip() in lines


def test_words_are_searched_for(seen: Seen, small_run: Path, dropped: dict[str, dict[str, Any]]) -> None:
    texts = {id_: row["text"] or "" for id_, row in rows(small_run, "extracted").items()}
    words = "The"
    having = {id_ for id_, text in texts.items() if words.lower() in text.lower()}
    found = ask(seen, text=words)
    assert found.search is not None
    assert not found.search.stopped
    assert found.search.candidates == len(texts) == found.search.looked_at
    assert {one.id for one in all_of(seen, "dropped", text=words)} == having & set(dropped)
    for one in found.kept.documents:
        assert {piece.lower() for piece in marked(one)} == {"the"}
    nothing = ask(seen, text="(?i).*[")  # is no pattern
    assert (nothing.kept.total, nothing.dropped.total) == (0, 0)


def test_a_search_stops_at_its_bounds(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.dashboard.texts.SCAN_FOUND", 1)
    monkeypatch.setattr("pipeline.dashboard.views.samples.SEARCHED", 20)
    found = ask(seen, text="the").search
    assert found is not None
    assert found.stopped
    assert found.looked_at <= 20


def page_of(seen: Seen, **parameters: str) -> HtmlElement:
    house, asked = House({"run": seen}, 0.04), question(SamplesQuestion, list(parameters.items()))
    return document_fromstring(render(house, seen, VIEW, asked, answer(house, seen, asked)))


def test_duplicates_passed_the_filters_and_are_not_called_kept(seen: Seen, small_run: Path) -> None:
    number = len(rows(small_run, "duplicates"))
    for fate, said in (
        ("", f"{number:,} of them were removed later"),
        ("duplicate", "All of them were removed later"),
    ):
        page = page_of(seen, fate=fate)
        assert [one.text.strip() for one in page.iter("h2")] == ["Passed the filters", "Dropped"]
        assert said in page.xpath("//section[@aria-label='Passed the filters']")[0].text_content()
    assert "removed later" not in page_of(seen, fate="corpus").text_content()


def test_a_page_behind_the_last_is_the_last(seen: Seen) -> None:
    last = ask(seen).pages
    found = ask(seen, page="100000")
    assert (found.page, found.pages) == (last, last)
    assert found == ask(seen, page=str(last))
    assert found.kept.documents or found.dropped.documents
    (before,) = page_of(seen, page="100000").xpath("//a[@rel='prev']/@href")
    assert before == f"/run/samples?page={last - 1}"


def test_what_a_rule_counts_in_an_address_is_marked_there(tmp_path: Path) -> None:
    """Also of a document without a title, whose address stands once, as its heading."""
    urls = {"part": "http://a.example.org/x-p-o-r-n-h-u-b-y", "plain": "http://a.example.org/harbour"}
    file = tmp_path / "d.jsonl"
    file.write_text(
        "\n".join(json.dumps({"id": id_, "url": url, "text": PROSE}) for id_, url in urls.items())
    )
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: addresses\nfilters: [url]\n")
    sluice("run", recipe, "--input", file, "--out", tmp_path / "run", "--until", "filter")
    found = ask(seen_of(tmp_path / "run"), rule="url.subwords")
    (one,), (other,) = found.dropped.documents, found.kept.documents
    assert [piece.text for piece in one.address if piece.marked] == ["p-o-r-n-h-u-b"]
    assert "".join(piece.text for piece in one.address) == urls["part"]
    assert [piece.text for piece in other.address] == [urls["plain"]]
    page = page_of(seen_of(tmp_path / "run"), rule="url.subwords")
    assert page.xpath("//h3//mark/text()") == ["p-o-r-n-h-u-b"]
    assert not [
        one
        for one in ask(seen_of(tmp_path / "run"), rule="url.domain").kept.documents
        if len(one.address) > 1
    ]
    assert "1 place marked in the address for url.subwords" in page.text_content()
    assert page.text_content().count(urls["part"]) == 1


def test_bad_questions(seen: Seen) -> None:
    with pytest.raises(BadQuestion, match=r"did you mean `gopher_quality\.short`"):
        ask(seen, rule="gopher_quality.shrt")
    for wrong in ({"page": "0"}, {"fate": "lost"}, {"seed": "-1"}, {"text": "x" * 201}):
        with pytest.raises(BadQuestion):
            ask(seen, **wrong)
    assert ask(seen, host="nowhere.example").kept.total == 0


def test_texts_that_were_removed(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "extracted")
    found = ask(seen_of(tmp_path / "run"))
    assert found.released
    assert all(one.excerpt is None and one.source == "" for one in found.dropped.documents)
    assert all(one.excerpt is not None for one in found.kept.documents)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents that attack whoever looks at them; one is kept."""
    folder = tmp_path_factory.mktemp("hostile")
    documents = [
        {"id": "a<b>&'\"", "url": "javascript:alert(1)//<svg onload=x>", "title": ATTACK, "text": ATTACK * 3},
        {
            "id": "kept",
            "url": "https://good.example/\u202e\x1b]0;x",
            "title": f"</title>{ATTACK}",
            "text": ATTACK + PROSE,
        },
    ]
    (folder / "docs.jsonl").write_text("\n".join(json.dumps(one) for one in documents))
    options = ["filters.gopher_quality.min_alphabetic_words=0.7", "filters.c4.max_curly_bracket_lines=9"]
    sluice(
        "run", "tiny", "--input", folder / "docs.jsonl", "--out", folder / "run", "--until", "corpus", *sets(options)
    )  # fmt: skip
    return folder / "run"


@pytest.mark.parametrize(
    "address", ["/run/samples", "/run/samples?text=evil", "/run/why?id=kept", "/run/rules"]
)
def test_nothing_crawled_acts(hostile: Path, address: str) -> None:
    watched = Watched(open_folder(hostile), "run")
    watched.look_to_the_end()
    client = TestClient(make_app({"run": watched}, {"testserver"}))
    found = client.get(address)
    assert found.status_code == 200
    page: HtmlElement = document_fromstring(found.content.decode())
    assert [one.get("src") for one in page.iter("script")] == ["/static/dashboard.js"]
    assert not list(page.iter("img", "iframe", "object"))
    assert all(
        not name.startswith("on") and name != "style" for one in page.iter() for name in set(one.keys())
    )
    assert all((one.get("href") or "/").startswith(("/", "#")) for one in page.iter("a"))
    assert not {"\x1b", "\u202e", "\u2066", "\x00"} & set(found.text)
    assert "me@corporate-mail.de" not in found.text
    assert (
        "me@corporate-mail.de"
        not in client.get(address.replace("?", ".json?") if "?" in address else f"{address}.json").text
    )
