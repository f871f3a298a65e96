"""The rules view: its counts are those of the stored reasons, one document at a time, and of the ledger."""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from lxml.html import document_fromstring

from pipeline.dashboard.documents import Documents
from pipeline.dashboard.overlap import overlap
from pipeline.dashboard.page import render
from pipeline.dashboard.view import BadQuestion, House, question
from pipeline.dashboard.views import VIEWS, rules
from pipeline.dashboard.watch import Seen
from pipeline.stats import stats
from pipeline.store import open_folder
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import rows, sets, sluice

pytestmark = pytest.mark.xdist_group("dashboard")


@pytest.fixture(scope="module")
def seen(small_run: Path) -> Seen:
    return seen_of(small_run)


@pytest.fixture(scope="module")
def dropped(small_run: Path) -> list[dict[str, Any]]:
    return list(rows(small_run, "dropped").values())


def ask(seen: Seen, **parameters: str) -> rules.RulesAnswer:
    found = rules.answer(
        House({"run": seen}, 0.04), seen, question(rules.RulesQuestion, list(parameters.items()))
    )
    assert isinstance(found, rules.RulesAnswer)
    return found


def test_counts_are_those_of_the_stored_reasons(
    seen: Seen, small_run: Path, dropped: list[dict[str, Any]]
) -> None:
    answer = ask(seen)
    assert answer.exact
    assert answer.documents == answer.looked_at == len(dropped) + len(rows(small_run, "documents"))
    fires = Counter(rule for row in dropped for rule in row["reasons"])
    first = Counter(row["reason"] for row in dropped)
    alone = [row for row in dropped if len(row["reasons"]) == 1]
    assert len(alone) > 2
    for line in answer.rules:
        only = [row for row in alone if row["reasons"] == [line.rule]]
        assert (line.fires, line.first, line.alone) == (fires[line.rule], first[line.rule], len(only))
        assert (line.alone_low, line.alone_high) == (line.alone, line.alone)
        assert line.alone_screened == sum(row["screened"] is not None for row in only)
        assert line.alone_bytes == sum(row["extract_bytes"] or 0 for row in only)
    assert sum(line.first for line in answer.rules) == sum(stats(open_folder(small_run))["dropped"].values())
    assert sum(line.alone for line in answer.rules) == len(alone)


def test_the_page_says_where_no_other_rule_was_asked(seen: Seen) -> None:
    """Such a page is alone since nothing else was looked at, which is less than that nothing else fires."""
    asked = question(rules.RulesQuestion, [])
    answer = ask(seen)
    page = document_fromstring(render(House({"run": seen}, 0.04), seen, VIEWS["rules"], asked, answer))
    shown = {
        row.get("data-rule"): row.xpath("string(.//span[starts-with(., 'no other rule asked')])")
        for row in page.xpath("//tr[@data-rule]")
    }
    screened = {line.rule: line for line in answer.rules if line.alone_screened}
    assert screened
    assert {rule for rule, words in shown.items() if words} == set(screened)
    for rule, line in screened.items():
        whole = line.alone_screened == line.alone
        assert shown[rule] == f"no other rule asked: {'all' if whole else f'{line.alone_screened:,}'}"


def test_the_matrix_counts_pairs(seen: Seen, dropped: list[dict[str, Any]]) -> None:
    answer = ask(seen, top="40")
    pairs = Counter(
        pair for row in dropped for pair in combinations_with_replacement(sorted(row["reasons"]), 2)
    )
    names = answer.overlap.rules
    assert set(names) == {rule for row in dropped for rule in row["reasons"]}
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            first, second = sorted((one, other))
            assert answer.overlap.documents[i][j] == pairs[first, second]
    assert answer.overlap.low == []
    few = ask(seen, top="2").overlap
    most = sorted((-answer.overlap.documents[i][i], i) for i in range(len(names)))[:2]
    assert few.rules == [names[i] for _, i in sorted(most, key=lambda one: one[1])]


def test_sorting_and_one_filter_alone(seen: Seen) -> None:
    for sort in ("fires", "first", "alone"):
        found = [getattr(line, sort) for line in ask(seen, sort=sort).rules]
        assert found == sorted(found, reverse=True)
    one = ask(seen, filter="gopher_quality")
    assert {line.rule.partition(".")[0] for line in one.rules} == {"gopher_quality"}
    assert all(name.startswith("gopher_quality.") for name in one.overlap.rules)
    with pytest.raises(BadQuestion, match="did you mean `gopher_quality`"):
        ask(seen, filter="gopher_qualty")


def test_flags_and_sources(seen: Seen) -> None:
    lines = {line.rule: line for line in ask(seen).rules}
    assert {line.flag for line in lines.values()} <= {"", "off", "nothing"}
    assert all((line.flag == "off") == (line.drops == "") for line in lines.values())
    assert all(line.fires == 0 for line in lines.values() if line.flag)
    short = lines["gopher_quality.short"]
    assert (short.signal, short.unit, short.drops) == ("gopher_quality_words", "words", "< 50")
    assert "Gopher" in short.source


def test_a_rule_that_fires_on_all_and_one_with_a_condition(tmp_path: Path) -> None:
    text = "The council of the old harbour town met on Tuesday to decide what should be done. " * 3
    lines = [msgspec.json.encode({"id": f"d{i}", "text": f"{i} {text}"}).decode() for i in range(4)]
    (tmp_path / "d.jsonl").write_text("\n".join(lines))
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "name: conditions\nfilters:\n- gopher_quality: {min_words: 1000}\n"
        "- fineweb: {unless: 'gopher_quality_words > 3', min_line_punct: 1}\n"
    )
    sluice(
        "filter", recipe, "--input", tmp_path / "d.jsonl", "--out", tmp_path / "run", *sets(["max_failed=1"])
    )
    found = {line.rule: line for line in ask(seen_of(tmp_path / "run")).rules}
    assert found["gopher_quality.short"].flag == "nearly everything"
    assert found["gopher_quality.short"].alone == 4
    assert found["fineweb.line_punct"].when == "unless gopher_quality_words > 3"


def test_a_sample_gives_intervals(seen: Seen) -> None:
    import dataclasses

    whole = seen.documents
    part = dataclasses.replace(whole, table=whole.table.slice(0, whole.rows // 2), share=0.5, cache={})
    answer = ask(dataclasses.replace(seen, documents=part))
    assert not answer.exact
    assert not answer.overlap.exact
    for line in answer.rules:
        assert line.alone_low <= line.alone <= line.alone_high
        assert line.alone_low < line.alone_high
    for low, middle, high in zip(
        answer.overlap.low, answer.overlap.documents, answer.overlap.high, strict=True
    ):
        assert all(a <= b <= c for a, b, c in zip(low, middle, high, strict=True))
    # What receipts count stays exact.
    assert [line.fires for line in answer.rules] == [line.fires for line in ask(seen).rules]


def test_overlap_is_made_once_for_a_snapshot(seen: Seen) -> None:
    assert overlap(seen.documents, ["a"]) is overlap(seen.documents, ["a"])


def test_no_documents_yet() -> None:
    from pipeline.dashboard.documents import _EMPTY

    table = _EMPTY
    found = overlap(Documents(table, 0, 1.0, True), ["a", "b"])
    assert np.array_equal(found.together, np.zeros((2, 2)))
    assert found.alone.tolist() == [0, 0]


def test_the_page_shows_the_answer(seen: Seen) -> None:
    house, asked = House({"run": seen}, 0.04), rules.RulesQuestion()
    answer = rules.answer(house, seen, asked)
    page = document_fromstring(render(house, seen, VIEWS["rules"], asked, answer))
    shown = {row.get("data-rule"): row for row in page.iter("tr") if row.get("data-rule")}
    assert list(shown) == [line.rule for line in answer.rules if line.fires]
    cells = ["".join(map(str, cell.itertext())) for cell in shown["gopher_quality.short"].iter("td")]
    line = next(line for line in answer.rules if line.rule == "gopher_quality.short")
    assert cells[:2] == ["< 50", f"{line.fires:,}"]
    assert not [one for one in page.iter() if one.get("style") or one.get("onclick")]
